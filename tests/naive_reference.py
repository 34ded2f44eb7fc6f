"""An independent reference of `int8`, `shift` and `layout`: plain loops over Python integers.

Written from the formulas of the design, importing nothing from `tf2c.numerics` or
`tf2c.interpreters`, so that a mistake there cannot hide here. Slow on purpose.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from tf2c.dialects import int8, layout, shift, tensors
from tf2c.dialects.scales import scale_of

Array = npt.NDArray[Any]


def run(
    module: ModuleOp, images: npt.NDArray[np.float32] | npt.NDArray[np.int8]
) -> list[tuple[str, Array]]:
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
        case int8.ConstantOp() | shift.ConstantOp():
            return op.value.array
        case int8.QuantizeOp():
            return _quantize(values[op.input], _one_exponent(op.output))
        case int8.ConvOp():
            return _convolve(
                op, values[op.input], values[op.weight].astype(object), values[op.bias]
            )
        case shift.ConvOp() | shift.GemmOp() if _is_byte(op.weight):
            return _shift_by_bytes(op, values)
        case shift.ConvOp():
            weight = _decode(values[op.weight], _bits(op.weight))
            return _convolve(op, values[op.input], weight, values[op.bias])
        case int8.GemmOp():
            return _multiply(values[op.input], values[op.weight].astype(object), values[op.bias])
        case shift.GemmOp():
            weight = _decode(values[op.weight], _bits(op.weight))
            return _multiply(values[op.input], weight, values[op.bias])
        case int8.RequantizeOp():
            return _requantize(op, values)
        case shift.RescaleOp():
            return _rescale(op, values)
        case int8.AddOp():
            return _add(op, values[op.left], values[op.right])
        case int8.MaxPoolOp() if op.zero_padded is not None:
            # An image within a frame of zeros, which are pixels like others.
            top, left, bottom, right = op.pads.get_values()
            framed = _pad(values[op.input], (0, top, left), (0, bottom, right))
            return _pool(op, framed, framed.dtype, max, pads=(0, 0, 0, 0))
        case int8.MaxPoolOp():
            return _pool(op, values[op.input], values[op.input].dtype, max)
        case int8.AveragePoolOp():
            return _average_pool(op, values[op.input])
        case _:
            return _move(op, values)


def _move(op: object, values: dict[SSAValue, Array]) -> Array:
    """Evaluate an op of `layout`: every element of the result comes from somewhere."""
    match op:
        case layout.ConcatOp():
            return _concatenate([values[each] for each in op.inputs], op.axis.value.data)
        case layout.PadOp():
            return _pad(values[op.input], op.low.get_values(), op.high.get_values())
        case layout.ReshapeOp():
            image = values[op.input]
            rows = np.array([list(each.flat) for each in image], image.dtype)
            return rows.reshape(len(image), *_shape(op.output)[1:])
        case layout.SliceOp():
            return _slice(op, values[op.input])
        case layout.TransposeOp():
            return _transpose(values[op.input], op.permutation.get_values())
        case _:
            raise NotImplementedError(op)


def _shape(value: SSAValue) -> tuple[int, ...]:
    return tensors.tensor_type(value).get_shape()


def _bits(value: SSAValue) -> int:
    return {"i4": 4, "i8": 8}[str(tensors.tensor_type(value).element_type)]


def _is_byte(weight: SSAValue) -> bool:
    return str(tensors.tensor_type(weight).element_type) == "ui8"


def _storage(value: SSAValue) -> tuple[Any, int, int]:
    """Return numpy's type of a tensor's elements, and the least and the greatest of them."""
    return {
        "i8": (np.int8, -128, 127),
        "ui8": (np.uint8, 0, 255),
        "i32": (np.int32, -(2**31), 2**31 - 1),
    }[str(tensors.tensor_type(value).element_type)]


def _one_exponent(value: SSAValue) -> int:
    (exponent,) = scale_of(value).exponents.get_values()
    return exponent


def _quantize(image: Array, exponent: int) -> Array:
    stored = np.empty(image.shape, np.int8)
    for index in np.ndindex(image.shape):
        rounded = math.floor(float(image[index]) / 2.0**exponent + 0.5)
        stored[index] = max(-128, min(127, rounded))
    return stored


def _decode(codes: Array, bits: int) -> Array:
    """Each 4 bits are a term: bit 3 is the sign, bits 2..0 the shift, 7 of them meaning zero."""
    weights = np.empty(codes.shape, object)
    for index in np.ndindex(codes.shape):
        terms = [int(codes[index]) >> position & 15 for position in range(0, bits, 4)]
        magnitudes = [0 if code % 8 == 7 else 1 << (code % 8) for code in terms]
        weights[index] = sum(
            -magnitude if code >= 8 else magnitude
            for code, magnitude in zip(terms, magnitudes, strict=True)
        )
    return weights


def canonical_codes(terms: int) -> dict[int, int]:
    """Return the code of every number that has one, by what `numerics.pow2` says about them."""
    one_term = {0: 7}
    for m in range(7):
        one_term[1 << m] = m
        one_term[-(1 << m)] = 8 + m
    if terms == 1:
        return one_term
    codes = {value: code + 7 * 16 for value, code in one_term.items()}
    # The smallest first term that will do comes first, and distinct shifts larger first.
    for first, second in itertools.permutations(range(7), 2):
        for sign, other in itertools.product((1, -1), repeat=2):
            value = sign * (1 << first) + other * (1 << second)
            if first > second and value not in codes:
                codes[value] = one_term[sign << first] + one_term[other << second] * 16
    return codes


def _wrap(number: int) -> int:
    """Return a number modulo 2**32 as a signed one."""
    return (number + 2**31) % 2**32 - 2**31


def _convolve(op: int8.ConvOp | shift.ConvOp, image: Array, weight: Array, bias: Array) -> Array:
    strides, pads = op.strides.get_values(), op.pads.get_values()
    dilations, group = op.dilations.get_values(), op.group.value.data
    count, channels, height, width = image.shape
    filters, seen, kernel_height, kernel_width = weight.shape
    covered_height = (kernel_height - 1) * dilations[0] + 1
    covered_width = (kernel_width - 1) * dilations[1] + 1
    rows = (height + pads[0] + pads[2] - covered_height) // strides[0] + 1
    columns = (width + pads[1] + pads[3] - covered_width) // strides[1] + 1
    sums = np.empty((count, filters, rows, columns), np.int32)
    for n, m, i, j in np.ndindex(sums.shape):
        total = int(bias[m])
        first = channels // group * math.floor(m * group / filters)
        for c, r, s in itertools.product(range(seen), range(kernel_height), range(kernel_width)):
            y = i * strides[0] + r * dilations[0] - pads[0]
            x = j * strides[1] + s * dilations[1] - pads[1]
            if 0 <= y < height and 0 <= x < width:
                total += int(image[n, c + first, y, x]) * int(weight[m, c, r, s])
        sums[n, m, i, j] = _wrap(total)
    return sums


def _shift_by_bytes(op: shift.ConvOp | shift.GemmOp, values: dict[SSAValue, Array]) -> Array:
    """Shift and add as TF2's lanes do, in registers of 8 and of 32 bits."""
    image, weight, bias = (values[each] for each in (op.input, op.weight, op.bias))
    if isinstance(op, shift.GemmOp):
        return _multiply_bytes(op, image, weight, bias)
    strides, pads = op.strides.get_values(), op.pads.get_values()
    dilations, group = op.dilations.get_values(), op.group.value.data
    framed = _pad(image, (0, pads[0], pads[1]), (0, pads[2], pads[3]))
    filters, seen, kernel_height, kernel_width = weight.shape
    sums = np.empty((len(image), *_shape(op.output)[1:]), np.int32)
    for n, m, i, j in np.ndindex(sums.shape):
        register = int(bias[m])
        first = m // (filters // group) * seen
        for c, r, s in itertools.product(range(seen), range(kernel_height), range(kernel_width)):
            y, x = i * strides[0] + r * dilations[0], j * strides[1] + s * dilations[1]
            product = _shift(op, int(framed[n, first + c, y, x]), int(weight[m, c, r, s]))
            register = _wrap(register + product)
        sums[n, m, i, j] = register
    return sums


