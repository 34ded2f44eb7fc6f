"""Which tensors lie in the feature cache during which jobs."""

from dataclasses import dataclass, replace

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from tf2c.dialects import dataflow, layout
from tf2c.engine import Engine


@dataclass
class Lifetime:
    """A place in the cache, and when it is taken; times are indices of jobs."""

    tensors: list[SSAValue]
    """Which have it, one after the other: a tensor, and sums that take its place."""
    cells: int
    stores: list[int]
    """When jobs store it, or parts of it."""
    reads: list[int]
    """When jobs read it."""
    begin: int
    end: int


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


def jobs_of(function: FuncOp) -> list[dataflow.JobOp]:
    """Return the jobs of a network in their order."""
    ops: list[Operation] = list(function.body.block.ops)
    return [op for op in ops if isinstance(op, dataflow.JobOp)]


def lifetimes(function: FuncOp, engine: Engine) -> list[Lifetime]:
    """Return when each tensor lies in the cache; a sum may do in the place of its residual operand.

    Args:
        function: of the dataflow dialect.
        engine: that has the cache.
    """
    found: dict[SSAValue, Lifetime] = {}

    def live(value: SSAValue, time: int) -> Lifetime:
        tensor = stored_tensor(value)
        if tensor not in found:
            cells = dataflow.cells(tensor, engine)
            found[tensor] = Lifetime([tensor], cells, [], [], time, time)
        found[tensor].end = max(found[tensor].end, time)
        return found[tensor]

    for op in function.body.block.ops:
        if isinstance(op, dataflow.InputOp):
            live(op.output, 0)
    for time, job in enumerate(jobs_of(function)):
        for read in (job.input, job.residual):
            if read is not None:
                live(read, time).reads.append(time)
        for stored in job.stored:
            if not job.is_returned:
                live(stored, time).stores.append(time)
    return list(found.values())


def with_sums_in_place(found: list[Lifetime], jobs: list[dataflow.JobOp]) -> list[Lifetime]:
    """Let sums take the places of residual operands that nothing reads any more.

    A job reads a pixel of the operand before it stores that pixel of the sum.
    """
    copies = [replace(each, tensors=[*each.tensors]) for each in found]
    owners = {tensor: lifetime for lifetime in copies for tensor in lifetime.tensors}
    for time, job in enumerate(jobs):
        if job.residual is None or job.residual not in owners or job.output not in owners:
            continue
        residual, total = owners[job.residual], owners[job.output]
        if (
            residual is not total
            and residual.end == total.begin == time
            and residual.cells == total.cells
            and owners[stored_tensor(job.input)] is not residual
            and not isinstance(job.residual.owner, dataflow.ConcatOp | dataflow.InputOp)
            and dataflow.layout_of(job.residual) == dataflow.layout_of(job.output)
            and job.pooling == dataflow.NO_POOLING
        ):
            residual.tensors += total.tensors
            residual.end = total.end
            for tensor in total.tensors:
                owners[tensor] = residual
    return list({id(each): each for each in owners.values()}.values())
