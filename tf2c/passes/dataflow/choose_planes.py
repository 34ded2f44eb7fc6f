"""Let what is read with a stride lie in planes, where that takes fewer iterations.

A convolution with a stride of two skips every other pixel of a raster, and the cache's banks that
it needs are half as many. In two planes of rows and two of columns, the pixels that one of its taps
reads follow each other. What reads single pixels without a stride can take them in any order, and
takes them in that of the planes; others read such a map more slowly than a raster.

The pass counts the turns of the banks, for one image, of all jobs that read a tensor: as a raster,
and in as many planes as each of their strides. The fewest win, and the fewest planes of equals.

Before:
    %y = dataflow.job %x, %v, %c ...
    %z = dataflow.job %y, %w, %b strides [2, 2] ...
After:
    %y = dataflow.job %x, %v, %c ... planes [2, 2]
    %z = dataflow.job %y, %w, %b strides [2, 2] ...

Requires: a `dataflow.engine`.
Ensures: concatenated tensors lie in as many planes as each other; what is returned, in one.
Contract: exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.cost.reads import Reads
from tf2c.analysis.lifetimes import stored_tensor
from tf2c.dialects import dataflow, tensors
from tf2c.dialects.tensors import i64_array
from tf2c.engine import Engine
from tf2c.feature_layout import Layout, plane_layout
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function
from tf2c.passes.stated_engine import stated_engine

Planes = tuple[int, int]

RASTER: Planes = (1, 1)


class _Reading(NamedTuple):
    """How a job reads a tensor that lies in some planes."""

    iterations: int
    planes_of_order: int
    order: Planes


def _takes_any_order(job: dataflow.JobOp) -> bool:
    """Whether each pixel that a job computes is made of one pixel, at the same place."""
    strides, pads, _, _ = job.window.numbers
    kernel = tensors.shape(job.weight)[2:]
    single = kernel == (1, 1) and max(strides) == 1 and not any(pads)
    return single and job.stored_windows == dataflow.NO_POOLING


def _reading(job: dataflow.JobOp, input: Layout, engine: Engine) -> _Reading:
    """Return the fastest way in which a job can read its input."""
    filters, channels, *kernel = tensors.shape(job.weight)
    strides, pads, dilations, group = job.window.numbers

    def reading(order: Planes) -> _Reading:
        layout = plane_layout(job.convolution_extents, order)
        reads = Reads(input, layout, kernel, strides, dilations, pads[:2])
        iterations = 0
        for share in job.shares(engine):
            seen = engine.split(share.parts)
            groups = seen.tiling(filters, channels * group, group).groups
            turns = int(reads.turns(1, seen.pixel_vector, engine.banks).sum())
            iterations += seen.filter_tiles(share.filters) * groups * turns
        return _Reading(iterations, order[0] * order[1], order)

    orders = (
        {RASTER, (input.row_planes, input.column_planes)} if _takes_any_order(job) else {RASTER}
    )
    return min(map(reading, orders))


def _parts(tensor: SSAValue) -> Iterator[Operation]:
    """Yield the ops that store a tensor, or parts of it."""
    owner = tensor.owner
    if isinstance(owner, dataflow.ConcatOp):
        for operand in owner.inputs:
            yield from _parts(operand)
    elif isinstance(owner, Operation):
        yield owner


def _choose(tensor: SSAValue, readers: list[dataflow.JobOp], engine: Engine) -> None:
    strides = [tuple(map(int, job.window.numbers[0])) for job in readers]
    candidates = sorted(
        {RASTER, *((s[0], s[1]) for s in strides)}, key=lambda each: each[0] * each[1]
    )
    if len(candidates) == 1 or tensors.extents(tensor)[1:] == (1, 1):
        return

    def readings(planes: Planes) -> list[_Reading]:
        layout = plane_layout(tensors.extents(tensor)[1:], planes)
        return [_reading(job, layout, engine) for job in readers]

    def iterations(planes: Planes) -> int:
        return sum(each.iterations for each in readings(planes))

    planes = min(candidates, key=iterations)
    for part in _parts(tensor):
        part.properties["planes"] = i64_array(planes)
    for job, reading in zip(readers, readings(planes), strict=True):
        job.order = i64_array(reading.order)


@dataclass(frozen=True)
class ChoosePlanesPass(CompilerPass):
    """Let what is read with a stride lie in planes, where that takes fewer iterations."""

    name = "choose-planes"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Choose tensor by tensor."""
        function = network_function(op)
        engine = stated_engine(function)
        readers: dict[SSAValue, list[dataflow.JobOp]] = {}
        for job in function.body.block.ops:
            if isinstance(job, dataflow.JobOp):
                readers.setdefault(stored_tensor(job.input), []).append(job)
        for tensor, jobs in readers.items():
            _choose(tensor, jobs, engine)
