"""The simulator: executes a program on numpy arrays, bit for bit as the engine does.

It reads only what the engine reads, the job table, the parameters and the 4-bit weights, and
keeps the same feature memory, so that a wrong address or a wrong weight byte shows here exactly
as it would on a card.
"""

import numpy as np
import numpy.typing as npt

from tf2c.numerics import fixed_point, windows
from tf2c.program import Job, Program
from tf2c.runtime.device import Memories


class Simulator:
    """A device without hardware."""

    name = "simulator"
    kernels = None

    def __init__(self) -> None:
        """Start without a program."""
        self._program: Program | None = None

    def load(self, program: Program, weights: bytes) -> None:
        """Take the network to run: the contents of `program.bin` and `weights.bin`."""
        self._program = program
        self._weights = np.frombuffer(weights, np.uint8)

    def execute(self, memories: Memories) -> dict[str, int]:
        """Run all jobs on a batch in place; the simulator counts no loop iterations."""
        if self._program is None:
            raise RuntimeError("expected a loaded program")
        for job in self._program.jobs:
            self._run_job(self._program, job, memories)
        return {}

    def close(self) -> None:
        """Forget the loaded program."""
        self._program = None

    def _run_job(self, program: Program, job: Job, memories: Memories) -> None:
        engine = program.engine.split(job.split)
        kernel = (job.kernel_height, job.kernel_width)
        first = job.weight_offset * program.engine.weight_word_bytes
        size = job.weight_tiles * job.weight_words * engine.weight_word_bytes
        weights = engine.load_weights(
            np.tile(self._weights[first : first + size], job.filter_tiles // job.weight_tiles),
            job.filter_tiles,
            job.tile_groups,
            kernel,
            job.weight_terms,
        )
        last = job.parameter_offset + job.filter_tiles * job.split
        rows = program.parameters[job.parameter_offset : last]
        bias, multipliers = rows.transpose(1, 0, 2).reshape(2, -1)

        images = self._read(
            program, memories, job.input_offset, job.input_groups, job.input_height, job.input_width
        )
        # Tiles that read channels of their own are the parts of a grouped convolution.
        parts = job.filter_tiles if job.tile_step else 1
        seen = parts * job.tile_groups * engine.channel_vector
        missing = max(seen - images.shape[1], 0)
        accumulators = windows.convolve_integers(
            np.pad(images, ((0, 0), (0, missing), (0, 0), (0, 0)))[:, :seen],
            weights,
            bias,
            (job.stride_height, job.stride_width),
            _pads(job),
            (job.dilation_height, job.dilation_width),
            parts,
        )
        channels = job.output_groups * engine.channel_vector
        values: npt.NDArray[np.integer] = accumulators[:, :channels]
        if not job.raw:
            residual = None
            if job.residual_offset >= 0:
                residual = self._read(
                    program,
                    memories,
                    job.residual_offset,
                    job.output_groups,
                    job.convolution_height,
                    job.convolution_width,
                )
            values = fixed_point.requantize(
                values,
                multipliers[:channels],
                job.lower_bound,
                job.upper_bound,
                residual,
                job.residual_shift,
                np.int32 if job.wide else np.int8,
            )
        pooled = windows.max_pool(
            values,
            (job.pool_height, job.pool_width),
            (job.pool_stride_height, job.pool_stride_width),
            _pool_pads(job),
        )
        stored = engine.store_features(pooled)
        target = memories.output if job.wide else memories.features
        places = program.output_places(job)
        for place, part in zip(places, np.split(stored, len(places), axis=1), strict=True):
            target[:, place : place + part.shape[1]] = part

    def _read(
        self,
        program: Program,
        memories: Memories,
        offset: int,
        groups: int,
        height: int,
        width: int,
    ) -> npt.NDArray[np.int8]:
        channels = groups * program.engine.channel_vector
        size = program.engine.feature_elements(channels, height, width)
        return program.engine.load_features(
            memories.features[:, offset : offset + size], channels, height, width
        )


def _pads(job: Job) -> tuple[int, int, int, int]:
    """All four pads; the table keeps top and left, and the extents imply bottom and right."""
    covered_height = (job.kernel_height - 1) * job.dilation_height + 1
    covered_width = (job.kernel_width - 1) * job.dilation_width + 1
    bottom = (job.convolution_height - 1) * job.stride_height + covered_height
    right = (job.convolution_width - 1) * job.stride_width + covered_width
    return (
        job.pad_top,
        job.pad_left,
        max(bottom - job.input_height - job.pad_top, 0),
        max(right - job.input_width - job.pad_left, 0),
    )


def _pool_pads(job: Job) -> tuple[int, int, int, int]:
    bottom = (job.output_height - 1) * job.pool_stride_height + job.pool_height
    right = (job.output_width - 1) * job.pool_stride_width + job.pool_width
    return (
        job.pool_pad_top,
        job.pool_pad_left,
        max(bottom - job.convolution_height - job.pool_pad_top, 0),
        max(right - job.convolution_width - job.pool_pad_left, 0),
    )
