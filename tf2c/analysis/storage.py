"""Which tensors are stored, which of them share a scale, and which are only another shape.

A network's *sources* are the tensors that rounding makes: its input and the results of layers and
average poolings. What moves or selects stored numbers (max pooling, `layout`) keeps their scale, so
sources that meet, as in a concatenation, share one.
"""

from collections.abc import Iterator

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue
from xdsl.utils.disjoint_set import DisjointSet

from tf2c.dialects import graph, layout, tensors

StoringOp = graph.LayerOp | graph.AveragePoolOp
"""An op of `graph` that rounds its results to a scale of its own."""


def is_result(value: SSAValue) -> bool:
    """Whether a tensor is what the network returns, and nothing else uses it.

    Giving one pixel per channel another shape does not count.
    """
    while True:
        users = [use.operation for use in value.uses]
        if len(users) != 1:
            return False
        (user,) = users
        if not isinstance(user, layout.ReshapeOp) or not keeps_channels(user):
            return isinstance(user, ReturnOp)
        value = user.output


def keeps_channels(op: layout.ReshapeOp) -> bool:
    """Whether both shapes have one element per channel."""
    elements = tensors.flattened(op.input)
    return tensors.extents(op.input)[0] == tensors.extents(op.output)[0] == elements


def returns_accumulators(op: StoringOp) -> bool:
    """Whether an op's sums are the network's result, to be kept in 32 bits.

    That is so where no residual and no activation joins them, and nothing but the network's return
    uses them.
    """
    if not is_result(op.output):
        return False
    if isinstance(op, graph.AveragePoolOp):
        return True
    return op.residual is None and op.activation == graph.NO_ACTIVATION


def storing_ops(function: FuncOp) -> Iterator[StoringOp]:
    """Yield the ops whose results are stored in 8 bits, in program order."""
    for op in function.body.block.ops:
        if isinstance(op, StoringOp) and not returns_accumulators(op):
            yield op


class ScaleClasses:
    """Which tensors of a `graph` function share a scale."""

    def __init__(self, function: FuncOp) -> None:
        """Look at every op that keeps its operands' scale."""
        values: list[SSAValue] = [*function.args]
        for op in function.body.block.ops:
            values += op.results
        self._sets = DisjointSet(values)
        for op in function.body.block.ops:
            if isinstance(op, graph.MaxPoolOp | layout.MovingOp):
                for operand in op.operands:
                    self._sets.union_left(operand, op.results[0])

    def representative(self, value: SSAValue) -> SSAValue:
        """Return the same tensor for all that share a scale."""
        return self._sets.find(value)


def unflattened(value: SSAValue) -> SSAValue:
    """Return the tensor that lies in memory, of which a value may only be another shape."""
    while isinstance(value.owner, layout.ReshapeOp):
        value = value.owner.input
    return value
