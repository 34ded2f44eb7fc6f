"""Changing the weights and biases of layers of `graph` in place."""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.rewriter import InsertPoint, Rewriter

from tf2c.analysis.channel_groups import Consumer
from tf2c.analysis.constants import constant_array
from tf2c.dialects import graph
from tf2c.dialects.blob import BlobAttr
from tf2c.passes.rewriting import network_function, replace_layer

WEIGHT, BIAS = 1, 2
"""Which operands of a layer; the latter where it has one."""


def _constant(array: npt.NDArray[np.floating]) -> graph.ConstantOp:
    return graph.ConstantOp(BlobAttr.of(array.astype(np.float32, copy=False)))


def set_weight(layer: graph.LayerOp, value: npt.NDArray[np.floating]) -> None:
    """Give a layer other weights of the same shape."""
    _set_operand(layer, WEIGHT, value)


def set_bias(layer: graph.LayerOp, value: npt.NDArray[np.floating]) -> None:
    """Give a layer that has a bias another one, `[M]`."""
    assert layer.bias is not None
    _set_operand(layer, BIAS, value)


def _set_operand(layer: graph.LayerOp, index: int, value: npt.NDArray[np.floating]) -> None:
    constant = _constant(value)
    constant.location = layer.location
    Rewriter.insert_op(constant, InsertPoint.before(layer))
    constant.output.name_hint = layer.operands[index].name_hint
    layer.operands[index] = constant.output


def add_bias(layer: graph.LayerOp) -> None:
    """Replace a layer without bias by one whose bias is zero."""
    zeros = _constant(np.zeros(len(constant_array(layer.weight)), np.float32))
    replacement: graph.LayerOp
    if isinstance(layer, graph.ConvOp):
        replacement = graph.ConvOp(
            layer.input,
            layer.weight,
            zeros.output,
            layer.residual,
            window=layer.window,
            activation=layer.activation,
        )
    else:
        replacement = graph.GemmOp(
            layer.input, layer.weight, zeros.output, layer.residual, activation=layer.activation
        )
    replace_layer(layer, [zeros, replacement], replacement.output)


def input_factors(
    consumer: Consumer, factors: npt.NDArray[np.floating]
) -> npt.NDArray[np.floating]:
    """Return a group's numbers `[channels]` where a layer's weights `[M, C / group, R, S]` are.

    Of channels that are not the group's: 1.

    Returns:
        `[M, C / group, 1, 1]`, or `[M, K]` of a fully connected layer.
    """
    return _spread(consumer, factors, 1.0)


def _spread(
    consumer: Consumer, numbers: npt.NDArray[np.floating], other: float
) -> npt.NDArray[np.floating]:
    layer = consumer.layer
    shape = constant_array(layer.weight).shape
    group = layer.window.numbers[3] if isinstance(layer, graph.ConvOp) else 1
    inputs = np.full(group * shape[1], other, numbers.dtype)
    own = np.repeat(numbers, consumer.pixels)
    inputs[consumer.first : consumer.first + own.size] = own
    rows = np.repeat(inputs.reshape(group, shape[1]), shape[0] // group, axis=0)
    return rows.reshape(*rows.shape, *[1] * (len(shape) - 2))


def lost_sums(consumer: Consumer, numbers: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return by how much a layer's sums fall, `[M]`, if a group's channels fall by some numbers.

    Padding, which does not fall, is not looked at.
    """
    weight = constant_array(consumer.layer.weight).astype(np.float64)
    products = weight * _spread(consumer, numbers.astype(np.float64), 0.0)
    return products.reshape(len(weight), -1).sum(axis=1)


def drop_unused_constants(module: ModuleOp) -> None:
    """Remove what replaced weights and biases were."""
    unused: list[Operation] = [
        op
        for op in network_function(module).body.block.ops
        if isinstance(op, graph.ConstantOp) and not op.output.uses
    ]
    for op in unused:
        Rewriter.erase_op(op)
