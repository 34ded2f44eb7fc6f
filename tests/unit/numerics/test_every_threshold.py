"""The requantizer at every threshold: `numerics.fixed_point` and the engine's OpenCL text.

`thresholds.py` says why this proves a requantizer for all 2**32 accumulators. The accumulators
are thereby exhausted; the requantizers are covered as follows.

- Multipliers `M = multiplier << (30 - shift)`: every pure shift of 0..30; 44 multipliers, extremes
  and a seeded draw, at every shift; each of the 65535 at one shift that the seed draws; zero, which
  lanes without a filter have; the ends of what the engine (26 bits) and `numerics` (31 bits) take.
- Residuals: none; all 256 at the extremes of the residual shift and about 30, where a residual is
  worth one result; the extreme ones at every shift of 0..48.
- Bounds: of int8, ReLU, a clip like ReLU6, uint8, and a single number.

The compiler emits multipliers below 2**26, 5..30 as pure shifts. The OpenCL text is tested on all
that `numerics` takes, except unsigned residuals, which the engine does not have.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from unit.numerics.emulated_arithmetic import compute
from unit.numerics.thresholds import (
    Requantizers,
    all_of,
    stretches,
    thresholds,
    without_residual,
)

from tf2c.engine import Engine
from tf2c.numerics import fixed_point
from tf2c.numerics.fixed_point import INT32_MAX, INT32_MIN

SHIFTS = range(31)
SIXTEEN_BITS = 1 << 16
OF_INT8 = (-128, 127)
BOUNDS = [OF_INT8, (0, 127), (0, 96), (0, 255), (-5, -5)]

LARGEST = [
    (1 << Engine.multiplier_bits) - 1,
    1 << Engine.multiplier_bits,
    fixed_point.MULTIPLIER_LIMIT - 1,
]
"""The engine's largest, one too large for it, and the largest of all."""

SOME = [1, 3, 1 << 20, 46341 << 7, (1 << 26) - 1, 1 << 30, fixed_point.MULTIPLIER_LIMIT - 1]
"""For every combination with residuals."""

Requantize = Callable[[Requantizers, npt.NDArray[np.int32], int, int], npt.NDArray[np.integer]]
"""The results of each requantizer for its row of accumulators."""


def fixed_positions(multiplier: int) -> list[int]:
    """All `M` of a multiplier."""
    return [multiplier << (30 - shift) for shift in SHIFTS]


def at_every_shift() -> list[int]:
    """Pure shifts, and multipliers of 16 bits that are extreme or drawn."""
    powers = [1 << bit for bit in range(16)]
    extreme = [3, 5, 7, 255, 257, 32767, 32769, 43691, 46341, 65533, 65534, 65535]
    drawn = np.random.default_rng(4).integers(1, SIXTEEN_BITS, 16).tolist()
    every = {0, *LARGEST}
    for multiplier in (*powers, *extreme, *drawn):
        every.update(fixed_positions(multiplier))
    return sorted(each for each in every if each < fixed_point.MULTIPLIER_LIMIT)


def every_multiplier_once() -> Requantizers:
    """Each of the 65535, at a shift at which it is legal."""
    random = np.random.default_rng(5)
    return without_residual(
        [
            multiplier << (30 - int(random.integers(multiplier.bit_length() - 1, 31)))
            for multiplier in range(1, SIXTEEN_BITS)
        ]
    )


def with_residuals() -> list[Requantizers]:
    every_residual = all_of(SOME, list(range(-128, 128)), [0, 1, 29, 30, 31, 47, 48])
    every_shift = all_of(SOME, [-128, -127, -1, 0, 1, 127], list(range(49)))
    return [every_residual, every_shift]


def by_numerics(
    requantizers: Requantizers, accumulators: npt.NDArray[np.int32], low: int, high: int
) -> npt.NDArray[np.integer]:
    """`numerics.fixed_point.requantize`, once for each residual shift; a row is a channel."""
    dtype, residual_dtype = (
        np.uint8 if largest > 127 else np.int8 for largest in (high, requantizers.residuals.max())
    )
    results = np.empty(accumulators.shape, dtype)
    for shift in np.unique(requantizers.residual_shifts):
        rows = requantizers.residual_shifts == shift
        own = accumulators[rows][None]
        residuals = requantizers.residuals[rows].astype(residual_dtype)
        results[rows] = fixed_point.requantize(
            own,
            requantizers.multipliers[rows],
            low,
            high,
            np.broadcast_to(residuals[None, :, None], own.shape) if residuals.any() else None,
            int(shift),
            dtype,
        )[0]
    return results


@pytest.fixture(params=["numerics", "emulator"])
def requantize(request: pytest.FixtureRequest) -> Requantize:
    """Both implementations; that on the emulator is skipped where there is none."""
    if request.param == "numerics":
        return by_numerics
    library: Path = request.getfixturevalue("emulator_library")

    def by_opencl_text(
        requantizers: Requantizers, accumulators: npt.NDArray[np.int32], low: int, high: int
    ) -> npt.NDArray[np.integer]:
        operands = [
            accumulators,
            *accumulators.shape,
            requantizers.multipliers.astype(np.int32),
            requantizers.residuals.astype(np.int8),
            requantizers.residual_shifts.astype(np.int32),
            low,
            high,
        ]
        return compute(library, "requantize_rows", operands, accumulators.shape)

    return by_opencl_text


