"""How often each kernel's loop runs for a program: what the kernels count, known beforehand.

An iteration is a cycle where the loop is pipelined at one iteration per cycle and nobody waits, so
the kernel with the most iterations bounds a job from below. Closed forms, compared with the
kernels' own counters on every network that the tests run.
"""

from dataclasses import dataclass
from math import lcm

from tf2c.analysis.cost.schedule import schedule
from tf2c.engine import Engine
from tf2c.interlock import interlock
from tf2c.job_table import Job
from tf2c.program import Program


@dataclass(frozen=True)
class Iterations:
    """Loop iterations of each kernel; the fields have the kernels' names."""

    scheduler: int
    features_awaited: int
    """Iterations of `scheduler` that issue nothing, because results of earlier jobs are awaited."""
    transfers_awaited: int
    weights_awaited: int
    room_awaited: int
    weight_reader: int
    pe: int
    requantizer: int
    window: int

    @property
    def by_kernel(self) -> dict[str, int]:
        """As devices report them."""
        return dict(vars(self))


@dataclass(frozen=True)
class _Streams:
    """Loop iterations of the kernels that take what comes."""

    weight_reader: int
    pe: int
    requantizer: int
    window: int


def _streams(engine: Engine, job: Job, images: int) -> _Streams:
    """Return the iterations of one job on a batch."""
    engine = engine.split(job.split)
    rows = images * job.convolution_height
    vectors = engine.pixel_tiles(images * job.order.cells)
    window = vectors
    if job.pools:
        pooled = images * job.output_height * engine.pixel_tiles(job.output_width)
        window = _parts_in_rows(rows, job.convolution_width, engine.pixel_vector) + pooled
    return _Streams(
        weight_reader=job.weight_tiles * job.weight_words,
        pe=job.filter_tiles * vectors * job.weight_words,
        requantizer=job.filter_tiles * vectors,
        window=job.filter_tiles * window,
    )


def _parts_in_rows(rows: int, width: int, vector: int) -> int:
    """Return into how many parts vectors fall that are cut at the ends of rows, too."""
    pixels = rows * width
    vectors = -(-pixels // vector)
    return rows + vectors - 1 - (pixels - 1) // lcm(width, vector)


def program_iterations(program: Program, images: int, frames: int) -> Iterations:
    """Return the iterations of a whole program on batches of images, one behind the other."""
    found = schedule(program, interlock(program, images), images, frames)
    streams = [_streams(program.engine, job, images) for job in program.jobs] * frames
    return Iterations(
        scheduler=found.iterations,
        features_awaited=sum(job.features_awaited for job in found.jobs),
        transfers_awaited=sum(job.transfers_awaited for job in found.jobs),
        weights_awaited=sum(job.weights_awaited for job in found.jobs),
        room_awaited=sum(job.room_awaited for job in found.jobs),
        weight_reader=sum(job.weight_reader for job in streams),
        pe=sum(job.pe for job in streams),
        requantizer=sum(job.requantizer for job in streams),
        window=sum(job.window for job in streams),
    )
