"""Dividing a network into blocks of layers that are looked at together.

Preferred borders are where a single tensor is all that the rest of the network reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.constants import ConstantOp
from tf2c.dialects import graph


@dataclass(frozen=True, eq=False)
class Block:
    """Successive ops of a float network."""

    ops: Sequence[Operation]
    """In running order, without constants."""
    inputs: Sequence[SSAValue]
    """Tensors that come from elsewhere."""
    outputs: Sequence[SSAValue]
    """Tensors that are used elsewhere."""

    @property
    def layers(self) -> Sequence[graph.LayerOp]:
        """What has weights."""
        return [op for op in self.ops if isinstance(op, graph.LayerOp)]


def divided(function: FuncOp, layers: int) -> list[Block]:
    """Divide a float network.

    Args:
        function: the network, whose weights are constants.
        layers: that a block has at most. Parts between two preferred borders are put together up to
            so many, or cut into pieces of so many; what has no weights goes with what is before.
    """
    ops = [op for op in function.body.block.ops if not isinstance(op, ConstantOp | ReturnOp)]
    blocks: list[list[Operation]] = []
    for part in _parts(function.args[0], ops):
        pieces = [part] if _count(part) <= layers else _pieces(part, layers)
        for piece in pieces:
            if blocks and (_count(piece) == 0 or _count([*blocks[-1], *piece]) <= layers):
                blocks[-1] += piece
            else:
                blocks.append(list(piece))
    return [_block(each) for each in blocks]


def _count(ops: Sequence[Operation]) -> int:
    return sum(isinstance(op, graph.LayerOp) for op in ops)


def _parts(argument: SSAValue, ops: Sequence[Operation]) -> list[list[Operation]]:
    """Return the ops between two borders behind which one tensor is all that is read."""
    place = {op: index for index, op in enumerate(ops)}
    values: list[SSAValue] = [argument, *(result for op in ops for result in op.results)]
    last_use = {
        value: max((place.get(use.operation, len(ops)) for use in value.uses), default=-1)
        for value in values
    }
    parts: list[list[Operation]] = [[]]
    live = {argument}
    for index, op in enumerate(ops):
        parts[-1].append(op)
        live = {value for value in (*live, *op.results) if last_use[value] > index}
        if len(live) == 1 and index + 1 < len(ops):
            parts.append([])
    return parts


def _pieces(part: Sequence[Operation], layers: int) -> list[list[Operation]]:
    """Return ops with at most so many layers each."""
    pieces: list[list[Operation]] = [[]]
    for op in part:
        if _count([*pieces[-1], op]) > layers:
            pieces.append([])
        pieces[-1].append(op)
    return pieces


def _block(ops: Sequence[Operation]) -> Block:
    made = {result for op in ops for result in op.results}
    inputs = {
        value: None
        for op in ops
        for value in op.operands
        if value not in made and not isinstance(value.owner, ConstantOp)
    }
    inside = set(ops)
    outputs = [
        result
        for op in ops
        for result in op.results
        if any(use.operation not in inside for use in result.uses)
    ]
    return Block(ops, list(inputs), outputs)
