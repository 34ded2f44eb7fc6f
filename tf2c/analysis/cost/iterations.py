"""How often each kernel's loop runs for a program: what the kernels count, known beforehand.

An iteration is a cycle where the loop is pipelined at one iteration per cycle and nobody waits, so
the kernel with the most iterations bounds a job from below. Closed forms, compared with the
kernels' own counters on every network that the tests run.
"""

from dataclasses import dataclass
from math import lcm

from tf2c.engine import Engine
from tf2c.program import Job, Program


@dataclass(frozen=True)
class Iterations:
    """Loop iterations of each kernel; the fields have the kernels' names."""

    feature_reader: int
    weight_reader: int
    pe: int
    requantizer: int
    window: int
    writer: int

    def __add__(self, other: "Iterations") -> "Iterations":
        """Return what two jobs take one after the other."""
        pairs = zip(self.by_kernel.values(), other.by_kernel.values(), strict=True)
        return Iterations(*(own + its for own, its in pairs))

    @property
    def by_kernel(self) -> dict[str, int]:
        """As devices report them."""
        return dict(vars(self))


NO_ITERATIONS = Iterations(0, 0, 0, 0, 0, 0)


def job_iterations(engine: Engine, job: Job, images: int) -> Iterations:
    """Return the iterations of one job on a batch."""
    engine = engine.split(job.split)
    rows = images * job.convolution_height
    vectors = engine.pixel_tiles(rows * job.convolution_width)
    window = stored = vectors
    if job.pools:
        stored = images * job.output_height * engine.pixel_tiles(job.output_width)
        window = _parts_in_rows(rows, job.convolution_width, engine.pixel_vector) + stored
    groups = engine.filter_vector // engine.channel_vector
    products = job.filter_tiles * vectors * job.weight_words
    return Iterations(
        feature_reader=products,
        weight_reader=job.filter_tiles * job.weight_words,
        pe=products,
        requantizer=job.filter_tiles * vectors,
        window=job.filter_tiles * window,
        writer=job.filter_tiles * stored * groups,
    )


def _parts_in_rows(rows: int, width: int, vector: int) -> int:
    """Return into how many parts vectors fall that are cut at the ends of rows, too."""
    pixels = rows * width
    vectors = -(-pixels // vector)
    return rows + vectors - 1 - (pixels - 1) // lcm(width, vector)


def program_iterations(program: Program, images: int) -> Iterations:
    """Return the iterations of a whole program on a batch."""
    parts = [job_iterations(program.engine, job, images) for job in program.jobs]
    return sum(parts, NO_ITERATIONS)
