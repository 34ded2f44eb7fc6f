"""What each vector of pixels waits for: the table by which `scheduler` keeps jobs in order.

A job reads what earlier ones store, and starts before the last of that is there. Results are stored
in one order, known beforehand, so that 'how many of them are stored' says which: for every vector
of pixels of every job, the table has how many must be. It is made from the addresses in the job
table alone, for a number of images, and holds for any layout of tensors in the memory.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf2c.engine import Engine
from tf2c.program import Job, Program

Counts = npt.NDArray[np.int32]


class Interlock(NamedTuple):
    """Of each job's vectors of pixels; filter tiles repeat them."""

    rows: tuple[npt.NDArray[np.int32], ...]
    """For each job `[vectors, 2]`: how many results must have been stored before a vector of its
    first filter tile may be issued, and how many results the window unit sends for it."""

    def table(self) -> npt.NDArray[np.int32]:
        """Return the rows of all jobs, one job behind the other."""
        return np.concatenate(self.rows) if self.rows else np.zeros((0, 2), np.int32)


def interlock(program: Program, images: int) -> Interlock:
    """Return what the vectors of a program wait for, on a batch of images."""
    engine = program.engine
    # By channel vector of the feature memory: how many results are stored when it is.
    stored_at = np.zeros((images, program.feature_bytes // engine.channel_vector), np.int32)
    done = 0
    rows: list[npt.NDArray[np.int32]] = []
    for job in program.jobs:
        seen = engine.split(job.split)
        vectors = seen.pixel_tiles(images * job.pixels)
        needed = np.zeros(vectors * seen.pixel_vector, np.int32)
        needed[: images * job.pixels] = _needed(engine, job, stored_at).reshape(-1)
        sent, sender = _results(seen, job, images)
        rows.append(np.stack([needed.reshape(vectors, -1).max(axis=1), sent], axis=1))
        if not job.wide:
            first = done + 1 + sender
            per_tile = seen.filter_vector // engine.channel_vector
            for group, place in enumerate(program.output_places(job).tolist()):
                cells = _cells(engine, place, job.output_height * job.output_width)
                tile = group // per_tile
                stored_at[:, cells] = first.reshape(images, -1) + tile * int(sent.sum())
        done += job.filter_tiles * int(sent.sum())
    return Interlock(tuple(rows))


def _cells(engine: Engine, offset: int, count: int) -> slice:
    """Return which channel vectors of the memory so many from an offset on are."""
    first = offset // engine.channel_vector
    return slice(first, first + count)


def _latest(
    engine: Engine, stored_at: Counts, offset: int, groups: int, height: int, width: int
) -> Counts:
    """Return when each pixel of a tensor is complete, `[N, H, W]`."""
    cells = stored_at[:, _cells(engine, offset, groups * height * width)]
    return cells.reshape(len(stored_at), groups, height, width).max(axis=1)


def _needed(engine: Engine, job: Job, stored_at: Counts) -> Counts:
    """Return when all that a pixel of the convolution reads is there, `[N, OH, OW]`."""
    inputs = _latest(
        engine, stored_at, job.input_offset, job.input_groups, job.input_height, job.input_width
    )
    rows = _latest_in_windows(
        inputs,
        job.convolution_height,
        job.kernel_height,
        job.stride_height,
        job.dilation_height,
        job.pad_top,
    )
    needed = _latest_in_windows(
        rows.swapaxes(1, 2),
        job.convolution_width,
        job.kernel_width,
        job.stride_width,
        job.dilation_width,
        job.pad_left,
    ).swapaxes(1, 2)
    if job.residual_offset >= 0:
        residual = _latest(
            engine,
            stored_at,
            job.residual_offset,
            job.output_groups,
            job.convolution_height,
            job.convolution_width,
        )
        needed = np.maximum(needed, residual)
    return needed


def _latest_in_windows(
    times: Counts, windows: int, kernel: int, stride: int, dilation: int, pad: int
) -> Counts:
    """Return the latest time in each of the windows along the middle axis."""
    extent = times.shape[1]
    latest = np.zeros((times.shape[0], windows, times.shape[2]), np.int32)
    for tap in range(kernel):
        begin = tap * dilation - pad
        places = begin + stride * np.arange(windows)
        inside = (places >= 0) & (places < extent)
        latest[:, inside] = np.maximum(latest[:, inside], times[:, places[inside]])
    return latest


def _results(engine: Engine, job: Job, images: int) -> tuple[Counts, Counts]:
    """Return how many results each vector of pixels has, and which result each pixel stored is in.

    Results are counted within a filter tile.
    """
    pixels = images * job.pixels
    vectors = engine.pixel_tiles(pixels)
    if not job.pools:
        return np.ones(vectors, np.int32), np.arange(pixels, dtype=np.int32) // engine.pixel_vector
    ends = np.arange(job.output_height) * job.pool_stride_height - job.pool_pad_top
    ends = np.minimum(ends + job.pool_height, job.convolution_height)
    rows = np.arange(images)[:, None] * job.convolution_height + ends
    completing = (rows.reshape(-1) * job.convolution_width - 1) // engine.pixel_vector
    per_row = engine.pixel_tiles(job.output_width)
    sent = np.bincount(completing, minlength=vectors) * per_row
    row, column = np.divmod(
        np.arange(images * job.output_height * job.output_width), job.output_width
    )
    return sent.astype(np.int32), (row * per_row + column // engine.pixel_vector).astype(np.int32)
