"""An independent reference of `int8` and `shift`: plain loops over Python integers.

Written from the formulas of the design, importing nothing from `tf2c.numerics` or
`tf2c.interpreters`, so that a mistake there cannot hide here. Slow on purpose.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from tf2c.dialects import int8, shift
from tf2c.dialects.scales import scale_of

Array = npt.NDArray[Any]


def run(module: ModuleOp, images: npt.NDArray[np.float32]) -> list[tuple[str, Array]]:
    """Execute a module of `int8` and `shift`; return every op's name and result, in order."""
    (function,) = (op for op in module.ops if isinstance(op, FuncOp))
    values: dict[SSAValue, Array] = {function.args[0]: images}
    results: list[tuple[str, Array]] = []
    for op in function.body.block.ops:
        if isinstance(op, ReturnOp):
            break
        values[op.results[0]] = _evaluate(op, values)
        results.append((op.name, values[op.results[0]]))
    return results


def _evaluate(op: object, values: dict[SSAValue, Array]) -> Array:
    match op:
        case int8.ConstantOp():
            return op.value.array
        case shift.ConstantOp():
            return op.value.array
        case int8.QuantizeOp():
            return _quantize(values[op.input], _one_exponent(op.output))
        case int8.ConvOp():
            weight = values[op.weight].astype(object)
            return _convolve(
                values[op.input],
                weight,
                values[op.bias],
                op.strides.get_values(),
                op.pads.get_values(),
            )
        case shift.ConvOp():
            weight = _decode(values[op.weight])
            return _convolve(
                values[op.input],
                weight,
                values[op.bias],
                op.strides.get_values(),
                op.pads.get_values(),
            )
        case int8.GemmOp():
            return _multiply(values[op.input], values[op.weight].astype(object), values[op.bias])
        case shift.GemmOp():
            return _multiply(values[op.input], _decode(values[op.weight]), values[op.bias])
        case int8.RequantizeOp():
            return _requantize(op, values)
        case int8.MaxPoolOp():
            return _max_pool(
                values[op.input],
                op.kernel_shape.get_values(),
                op.strides.get_values(),
                op.pads.get_values(),
            )
        case int8.FlattenOp():
            image = values[op.input]
            return np.array([list(each.flat) for each in image], image.dtype)
        case _:
            raise NotImplementedError(op)


def _one_exponent(value: SSAValue) -> int:
    (exponent,) = scale_of(value).exponents.get_values()
    return exponent


def _quantize(image: Array, exponent: int) -> Array:
    stored = np.empty(image.shape, np.int8)
    for index in np.ndindex(image.shape):
        rounded = math.floor(float(image[index]) / 2.0**exponent + 0.5)
        stored[index] = max(-128, min(127, rounded))
    return stored


def _decode(codes: Array) -> Array:
    """Bit 3 is the sign, bits 2..0 the shift, 7 of them meaning zero."""
    weights = np.empty(codes.shape, object)
    for index in np.ndindex(codes.shape):
        code = int(codes[index])
        magnitude = 0 if code % 8 == 7 else 1 << (code % 8)
        weights[index] = -magnitude if code >= 8 else magnitude
    return weights


def _wrap(number: int) -> int:
    """Return a number modulo 2**32 as a signed one."""
    return (number + 2**31) % 2**32 - 2**31


def _convolve(
    image: Array, weight: Array, bias: Array, strides: Sequence[int], pads: Sequence[int]
) -> Array:
    count, channels, height, width = image.shape
    filters, _, kernel_height, kernel_width = weight.shape
    rows = (height + pads[0] + pads[2] - kernel_height) // strides[0] + 1
    columns = (width + pads[1] + pads[3] - kernel_width) // strides[1] + 1
    sums = np.empty((count, filters, rows, columns), np.int32)
    for n, m, i, j in np.ndindex(sums.shape):
        total = int(bias[m])
        for c, r, s in itertools.product(
            range(channels), range(kernel_height), range(kernel_width)
        ):
            y, x = i * strides[0] + r - pads[0], j * strides[1] + s - pads[1]
            if 0 <= y < height and 0 <= x < width:
                total += int(image[n, c, y, x]) * int(weight[m, c, r, s])
        sums[n, m, i, j] = _wrap(total)
    return sums


def _multiply(rows: Array, weight: Array, bias: Array) -> Array:
    sums = np.empty((len(rows), len(weight)), np.int32)
    for n, m in np.ndindex(sums.shape):
        total = int(bias[m])
        for k in range(rows.shape[1]):
            total += int(rows[n, k]) * int(weight[m, k])
        sums[n, m] = _wrap(total)
    return sums


def _requantize(op: int8.RequantizeOp, values: dict[SSAValue, Array]) -> Array:
    sums = values[op.input]
    multiplier: list[int] = list(op.multiplier.get_values())
    shifts: list[int] = list(op.shift.get_values())
    low, high = op.bounds.get_values()
    stored = np.empty(sums.shape, np.int8)
    for index in np.ndindex(sums.shape):
        channel = int(index[1])
        factor = multiplier[channel % len(multiplier)] << (30 - shifts[channel % len(shifts)])
        total = int(sums[index]) * factor
        if op.residual is not None:
            residual_shift = 30 + _one_exponent(op.residual) - _one_exponent(op.output)
            total += int(values[op.residual][index]) << residual_shift
        # Python's >> on integers is an arithmetic shift: it rounds down.
        stored[index] = max(low, min(high, (total + (1 << 29)) >> 30))
    return stored


def _max_pool(
    image: Array, kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int]
) -> Array:
    count, channels, height, width = image.shape
    rows = (height + pads[0] + pads[2] - kernel[0]) // strides[0] + 1
    columns = (width + pads[1] + pads[3] - kernel[1]) // strides[1] + 1
    pooled = np.empty((count, channels, rows, columns), image.dtype)
    for n, c, i, j in np.ndindex(pooled.shape):
        pooled[n, c, i, j] = max(
            image[n, c, y, x]
            for y, x in _window(i * strides[0] - pads[0], j * strides[1] - pads[1], kernel)
            if 0 <= y < height and 0 <= x < width
        )
    return pooled


def _window(top: int, left: int, kernel: Sequence[int]) -> Iterator[tuple[int, int]]:
    return itertools.product(range(top, top + kernel[0]), range(left, left + kernel[1]))
