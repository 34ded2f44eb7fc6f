"""Give what jobs store a place in the feature cache, or in the output memory if it is returned.

A tensor holds its place from the job that stores it, or the first of those that store parts of it,
to the last that reads it; then others may have the place. What is concatenated has one place, its
operands one behind the other. A sum takes the place of its residual operand if nothing reads that
any more: a job reads a pixel before it stores it. The image keeps its place to itself as long as
there is room, so that the next one is loaded meanwhile.

Packing is first fit, from several orders the one that needs the fewest cells. No packing needs
fewer than what is alive at once; on the networks that the tests know, this one needs at most a
third more.

Before:
    %y = dataflow.job %x, %w, %b ...
After:
    %y = dataflow.job %x, %w, %b ... at 512

Requires: a `dataflow.engine`.
Ensures: every `dataflow.input` and `dataflow.job` has an offset, or its `dataflow.channels` have;
    what is alive at once does not overlap.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.lifetimes import Lifetime, lifetimes, stored_tensor
from tf2c.analysis.packing import Block, pack
from tf2c.dialects import dataflow, tensors
from tf2c.dialects.layers import layer_name
from tf2c.engine import Engine
from tf2c.errors import LayerError, UserError
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function
from tf2c.passes.stated_engine import stated_engine

PlacedOp = dataflow.InputOp | dataflow.JobOp | dataflow.ChannelsOp

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


def _packed(
    found: list[Lifetime], jobs: list[dataflow.JobOp], engine: Engine
) -> tuple[list[int], int]:
    """Return a place for each tensor, and where the last ends.

    Features and residual operands of a job have no page in common, if there is room.
    """
    blocks = [Block(each.begin, each.end, each.cells) for each in found]
    owner = {tensor: index for index, each in enumerate(found) for tensor in each.tensors}
    apart = {
        (owner[stored_tensor(job.input)], owner[stored_tensor(job.residual)])
        for job in jobs
        if job.residual is not None
    }
    apart = {(one, other) for one, other in apart if one != other}
    page = engine.cache_vectors // engine.cache_pages
    ends = [0]
    places: list[int] = []
    for pairs in (apart, set[tuple[int, int]]()):
        places = pack(blocks, pairs, page)
        ends = [place + block.size for place, block in zip(places, blocks, strict=True)]
        if max(ends, default=0) <= engine.cache_vectors:
            break
    return places, max(ends, default=0)


def _expect_room(found: list[Lifetime], engine: Engine, jobs: list[dataflow.JobOp]) -> None:
    """Raise if what is alive during some job is more than the cache holds."""
    for index, job in enumerate(jobs):
        alive = sum(each.cells for each in found if each.begin <= index <= each.end)
        if alive > engine.cache_vectors:
            raise LayerError(
                layer_name(job),
                f"expected at most {engine.cache_vectors} channel vectors in the feature cache, "
                f"got {alive}",
                f"use smaller images, or an engine with a `cache_depth` of at least "
                f"{-(-alive // engine.banks)}",
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
        ops: list[Operation] = list(function.body.block.ops)
        jobs = [each for each in ops if isinstance(each, dataflow.JobOp)]
        output_words = 0
        for placed in ops:
            if isinstance(placed, PlacedOp):
                placed.offset = None
            if isinstance(placed, dataflow.JobOp) and placed.is_returned:
                placed.offset = IntegerAttr(output_words, i64)
                output_words += engine.feature_elements(*tensors.extents(placed.output))
        kept = lifetimes(function, engine, keep_image=True)
        places, end = _packed(kept, jobs, engine)
        if end > engine.cache_vectors:
            kept = lifetimes(function, engine, keep_image=False)
            _expect_room(kept, engine, jobs)
            places, end = _packed(kept, jobs, engine)
        if max(end, output_words) >= ADDRESS_LIMIT:
            raise UserError(
                f"expected less than {ADDRESS_LIMIT} numbers to store, got "
                f"{max(end, output_words)}",
                hint="use smaller images",
            )
        for place, lifetime in zip(places, kept, strict=True):
            for tensor in lifetime.tensors:
                _place(tensor, place, engine)