def _multiply_bytes(op: shift.GemmOp, rows: Array, weight: Array, bias: Array) -> Array:
    sums = np.empty((len(rows), len(weight)), np.int32)
    for n, m in np.ndindex(sums.shape):
        register = int(bias[m])
        for k in range(rows.shape[1]):
            register = _wrap(register + _shift(op, int(rows[n, k]), int(weight[m, k])))
        sums[n, m] = register
    return sums


def _shift(op: shift.ConvOp | shift.GemmOp, pixel: int, byte: int) -> int:
    """Shift a number by a byte: bit 7 negates, bit 6 says zero, bits 4..0 are the shift."""
    if byte & 0x40:
        return 0
    if byte & 0x80:
        pixel = -pixel
        if op.negates_in_8_bits is not None:
            pixel = (pixel + 128) % 256 - 128
    return _wrap(pixel << (byte & 0x1F))


def _rescale(op: shift.RescaleOp, values: dict[SSAValue, Array]) -> Array:
    sums, alpha, beta = (values[each] for each in (op.input, op.alpha, op.beta))
    low, high = op.bounds.get_values()
    stored = np.empty(sums.shape, _storage(op.output)[0])
    for index in np.ndindex(sums.shape):
        scaled = _wrap((int(sums[index]) * int(alpha[index[1]])) >> 20)
        shifted = _wrap(scaled + int(beta[index[1]]))
        stored[index] = max(low, min(high, math.floor(Fraction(shifted, 2**15) + Fraction(1, 2))))
    return stored


