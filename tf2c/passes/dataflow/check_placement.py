"""Prove that no job reads what another has overwritten, and that nothing lies beyond the cache.

Whoever has placed the tensors, a pass or a person: the places are looked at again, with the jobs
between a tensor's first and its last.

Before and after: the same IR.

Requires: a `dataflow.engine`; places.
Ensures: what is in the cache lies within it, and tensors that are there at once lie apart, but for
    sums in the place of their residual operand.
Contract: analysis.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.lifetimes import Lifetime, jobs_of, lifetimes, with_sums_in_place
from tf2c.dialects import dataflow
from tf2c.dialects.layers import layer_name
from tf2c.errors import LayerError
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function
from tf2c.passes.stated_engine import stated_engine

_HINT = "run `allocate-memory`, which places all tensors"


def _layer(tensor: SSAValue) -> str:
    """Return what the user calls the layer that stores a tensor, or the first part of it."""
    owner = tensor.owner
    while isinstance(owner, dataflow.ConcatOp):
        owner = owner.inputs[0].owner
    assert isinstance(owner, Operation)
    return layer_name(owner)


def _cells(lifetime: Lifetime) -> range:
    """Return the cells of the cache in which a tensor lies."""
    (tensor,) = lifetime.tensors
    place = dataflow.place_of(tensor)
    if place is None:
        raise LayerError(_layer(tensor), "expected a place in the feature cache, got none", _HINT)
    return range(place, place + lifetime.cells)


@dataclass(frozen=True)
class CheckPlacementPass(CompilerPass):
    """Prove that no job reads what another has overwritten."""

    name = "check-placement"
    contract: ClassVar[Contract] = Contract.ANALYSIS

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Look at all tensors, and at all pairs of them."""
        function = network_function(op)
        engine = stated_engine(function)
        found = lifetimes(function, engine)
        places = [_cells(each) for each in found]
        for each, cells in zip(found, places, strict=True):
            if cells.stop > engine.cache_vectors:
                raise LayerError(
                    _layer(each.tensors[0]),
                    f"expected a place within the {engine.cache_vectors} channel vectors of the "
                    f"feature cache, got {cells.start} to {cells.stop}",
                    _HINT,
                )
        in_place = [set(each.tensors) for each in with_sums_in_place(found, jobs_of(function))]
        for (one, cells), (other, others) in combinations(zip(found, places, strict=True), 2):
            pair = {*one.tensors, *other.tensors}
            at_once = one.begin <= other.end and other.begin <= one.end
            if not at_once or max(cells.start, others.start) >= min(cells.stop, others.stop):
                continue
            if cells != others or not any(pair <= each for each in in_place):
                raise LayerError(
                    _layer(other.tensors[0]),
                    f"expected a place apart from that of layer `{_layer(one.tensors[0])}`, which "
                    f"is still needed, got {others.start} to {others.stop} beside {cells.start} to "
                    f"{cells.stop}",
                    _HINT,
                )
