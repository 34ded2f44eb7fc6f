"""Rounding, saturation and requantization against exact rational numbers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf2c.numerics import fixed_point

INT32 = st.integers(-(2**31), 2**31 - 1)
INT8 = st.integers(-128, 127)
MULTIPLIERS = st.integers(0, fixed_point.MULTIPLIER_LIMIT - 1)
SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)
HALF = Fraction(1, 2)


def clamp(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def requantize_exactly(
    accumulator: int, multiplier: int, low: int, high: int, residual: int = 0, shift: int = 0
) -> int:
    scaled = Fraction(accumulator * multiplier + residual * 2**shift, 2**30)
    return clamp(math.floor(scaled + HALF), low, high)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0.5, 1), (1.5, 2), (2.5, 3), (-0.5, 0), (-1.5, -1), (-2.5, -2)],
)
def test_round_half_up_sends_ties_upward(value: float, rounded: int) -> None:
    assert fixed_point.round_half_up(np.array([value])).tolist() == [rounded]


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0.49, 0), (0.51, 1), (-0.49, 0), (-0.51, -1), (-127.6, -128), (3.0, 3)],
)
def test_round_half_up_takes_the_nearest(value: float, rounded: int) -> None:
    assert fixed_point.round_half_up(np.array([value])).tolist() == [rounded]


@given(SINGLES, st.integers(-40, 40))
def test_quantize_is_exact_for_every_single(value: float, exponent: int) -> None:
    exact = clamp(math.floor(Fraction(value) / Fraction(2) ** exponent + HALF), -128, 127)
    assert fixed_point.quantize(np.array([value], np.float32), exponent).tolist() == [exact]


@given(st.integers(-300, 300), st.integers(-20, 20))
def test_quantize_sends_ties_upward_at_every_exponent(twice: int, exponent: int) -> None:
    value = np.array([math.ldexp(twice, exponent - 1)], np.float32)
    expected = clamp((twice + 1) // 2, -128, 127)
    assert fixed_point.quantize(value, exponent).tolist() == [expected]


@pytest.mark.parametrize(
    ("value", "stored"),
    [(127.0, 127), (127.5, 127), (1e30, 127), (-128.0, -128), (-128.5, -128), (-1e30, -128)],
)
def test_quantize_clamps(value: float, stored: int) -> None:
    assert fixed_point.quantize(np.array([value]), 0).tolist() == [stored]


def test_quantize_clamps_to_other_bounds() -> None:
    stored = fixed_point.quantize(np.array([-3.0, 200.0, 300.0]), 0, low=0, high=255)
    assert stored.tolist() == [0, 200, 255]


def test_quantize_keeps_its_argument() -> None:
    values = np.array([1.25, 1000.0])
    fixed_point.quantize(values, -1)
    assert values.tolist() == [1.25, 1000.0]


def test_quantize_takes_exponents_that_broadcast() -> None:
    stored = fixed_point.quantize(np.array([[1.0, 1.0], [3.0, 3.0]]), np.array([0, -2]))
    assert stored.tolist() == [[1, 4], [3, 12]]


@given(st.lists(INT8, min_size=1), st.integers(-30, 30))
def test_dequantize_undoes_quantize(stored: list[int], exponent: int) -> None:
    values = fixed_point.dequantize(np.array(stored, np.int8), exponent)
    assert fixed_point.quantize(values, exponent).tolist() == stored


@given(INT32, st.integers(-30, 30))
def test_dequantize_is_exact(stored: int, exponent: int) -> None:
    (value,) = fixed_point.dequantize(np.array([stored], np.int32), exponent).tolist()
    assert Fraction(value) == stored * Fraction(2) ** exponent


@given(st.integers(1, 65535), st.integers(0, 30))
def test_requantize_multipliers_have_a_fixed_point(multiplier: int, shift: int) -> None:
    (fixed,) = fixed_point.requantize_multipliers(np.array([multiplier]), np.array([shift]))
    assert Fraction(int(fixed), 2**fixed_point.REQUANTIZE_SHIFT) == Fraction(multiplier, 2**shift)


@given(INT32, MULTIPLIERS)
def test_requantize_equals_rationals(accumulator: int, multiplier: int) -> None:
    stored = fixed_point.requantize(
        np.array([[accumulator]], np.int32), np.array([multiplier]), -128, 127
    )
    assert stored.tolist() == [[requantize_exactly(accumulator, multiplier, -128, 127)]]


@given(st.integers(-300, 300), st.integers(1, 30))
def test_requantize_sends_ties_upward(twice: int, shift: int) -> None:
    accumulator = twice << (shift - 1)
    multipliers = fixed_point.requantize_multipliers(np.array([1]), np.array([shift]))
    stored = fixed_point.requantize(np.array([[accumulator]], np.int64), multipliers, -128, 127)
    assert stored.tolist() == [[clamp((twice + 1) // 2, -128, 127)]]


@given(INT32, MULTIPLIERS, INT8, st.integers(0, fixed_point.RESIDUAL_SHIFT_LIMIT))
def test_requantize_with_residual_equals_rationals(
    accumulator: int, multiplier: int, residual: int, shift: int
) -> None:
    stored = fixed_point.requantize(
        np.array([[accumulator]], np.int32),
        np.array([multiplier]),
        -128,
        127,
        np.array([[residual]], np.int8),
        shift,
    )
    exact = requantize_exactly(accumulator, multiplier, -128, 127, residual, shift)
    assert stored.tolist() == [[exact]]


def test_requantize_rounds_the_sum_with_a_residual_once() -> None:
    quarter = np.array([1 << 28])
    alone = fixed_point.requantize(np.array([[1]], np.int32), quarter, -128, 127)
    together = fixed_point.requantize(
        np.array([[1]], np.int32), quarter, -128, 127, np.array([[1]], np.int8), 28
    )
    assert (alone.tolist(), together.tolist()) == ([[0]], [[1]])


@pytest.mark.parametrize(
    ("accumulator", "multiplier", "residual", "stored"),
    [
        (-(2**31), 2**31 - 1, -128, -128),
        (2**31 - 1, 2**31 - 1, 127, 127),
        (-(2**31), 2**31 - 1, 127, -128),
        (-128, 1 << 30, 0, -128),
        (-129, 1 << 30, 1, -128),
    ],
)
def test_requantize_never_overflows(
    accumulator: int, multiplier: int, residual: int, stored: int
) -> None:
    shift = fixed_point.RESIDUAL_SHIFT_LIMIT if abs(residual) > 1 else 30
    result = fixed_point.requantize(
        np.array([[accumulator]], np.int32),
        np.array([multiplier]),
        -128,
        127,
        np.array([[residual]], np.int8),
        shift,
    )
    assert result.tolist() == [[stored]]


@pytest.mark.parametrize(("low", "high"), [(0, 127), (0, 96), (-128, 127), (5, 5)])
def test_requantize_applies_bounds_last(low: int, high: int) -> None:
    accumulators = np.array([[-300, -1, 0, 50, 100, 300]], np.int32)
    stored = fixed_point.requantize(accumulators, np.array([1 << 30]), low, high)
    assert stored.tolist() == [[clamp(value, low, high) for value in accumulators[0].tolist()]]


def test_requantize_returns_int8() -> None:
    stored = fixed_point.requantize(np.array([[-400]], np.int32), np.array([1 << 30]), -128, 127)
    assert stored.dtype == np.int8


def test_requantize_keeps_its_arguments() -> None:
    accumulators, residual = np.array([[100]], np.int64), np.array([[1]], np.int8)
    fixed_point.requantize(accumulators, np.array([1 << 29]), -128, 127, residual, 30)
    assert (accumulators.tolist(), residual.tolist()) == ([[100]], [[1]])


@pytest.mark.parametrize("pixels", [(), (2, 3)])
def test_requantize_multiplies_per_channel(pixels: tuple[int, ...]) -> None:
    accumulators = np.full((2, 3, *pixels), 64, np.int32)
    multipliers = fixed_point.requantize_multipliers(np.array([1, 1, 3]), np.array([0, 1, 2]))
    stored = fixed_point.requantize(accumulators, multipliers, -128, 127)
    by_channel = np.moveaxis(stored, 1, 0).reshape(3, -1)
    assert [set(row) for row in by_channel.tolist()] == [{64}, {32}, {48}]


@pytest.mark.parametrize(("axis", "shape"), [(0, (3, 1, 1)), (1, (1, 3, 1)), (2, (1, 1, 3))])
def test_broadcast_over_channels_shapes_along_an_axis(
    axis: int, shape: tuple[int, int, int]
) -> None:
    assert fixed_point.broadcast_over_channels(np.arange(3), 3, axis).shape == shape


def average_exactly(total: int, count: int, difference: int) -> Fraction:
    return Fraction(total, count) * Fraction(2) ** difference


@given(st.integers(1, 2**16), st.integers(-20, 14))
def test_average_factor_has_15_or_16_significant_bits(count: int, difference: int) -> None:
    factor = fixed_point.average_factor(count, difference)
    ratio = Fraction(2) ** difference / count
    assert factor is not None
    exact = ratio * 2**factor.shift
    assert abs(factor.multiplier - exact) <= HALF
    assert factor.multiplier < 2**16
    # With a larger shift, it would not fit.
    assert factor.shift == 45 or math.floor(2 * exact + HALF) >= 2**16


@pytest.mark.parametrize(
    ("count", "difference", "factor"),
    [
        (1, 0, (2**15, 15)),
        (4, 0, (2**15, 17)),
        (9, 4, (58254, 15)),
        (64, -7, (2**15, 28)),
        # Rounded up to 2**16, a multiplier has one bit too many.
        (3, 1, (43691, 16)),
        (65537, 0, (65535, 32)),
        (1, 14, (2**15, 1)),
        (1, -45, (1, 45)),
        (1, -46, (1, 45)),
    ],
)
def test_average_factor_is_known(count: int, difference: int, factor: tuple[int, int]) -> None:
    assert fixed_point.average_factor(count, difference) == factor


@pytest.mark.parametrize(("count", "difference"), [(1, 15), (1, -47), (64, 40), (64, -60)])
def test_absurd_steps_have_no_factor(count: int, difference: int) -> None:
    assert fixed_point.average_factor(count, difference) is None


@given(st.integers(-(2**23), 2**23), st.integers(1, 2**16), st.integers(-12, 8))
def test_average_rounds_half_up_by_its_factor(total: int, count: int, difference: int) -> None:
    factor = fixed_point.average_factor(count, difference)
    assert factor is not None
    scaled = Fraction(total * factor.multiplier, 2**factor.shift)
    expected = clamp(math.floor(scaled + HALF), -(2**31), 2**31 - 1)
    found = fixed_point.average(np.array([total]), factor, -(2**31), 2**31 - 1, np.int32)
    assert found.tolist() == [expected]


@pytest.mark.parametrize(("low", "high", "dtype"), [(-128, 127, np.int8), (0, 255, np.uint8)])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 49, 64])
def test_average_of_equal_pixels_is_that_pixel(
    low: int, high: int, dtype: type[np.int8] | type[np.uint8], count: int
) -> None:
    factor = fixed_point.average_factor(count, 0)
    assert factor is not None
    pixels = np.arange(low, high + 1)
    found = fixed_point.average(pixels * count, factor, low, high, dtype)
    assert found.dtype == dtype
    assert found.tolist() == pixels.tolist()


def test_average_is_clamped() -> None:
    factor = fixed_point.AverageFactor(1 << 15, 14)
    found = fixed_point.average(np.array([-100, 100]), factor, -128, 127, np.int8)
    assert found.tolist() == [-128, 127]


def test_average_of_the_largest_sum_fits_int64() -> None:
    factor = fixed_point.AverageFactor(2**16 - 1, 45)
    largest = 255 * 2**16
    (found,) = fixed_point.average(np.array([largest]), factor, 0, 2**31 - 1, np.int32).tolist()
    assert found == math.floor(Fraction(largest * (2**16 - 1), 2**45) + HALF)


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [(np.uint8, 0, 255), (np.int32, -(2**31), 2**31 - 1)]
)
def test_requantize_stores_other_elements(
    dtype: type[np.uint8] | type[np.int32], low: int, high: int
) -> None:
    accumulators = np.array([[-300, 0, 200, 300]], np.int32)
    stored = fixed_point.requantize(accumulators, np.array([1 << 30]), low, high, dtype=dtype)
    assert stored.dtype == dtype
    assert stored.tolist() == [[clamp(value, low, high) for value in (-300, 0, 200, 300)]]


def test_requantize_takes_an_unsigned_residual() -> None:
    stored = fixed_point.requantize(
        np.array([[0]], np.int32),
        np.array([1]),
        0,
        255,
        np.array([[255]], np.uint8),
        30,
        np.uint8,
    )
    assert stored.tolist() == [[255]]
