"""What each job of a network takes on its engine, for one image: a model, nothing measured."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tf2c.analysis.cost.schedule import schedule
from tf2c.dialects import dataflow, tensors
from tf2c.dialects.shift import code_terms
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
    split: int
    """Parts of the vectors of pixels."""

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
    steady = both.jobs[len(program.jobs) :]
    return [
        JobCost(
            times.iterations,
            times.features_awaited,
            times.transfers_awaited,
            times.weights_awaited,
            times.room_awaited,
            round(_lane_operations(job) / (times.iterations * program.engine.lanes), 4),
            job.parts.value.data,
        )
        for job, times in zip(jobs, steady, strict=True)
    ]


def _lane_operations(job: dataflow.JobOp) -> int:
    """Return how many shifts of a weight's term the job takes, the channels of its group alone."""
    pixels = int(np.prod(job.convolution_extents))
    return pixels * int(np.prod(tensors.shape(job.weight))) * code_terms(job.weight)
