"""Histograms of signed numbers in a fixed number of bins, whatever their range turns out to be."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tf2c.numerics import fixed_point

BINS = 128


class ValueHistogram:
    """How often numbers were seen, in bins `[i * 2**e, (i + 1) * 2**e)` around zero.

    When a larger number comes, `e` grows, and neighboring bins become one, so that no earlier
    observation is lost or moved.
    """

    def __init__(self) -> None:
        """Start without observations."""
        self._counts = np.zeros(BINS, np.int64)
        self._exponent: int | None = None  # None until something is not zero

    def observe(
        self, values: npt.NDArray[np.floating], counts: npt.NDArray[np.int64] | None = None
    ) -> None:
        """Count finite numbers of any shape.

        Args:
            values: the numbers.
            counts: how often each was seen, of the same shape; once by default.
        """
        largest = float(max(values.max(initial=0.0), -values.min(initial=0.0)))
        if largest > 0:
            _, exponent = np.frexp(largest)
            self._widen(int(exponent) - (BINS // 2).bit_length() + 1)
        if self._exponent is None:
            self._counts[BINS // 2] += values.size if counts is None else counts.sum()
            return
        scaled = fixed_point.scaled(values, np.asarray(self._exponent))
        bins = np.floor(scaled).astype(np.intp).reshape(-1) + BINS // 2
        weights = None if counts is None else counts.reshape(-1)
        # Weighted counts are floating numbers, exact below 2**53.
        self._counts += np.bincount(bins, weights, minlength=BINS).astype(np.int64)

    def _widen(self, needed: int) -> None:
        if self._exponent is None:
            self._exponent = needed
        for _ in range(min(needed - self._exponent, BINS.bit_length())):
            # Bins -64, -63, -62, .. become -32, -32, -31, ..
            merged = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts[:] = 0
            self._counts[BINS // 4 : 3 * BINS // 4] = merged
        self._exponent = max(self._exponent, needed)

    def as_dict(self) -> dict[str, Any]:
        """Return `exponent`, the `first` bin's number, and the `counts` from there on."""
        filled = np.flatnonzero(self._counts)
        first, last = (int(filled[0]), int(filled[-1])) if filled.size else (0, -1)
        return {
            "exponent": self._exponent or 0,
            "first": first - BINS // 2,
            "counts": self._counts[first : last + 1].tolist(),
        }
