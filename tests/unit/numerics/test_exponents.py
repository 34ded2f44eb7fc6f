"""The choice of exponents against exact comparisons and exhaustive search."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tf2c.numerics import exponents, fixed_point, pow2

SINGLES = st.floats(width=32, min_value=2.0**-60, max_value=2.0**60)
MAGNITUDES = st.just(0.0) | st.floats(2.0**-40, 4.0, width=32)
WEIGHTS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 5)),
    elements=st.tuples(MAGNITUDES, st.sampled_from([1, -1])).map(lambda each: each[0] * each[1]),
)


def covering(magnitude: float, largest: int) -> int:
    return int(exponents.covering_exponent(np.array([magnitude]), largest)[0])


@given(SINGLES, st.sampled_from([127, 64, exponents.BIAS_LIMIT]))
def test_covering_exponent_is_the_least_that_covers(magnitude: float, largest: int) -> None:
    exponent = covering(magnitude, largest)
    assert Fraction(magnitude) <= largest * Fraction(2) ** exponent
    assert Fraction(magnitude) > largest * Fraction(2) ** (exponent - 1)


@pytest.mark.parametrize("largest", [127, exponents.BIAS_LIMIT])
@pytest.mark.parametrize("exponent", [-40, -1, 0, 1, 40])
def test_covering_exponent_is_exact_at_its_boundary(exponent: int, largest: int) -> None:
    boundary = np.float32(np.ldexp(largest, exponent))
    above = np.nextafter(boundary, np.float32(np.inf))
    found = (covering(float(boundary), largest), covering(float(above), largest))
    assert found == (exponent, exponent + 1)


def test_covering_exponent_of_zero_is_no_constraint() -> None:
    assert covering(0.0, 127) == exponents.LOWEST_EXPONENT


@given(SINGLES, st.integers(1, 6), st.sampled_from([fixed_point.INT8_MAX, fixed_point.UINT8_MAX]))
def test_activation_candidates_begin_where_nothing_saturates(
    largest: float, count: int, largest_stored: int
) -> None:
    candidates = exponents.activation_candidates(largest, count, largest_stored)
    first = covering(largest, largest_stored)
    assert candidates.tolist() == [first - finer for finer in range(count)]


def chosen(
    weights: list[list[float]],
    bias: list[float],
    input_exponent: int = 0,
    output_exponent: int | None = None,
) -> list[int]:
    return exponents.weight_exponents(
        np.array(weights), np.array(bias), input_exponent, output_exponent, exponents.ENGINE_SHIFT
    ).tolist()


SMALLEST_SHIFTS = st.sampled_from([0, exponents.ENGINE_SHIFT])


@given(WEIGHTS, st.integers(-10, 10), st.integers(-20, 20), SMALLEST_SHIFTS)
def test_weight_exponents_have_legal_shifts(
    weights: npt.NDArray[np.float32], input_exponent: int, output_exponent: int, smallest: int
) -> None:
    bias = np.zeros(len(weights))
    found = exponents.weight_exponents(weights, bias, input_exponent, output_exponent, smallest)
    shifts = output_exponent - input_exponent - found
    assert (shifts <= fixed_point.REQUANTIZE_SHIFT).all()
    assert (shifts >= smallest).all()


def test_rounding_weights_leaves_the_engine_its_smallest_shift() -> None:
    after_rounding = exponents.ENGINE_SHIFT - exponents.ROUNDING_MARGIN
    assert after_rounding >= exponents.SMALLEST_SHIFT


@given(WEIGHTS, st.integers(-10, 10))
def test_weight_exponents_without_output_hold_the_largest_weight(
    weights: npt.NDArray[np.float32], input_exponent: int
) -> None:
    found = exponents.weight_exponents(weights, np.zeros(len(weights)), input_exponent, None, 0)
    magnitudes = np.abs(weights).max(axis=1)
    assert (magnitudes <= np.ldexp(127.0, found)).all()
    constrained = magnitudes > 0
    assert (magnitudes[constrained] > np.ldexp(127.0, found[constrained] - 1)).all()


def test_weight_exponents_are_coarser_for_a_large_bias() -> None:
    assert chosen([[127.0], [127.0]], [0.0, 2.0**30]) == [0, 6]


def test_weight_exponents_count_the_bias_in_accumulator_steps() -> None:
    assert chosen([[1e-9]], [2.0**24], input_exponent=-3) == [3]


def test_all_zero_filters_follow_the_others() -> None:
    assert chosen([[0.0, 0.0], [127.0, 1.0], [0.0, 508.0]], [0.0, 0.0, 0.0]) == [2, 0, 2]


def test_a_layer_of_zeros_has_exponents_zero() -> None:
    assert chosen([[0.0], [0.0]], [0.0, 0.0]) == [0, 0]


def test_a_zero_filter_with_bias_has_its_biases_exponent() -> None:
    assert chosen([[0.0], [127.0]], [2.0**26, 0.0]) == [2, 0]


def test_a_zero_filter_before_an_output_has_a_legal_shift() -> None:
    (found,) = chosen([[0.0]], [0.0], output_exponent=-3)
    assert exponents.SMALLEST_SHIFT <= -3 - found <= fixed_point.REQUANTIZE_SHIFT


@given(WEIGHTS, st.integers(-10, 10), SMALLEST_SHIFTS)
def test_smallest_output_exponent_clips_no_weight(
    weights: npt.NDArray[np.float32], input_exponent: int, smallest_shift: int
) -> None:
    smallest = exponents.smallest_output_exponent(weights, input_exponent, smallest_shift)
    found = exponents.weight_exponents(
        weights, np.zeros(len(weights)), input_exponent, smallest, smallest_shift
    )
    assert (np.abs(weights).max(axis=1) <= np.ldexp(127.0, found)).all()


@given(WEIGHTS.filter(lambda weights: bool(weights.any())), st.integers(-10, 10), SMALLEST_SHIFTS)
def test_smallest_output_exponent_is_the_least(
    weights: npt.NDArray[np.float32], input_exponent: int, smallest_shift: int
) -> None:
    below = exponents.smallest_output_exponent(weights, input_exponent, smallest_shift) - 1
    found = exponents.weight_exponents(
        weights, np.zeros(len(weights)), input_exponent, below, smallest_shift
    )
    assert (np.abs(weights).max(axis=1) > np.ldexp(127.0, found)).any()


def test_smallest_output_exponent_of_zeros_is_no_constraint() -> None:
    found = exponents.smallest_output_exponent(np.zeros((2, 3)), 0, exponents.ENGINE_SHIFT)
    assert found == exponents.LOWEST_EXPONENT


def pow2_error(row: npt.NDArray[np.float32], exponent: int) -> float:
    rounded = np.ldexp(pow2.round_to_pow2(row, exponent).astype(np.float64), exponent)
    return float(np.square(rounded - row.astype(np.float64)).sum())


def free_pow2_exponents(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    count = len(weights)
    return exponents.pow2_exponents(weights, np.full(count, -100), np.full(count, 100))


@given(WEIGHTS.filter(lambda weights: bool(np.abs(weights).max(axis=1).min() > 0)))
def test_pow2_exponents_put_the_top_level_nearest_to_the_largest_weight(
    weights: npt.NDArray[np.float32],
) -> None:
    largest = np.abs(weights).max(axis=1).astype(np.float64)
    for magnitude, exponent in zip(largest, free_pow2_exponents(weights), strict=True):
        distances = [abs(magnitude - 64 * 2.0 ** int(exponent + step)) for step in (-1, 0, 1)]
        assert distances[1] == min(distances)


@pytest.mark.parametrize(("largest", "exponent"), [(95.9, 0), (96.0, 1), (48.0, 0), (47.9, -1)])
def test_pow2_exponents_change_where_two_terms_reach(largest: float, exponent: int) -> None:
    assert free_pow2_exponents(np.array([[largest, 1.0]], np.float32)).tolist() == [exponent]


def test_pow2_exponents_represent_powers_of_two_exactly() -> None:
    weights = np.array([[64.0, 1.0, -2.0], [0.5, 0.0, 0.25]], np.float32)
    found = free_pow2_exponents(weights)
    errors = [pow2_error(row, int(each)) for row, each in zip(weights, found, strict=True)]
    assert errors == [0.0, 0.0]


def test_pow2_exponents_stay_in_their_range() -> None:
    weights = np.array([[1e-6], [1e6]], np.float32)
    found = exponents.pow2_exponents(weights, np.array([-3, -3]), np.array([2, 2]))
    assert found.tolist() == [-3, 2]


@given(WEIGHTS.filter(lambda weights: bool(weights.any())))
def test_a_layers_top_level_is_that_of_incremental_network_quantization(
    weights: npt.NDArray[np.float32],
) -> None:
    """n1 = floor(log2(4 s / 3)), in exact numbers."""
    bound = Fraction(float(np.abs(weights).max())) * 4 / 3
    n1 = exponents.layer_pow2_exponent(weights) + pow2.LARGEST_SHIFT
    assert Fraction(2) ** n1 <= bound < Fraction(2) ** (n1 + 1)


def test_a_layer_of_zeros_has_the_exponent_zero() -> None:
    assert exponents.layer_pow2_exponent(np.zeros((2, 3), np.float32)) == 0


@given(WEIGHTS)
def test_filters_of_a_rounded_layer_have_windows_that_hold_them(
    weights: npt.NDArray[np.float32],
) -> None:
    exponent = exponents.layer_pow2_exponent(weights)
    levels = np.ldexp(pow2.round_to_pow2(weights, exponent).astype(np.float32), exponent)
    windows = free_pow2_exponents(levels)[:, None]
    again = np.ldexp(pow2.round_to_pow2(levels, windows).astype(np.float32), windows)
    np.testing.assert_array_equal(again, levels)
