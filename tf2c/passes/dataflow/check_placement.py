"""Prove that nothing is overwritten that is still needed, and that nothing lies beyond the cache.

Whoever has placed the tensors, a pass or a person: the places are looked at again, with the ops
between a tensor's first and its last, in the cache and in the card's memory.

Before and after: the same IR.

Requires: a `dataflow.engine`; places.
Ensures: what is in the cache lies within it, and tensors that are there at once lie apart, but for
    sums in the place of their residual operand; so do those that wait in the card's memory.
Contract: analysis.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.lifetimes import jobs_of, lifetimes, stored_tensor, with_sums_in_place
from tf2c.dialects import dataflow
from tf2c.dialects.layers import layer_name
from tf2c.engine import Engine
from tf2c.errors import LayerError
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function
from tf2c.passes.stated_engine import stated_engine

_HINT = "run `allocate-memory`, which places all tensors"


@dataclass(frozen=True)
class _Placed:
    """A tensor, the cells in which it lies, and the ops from its first to its last."""

    tensor: SSAValue
    cells: range
    begin: int
    end: int

    @property
    def layer(self) -> str:
        """What the user calls the layer that stores it, or the first part of it."""
        return _layer(self.tensor)

    def overlaps(self, other: "_Placed") -> bool:
        """Whether both are in one cell at once."""
        one, two = self.cells, other.cells
        at_once = self.begin <= other.end and other.begin <= self.end
        return at_once and max(one.start, two.start) < min(one.stop, two.stop)


def _layer(tensor: SSAValue) -> str:
    owner = tensor.owner
    while isinstance(owner, dataflow.ConcatOp):
        owner = owner.inputs[0].owner
    return layer_name(owner) if isinstance(owner, Operation) else "(input)"


def _cells(tensor: SSAValue, engine: Engine) -> range:
    place = dataflow.place_of(tensor)
    if place is None:
        raise LayerError(_layer(tensor), "expected a place, got none", _HINT)
    return range(place, place + dataflow.cells(tensor, engine))


def _in_cache(function: FuncOp, engine: Engine) -> list[_Placed]:
    """Return the tensors in the cache; transfers are among the ops that store and read them."""
    position = {op: index for index, op in enumerate(function.body.block.ops)}
    jobs = jobs_of(function)
    placed: list[_Placed] = []
    for each in lifetimes(function, engine):
        (tensor,) = each.tensors
        used = [position[jobs[time]] for time in (each.begin, each.end) if jobs]
        for op, index in position.items():
            if isinstance(op, dataflow.InputOp | dataflow.LoadOp) and op.output is tensor:
                used.append(index)
            if isinstance(op, dataflow.StoreOp) and stored_tensor(op.input) is tensor:
                used.append(index)
        placed.append(_Placed(tensor, _cells(tensor, engine), min(used), max(used)))
    return placed


def _in_memory(function: FuncOp, engine: Engine) -> list[_Placed]:
    """Return the tensors that wait in the card's memory."""
    position = {op: index for index, op in enumerate(function.body.block.ops)}
    stores = [op for op in position if isinstance(op, dataflow.StoreOp)]
    return [
        _Placed(
            store.output,
            _cells(store.output, engine),
            position[store],
            max((position[use.operation] for use in store.output.uses), default=position[store]),
        )
        for store in stores
    ]


def _expect_apart(found: Sequence[_Placed], in_place: Sequence[set[SSAValue]]) -> None:
    """Raise where one of two tensors lies upon the other, unless it is a sum in its place."""
    for one, other in combinations(found, 2):
        if not one.overlaps(other):
            continue
        pair = {one.tensor, other.tensor}
        if one.cells != other.cells or not any(pair <= each for each in in_place):
            raise LayerError(
                other.layer,
                f"expected a place apart from that of layer `{one.layer}`, which is still needed, "
                f"got {other.cells.start} to {other.cells.stop} beside {one.cells.start} to "
                f"{one.cells.stop}",
                _HINT,
            )


@dataclass(frozen=True)
class CheckPlacementPass(CompilerPass):
    """Prove that nothing is overwritten that is still needed."""

    name = "check-placement"
    contract: ClassVar[Contract] = Contract.ANALYSIS

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Look at all tensors, and at all pairs of them."""
        function = network_function(op)
        engine = stated_engine(function)
        found = _in_cache(function, engine)
        for each in found:
            if each.cells.stop > engine.cache_vectors:
                raise LayerError(
                    each.layer,
                    f"expected a place within the {engine.cache_vectors} channel vectors of the "
                    f"feature cache, got {each.cells.start} to {each.cells.stop}",
                    _HINT,
                )
        merged = with_sums_in_place(lifetimes(function, engine), jobs_of(function))
        _expect_apart(found, [set(each.tensors) for each in merged])
        _expect_apart(_in_memory(function, engine), [])
