"""Which tensors are stored as int8, which stay accumulators, and which are only another shape."""

from collections.abc import Iterator

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from tf2c.dialects import graph, int8, tensors


def returns_accumulators(layer: graph.LayerOp) -> bool:
    """Whether a layer's raw sums are the network's result, to be kept in 32 bits.

    That is so where no residual and no activation joins them, and nothing but the network's return
    uses them; flattening one pixel per channel only renames the shape.
    """
    if layer.residual is not None or layer.activation != graph.NO_ACTIVATION:
        return False
    value = layer.output
    while True:
        users = [use.operation for use in value.uses]
        if len(users) != 1:
            return False
        (user,) = users
        if not isinstance(user, graph.FlattenOp) or tensors.extents(value)[1:] not in ((), (1, 1)):
            return isinstance(user, ReturnOp)
        value = user.output


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


def unflattened(value: SSAValue) -> SSAValue:
    """Return the tensor that lies in memory, of which an `int8` value may only be another shape."""
    while isinstance(value.owner, int8.FlattenOp):
        value = value.owner.input
    return value
