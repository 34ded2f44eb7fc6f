"""What each job of a network takes on its engine, for one image: a model, nothing measured."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tf2c.analysis.cost.schedule import JobSchedule, schedule
from tf2c.dialects import dataflow, tensors
from tf2c.dialects.shift import code_terms
from tf2c.engine import Engine
from tf2c.interlock import interlock
from tf2c.program import Program


@dataclass(frozen=True)
class JobCost:
    """Iterations of `scheduler`, from the last issue of the job before to the job's own."""

    iterations: int
    features_awaited: int
    """Of them, those in which nothing is issued: results of earlier jobs are awaited."""
    transfers_awaited: int
    weights_awaited: int
    room_awaited: int
    lanes_used: float
    """Share of the engine's lanes that shift a weight of the network, over all iterations."""
    split: tuple[int, ...]
    """Parts of the vectors of pixels; those of filters that fill no tile may differ."""

    def as_dict(self) -> dict[str, Any]:
        """As manifests have it."""
        return asdict(self)


def job_costs(jobs: list[dataflow.JobOp], program: Program) -> list[JobCost]:
    """Return what each job takes of one image, when others went before.

    Args:
        jobs: of the network, in program order.
        program: emitted from them.
    """
    both = schedule(program, interlock(program, images=1), images=1, frames=2)
    rows = iter(both.jobs[len(program.jobs) :])
    return [
        _job_cost(job, [next(rows) for _ in job.shares(program.engine)], program.engine)
        for job in jobs
    ]


def _job_cost(job: dataflow.JobOp, rows: list[JobSchedule], engine: Engine) -> JobCost:
    """Return what a job takes that has some rows in the job table."""
    iterations = sum(row.iterations for row in rows)
    return JobCost(
        iterations,
        features_awaited=sum(row.features_awaited for row in rows),
        transfers_awaited=sum(row.transfers_awaited for row in rows),
        weights_awaited=sum(row.weights_awaited for row in rows),
        room_awaited=sum(row.room_awaited for row in rows),
        lanes_used=round(_lane_operations(job) / (iterations * engine.lanes), 4),
        split=tuple(share.parts for share in job.shares(engine)),
    )


def _lane_operations(job: dataflow.JobOp) -> int:
    """Return how many shifts of a weight's term the job takes, the channels of its group alone."""
    pixels = int(np.prod(job.convolution_extents))
    return pixels * int(np.prod(tensors.shape(job.weight))) * code_terms(job.weight)
