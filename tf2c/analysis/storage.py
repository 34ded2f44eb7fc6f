"""Which tensors of a `graph` network are stored as int8, and which stay accumulators."""

from collections.abc import Iterator

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from tf2c.dialects import graph


def returns_accumulators(layer: graph.LayerOp) -> bool:
    """Whether a layer's raw sums are the network's result, to be kept in 32 bits."""
    users = [use.operation for use in layer.output.uses]
    plain = layer.residual is None and layer.activation == graph.NO_ACTIVATION
    return plain and len(users) == 1 and isinstance(users[0], ReturnOp)


def stored_layers(function: FuncOp) -> Iterator[graph.LayerOp]:
    """Yield the layers whose results are stored as int8, in program order."""
    for op in function.body.block.ops:
        if isinstance(op, graph.LayerOp) and not returns_accumulators(op):
            yield op


def stored_source(value: SSAValue) -> SSAValue:
    """Return the layer result or network input that pooling and flattening made `value` from.

    They move or select stored numbers, so the scale of the source is the scale of the value.
    """
    while isinstance(value.owner, graph.MaxPoolOp | graph.FlattenOp):
        value = value.owner.input
    return value
