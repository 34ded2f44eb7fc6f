"""Histograms of signed numbers: nothing is lost or moved, whatever comes later."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tf2c.numerics.value_histograms import BINS, ValueHistogram

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(st.lists(numbers, min_size=1, max_size=9), min_size=1, max_size=5))
def test_every_number_is_in_its_bin(batches: list[list[float]]) -> None:
    histogram = ValueHistogram()
    for batch in batches:
        histogram.observe(np.array(batch))
    found = histogram.as_dict()
    every = np.array([number for batch in batches for number in batch])
    bins = np.floor(np.ldexp(every, -found["exponent"])).astype(int) - found["first"]
    assert found["counts"] == np.bincount(bins, minlength=len(found["counts"])).tolist()
    assert len(found["counts"]) <= BINS


def test_the_bins_are_as_fine_as_the_largest_number_allows() -> None:
    histogram = ValueHistogram()
    histogram.observe(np.array([0.0, -0.5, 63.9]))
    assert histogram.as_dict() == {"exponent": 0, "first": -1, "counts": [1, 1, *[0] * 62, 1]}
    histogram.observe(np.array([64.0]))
    found = histogram.as_dict()
    assert (found["exponent"], sum(found["counts"])) == (1, 4)


def test_zeros_have_a_bin() -> None:
    histogram = ValueHistogram()
    assert histogram.as_dict()["counts"] == []
    histogram.observe(np.zeros(3))
    assert histogram.as_dict() == {"exponent": 0, "first": 0, "counts": [3]}
