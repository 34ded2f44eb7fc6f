"""Which tensors lie in the feature cache during which jobs."""

from dataclasses import dataclass

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from tf2c.dialects import dataflow, layout
from tf2c.engine import Engine


@dataclass
class Lifetime:
    """A place in the cache, and when it is taken; times are indices of jobs."""

    tensors: list[SSAValue]
    """Which have it, one after the other: a tensor, and sums that take its place."""
    begin: int
    end: int
    cells: int


def outermost(value: SSAValue) -> SSAValue:
    """Return the concatenation of concatenations that a tensor lies in, or the tensor itself."""
    while True:
        joining = [use.operation for use in value.uses]
        outer = next((each for each in joining if isinstance(each, dataflow.ConcatOp)), None)
        if outer is None:
            return value
        value = outer.output


def stored_tensor(value: SSAValue) -> SSAValue:
    """Return the tensor that has a place of its own, of which a value is a shape or a part."""
    while isinstance(value.owner, layout.ReshapeOp):
        value = value.owner.input
    return outermost(value)


def lifetimes(function: FuncOp, engine: Engine, *, keep_image: bool) -> list[Lifetime]:
    """Return the places that a network needs.

    Args:
        function: of the dataflow dialect.
        engine: that has the cache.
        keep_image: whether the image's place is its own until the end.
    """
    ops: list[Operation] = list(function.body.block.ops)
    jobs = [op for op in ops if isinstance(op, dataflow.JobOp)]
    found: dict[SSAValue, Lifetime] = {}

    def live(value: SSAValue, time: int) -> Lifetime:
        tensor = stored_tensor(value)
        if tensor not in found:
            found[tensor] = Lifetime([tensor], time, time, dataflow.cells(tensor, engine))
        found[tensor].end = max(found[tensor].end, time)
        return found[tensor]

    for op in ops:
        if isinstance(op, dataflow.InputOp):
            image = live(op.output, 0)
            if keep_image:
                image.end = len(jobs)
    for time, job in enumerate(jobs):
        live(job.input, time)
        if job.residual is not None:
            live(job.residual, time)
        for stored in job.layer_channels or [job]:
            if not job.is_returned:
                live(stored.output, time)
    return _with_sums_in_place(found, jobs)


def _with_sums_in_place(
    found: dict[SSAValue, Lifetime], jobs: list[dataflow.JobOp]
) -> list[Lifetime]:
    """Let sums take the places of residual operands that nothing reads any more."""
    for time, job in enumerate(jobs):
        if job.residual is None or job.output not in found:
            continue
        residual, total = found.get(job.residual), found[job.output]
        if (
            residual is not None
            and residual is not total
            and residual.end == total.begin == time
            and residual.cells == total.cells
            and job.input is not job.residual
            and stored_tensor(job.input) is not job.residual
            and not isinstance(job.residual.owner, dataflow.ConcatOp | dataflow.InputOp)
            and dataflow.layout_of(job.residual) == dataflow.layout_of(job.output)
            and job.pooling == dataflow.NO_POOLING
        ):
            residual.tensors += total.tensors
            residual.end = total.end
            for tensor in total.tensors:
                found[tensor] = residual
    unique = {id(each): each for each in found.values()}
    return list(unique.values())
