"""Give what jobs store a place in the feature cache, or in the output memory if it is returned.

A tensor holds its place from the job that stores it, or the first of those that store parts of it,
to the last that reads it; then others may have the place. What is concatenated has one place, its
operands one behind the other. A sum takes the place of its residual operand if nothing reads that
any more: a job reads a pixel before it stores it. The image keeps its place to itself as long as
there is room, so that the next one is loaded meanwhile.

Packing is first fit, from several orders the one that needs the fewest cells. No packing needs
fewer than what is there at once; for ResNet-50, GoogLeNet and SqueezeNet this one needs just that
(`benchmarks/engine.py`). Where that is more than the cache holds, a tensor that is not used for
the longest time goes to the card's memory and comes back, and again, until the rest fits.

Features and residual operands of a job lie in different pages of the cache, if there is room: so
they are read at once. Where there is not, the job says so.

Before:
    %y = dataflow.job %x, %w, %b ...
After:
    %y = dataflow.job %x, %w, %b ... at 512

Requires: a `dataflow.engine`.
Ensures: every `dataflow.input` and `dataflow.job` has an offset, or what it stores instead has;
    tensors that are in the cache at once do not overlap.
Contract: exact.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, UnitAttr, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from tf2c.analysis.lifetimes import (
    Lifetime,
    jobs_of,
    lifetimes,
    stored_tensor,
    with_sums_in_place,
)
from tf2c.analysis.packing import Block, pack
from tf2c.dialects import dataflow, tensors
from tf2c.dialects.layers import layer_name
from tf2c.engine import Engine
from tf2c.errors import LayerError, UserError
from tf2c.passes import spilling
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function
from tf2c.passes.stated_engine import stated_engine

PlacedOp = (
    dataflow.InputOp | dataflow.JobOp | dataflow.AverageOp | dataflow.ChannelsOp | dataflow.LoadOp
)

ADDRESS_LIMIT = 1 << 31
"""Offsets are int32 in the job table."""


def _place(value: SSAValue, offset: int, engine: Engine) -> int:
    """Give a tensor, or each operand of a concatenation, its place; return where it ends."""
    owner = value.owner
    if isinstance(owner, dataflow.ConcatOp):
        for operand in owner.inputs:
            offset = _place(operand, offset, engine)
        return offset
    assert isinstance(owner, PlacedOp)
    owner.offset = IntegerAttr(offset, i64)
    return offset + dataflow.cells(value, engine)


class _Packing(NamedTuple):
    """Where tensors lie in the cache."""

    found: list[Lifetime]
    places: list[int]
    end: int


def _pack(found: list[Lifetime], jobs: list[dataflow.JobOp], engine: Engine) -> _Packing:
    found = with_sums_in_place(found, jobs)
    blocks = [Block(each.begin, each.end, each.cells) for each in found]
    owner = {tensor: index for index, each in enumerate(found) for tensor in each.tensors}
    apart: set[tuple[int, int]] = set()
    for job in jobs:
        if job.residual is not None:
            pair = owner[stored_tensor(job.input)], owner[stored_tensor(job.residual)]
            if pair[0] != pair[1]:
                apart.add(pair)
    packing = _Packing(found, [], 0)
    # Pages are given up before the cache is.
    for pairs in (apart, set[tuple[int, int]]()):
        places = pack(blocks, pairs, engine.page_vectors)
        ends = [place + block.size for place, block in zip(places, blocks, strict=True)]
        packing = _Packing(found, places, max(ends, default=0))
        if packing.end <= engine.cache_vectors:
            break
    return packing


def _keep_image(found: list[Lifetime], jobs: int) -> list[Lifetime]:
    """Let the image have its place to itself until the end."""
    return [
        replace(each, end=jobs) if isinstance(each.tensors[0].owner, dataflow.InputOp) else each
        for each in found
    ]


def _room(function: FuncOp, engine: Engine) -> _Packing:
    """Return places for all tensors, some of which may have to leave the cache for a while.

    Raises:
        LayerError: what one job reads and stores is more than the cache holds.
    """
    while True:
        found, jobs = lifetimes(function, engine), jobs_of(function)
        packing = _Packing(found, [], 0)
        for each in (_keep_image(found, len(jobs)), found):
            packing = _pack(each, jobs, engine)
            if packing.end <= engine.cache_vectors:
                return packing
        if not spilling.make_room(function, engine):
            taken = spilling.fullness(function, engine)
            full = taken.index(max(taken))
            needed = taken[full] if taken[full] > engine.cache_vectors else packing.end
            raise LayerError(
                layer_name(jobs[full]),
                f"expected at most {engine.cache_vectors} channel vectors in the feature cache at "
                f"once, got {needed}",
                f"use smaller images, or an engine with a `cache_depth` of "
                f"{-(-needed // engine.banks)} or more",
            )


@dataclass(frozen=True)
class AllocateMemoryPass(CompilerPass):
    """Give what jobs store a place in the feature cache or in the output memory."""

    name = "allocate-memory"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Place all tensors."""
        function = network_function(op)
        engine = stated_engine(function)
        packing = _room(function, engine)
        output_words = memory_cells = 0
        for each in function.body.block.ops:
            if isinstance(each, dataflow.JobOp) and each.is_returned:
                (result,) = each.stored
                assert isinstance(result.owner, PlacedOp)
                result.owner.offset = IntegerAttr(output_words, i64)
                output_words += engine.feature_elements(*tensors.extents(result))
            elif isinstance(each, dataflow.InputOp):
                memory_cells += dataflow.cells(each.output, engine)
            elif isinstance(each, dataflow.StoreOp):
                each.offset = IntegerAttr(memory_cells, i64)
                memory_cells += dataflow.cells(each.output, engine)
        if max(memory_cells, output_words) >= ADDRESS_LIMIT:
            raise UserError(
                f"expected less than {ADDRESS_LIMIT} numbers in the card's memory, got "
                f"{max(memory_cells, output_words)}",
                hint="use smaller images",
            )
        for place, lifetime in zip(packing.places, packing.found, strict=True):
            for tensor in lifetime.tensors:
                _place(tensor, place, engine)
        for job in jobs_of(function):
            job.shares_page = UnitAttr() if job.reads_share_page(engine) else None