def _add(op: int8.AddOp, left: Array, right: Array) -> Array:
    shifts, rounding = op.shifts.get_values(), op.rounding_shift.value.data
    low, high = op.bounds.get_values()
    stored = np.empty(left.shape, _storage(op.output)[0])
    for index in np.ndindex(left.shape):
        total = int(left[index]) * 2 ** shifts[0] + int(right[index]) * 2 ** shifts[1]
        rounded = math.floor(Fraction(total, 2**rounding) + Fraction(1, 2))
        stored[index] = max(low, min(high, rounded))
    return stored


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
    stored = np.empty(sums.shape, _storage(op.output)[0])
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


def _pool(
    op: int8.MaxPoolOp | int8.AveragePoolOp,
    image: Array,
    dtype: Any,
    reduce: Callable[[list[int]], int],
    pads: Sequence[int] | None = None,
) -> Array:
    kernel, strides = op.kernel_shape.get_values(), op.strides.get_values()
    pads = op.pads.get_values() if pads is None else pads
    count, channels, height, width = image.shape
    rows = (height + pads[0] + pads[2] - kernel[0]) // strides[0] + 1
    columns = (width + pads[1] + pads[3] - kernel[1]) // strides[1] + 1
    pooled = np.empty((count, channels, rows, columns), dtype)
    for n, c, i, j in np.ndindex(pooled.shape):
        pooled[n, c, i, j] = reduce(
            [
                int(image[n, c, y, x])
                for y, x in _window(i * strides[0] - pads[0], j * strides[1] - pads[1], kernel)
                if 0 <= y < height and 0 <= x < width
            ]
        )
    return pooled


def _average_pool(op: int8.AveragePoolOp, image: Array) -> Array:
    dtype, low, high = _storage(op.output)

    def average(pixels: list[int]) -> int:
        if op.factor is not None:
            multiplier, shifts = op.factor.get_values()
        else:
            difference = _one_exponent(op.input) - _one_exponent(op.output)
            multiplier, shifts = _average_factor(len(pixels), difference)
        # Python's >> on integers is an arithmetic shift: it rounds down.
        rounded = (sum(pixels) * multiplier + (1 << (shifts - 1))) >> shifts
        return max(low, min(high, rounded))

    return _pool(op, image, dtype, average)


@functools.cache
def _average_factor(count: int, difference: int) -> tuple[int, int]:
    """Return `c`, which is `2**s * 2**difference / count` rounded half up, and the largest `s`."""
    candidates: list[tuple[int, int]] = []
    for shifts in range(1, 46):
        ratio = Fraction(2) ** (shifts + difference) / count
        multiplier = math.floor(ratio + Fraction(1, 2))
        if multiplier < 2**16:
            candidates.append((multiplier, shifts))
    return candidates[-1]


def _window(top: int, left: int, kernel: Sequence[int]) -> Iterator[tuple[int, int]]:
    return itertools.product(range(top, top + kernel[0]), range(left, left + kernel[1]))


def _concatenate(operands: Sequence[Array], axis: int) -> Array:
    shape = list(operands[0].shape)
    shape[axis] = sum(operand.shape[axis] for operand in operands)
    joined = np.empty(shape, operands[0].dtype)
    first = 0
    for operand in operands:
        for index in np.ndindex(operand.shape):
            place = list(index)
            place[axis] += first
            joined[tuple(place)] = operand[index]
        first += operand.shape[axis]
    return joined


def _pad(image: Array, low: Sequence[int], high: Sequence[int]) -> Array:
    extents = [
        extent + before + behind
        for extent, before, behind in zip(image.shape[1:], low, high, strict=True)
    ]
    padded = np.zeros((len(image), *extents), image.dtype)
    for index in np.ndindex(image.shape):
        place = [i + before for i, before in zip(index[1:], low, strict=True)]
        padded[(index[0], *place)] = image[index]
    return padded


def _slice(op: layout.SliceOp, image: Array) -> Array:
    parts = list(
        zip(op.starts.get_values(), op.ends.get_values(), op.steps.get_values(), strict=True)
    )
    extents = [math.ceil((end - start) / step) for start, end, step in parts]
    taken = np.empty((len(image), *extents), image.dtype)
    for index in np.ndindex(taken.shape):
        source = [start + i * step for i, (start, _, step) in zip(index[1:], parts, strict=True)]
        taken[index] = image[(index[0], *source)]
    return taken


def _transpose(image: Array, permutation: Sequence[int]) -> Array:
    turned = np.empty([image.shape[axis] for axis in permutation], image.dtype)
    for index in np.ndindex(image.shape):
        turned[tuple(index[axis] for axis in permutation)] = image[index]
    return turned
