"""Averages of every sum that a window of int8 or uint8 pixels can have.

`fixed_point.average` divides a sum by multiplying and shifting: `(sum * c + 2**(s - 1)) >> s`,
clamped. Here are all sums of all windows of 1..256 pixels. Each is compared with the formula in
integers without a shift, with the mean that it stands for, and with what the engine makes of it,
which has no divider but its requantizer (`passes/moving_jobs.py`).
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from unit.numerics.emulated_arithmetic import compute

from tf2c.numerics import fixed_point
from tf2c.numerics.fixed_point import INT32_MAX, INT32_MIN, AverageFactor

COUNTS = range(1, 257)
"""Pixels per window."""

DIFFERENCES = (-8, -3, -1, 0, 1, 3, 8)
"""Between the exponents of pixels and average."""

Integers = npt.NDArray[np.int64]


def sums_of(count: int, low: int = -128, high: int = 127) -> Integers:
    return np.arange(low * count, high * count + 1, dtype=np.int64)


def factor_of(count: int, difference: int = 0) -> AverageFactor:
    factor = fixed_point.average_factor(count, difference)
    assert factor is not None
    return factor


def every_factor(count: int) -> Iterator[AverageFactor]:
    """All that `average_factor` accepts for a window."""
    for difference in range(-60, 30):
        factor = fixed_point.average_factor(count, difference)
        if factor is not None:
            yield factor


def by_formula(sums: Integers, factor: AverageFactor, low: int, high: int) -> Integers:
    """`floor(sum * c / 2**s + 1/2)` as one floor division of integers far below 2**63."""
    numerators = 2 * sums * factor.multiplier + 2**factor.shift
    return np.clip(numerators // 2 ** (factor.shift + 1), low, high)


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_every_average_of_int8_is_the_formula(difference: int) -> None:
    for count in COUNTS:
        sums, factor = sums_of(count), factor_of(count, difference)
        found = fixed_point.average(sums, factor, -128, 127, np.int8)
        assert np.array_equal(found, by_formula(sums, factor, -128, 127))


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_every_average_of_uint8_is_the_formula(difference: int) -> None:
    for count in COUNTS:
        sums, factor = sums_of(count, 0, 255), factor_of(count, difference)
        found = fixed_point.average(sums, factor, 0, 255, np.uint8)
        assert np.array_equal(found, by_formula(sums, factor, 0, 255))


def test_every_average_of_49_pixels_is_the_formula_at_every_scale() -> None:
    factors = list(every_factor(49))
    assert {factor.shift for factor in factors} == set(range(1, 46))
    for factor in factors:
        found = fixed_point.average(sums_of(49), factor, INT32_MIN, INT32_MAX, np.int32)
        assert np.array_equal(found, by_formula(sums_of(49), factor, INT32_MIN, INT32_MAX))


def test_every_average_of_49_pixels_is_the_formula_in_rational_numbers() -> None:
    """And their mean rounded half up, with no clamping to hide behind."""
    factor = factor_of(49)
    quotient = Fraction(factor.multiplier, 2**factor.shift)
    half = Fraction(1, 2)
    found = fixed_point.average(sums_of(49), factor, INT32_MIN, INT32_MAX, np.int32).tolist()
    sums = sums_of(49).tolist()
    assert found == [math.floor(total * quotient + half) for total in sums]
    assert found == [math.floor(Fraction(total, 49) + half) for total in sums]


def test_every_average_is_the_mean_rounded_to_nearest() -> None:
    """Only a tie between two results may go down, because `c` is rounded.

    A `c` that is a little too small sends positive ties down, one that is too large negative ones.
    Odd windows have no ties. In windows of a power of two `c` is exact, and ties go up.
    """
    with_ties_down: set[int] = set()
    for count in COUNTS:
        sums = sums_of(count)
        found = fixed_point.average(sums, factor_of(count), -128, 127, np.int8).astype(np.int64)
        half_up = (2 * sums + count) // (2 * count)
        is_tie = (2 * sums + count) % (2 * count) == 0
        assert np.array_equal(found[~is_tie], half_up[~is_tie])
        assert (half_up - found)[is_tie].min(initial=0) >= 0
        assert (half_up - found)[is_tie].max(initial=0) <= 1
        if (half_up != found).any():
            with_ties_down.add(count)
    assert with_ties_down
    assert all(count % 2 == 0 and count & (count - 1) for count in with_ties_down)


def as_job(factor: AverageFactor) -> tuple[int, int]:
    """The shift in the weights of the engine's job, and its multiplier `M`."""
    weight_shift = min(6, 30 - factor.shift)
    return weight_shift, factor.multiplier << (30 - factor.shift - weight_shift)


def test_the_engine_averages_every_window_alike(emulator_library: Path) -> None:
    """`sum * 2**k` times `c << (30 - s - k)` in the OpenCL requantizer, a row for each window."""
    columns = sums_of(256).size
    jobs = [as_job(factor_of(count)) for count in COUNTS]
    accumulators = np.zeros((len(jobs), columns), np.int32)
    expected = np.zeros((len(jobs), columns), np.int8)
    for row, (count, (weight_shift, _)) in enumerate(zip(COUNTS, jobs, strict=True)):
        sums = sums_of(count)
        accumulators[row, : sums.size] = sums << weight_shift
        expected[row, : sums.size] = fixed_point.average(sums, factor_of(count), -128, 127, np.int8)
    multipliers = np.array([multiplier for _, multiplier in jobs], np.int32)
    assert multipliers.max() < 1 << 26
    none = np.zeros(len(jobs), np.int32)
    found = compute(
        emulator_library,
        "requantize_rows",
        [accumulators, *accumulators.shape, multipliers, none.astype(np.int8), none, -128, 127],
        accumulators.shape,
    )
    assert np.array_equal(found, expected)
