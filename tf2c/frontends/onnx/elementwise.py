"""ONNX's ops on single elements: activations, sums, and constants per channel; and Softmax."""

import math

import numpy as np
import numpy.typing as npt
from xdsl.ir import SSAValue

from tf2c.dialects import graph, layout, tensors
from tf2c.dialects.tensors import dimension_text
from tf2c.frontends.onnx.node import Layer, Merged

FLOAT32_LARGEST = float(np.finfo(np.float32).max)


def _keep_merged(value: SSAValue | Merged, result: SSAValue) -> SSAValue | Merged:
    return Merged(result) if isinstance(value, Merged) else result


def _held(value: SSAValue | Merged) -> SSAValue:
    return value.tensor if isinstance(value, Merged) else value


def relu(layer: Layer) -> SSAValue | Merged:
    """`Relu`."""
    value = layer.maybe_merged(0)
    return _keep_merged(value, layer.insert(graph.ReluOp(_held(value))))


def clip(layer: Layer) -> SSAValue | Merged:
    """`Clip`, which is `Relu` if it is bounded by zero from below only."""
    value = layer.maybe_merged(0)
    minimum, maximum = _bound(layer, "min", 1, -math.inf), _bound(layer, "max", 2, math.inf)
    if math.isnan(minimum) or math.isnan(maximum):
        raise layer.refusal("expected bounds that are numbers, got NaN")
    if (minimum, maximum) == (-math.inf, math.inf):
        return value
    if (minimum, maximum) == (0, math.inf):
        return relu(layer)
    return _keep_merged(value, layer.insert(graph.ClipOp(_held(value), minimum, maximum)))


def _bound(layer: Layer, name: str, index: int, absent: float) -> float:
    """Return a bound, which is an attribute before opset 11 and an input from there on."""
    if layer.opset < 11:
        bound = layer.real(name, absent)
    elif layer.has_input(index):
        array = layer.array(index)
        if array.size != 1:
            raise layer.refusal(f"expected one number as `{name}`, got {array.size}")
        bound = float(array.reshape(-1)[0])
    else:
        return absent
    # The largest float is how ONNX once wrote that there is no bound.
    return absent if abs(bound) >= FLOAT32_LARGEST and (bound > 0) == (absent > 0) else bound


def softmax(layer: Layer) -> SSAValue | Merged:
    """`Softmax`, which before opset 13 normalizes along all axes from `axis` on."""
    value = layer.maybe_merged(0)
    tensor = _held(value)
    merged = isinstance(value, Merged)
    rank = len(tensors.shape(tensor)) - merged
    axis = layer.axis(layer.integer("axis", 1 if layer.opset < 13 else -1), rank)
    if axis == 0:
        raise layer.refusal(
            "expected a Softmax along an axis of one image, got the batch's", "use `axis` >= 1"
        )
    axis += merged
    extents = tensors.extents(tensor)
    together = math.prod(extents[axis - 1 :])
    if layer.opset >= 13 or together == extents[axis - 1]:
        return _keep_merged(value, layer.insert(graph.SoftmaxOp(tensor, axis)))
    rows = layer.insert(layout.ReshapeOp(tensor, (*extents[: axis - 1], together)))
    normalized = layer.insert(graph.SoftmaxOp(rows, axis))
    return _keep_merged(value, layer.insert(layout.ReshapeOp(normalized, extents)))


def add(layer: Layer) -> SSAValue:
    """`Add` and `Sum`: tensors of one shape, and constants per channel."""
    indices = range(len(layer.inputs))
    constants = [index for index in indices if layer.is_constant(index)]
    total, *others = (layer.tensor(index) for index in indices if index not in constants)
    for other in others:
        if tensors.shape(total) != tensors.shape(other):
            raise layer.refusal(
                f"expected operands of one shape, got {dimension_text(tensors.shape(total))} and "
                f"{dimension_text(tensors.shape(other))}",
                "additions that broadcast are supported for constants per channel only",
            )
        total = layer.insert(graph.AddOp(total, other))
    for index in constants:
        bias = _per_channel(layer, index, total)
        total = _affine(layer, total, np.ones_like(bias), bias)
    return total


def subtract(layer: Layer) -> SSAValue:
    """`Sub` of a constant per channel, or from one."""
    tensor, constant = _tensor_and_constant(layer)
    values = _per_channel(layer, constant, tensor)
    sign = np.ones_like(values)
    if constant == 1:
        return _affine(layer, tensor, sign, -values)
    return _affine(layer, tensor, -sign, values)


def multiply(layer: Layer) -> SSAValue:
    """`Mul` by a constant per channel."""
    tensor, constant = _tensor_and_constant(layer)
    scale = _per_channel(layer, constant, tensor)
    return _affine(layer, tensor, scale, np.zeros_like(scale))


def divide(layer: Layer) -> SSAValue:
    """`Div` by a constant per channel."""
    tensor, constant = _tensor_and_constant(layer)
    if constant == 0:
        raise layer.refusal(
            "expected a constant divisor, got a computed one", "divisions by tensors are not exact"
        )
    divisors = _per_channel(layer, constant, tensor)
    with np.errstate(divide="ignore", over="ignore"):
        scale = (1 / divisors.astype(np.float64)).astype(np.float32)
    if not np.isfinite(scale).all():
        raise layer.refusal(f"expected divisors with a finite inverse, got {divisors.min():g}")
    return _affine(layer, tensor, scale, np.zeros_like(scale))


def _tensor_and_constant(layer: Layer) -> tuple[SSAValue, int]:
    """Return the computed operand, and the index of the constant one."""
    for index in (0, 1):
        if layer.is_constant(index):
            return layer.tensor(1 - index), index
    raise layer.refusal(
        f"expected a constant operand of `{layer.op_type}`, got two computed tensors",
        "of two computed tensors only `Add` is supported",
    )


def _per_channel(layer: Layer, index: int, tensor: SSAValue) -> npt.NDArray[np.float32]:
    """Return a constant operand as one number per channel of the computed one."""
    array = layer.weight(index, rank=layer.array(index).ndim)
    shape = tensors.shape(tensor)
    if len(shape) not in (2, 4):
        raise layer.refusal(
            f"expected images or rows with constants per channel, got {dimension_text(shape)}",
            f"end the network at `{layer.inputs[1 - index]}` with `--outputs`",
        )
    aligned = (1,) * (len(shape) - array.ndim) + array.shape
    channels = shape[1]
    if (
        len(aligned) != len(shape)
        or aligned[1] not in (1, channels)
        or math.prod(aligned) != aligned[1]
    ):
        raise layer.refusal(
            f"expected a constant with one number per channel of {dimension_text(shape)}, got "
            f"{'x'.join(map(str, array.shape))}",
            "constants per pixel are not supported",
        )
    return np.array(np.broadcast_to(array.reshape(-1), (channels,)))


def _affine(
    layer: Layer,
    tensor: SSAValue,
    scale: npt.NDArray[np.float32],
    bias: npt.NDArray[np.float32],
) -> SSAValue:
    """Scale and shift each channel: a normalization by mean 0 and variance 1."""
    return layer.insert(
        graph.BatchNormalizationOp(
            tensor,
            layer.constant(scale),
            layer.constant(bias),
            layer.constant(np.zeros_like(scale)),
            layer.constant(np.ones_like(scale)),
            0.0,
        )
    )
