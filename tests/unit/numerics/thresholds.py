"""Where a requantizer's result steps up, from exact integers alone.

The result of `int8.requantize` for an accumulator `a` is the number nearest to
`v(a) = (a * M + r * 2**t) / 2**30`, ties upward, between `low` and `high`. So it is at least `y`,
for `low < y <= high`, exactly where `v(a) >= y - 1/2`, that is where

    a * M >= (2 * y - 1) * 2**29 - r * 2**t

and for `M > 0` the least such accumulator, the *threshold* of `y`, is one ceiling division. Nothing
here rounds to nearest, shifts right or clamps, which is what is to be proved.

**Why a few accumulators prove all 2**32.** Let `e(a)` be the right result and `f(a)` what an
implementation returns. `e` never falls as `a` grows and is constant between two neighboring
thresholds. `f` never falls either: it multiplies by a number that is not negative, adds constants,
shifts right arithmetically and clamps, each of which keeps order as long as nothing overflows, and
the largest intermediates fit int64. Take any stretch from one threshold (or the least int32) to
the accumulator before the next (or the greatest int32). If `f = e` at both of its ends, `f` can
be nothing else in between: it would have to fall. So `f = e` everywhere if it is so at each
threshold, at each accumulator before one, and at both ends of int32.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf2c.numerics.fixed_point import INT32_MAX, INT32_MIN

BEYOND = 1 << 62
"""A threshold that no accumulator comes to."""

ROWS_AT_ONCE = 512
"""Bounds memory, of which intermediates take most."""

Integers = npt.NDArray[np.int64]


class Requantizers(NamedTuple):
    """As many requantizers as the arrays are long."""

    multipliers: Integers
    """`M`."""
    residuals: Integers
    """`r`, 0 where there is none."""
    residual_shifts: Integers
    """`t`."""


def without_residual(multipliers: list[int]) -> Requantizers:
    none = np.zeros(len(multipliers), np.int64)
    return Requantizers(np.array(multipliers, np.int64), none, none)


def all_of(
    multipliers: list[int], residuals: list[int], residual_shifts: list[int]
) -> Requantizers:
    """Every combination."""
    grids = np.meshgrid(multipliers, residuals, residual_shifts, indexing="ij")
    return Requantizers(*(grid.reshape(-1).astype(np.int64) for grid in grids))


def thresholds(requantizers: Requantizers, low: int, high: int) -> Integers:
    """Return for each requantizer the thresholds of `low + 1 .. high`, in order `[N, high - low]`.

    A multiplier of zero lets a result be reached by all accumulators or by none.
    """
    results = np.arange(low + 1, high + 1, dtype=np.int64)
    # At most 511 * 2**29 + 255 * 2**48, far from int64's end.
    needed = (2 * results[None, :] - 1) * 2**29 - (
        requantizers.residuals * 2**requantizers.residual_shifts
    )[:, None]
    multipliers = requantizers.multipliers[:, None]
    ceilings = -(-needed // np.maximum(multipliers, 1))
    return np.where(multipliers > 0, ceilings, np.where(needed <= 0, -BEYOND, BEYOND))


class Stretches(NamedTuple):
    """Accumulators that decide, and the right results for them."""

    accumulators: npt.NDArray[np.int32]
    """`[N, 2 * (high - low) + 2]`: the ends of all stretches between thresholds."""
    results: npt.NDArray[np.int16]


def stretches(requantizers: Requantizers, low: int, high: int) -> Stretches:
    """Return the ends of each requantizer's stretches; the right result counts thresholds."""
    rows, columns = len(requantizers.multipliers), 2 * (high - low) + 2
    accumulators = np.empty((rows, columns), np.int32)
    results = np.empty((rows, columns), np.int16)
    for first in range(0, rows, ROWS_AT_ONCE):
        block = slice(first, first + ROWS_AT_ONCE)
        steps = thresholds(Requantizers(*(each[block] for each in requantizers)), low, high)
        of_int32 = np.broadcast_to(np.array([INT32_MIN, INT32_MAX]), (len(steps), 2))
        ends = np.concatenate([of_int32, steps, steps - 1], axis=1)
        # A step outside int32 becomes one of its ends, which are to be right anyway.
        np.clip(ends, INT32_MIN, INT32_MAX, out=ends)
        accumulators[block] = ends
        for row, (own_steps, own_ends) in enumerate(zip(steps, ends, strict=True), start=first):
            results[row] = low + np.searchsorted(own_steps, own_ends, side="right")
    return Stretches(accumulators, results)
