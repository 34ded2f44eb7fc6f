"""Making room in the feature cache: what is not read soon goes to the card's memory and back."""

from typing import NamedTuple

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.rewriter import InsertPoint, Rewriter

from tf2c.analysis.lifetimes import (
    Lifetime,
    jobs_of,
    lifetimes,
    stored_tensor,
    with_sums_in_place,
)
from tf2c.dialects import dataflow
from tf2c.engine import Engine


class _Gap(NamedTuple):
    """A time in which a tensor is complete, and neither stored nor read."""

    length: int
    cells: int
    lifetime: Lifetime
    before: int
    """The last job that uses it before."""
    behind: int
    """The first that reads it behind."""


def _gap(lifetime: Lifetime, time: int) -> _Gap | None:
    """Return the gap of a tensor around a time, if it may leave the cache then."""
    (tensor,) = lifetime.tensors
    if isinstance(tensor.owner, dataflow.InputOp):
        return None  # the image is gone when its readers are
    used = sorted({*lifetime.stores, *lifetime.reads})
    before = [each for each in used if each < time]
    behind = [each for each in used if each > time]
    if time in used or not before or not behind or max(lifetime.stores, default=0) > time:
        return None
    return _Gap(behind[0] - before[-1], lifetime.cells, lifetime, before[-1], behind[0])


def fullness(function: FuncOp, engine: Engine) -> list[int]:
    """Return how many cells are taken during each job."""
    jobs = jobs_of(function)
    found = with_sums_in_place(lifetimes(function, engine), jobs)
    return [
        sum(each.cells for each in found if each.begin <= time <= each.end)
        for time in range(len(jobs))
    ]


def _can_leave(gap: _Gap, jobs: list[dataflow.JobOp]) -> bool:
    """Whether whoever reads a tensor behind its gap reads all of it."""
    (tensor,) = gap.lifetime.tensors
    return all(
        stored_tensor(read) is not tensor or read is tensor
        for job in jobs[gap.behind :]
        for read in (job.input, job.residual)
        if read is not None
    )


def _leave(gap: _Gap, jobs: list[dataflow.JobOp]) -> None:
    """Let a tensor go to the card's memory in its gap, and come back."""
    (tensor,) = gap.lifetime.tensors
    store = dataflow.StoreOp(tensor)
    load = dataflow.LoadOp(store.output)
    readers = jobs[gap.behind :]
    # Behind the job, and behind what names its result.
    last: Operation = jobs[gap.before]
    owner = tensor.owner
    assert isinstance(owner, Operation)
    if last.is_before_in_block(owner):
        last = owner
    location = owner.location
    store.location, load.location = location, location
    Rewriter.insert_op(store, InsertPoint.after(last))
    Rewriter.insert_op(load, InsertPoint.before(readers[0]))
    for job in readers:
        for index, operand in enumerate(job.operands):
            if operand is tensor:
                job.operands[index] = load.output


def make_room(function: FuncOp, engine: Engine) -> bool:
    """Let a tensor leave the cache while the most is there, that which is not used for the longest.

    Returns:
        Whether one can leave where too much is there, or, if the cache holds everything but not
        where it lies, at any time.
    """
    jobs, taken = jobs_of(function), fullness(function, engine)
    found = lifetimes(function, engine)
    for time in sorted(range(len(jobs)), key=lambda time: -taken[time]):
        gaps = [gap for each in found if (gap := _gap(each, time)) is not None]
        gaps = [gap for gap in gaps if _can_leave(gap, jobs)]
        if gaps:
            _leave(max(gaps, key=lambda gap: (gap.length, gap.cells, -gap.before)), jobs)
            return True
        if taken[time] > engine.cache_vectors:
            break
    return False
