"""Histograms beside what they stand for: all the numbers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf2c.numerics import histograms
from tf2c.numerics.histograms import BINS, MagnitudeHistogram

SEEDS = st.integers(0, 2**32 - 1)


def counts(histogram: MagnitudeHistogram) -> list[int]:
    return histogram._counts.tolist()  # pyright: ignore[reportPrivateUsage]


def observed(*batches: npt.NDArray[np.floating]) -> MagnitudeHistogram:
    histogram = MagnitudeHistogram()
    for batch in batches:
        histogram.observe(batch)
    return histogram


def direct_errors(
    values: npt.NDArray[np.floating], exponents: Sequence[int], largest_stored: int
) -> list[float]:
    errors: list[float] = []
    for exponent in exponents:
        steps = np.abs(values.astype(np.float64)) / 2.0**exponent
        stored = np.minimum(np.floor(steps + 0.5), largest_stored)
        errors.append(float(np.square((stored - steps) * 2.0**exponent).sum()))
    return errors


@pytest.mark.parametrize("largest_stored", [127, 255])
@pytest.mark.parametrize("seed", range(3))
def test_squared_errors_are_near_those_of_the_numbers(seed: int, largest_stored: int) -> None:
    values = np.random.default_rng(seed).normal(size=20_000).astype(np.float32)
    candidates = [-3 - step for step in range(6)]
    found = observed(values).squared_errors(np.array(candidates), largest_stored)
    expected = direct_errors(values, candidates, largest_stored)
    np.testing.assert_allclose(found, expected, rtol=0.02)


@given(SEEDS, st.lists(st.integers(-20, 20), min_size=2, max_size=4))
def test_widening_loses_and_moves_nothing(seed: int, magnitudes: list[int]) -> None:
    """Whatever the order, the counts are those of bins as wide as the last."""
    random = np.random.default_rng(seed)
    batches = [
        np.ldexp(random.uniform(0.5, 1, 7), exponent).astype(np.float32) for exponent in magnitudes
    ]
    forward, backward = observed(*batches), observed(*batches[::-1])
    together = observed(np.concatenate(batches))
    assert counts(forward) == counts(backward) == counts(together)
    assert sum(counts(together)) == 7 * len(batches)
    assert forward.largest == together.largest


def test_a_much_larger_number_leaves_the_others_in_the_first_bin() -> None:
    histogram = observed(np.full(5, 1e-30, np.float32), np.array([1e30], np.float32))
    found = counts(histogram)
    assert (found[0], sum(found)) == (5, 6)


def test_signs_do_not_count() -> None:
    values = np.array([1.0, -1.5, 3.0, -3.25], np.float32)
    assert counts(observed(values)) == counts(observed(-values))
    assert observed(values).largest == 3.25


def test_the_largest_number_has_a_bin() -> None:
    for largest in (1.0, np.nextafter(np.float32(2), np.float32(0)), 2.0**-100, 2.0**100):
        found = counts(observed(np.array([largest], np.float32)))
        assert sum(found) == 1
        assert sum(found[BINS // 2 :]) == 1


def test_zeros_say_nothing() -> None:
    histogram = observed(np.zeros(3, np.float32))
    assert histogram.largest == 0
    assert histogram.squared_errors(np.array([0, -1]), 127).tolist() == [0, 0]


def test_nothing_is_no_observation() -> None:
    assert observed(np.zeros((0, 3), np.float32)).largest == 0


def test_of_many_numbers_a_part_counts_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histograms, "SAMPLES", 1000)
    values = np.random.default_rng(0).normal(size=(100, 100)).astype(np.float32)
    values[77, 31] = -40
    histogram = observed(values)
    assert histogram.largest == 40
    assert sum(counts(histogram)) == pytest.approx(values.size, rel=0.01)
    candidates = np.array([-2, -3, -4])
    np.testing.assert_allclose(
        histogram.squared_errors(candidates, 1 << 20),
        direct_errors(values, candidates.tolist(), 1 << 20),
        rtol=0.1,
    )


def test_sampling_does_not_stay_in_one_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histograms, "SAMPLES", 64)
    columns = np.tile(np.arange(1, 9, dtype=np.float32), (100, 1))
    found = np.array(counts(observed(columns)))
    assert np.count_nonzero(found) == 8


def test_quantiles_hold_their_part() -> None:
    histogram = MagnitudeHistogram()
    assert histogram.quantile(0.5) == 0
    histogram.observe(np.concatenate([np.full(999, 1.0), [8.0]]))
    assert 1.0 <= histogram.quantile(0.999) <= 1.01
    assert histogram.quantile(0.9999) == 8.0


def test_saturating_a_few_outliers_changes_the_distribution_least() -> None:
    """Entropy saturates one of a million; a tensor that is all tail it leaves as it is."""
    generator = np.random.default_rng(0)
    exponents = np.array([-3, -4, -5, -6, -7])
    histogram = MagnitudeHistogram()
    values = generator.normal(size=200_000)
    values[0] = 15.0
    histogram.observe(values)
    assert exponents[np.argmin(histogram.divergences(exponents, 127))] in (-4, -5)
    uniform = MagnitudeHistogram()
    uniform.observe(generator.uniform(0, 15.8, 200_000))
    assert exponents[np.argmin(uniform.divergences(exponents, 127))] == -3


def test_nothing_observed_diverges_nowhere() -> None:
    assert MagnitudeHistogram().divergences(np.array([0, 1]), 127).tolist() == [0, 0]
