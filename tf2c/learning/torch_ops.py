"""Float networks as PyTorch functions, so that they can be differentiated.

The meaning of an op is its interpreter's; a test compares the two on random networks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from tf2c.dialects import graph, layout, tensors
from tf2c.dialects.layers import layer_name
from tf2c.errors import LayerError

Tensor = torch.Tensor


def constant_tensor(op: graph.ConstantOp) -> Tensor:
    """Return a constant's value, in memory of its own."""
    return tensor_of(np.array(op.value.array, np.float32))


def tensor_of(array: npt.NDArray[Any]) -> Tensor:
    """Return a tensor in an array's own memory, which must be writable."""
    # PyTorch has no type of arrays.
    return torch.from_numpy(array)  # pyright: ignore[reportUnknownMemberType]


def run_op(op: Operation, operands: Sequence[Tensor]) -> Tensor:
    """Compute what an op of `graph` or `layout` results in.

    Args:
        op: of a float network; not a constant.
        operands: float32, in the op's order.

    Raises:
        LayerError: an op that cannot be differentiated here.
    """
    first = operands[0]
    match op:
        case graph.ConvOp() | graph.GemmOp():
            others = iter(operands[2:])
            bias = None if op.bias is None else next(others)
            return run_layer(op, first, operands[1], bias, next(others, None))
        case graph.BatchNormalizationOp():
            scale, bias, mean, variance = operands[1:]
            epsilon = op.epsilon.value.data
            return functional.batch_norm(first, mean, variance, scale, bias, eps=epsilon)
        case graph.ReluOp():
            return functional.relu(first)
        case graph.ClipOp():
            return _limited(first, op.activation.data)
        case graph.AddOp():
            return first + operands[1]
        case graph.SoftmaxOp():
            return functional.softmax(first, op.axis.value.data)
        case graph.MaxPoolOp():
            kernel, strides, pads = op.window.numbers
            padded = _padded(first, pads, -np.inf)
            return functional.max_pool2d(padded, tuple(kernel), tuple(strides))
        case graph.AveragePoolOp():
            return _averaged(op, first)
        case layout.ConcatOp():
            return torch.cat(list(operands), op.axis.value.data)
        case layout.PadOp():
            widths = zip(op.low.get_values(), op.high.get_values(), strict=True)
            return functional.pad(first, [side for pair in reversed([*widths]) for side in pair])
        case layout.ReshapeOp():
            return first.reshape(len(first), *tensors.extents(op.output))
        case layout.SliceOp():
            parts = [slice(part.start, part.stop, part.step) for part in op.ranges]
            return first[(slice(None), *parts)]
        case layout.TransposeOp():
            return first.permute(*op.permutation.get_values())
        case _:
            raise LayerError(
                layer_name(op), f"expected an op that can be differentiated, got `{op.name}`"
            )


def run_layer(
    op: graph.LayerOp, image: Tensor, weight: Tensor, bias: Tensor | None, residual: Tensor | None
) -> Tensor:
    """Compute a layer with operands of any origin.

    Args:
        op: says the window and the activation.
        image: the input.
        weight: of the layer's shape.
        bias: `[M]`; zero when absent.
        residual: added before the activation; zero when absent.
    """
    sums = _convolved(op, image, weight) if isinstance(op, graph.ConvOp) else image @ weight.T
    if bias is not None:
        sums = sums + bias.reshape(-1, *[1] * (sums.ndim - 2))
    if residual is not None:
        sums = sums + residual
    return _limited(sums, op.activation.data)


def run_ops(function: FuncOp, values: Mapping[SSAValue, Tensor]) -> list[Tensor]:
    """Run a float network.

    Args:
        function: the network.
        values: its argument's and its constants' values.

    Returns:
        what it returns.
    """
    known = dict(values)
    for op in function.body.block.ops:
        if isinstance(op, ReturnOp):
            return [known[value] for value in op.operands]
        if not isinstance(op, graph.ConstantOp):
            known[op.results[0]] = run_op(op, [known[value] for value in op.operands])
    raise AssertionError("expected a function that returns")


def _convolved(op: graph.ConvOp, image: Tensor, weight: Tensor) -> Tensor:
    strides, pads, dilations, group = op.window.numbers
    top, left, bottom, right = pads
    both: Any = (top, left)
    if (top, left) != (bottom, right):
        image, both = _padded(image, pads, 0.0), 0
    return functional.conv2d(
        image, weight, None, tuple(strides), both, tuple(dilations), groups=group
    )


def _padded(image: Tensor, pads: Sequence[int], value: float) -> Tensor:
    top, left, bottom, right = pads
    if not any(pads):
        return image
    return functional.pad(image, (left, right, top, bottom), value=value)


def _averaged(op: graph.AveragePoolOp, image: Tensor) -> Tensor:
    """Return the means over real pixels."""
    kernel, strides, pads = op.window.numbers
    sums = functional.avg_pool2d(_padded(image, pads, 0.0), tuple(kernel), tuple(strides))
    if not any(pads):
        return sums
    ones = _padded(torch.ones_like(image[:1, :1]), pads, 0.0)
    return sums / functional.avg_pool2d(ones, tuple(kernel), tuple(strides))


def _limited(values: Tensor, bounds: graph.ActivationBounds) -> Tensor:
    if bounds == (0.0, np.inf):
        return functional.relu(values)
    if bounds == (-np.inf, np.inf):
        return values
    return values.clamp(bounds.lower, bounds.upper)
