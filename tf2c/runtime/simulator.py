"""The simulator: executes a program on numpy arrays, bit for bit as the engine does.

It reads only what the engine reads, the tables, the parameters and the 4-bit weights, and keeps the
same feature cache, so that a wrong place or a wrong weight byte shows here exactly as it would on a
card.
"""

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tf2c import feature_layout
from tf2c.feature_layout import Layout
from tf2c.job_table import Job, Transfer, traced_vectors
from tf2c.numerics import fixed_point, windows
from tf2c.program import Program
from tf2c.runtime.device import Memories


class Simulator:
    """A device without hardware."""

    name = "simulator"
    kernels = None
    built = None
    identity = None

    def __init__(self) -> None:
        """Start without a program."""
        self._program: Program | None = None
        self.job_times: Sequence[int] = ()

    def load(self, program: Program, weights: bytes) -> None:
        """Take the network to run: the contents of `program.bin` and `weights.bin`."""
        self._program = program
        self._weights = np.frombuffer(weights, np.uint8)

    def execute(self, memories: Memories) -> dict[str, int]:
        """Run all jobs on all frames in place; the simulator counts no loop iterations."""
        if self._program is None:
            raise RuntimeError("expected a loaded program")
        self.job_times = _Run(self._program, self._weights, memories).run()
        return {}

    def close(self) -> None:
        """Forget the loaded program."""
        self._program = None


class _Run:
    """Frames on their way through the jobs, all at once: they have caches of their own."""

    def __init__(
        self, program: Program, weights: npt.NDArray[np.uint8], memories: Memories
    ) -> None:
        self._program = program
        self._weights = weights
        self._memories = memories
        self._images = memories.images
        cells = memories.images * program.cache_vectors
        shape = (memories.frames, cells, program.engine.channel_vector)
        self._caches = np.zeros(shape, np.int8)

    def run(self) -> list[int]:
        """Move and compute in the order of the tables; return when jobs began, and the end."""
        moved = traced = 0
        times = [time.monotonic_ns()]
        for job in self._program.jobs:
            for transfer in self._program.transfers[moved : job.transfers]:
                self._move(transfer)
            moved = max(moved, job.transfers)
            self._run_job(job, traced)
            traced += traced_vectors(job)
            times.append(time.monotonic_ns())
        return times

    def _move(self, transfer: Transfer) -> None:
        size = transfer.vectors * self._images
        near, far = transfer.cache_place * self._images, transfer.memory_place * self._images
        caches = self._caches[:, near : near + size]
        memories = self._memories.memory[:, far : far + size]
        if transfer.stores:
            memories[:] = caches
        else:
            caches[:] = memories

    def _run_job(self, job: Job, traced: int) -> None:
        program = self._program
        engine = program.engine.split(job.split)
        kernel = (job.kernel_height, job.kernel_width)
        first = job.weight_offset * program.engine.weight_word_bytes
        size = job.weight_tiles * job.weight_words * engine.weight_word_bytes
        repeats = job.filter_tiles // job.weight_tiles
        packed = np.tile(self._weights[first : first + size], repeats)
        weights = engine.load_weights(
            packed,
            job.filter_tiles,
            job.tile_groups,
            kernel,
            job.weight_terms,
        )
        last = job.parameter_offset + job.filter_tiles * job.split
        rows = program.parameters[job.parameter_offset : last]
        bias, multipliers = rows.transpose(1, 0, 2).reshape(2, -1)
        # Lanes take one's complements; these are products.
        bias = bias - engine.negative_terms(packed, job.filter_tiles).astype(np.int32)

        images = self._read(job.input_place, job.input_groups, job.input)
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
            if job.residual_place >= 0:
                residual = self._read(job.residual_place, job.output_groups, job.residual)
            values = fixed_point.requantize(
                values,
                multipliers[:channels],
                job.lower_bound,
                job.upper_bound,
                residual,
                job.residual_shift,
                np.int32 if job.returned else np.int8,
            )
        if job.average_multiplier:
            means = fixed_point.mean_of_image(
                values.astype(np.int8),
                job.average_multiplier,
                job.average_lower_bound,
                job.average_upper_bound,
                np.int32,
            )
            self._store(means, job, traced)
            return
        pooled = windows.max_pool(
            values,
            (job.pool_height, job.pool_width),
            (job.pool_stride_height, job.pool_stride_width),
            _pool_pads(job),
        )
        self._store(pooled, job, traced)

    def _store(self, tensor: npt.NDArray[np.integer], job: Job, traced: int) -> None:
        vector = self._program.engine.channel_vector
        dense = self._program.engine.store_features(tensor)
        places = self._program.output_places(job)
        if job.returned:
            for place, part in zip(places, np.split(dense, len(places), axis=1), strict=True):
                self._memories.output[:, place : place + part.shape[1]] = part
            return
        if self._memories.trace.shape[1]:
            size = traced_vectors(job)
            trace = self._memories.trace[:, traced : traced + size]
            trace[:] = dense.reshape(trace.shape)
        cells = job.output.cell_of(self._images)
        frames = dense.reshape(
            len(self._caches), self._images, len(places), *tensor.shape[2:], vector
        )
        for group, place in enumerate(places.tolist()):
            self._caches[:, place * self._images + cells] = frames[:, :, group]

    def _read(self, place: int, groups: int, layout: Layout) -> npt.NDArray[np.int8]:
        first, size = place * self._images, groups * layout.cells * self._images
        caches = self._caches[:, first : first + size]
        return np.concatenate(
            [feature_layout.load(cache, layout, self._images) for cache in caches]
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
