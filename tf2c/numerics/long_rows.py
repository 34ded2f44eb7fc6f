"""Compensated rounding of rows that are too long for second moments of all of their columns.

The columns are cut into blocks, rounded one after the other with one step per row. What is wanted
from a block is what the whole row ought to give, less what its other columns give: those of earlier
blocks as they were rounded, those of later ones as they are in the float network. So each block
also makes up for the errors of the blocks before it (block coordinate descent on the objective of
`compensated_rounding`). The samples are gone through once for every
block, and all blocks twice.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf2c.numerics.compensated_rounding import (
    Grid,
    RoundedRows,
    levels_for_steps,
    plain_steps,
    with_bits,
)
from tf2c.numerics.moments import Matrix, Moments

LONGEST = 4608
"""Columns whose second moments are kept at once: windows of 3 x 3 pixels and 512 channels."""

ROUNDS = 2
"""Through all blocks: in the second, each knows how those behind it were rounded."""

WEIGHTS_AT_ONCE = 1 << 22
"""Of which steps are searched."""


class Samples(NamedTuple):
    """What rows see at some pixels."""

    inputs: npt.NDArray[np.float32]
    """`[K, n]`."""
    outputs: npt.NDArray[np.float32]
    """What is wanted from them, `[M, n]`."""
    images: int
    """From which they are."""


class LongRows:
    """Samples of long rows of weights, and their means."""

    def __init__(self, samples: Callable[[], Iterable[Samples]]) -> None:
        """Go through the samples once.

        Args:
            samples: returns all of them, the same at each call, at least one.
        """
        self.samples = samples
        self.images = 0
        count, input_sums, input_squares, output_sums = 0, 0.0, 0.0, 0.0
        for inputs, outputs, images in samples():
            count += inputs.shape[1]
            self.images += images
            input_sums += inputs.sum(axis=1, dtype=np.float64)
            input_squares += np.einsum("kn,kn->k", inputs, inputs, dtype=np.float64)
            output_sums += outputs.sum(axis=1, dtype=np.float64)
        self.input_means: Matrix = np.asarray(input_sums) / count
        """`[K]`."""
        self.output_means: Matrix = np.asarray(output_sums) / count
        """`[M]`."""
        self.input_variances: Matrix = np.asarray(input_squares) / count - self.input_means**2
        """`[K]`."""


def round_in_blocks(
    rows: LongRows,
    weights: npt.NDArray[np.float32],
    grid: Grid,
    nearest_steps: Matrix,
    lowest_step: Matrix,
    highest_step: Matrix,
    step_bits: int,
) -> RoundedRows:
    """Round weights `[M, K]` as `round_compensated` does, in memory of `LONGEST ** 2`.

    Never worse on the samples than rounding every weight to the nearest. Steps are those of least
    rounding error, where shorter rows try several.

    Args:
        rows: samples of the rows.
        weights: of the float network.
        grid: what to round to.
        nearest_steps: `[M]`, with which rounding to the nearest would be done.
        lowest_step: `[M]`, the least step that each row may have.
        highest_step: `[M]`.
        step_bits: significant bits of a step; those with 1 are powers of two.
    """
    nearest_steps = np.clip(nearest_steps, lowest_step, highest_step)
    found = with_bits(_plain_steps(weights, grid, rows.input_variances), step_bits)
    steps = np.clip(found, lowest_step, highest_step)
    blocks = list(_blocks(weights.shape[1]))
    levels = np.empty(weights.shape, np.int8)
    current = weights.copy()
    for block in blocks * ROUNDS:
        current[:, block] = 0
        moments = Moments(len(weights), block.stop - block.start)
        for inputs, outputs, images in rows.samples():
            others = np.matmul(current, inputs, dtype=np.float32)
            moments.add(inputs[block], outputs - others, images)
        own = weights[:, block]
        levels[:, block] = levels_for_steps(moments, own, grid, steps, weights.shape[1])
        current[:, block] = levels[:, block] * steps[:, None]
    errors = _errors(rows, current)
    nearest = np.empty_like(levels)
    for block in blocks:
        nearest[:, block] = grid.nearest(weights[:, block] / nearest_steps[:, None])
        current[:, block] = nearest[:, block] * nearest_steps[:, None]
    keeps = errors <= _errors(rows, current)
    return RoundedRows(
        np.where(keeps[:, None], levels, nearest), np.where(keeps, steps, nearest_steps)
    )


def _blocks(columns: int) -> Iterator[slice]:
    """Cut columns into as few blocks as may be, of about the same size."""
    count = -(-columns // LONGEST)
    for index in range(count):
        yield slice(columns * index // count, columns * (index + 1) // count)


def _plain_steps(weights: npt.NDArray[np.float32], grid: Grid, importance: Matrix) -> Matrix:
    """Search steps a few rows at a time, because a search takes several copies of them."""
    parts = -(-weights.size // WEIGHTS_AT_ONCE)
    found = [plain_steps(rows, grid, importance) for rows in np.array_split(weights, parts)]
    return np.concatenate(found)


def _errors(rows: LongRows, weights: npt.NDArray[np.float32]) -> Matrix:
    """Return each row's squared error on the samples, the bias making up for its mean: `[M]`."""
    count, sums, squares = 0, np.zeros(len(weights)), np.zeros(len(weights))
    for inputs, outputs, _ in rows.samples():
        errors = (outputs - weights @ inputs).astype(np.float64)
        count += inputs.shape[1]
        sums += errors.sum(axis=1)
        squares += np.square(errors).sum(axis=1)
    return squares - sums**2 / count
