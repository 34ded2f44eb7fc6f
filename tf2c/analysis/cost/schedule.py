"""When everything happens on an engine: what `scheduler` counts, known beforehand.

The same rules as the kernel's, applied to whole vectors of pixels instead of iterations:

- a word of a vector is issued in as many iterations as the banks of the cache need turns to read
  its pixels (further terms of a weight read nothing); beside that, a channel group of the residual
  operand is read in each turn, or behind it where both lie in one page of the cache;
- a vector starts behind the one before, when the results that it reads are stored (`interlock`),
  when its job's transfers are complete, when the weights of its filter tile have arrived, and when
  fewer than `channel_depth` vectors are in flight;
- its first result is stored `latency` iterations behind its last issue, or behind the result before
  it; a result takes an iteration per channel group and turn of the banks;
- weights of whole filter tiles arrive one behind the other, `memory_bytes` per iteration, while
  there is room for `weight_depth` words of tiles whose first vector has not been issued yet;
- transfers follow each other in iterations in which no weights arrive; and no weights begin to
  while a job that has its own waits for a transfer (`memory_port`).

An iteration is a cycle where the kernel is pipelined at one iteration per cycle and no other kernel
is slower than `latency` says.
"""

from collections import deque
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from tf2c.analysis.cost.memory_port import MemoryPort
from tf2c.analysis.cost.reads import Reads
from tf2c.engine import Engine
from tf2c.interlock import Interlock
from tf2c.job_table import Job
from tf2c.program import Program


@dataclass(frozen=True)
class JobSchedule:
    """Iterations of one job, from its predecessor's last issue to its own."""

    issued: int
    """In which a vector of pixels was under way."""
    features_awaited: int
    """In which results of earlier jobs were waited for."""
    transfers_awaited: int
    weights_awaited: int
    room_awaited: int
    """In which the vectors in flight were too many."""

    @property
    def iterations(self) -> int:
        """All of them."""
        waiting = self.features_awaited + self.transfers_awaited + self.weights_awaited
        return self.issued + waiting + self.room_awaited


@dataclass(frozen=True)
class Schedule:
    """What `scheduler` does for a program."""

    jobs: tuple[JobSchedule, ...]
    """Of all frames, one frame behind the other."""
    iterations: int
    """Until the last result is stored."""


def schedule(program: Program, interlock: Interlock, images: int, frames: int) -> Schedule:
    """Return when the vectors of a program are issued and its results stored.

    Args:
        program: to run.
        interlock: of the program for as many images.
        images: side by side in the cache, a batch.
        frames: batches one behind the other.
    """
    engine = program.engine
    port = MemoryPort(program, interlock, images, frames)
    reads = [_read_iterations(engine, job, images).tolist() for job in program.jobs]
    stored: list[int] = []  # when each result is
    in_flight: deque[int] = deque()  # when the last result of each vector will be stored
    now = last_stored = 0
    jobs: list[JobSchedule] = []
    for frame in range(frames):
        for index, job in enumerate(program.jobs):
            issued = features = transfers = weights = room = 0
            vectors: list[list[int]] = interlock.rows[index].tolist()
            for tile in range(job.filter_tiles):
                groups = _stored_groups(engine, job, tile)
                residual_groups = groups if job.residual_place >= 0 else 0
                for vector, (needed, results, store_turns, residual_turns, shares) in enumerate(
                    vectors
                ):
                    start = now + 1
                    if tile == 0 and needed > 0:
                        ready = max(start, stored[frame * interlock.results + needed - 1])
                        features += ready - start
                        start = ready
                    if tile == vector == 0:
                        ready = max(
                            start, port.transferred(frame, job.transfers, stored, start) + 1
                        )
                        transfers += ready - start
                        start = ready
                    if vector == 0:
                        ready = max(start, port.next_weights())
                        weights += ready - start
                        start = ready
                    if len(in_flight) == engine.channel_depth:
                        ready = max(start, in_flight.popleft())
                        room += ready - start
                        start = ready
                    own, beside = reads[index][vector], residual_groups * residual_turns
                    issues = own + beside if shares else max(own, beside)
                    now = start + issues - 1
                    issued += issues
                    if vector == 0:
                        port.use_weights(now)
                    if results:
                        last_stored = max(now + engine.latency - 1, last_stored)
                        for _ in range(results):
                            last_stored += groups * store_turns
                            stored.append(last_stored)
                        in_flight.append(last_stored)
            port.finish_job(now)
            jobs.append(JobSchedule(issued, features, transfers, weights, room))
    return Schedule(tuple(jobs), max(now, last_stored))


def _stored_groups(engine: Engine, job: Job, tile: int) -> int:
    """Return how many channel groups a filter tile stores of a vector."""
    per_tile = engine.split(job.split).filter_vector // engine.channel_vector
    return min(per_tile, job.output_groups - tile * per_tile)


def _read_iterations(engine: Engine, job: Job, images: int) -> npt.NDArray[np.int64]:
    """Return in how many iterations each vector's features are read and issued."""
    kernel = job.kernel_height, job.kernel_width
    reads = Reads(
        job.input,
        job.order,
        kernel,
        (job.stride_height, job.stride_width),
        (job.dilation_height, job.dilation_width),
        (job.pad_top, job.pad_left),
    )
    turns = reads.turns(images, engine.split(job.split).pixel_vector, engine.banks)
    # Further terms of a weight read nothing.
    return (turns + prod(kernel) * (job.weight_terms - 1)) * job.tile_groups
