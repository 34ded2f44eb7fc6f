"""Windows of powers of two: by error never worse than by size, and legal."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tf2c.numerics import exponents, pow2
from tf2c.numerics.pow2_windows import CRITERIA, SHARING, squared_errors, window_exponents

WEIGHTS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 9)),
    elements=st.just(0.0) | st.floats(-4, 4, width=32),
)

Weights = npt.NDArray[np.float32]


def unlimited(weights: Weights) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    bounds = np.full(len(weights), 1 << 30)
    return -bounds, bounds


@pytest.mark.parametrize("sharing", SHARING)
@given(weights=WEIGHTS, terms=st.sampled_from(pow2.TERMS))
def test_by_error_is_never_worse(sharing: str, weights: Weights, terms: int) -> None:
    largest, least = (
        squared_errors(
            weights, window_exponents(weights, *unlimited(weights), terms, sharing, each), terms
        )
        for each in CRITERIA
    )
    assert least.sum() <= largest.sum()
    if sharing == "channel":
        assert (least <= largest).all()


@pytest.mark.parametrize("criterion", CRITERIA)
@given(weights=WEIGHTS)
def test_a_layer_has_one_window(criterion: str, weights: Weights) -> None:
    chosen = window_exponents(weights, *unlimited(weights), 1, "layer", criterion)
    assert np.unique(chosen).size == 1
    if criterion == "largest" and weights.any():
        assert chosen[0] == exponents.layer_pow2_exponent(weights)


@pytest.mark.parametrize("sharing", SHARING)
@pytest.mark.parametrize("criterion", CRITERIA)
@given(weights=WEIGHTS, bounds=st.tuples(st.integers(-12, 3), st.integers(0, 5)))
def test_windows_are_legal(
    sharing: str, criterion: str, weights: Weights, bounds: tuple[int, int]
) -> None:
    lowest = np.full(len(weights), bounds[0])
    highest = lowest + bounds[1]
    chosen = window_exponents(weights, lowest, highest, 1, sharing, criterion)
    assert (lowest <= chosen).all()
    assert (chosen <= highest).all()


def test_many_small_weights_draw_the_window_down() -> None:
    """Of 2**-7, which the finer window has; the largest weight is cut off for them."""
    weights = np.array([[0.76, *[2.0**-7] * 2000]], np.float32)
    by_size, by_error = (
        window_exponents(weights, *unlimited(weights), criterion=each)[0] for each in CRITERIA
    )
    assert (by_size, by_error) == (-6, -7)
