"""ONNX's ops on constants, computed at import: shape arithmetic and the preparation of weights.

A function reads a layer's constant inputs and returns its output. Those that only move elements
also take arrays with `BATCH` among their elements, which are arrays of objects.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

from tf2c.frontends.onnx.file import tensor_array
from tf2c.frontends.onnx.node import BATCH, Layer

Array = npt.NDArray[Any]
Folder = Callable[[Layer], Array]

MOST_ELEMENTS = 1 << 28
"""Constants that a model computes itself may not be larger, lest it fill the memory."""


def fold(layer: Layer) -> Array:
    """Compute a layer whose inputs are all constants.

    Raises:
        LayerRefusedError: the inputs do not fit the op or each other.
    """
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(FOLDERS[layer.op_type](layer))
    except (ValueError, IndexError, TypeError, ZeroDivisionError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise layer.refusal(
            f"expected constants that fit `{layer.op_type}`, got others ({reason})",
            "does the model run elsewhere?",
        ) from error
    if result.dtype == np.object_ and BATCH not in result.reshape(-1).tolist():
        return result.astype(np.int64)
    return result


def _expect_moderate(layer: Layer, elements: int) -> None:
    if elements > MOST_ELEMENTS:
        raise layer.refusal(f"expected at most {MOST_ELEMENTS} elements, got {elements}")


def _constant(layer: Layer) -> Array:
    ((name, value),) = layer.attributes.items()
    match name:
        case "value":
            return tensor_array(value)
        case "value_float" | "value_floats":
            return np.array(value, np.float32)
        case "value_int" | "value_ints":
            return np.array(value, np.int64)
        case _:
            raise layer.refusal(f"expected a `Constant` of numbers, got `{name}`")


def _constant_of_shape(layer: Layer) -> Array:
    shape = layer.array(0).reshape(-1).tolist()
    _expect_moderate(layer, math.prod(shape))
    value = layer.attributes.get("value")
    fill = np.zeros(1, np.float32) if value is None else tensor_array(value)
    return np.broadcast_to(fill.reshape(()), shape)


def _range(layer: Layer) -> Array:
    start, limit, delta = (layer.array(index).reshape(-1)[0] for index in range(3))
    if not delta:
        raise ZeroDivisionError("a step of zero")
    _expect_moderate(layer, math.ceil(max((limit - start) / delta, 0)))
    return np.arange(start, limit, delta, dtype=start.dtype)


def _expand(layer: Layer) -> Array:
    values = layer.movable(0)
    shape = np.broadcast_shapes(values.shape, tuple(layer.array(1).reshape(-1).tolist()))
    _expect_moderate(layer, math.prod(shape))
    return np.broadcast_to(values, shape)


def _identity(layer: Layer) -> Array:
    return layer.movable(0)


def _cast(layer: Layer) -> Array:
    values = layer.movable(0)
    if layer.integer("to", 0) == TensorProto.STRING:
        raise layer.refusal("expected a cast to numbers, got STRING")
    if values.dtype == np.object_:
        return values
    return values.astype(helper.tensor_dtype_to_np_dtype(layer.integer("to", 0)))


def _gather(layer: Layer) -> Array:
    return np.take(layer.movable(0), layer.array(1), axis=layer.integer("axis", 0))


def _concat(layer: Layer) -> Array:
    arrays = [layer.movable(index) for index in range(len(layer.inputs))]
    return np.concatenate(arrays, axis=layer.integer("axis", 0))


def _reshape(layer: Layer) -> Array:
    values = layer.movable(0)
    shape = layer.array(1).reshape(-1).tolist()
    if not layer.integer("allowzero", 0):
        shape = [extent or values.shape[index] for index, extent in enumerate(shape)]
    return values.reshape(shape)


def _flatten(layer: Layer) -> Array:
    values = layer.movable(0)
    return values.reshape(math.prod(values.shape[: layer.integer("axis", 1)]), -1)


def _squeeze(layer: Layer) -> Array:
    axes = layer.parameter("axes", 1, since=13)
    return np.squeeze(layer.movable(0), None if axes is None else tuple(axes))


def _unsqueeze(layer: Layer) -> Array:
    return np.expand_dims(layer.movable(0), tuple(layer.parameter("axes", 1, since=13) or ()))


def _transpose(layer: Layer) -> Array:
    values = layer.movable(0)
    return values.transpose(layer.integers("perm", range(values.ndim)[::-1]))


def _slice(layer: Layer) -> Array:
    values = layer.movable(0)
    starts = layer.parameter("starts", 1, since=10) or []
    ends = layer.parameter("ends", 2, since=10) or []
    axes = layer.parameter("axes", 3, since=10) or list(range(len(starts)))
    steps = layer.parameter("steps", 4, since=10) if layer.opset >= 10 else None
    for axis, start, end, step in zip(axes, starts, ends, steps or [1] * len(starts), strict=True):
        # Python clamps and counts from behind as ONNX does.
        part = [slice(None)] * layer.axis(axis, values.ndim) + [slice(start, end, step)]
        values = values[tuple(part)]
    return values


def _elementwise(function: Callable[..., Array], layer: Layer) -> Array:
    arrays = [layer.array(index) for index in range(len(layer.inputs))]
    result = arrays[0] if len(arrays) > 1 else function(arrays[0])
    for array in arrays[1:]:
        _expect_moderate(layer, math.prod(np.broadcast_shapes(result.shape, array.shape)))
        result = function(result, array)
    # NumPy's scalars forget their type's name for arrays of rank 0 only.
    return np.asarray(result)


def _sum(layer: Layer) -> Array:
    return _identity(layer) if len(layer.inputs) == 1 else _elementwise(np.add, layer)


def _divide(dividend: Array, divisor: Array) -> Array:
    if dividend.dtype.kind == "f":
        return np.asarray(dividend / divisor)
    if not divisor.all():
        raise ZeroDivisionError("a division by zero")
    # Integers are rounded towards zero.
    quotient = np.abs(dividend) // np.abs(divisor) * np.sign(dividend) * np.sign(divisor)
    return np.asarray(quotient, dividend.dtype)


def _power(base: Array, exponent: Array) -> Array:
    return np.asarray(np.power(base, exponent), base.dtype)


def _where(layer: Layer) -> Array:
    condition, yes, no = layer.array(0), layer.movable(1), layer.movable(2)
    return np.where(condition, yes, no)


def _reduce(function: Callable[..., Any], layer: Layer) -> Array:
    values = layer.array(0)
    # Only sums have axes as an input from opset 13 on, the others from 18 on.
    since = 13 if layer.op_type == "ReduceSum" else 18
    axes = layer.parameter("axes", 1, since)
    if axes is None and layer.integer("noop_with_empty_axes", 0):
        return values
    keep = bool(layer.integer("keepdims", 1))
    reduced = function(values, axis=None if axes is None else tuple(axes), keepdims=keep)
    return np.asarray(reduced, values.dtype)


def _size(layer: Layer) -> Array:
    return np.array(layer.movable(0).size, np.int64)


FOLDERS: dict[str, Folder] = {
    "Abs": partial(_elementwise, np.abs),
    "Add": partial(_elementwise, np.add),
    "Cast": _cast,
    "Ceil": partial(_elementwise, np.ceil),
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Div": partial(_elementwise, _divide),
    "Dropout": _identity,
    "Equal": partial(_elementwise, np.equal),
    "Exp": partial(_elementwise, np.exp),
    "Expand": _expand,
    "Flatten": _flatten,
    "Floor": partial(_elementwise, np.floor),
    "Gather": _gather,
    "Identity": _identity,
    "Max": partial(_elementwise, np.maximum),
    "Min": partial(_elementwise, np.minimum),
    "Mul": partial(_elementwise, np.multiply),
    "Neg": partial(_elementwise, np.negative),
    "Pow": partial(_elementwise, _power),
    "Range": _range,
    "Reciprocal": partial(_elementwise, np.reciprocal),
    "ReduceMax": partial(_reduce, np.max),
    "ReduceMean": partial(_reduce, np.mean),
    "ReduceMin": partial(_reduce, np.min),
    "ReduceProd": partial(_reduce, np.prod),
    "ReduceSum": partial(_reduce, np.sum),
    "Reshape": _reshape,
    "Size": _size,
    "Slice": _slice,
    "Sqrt": partial(_elementwise, np.sqrt),
    "Squeeze": _squeeze,
    "Sub": partial(_elementwise, np.subtract),
    "Sum": _sum,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
"""By ONNX op type, for layers whose inputs are all constants."""
