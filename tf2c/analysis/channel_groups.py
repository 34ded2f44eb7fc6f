"""Which tensors' channels have a common unit, and which layers make and use them.

A channel may be stored in another unit, or measured from another zero, than its neighbors, if every
layer that makes it and every layer that uses it is told by its weights. Residual additions and
poolings pass channels on one by one, so the tensors around them form a *group*; concatenations and
flattenings only put channels in other places.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.utils.disjoint_set import DisjointSet

from tf2c.dialects import graph, layout, tensors

PoolingOp = graph.MaxPoolOp | graph.AveragePoolOp


@dataclass(frozen=True)
class Consumer:
    """A layer that multiplies the channels of a group."""

    layer: graph.LayerOp
    first: int
    """Which of the layer's input channels is the group's first."""
    pixels: int
    """Of each channel, in successive input channels: more than 1 behind a flattening."""


@dataclass
class ChannelGroup:
    """Tensors whose channels have a common unit, all of whose makers and users are layers."""

    values: list[SSAValue] = field(default_factory=list[SSAValue])
    producers: list[graph.LayerOp] = field(default_factory=list[graph.LayerOp])
    """In program order."""
    consumers: list[Consumer] = field(default_factory=list[Consumer])

    @property
    def channels(self) -> int:
        """How many."""
        return tensors.extents(self.values[0])[0]


class _Groups:
    """The groups of a function as they are found."""

    def __init__(self, function: FuncOp) -> None:
        ops = list(function.body.block.ops)
        values: list[SSAValue] = [*function.args, *(result for op in ops for result in op.results)]
        self._sets = DisjointSet(values)
        for op in ops:
            for value in _companions(op):
                self._sets.union_left(op.results[0], value)
        self.members: dict[SSAValue, list[SSAValue]] = {}
        for value in values:
            self.members.setdefault(self._sets.find(value), []).append(value)

    def members_of(self, value: SSAValue) -> Sequence[SSAValue]:
        return self.members[self._sets.find(value)]

    def consumers(
        self, members: Sequence[SSAValue], first: int = 0, pixels: int = 1
    ) -> Iterator[Consumer | None]:
        """Yield the layers that multiply a group's channels; None for any other use."""
        for value in members:
            for use in value.uses:
                yield from self._consumers(value, use.operation, use.index, first, pixels)

    def _consumers(
        self, value: SSAValue, op: Operation, index: int, first: int, pixels: int
    ) -> Iterator[Consumer | None]:
        match op:
            case graph.ConvOp() | graph.GemmOp() if index == 0:
                yield Consumer(op, first, pixels)
            case graph.ConvOp() | graph.GemmOp() if value is op.residual:
                pass  # within the group
            case graph.MaxPoolOp() | graph.AveragePoolOp():
                pass
            case layout.ConcatOp() if op.axis.value.data == 1:
                before = sum(tensors.extents(each)[0] for each in op.operands[:index])
                yield from self._elsewhere(op.output, first + before, pixels)
            case layout.ReshapeOp() if _flattens(op):
                more = tensors.flattened(op.input) // tensors.extents(op.input)[0]
                yield from self._elsewhere(op.output, first * more, pixels * more)
            case _:
                yield None

    def _elsewhere(self, value: SSAValue, first: int, pixels: int) -> Iterator[Consumer | None]:
        """Yield the users of a tensor that shows channels in other places."""
        members = self.members_of(value)
        # Where anything is added to it, its channels have a unit of their own.
        if any(each is not value and not isinstance(each.owner, PoolingOp) for each in members):
            yield None
        yield from self.consumers(members, first, pixels)


def _companions(op: Operation) -> Iterator[SSAValue]:
    """Yield the operands whose channels are in the result's unit, each in its place."""
    match op:
        case graph.MaxPoolOp() | graph.AveragePoolOp():
            yield op.input
        case graph.ConvOp() | graph.GemmOp() if op.residual is not None:
            yield op.residual
        case _:
            pass


def _flattens(op: layout.ReshapeOp) -> bool:
    """Whether each channel's pixels stay together, in rows of one image each."""
    before, after = tensors.extents(op.input), tensors.extents(op.output)
    elements = tensors.flattened(op.input)
    return after[0] == elements == tensors.flattened(op.output) and elements % before[0] == 0


def channel_groups(function: FuncOp) -> list[ChannelGroup]:
    """Return the groups of a `graph` function whose makers and users are all known, in order."""
    groups = _Groups(function)
    found: list[ChannelGroup] = []
    for members in groups.members.values():
        producers = [each.owner for each in members if not isinstance(each.owner, PoolingOp)]
        consumers = list(groups.consumers(members))
        known = [each for each in consumers if each is not None]
        layers = [op for op in producers if isinstance(op, graph.LayerOp)]
        if known and len(known) == len(consumers) and layers and len(layers) == len(producers):
            found.append(ChannelGroup(list(members), layers, known))
    return found