def expect_right(
    requantize: Requantize, requantizers: Requantizers, bounds: tuple[int, int]
) -> None:
    accumulators, results = stretches(requantizers, *bounds)
    found = requantize(requantizers, accumulators, *bounds)
    wrong = np.argwhere(found != results)
    assert not wrong.size, (
        f"{len(wrong)} of {results.size} are wrong, the first for "
        f"{[int(each[wrong[0][0]]) for each in requantizers]} at {accumulators[*wrong[0]]}"
    )


@pytest.mark.parametrize("bounds", BOUNDS)
def test_every_threshold_of_many_multipliers_at_every_shift(
    requantize: Requantize, bounds: tuple[int, int]
) -> None:
    expect_right(requantize, without_residual(at_every_shift()), bounds)


def test_every_threshold_of_every_multiplier_of_16_bits(requantize: Requantize) -> None:
    expect_right(requantize, every_multiplier_once(), OF_INT8)


@pytest.mark.parametrize("bounds", [OF_INT8, (0, 127)])
def test_every_threshold_with_residuals(requantize: Requantize, bounds: tuple[int, int]) -> None:
    for requantizers in with_residuals():
        expect_right(requantize, requantizers, bounds)


def test_every_threshold_with_unsigned_residuals() -> None:
    requantizers = all_of(SOME, list(range(256)), [0, 29, 30, 31, 48])
    expect_right(by_numerics, requantizers, (0, 255))


def test_thresholds_are_those_of_rational_numbers() -> None:
    """The one formula that the proof leans on, beside the definition of rounding half up."""
    random = np.random.default_rng(6)
    for _ in range(300):
        multiplier = int(2 ** random.uniform(0, 31))
        residual, shift = int(random.integers(-128, 256)), int(random.integers(0, 49))
        steps = thresholds(all_of([multiplier], [residual], [shift]), -128, 255)[0]
        result = int(random.integers(-127, 256))

        def rounded(accumulator: int, m: int = multiplier, joining: int = residual << shift) -> int:
            exact = Fraction(accumulator * m + joining, 2**30)
            return math.floor(exact + Fraction(1, 2))

        step = int(steps[result + 127])
        assert rounded(step - 1) < result <= rounded(step)


def test_stretches_of_a_known_requantizer() -> None:
    """A shift by 1: -3/2 becomes -1 and 3/2 becomes 2, where the upper bound is 1."""
    accumulators, results = stretches(without_residual([1 << 29]), -1, 1)
    assert accumulators.tolist() == [[INT32_MIN, INT32_MAX, -1, 1, -2, 0]]
    assert results.tolist() == [[-1, 1, 0, 1, -1, 0]]


def test_no_intermediate_overflows() -> None:
    """What keeps the order of accumulators (see `thresholds.py`), and one text one meaning.

    A compiler may take an overflow of signed numbers to be impossible. A product in 32 bits is then
    right in one kernel, where it became one in 64, and wrong in another: seen on the emulator.
    """
    limit, half = fixed_point.MULTIPLIER_LIMIT - 1, 1 << 29
    for accumulator, residual in product((INT32_MIN, INT32_MAX), (-128, 0, 255)):
        scaled = accumulator * limit
        joined = scaled + (residual << fixed_point.RESIDUAL_SHIFT_LIMIT)
        for intermediate in (scaled, joined, joined + half):
            assert -(2**63) <= intermediate < 2**63


@pytest.mark.parametrize("multiplier", SOME)
def test_results_never_fall(multiplier: int) -> None:
    """The other half of the argument, for a million accumulators in order."""
    random = np.random.default_rng(7)
    drawn = random.integers(INT32_MIN, INT32_MAX + 1, 500_000)
    small = random.integers(-500_000, 500_000, 500_000)
    accumulators = np.sort(np.concatenate([drawn, small]))[None].astype(np.int32)
    for residual, shift in ((0, 0), (-128, 48), (127, 30)):
        requantizers = all_of([multiplier], [residual], [shift])
        assert (np.diff(by_numerics(requantizers, accumulators, *OF_INT8).astype(int)) >= 0).all()


def test_emulated_results_never_fall_between_the_outermost_thresholds(
    emulator_library: Path,
) -> None:
    """The other half of the argument, for one multiplier at each of 2**28 accumulators in a row."""
    requantizers = all_of([1024], [-77], [20])
    steps = thresholds(requantizers, *OF_INT8)[0]
    first, last = -(1 << 27), (1 << 27) - 1
    assert first < steps[0] < steps[-1] <= last
    operands = [first, last, *(int(each[0]) for each in requantizers), *OF_INT8]
    assert compute(emulator_library, "count_falls", operands, (1,)).tolist() == [0]


def test_wide_results_are_right_in_a_sample(requantize: Requantize) -> None:
    """Averages may keep 32 bits: too many thresholds, so a draw and both ends."""
    random = np.random.default_rng(8)
    requantizers = without_residual(at_every_shift())
    shape = (len(requantizers.multipliers), 200)
    accumulators = random.integers(INT32_MIN, INT32_MAX + 1, shape).astype(np.int32)
    accumulators[:, :2] = INT32_MIN, INT32_MAX
    exact = [
        [
            min(max((2 * accumulator * multiplier + 2**30) // 2**31, INT32_MIN), INT32_MAX)
            for accumulator in row
        ]
        for row, multiplier in zip(
            accumulators.tolist(), requantizers.multipliers.tolist(), strict=True
        )
    ]
    if requantize is by_numerics:
        found = fixed_point.requantize(
            accumulators[None],
            requantizers.multipliers,
            INT32_MIN,
            INT32_MAX,
            dtype=np.int32,
        )[0]
    else:
        found = requantize(requantizers, accumulators, INT32_MIN, INT32_MAX)
    assert found.tolist() == exact
