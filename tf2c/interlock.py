"""What each vector of pixels waits for: the table by which `scheduler` keeps jobs in order.

A job reads what earlier ones store, and starts before the last of that is there. Results are stored
in one order, known beforehand, so that 'how many of them are stored' says which: for every vector
of pixels of every job, and for every transfer, the table has how many must be. It is made from the
places in the job table alone, for a number of images, and holds for any layout of tensors in the
cache, whatever lay there before.

The table also says in how many turns the cache's banks store results and read residual operands.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf2c import feature_layout
from tf2c.engine import Engine
from tf2c.feature_layout import Layout
from tf2c.job_table import Job, Transfer
from tf2c.program import Program

Counts = npt.NDArray[np.int32]


class Interlock(NamedTuple):
    """Of each job's vectors of pixels; filter tiles repeat them. Frames repeat all of it."""

    rows: tuple[Counts, ...]
    """For each job `[vectors, 5]`: how many results of the frame must have been stored before a
    vector of its first filter tile may be issued, 0 for none; how many results the window unit
    sends for it; in how many turns the banks store a channel group of a result, and read one of the
    residual operand; and 1 if that shares a page of the cache with the features."""
    transfers: Counts
    """How many results of the frame must have been stored before each transfer; those of the frame
    before count negatively."""
    results: int
    """Of a frame."""

    def table(self) -> Counts:
        """Return the rows of all jobs, one job behind the other."""
        return np.concatenate(self.rows) if self.rows else np.zeros((0, 5), np.int32)


def interlock(program: Program, images: int) -> Interlock:
    """Return what the vectors of a program wait for, with a batch of so many images."""
    engine = program.engine
    # By cell of the cache: how many results are stored when it is; 0 if none is awaited.
    stored_at = np.zeros(images * program.cache_vectors, np.int32)
    awaited = np.zeros(len(program.transfers), np.int32)
    done = 0
    rows: list[Counts] = []
    for index, job in enumerate(program.jobs):
        _await_transfers(program, index, stored_at, awaited)
        vector = engine.split(job.split).pixel_vector
        needed = _needed(job, stored_at, images)
        sent, sender = _results(vector, job, images)
        rows.append(
            np.stack(
                [
                    feature_layout.in_order(needed, job.order, vector).max(axis=1, initial=0),
                    sent,
                    _store_turns(engine.banks, vector, job, images, sender),
                    _residual_turns(engine.banks, vector, job, images),
                    np.full(len(sent), _shares_page(engine, job, images)),
                ],
                axis=1,
            ).astype(np.int32)
        )
        if not job.returned:
            per_tile = engine.split(job.split).filter_vector // engine.channel_vector
            cells = job.output.cell_of(images)
            for group, place in enumerate(program.output_places(job).tolist()):
                tile = group // per_tile
                stored_at[place * images + cells] = done + 1 + sender + tile * int(sent.sum())
        done += job.filter_tiles * int(sent.sum())
    _await_transfers(program, len(program.jobs), stored_at, awaited)
    for index, transfer in enumerate(program.transfers):
        if transfer.after_jobs <= 0:
            # It runs ahead, while the last results of the frame before are stored.
            awaited[index] = stored_at[_moved(transfer, images)].max() - done
    return Interlock(tuple(rows), awaited, done)


def _moved(transfer: Transfer, images: int) -> slice:
    """Return the cells that a transfer moves."""
    first = transfer.cache_place * images
    return slice(first, first + transfer.vectors * images)


def _await_transfers(program: Program, jobs: int, stored_at: Counts, awaited: Counts) -> None:
    """Let the transfers that begin behind so many jobs wait; what they load waits for no result."""
    for index, transfer in enumerate(program.transfers):
        if transfer.after_jobs == jobs > 0:
            moved = _moved(transfer, len(stored_at) // max(program.cache_vectors, 1))
            awaited[index] = stored_at[moved].max()
            if not transfer.stores:
                stored_at[moved] = 0


def _latest(stored_at: Counts, place: int, groups: int, layout: Layout, images: int) -> Counts:
    """Return when each pixel of a tensor is complete, `[N, H, W]`."""
    first = place * images
    by_group = stored_at[first : first + groups * images * layout.cells]
    return by_group.reshape(groups, -1).max(axis=0)[layout.cell_of(images)]


def _needed(job: Job, stored_at: Counts, images: int) -> Counts:
    """Return when all that a pixel of the convolution reads is there, `[N, OH, OW]`."""
    inputs = _latest(stored_at, job.input_place, job.input_groups, job.input, images)
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
    if job.residual_place >= 0:
        residual = _latest(stored_at, job.residual_place, job.output_groups, job.residual, images)
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


def _results(vector: int, job: Job, images: int) -> tuple[Counts, Counts]:
    """Return how many results each vector of pixels has, and which result each pixel stored is in.

    Results are counted within a filter tile; pixels are `[N, H, W]`.
    """
    vectors = -(-images * job.order.cells // vector)
    if not job.pools:
        return np.ones(vectors, np.int32), job.order.cell_of(images) // vector
    ends = np.arange(job.output_height) * job.pool_stride_height - job.pool_pad_top
    ends = np.minimum(ends + job.pool_height, job.convolution_height)
    rows = np.arange(images)[:, None] * job.convolution_height + ends
    completing = (rows.reshape(-1) * job.convolution_width - 1) // vector
    per_row = -(-job.output_width // vector)
    sent = np.bincount(completing, minlength=vectors) * per_row
    row = np.arange(images * job.output_height).reshape(images, -1, 1)
    sender = row * per_row + np.arange(job.output_width) // vector
    return sent.astype(np.int32), sender.astype(np.int32)


def _store_turns(banks: int, vector: int, job: Job, images: int, sender: Counts) -> Counts:
    """Return in how many turns the banks store a channel group of each vector's results."""
    vectors = -(-images * job.order.cells // vector)
    if job.returned:
        return np.ones(vectors, np.int32)
    cells = job.output.cell_of(images)
    if not job.pools:
        turns = feature_layout.turns(feature_layout.in_order(cells, job.order, vector), banks)
        return turns.astype(np.int32)
    # One number for all: which results a vector has is not needed then.
    count = int(sender.max()) + 1
    crowd = np.bincount((sender * banks + cells % banks).reshape(-1), minlength=count * banks)
    return np.full(vectors, crowd.max(), np.int32)


def _residual_turns(banks: int, vector: int, job: Job, images: int) -> Counts:
    """Return in how many turns they read a channel group of the residual operand."""
    cells = feature_layout.in_order(job.residual.cell_of(images), job.order, vector)
    if job.residual_place < 0:
        return np.ones(len(cells), np.int32)
    return feature_layout.turns(cells, banks).astype(np.int32)


def _shares_page(engine: Engine, job: Job, images: int) -> bool:
    """Whether some page of the cache has features and residual operands of a job."""
    if job.residual_place < 0:
        return False
    features = engine.pages(job.input_place * images, job.input_groups * job.input.cells * images)
    residual = engine.pages(
        job.residual_place * images, job.output_groups * job.residual.cells * images
    )
    return features.start < residual.stop and residual.start < features.stop
