"""When everything happens on an engine: what `scheduler` counts, known beforehand.

The same rules as the kernel's, applied to whole vectors of pixels instead of iterations:

- a vector is issued in as many iterations as there are weight words, or channel groups of its
  residual operand if those are more;
- it starts behind the one before, when the results that it reads are stored (`interlock`), when the
  weights of its filter tile have arrived, and when fewer than `channel_depth` vectors are in
  flight;
- its first result is stored `latency` iterations behind its last issue, or behind the result before
  it; a result takes an iteration per channel group;
- weights of whole filter tiles arrive one behind the other, `memory_bytes` per iteration, while
  there is room for `weight_depth` words of tiles whose first vector has not been issued yet.

An iteration is a cycle where the kernel is pipelined at one iteration per cycle and no other kernel
is slower than `latency` says.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tf2c.engine import Engine
from tf2c.interlock import Interlock
from tf2c.program import Job, Program

PARAMETER_BYTES = 8
"""Of each filter, that come with its weights: bias and multiplier."""


@dataclass(frozen=True)
class JobSchedule:
    """Iterations of one job, from its predecessor's last issue to its own."""

    issued: int
    """In which a vector of pixels was under way."""
    features_awaited: int
    """In which results of earlier jobs were waited for."""
    weights_awaited: int
    room_awaited: int
    """In which the vectors in flight were too many."""

    @property
    def iterations(self) -> int:
        """All of them."""
        return self.issued + self.features_awaited + self.weights_awaited + self.room_awaited


@dataclass(frozen=True)
class Schedule:
    """What `scheduler` does for a program."""

    jobs: tuple[JobSchedule, ...]
    iterations: int
    """Until the last result is stored."""


def schedule(program: Program, interlock: Interlock) -> Schedule:
    """Return when the vectors of a program are issued and its results stored."""
    engine = program.engine
    arrivals = _Arrivals(program)
    stored: list[int] = []  # when each result is
    in_flight: deque[int] = deque()  # when the last result of each vector will be stored
    now = last_stored = 0
    jobs: list[JobSchedule] = []
    for job, rows in zip(program.jobs, interlock.rows, strict=True):
        issued = features = weights = room = 0
        vectors: list[tuple[int, int]] = rows.tolist()
        for tile in range(job.filter_tiles):
            groups = _stored_groups(engine, job, tile)
            issues = job.weight_words
            if job.residual_offset >= 0:
                issues = max(issues, groups)
            for vector, (needed, results) in enumerate(vectors):
                start = now + 1
                if tile == 0 and needed > 0:
                    ready = max(start, stored[needed - 1])
                    features += ready - start
                    start = ready
                if vector == 0:
                    ready = max(start, arrivals.next())
                    weights += ready - start
                    start = ready
                if len(in_flight) == engine.channel_depth:
                    ready = max(start, in_flight.popleft())
                    room += ready - start
                    start = ready
                now = start + issues - 1
                issued += issues
                if vector == 0:
                    arrivals.release(now)
                if results:
                    last_stored = max(now + engine.latency - 1, last_stored)
                    for _ in range(results):
                        last_stored += groups
                        stored.append(last_stored)
                    in_flight.append(last_stored)
        jobs.append(JobSchedule(issued, features, weights, room))
    return Schedule(tuple(jobs), max(now, last_stored))


def _stored_groups(engine: Engine, job: Job, tile: int) -> int:
    """Return how many channel groups a filter tile stores of a vector."""
    per_tile = engine.split(job.split).filter_vector // engine.channel_vector
    return min(per_tile, job.output_groups - tile * per_tile)


class _Arrivals:
    """When the weights of filter tiles arrive."""

    def __init__(self, program: Program) -> None:
        self._tiles = self._walk(program)
        self._room = program.engine.weight_depth
        self._waiting: deque[int] = deque()  # words of the tiles that have been asked for
        self._released: deque[int] = deque()  # when the first vectors of tiles before were issued
        self._arrived = 0

    @staticmethod
    def _walk(program: Program) -> Iterator[tuple[int, int]]:
        """Yield the words of each filter tile, and in how many iterations they come."""
        engine = program.engine
        for job in program.jobs:
            for tile in range(job.filter_tiles):
                words = job.weight_words if tile < job.weight_tiles else 0
                size = words * engine.weight_word_bytes + PARAMETER_BYTES * engine.filter_vector
                yield words, -(-job.split * size // engine.memory_bytes)

    def next(self) -> int:
        """Return when the next tile's weights have arrived."""
        words, iterations = next(self._tiles)
        begin = self._arrived
        while self._room < words:
            self._room += self._waiting.popleft()
            begin = max(begin, self._released.popleft())
        self._room -= words
        self._waiting.append(words)
        self._arrived = begin + iterations
        return self._arrived

    def release(self, iteration: int) -> None:
        """Say in which iteration the last tile's first vector was issued completely."""
        self._released.append(iteration)
