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
