"""Histograms of magnitudes: what calibration remembers of a tensor, whatever the image count."""

import numpy as np
import numpy.typing as npt

from tf2c.numerics import fixed_point, pow2

BINS = 8192
"""At least four bins per step of the finest exponent that calibration tries."""


class MagnitudeHistogram:
    """How often each magnitude was seen, in bins of equal width.

    The width is a power of two. When a larger magnitude comes it doubles, and neighboring bins
    become one, so that no earlier observation is lost or moved.
    """

    def __init__(self) -> None:
        """Start without observations."""
        self.largest = 0.0
        """Largest magnitude seen."""
        self._counts = np.zeros(BINS, np.int64)
        self._exponent: int | None = None  # of the bins' width; None until something is not zero

    def observe(self, values: npt.NDArray[np.floating]) -> None:
        """Count the magnitudes of finite real numbers of any shape."""
        magnitudes = np.abs(values).reshape(-1)
        largest = float(magnitudes.max(initial=0.0))
        if largest == 0:
            return  # zeros have no rounding error
        self.largest = max(self.largest, largest)
        _, exponent = np.frexp(self.largest)
        needed = int(exponent) - (BINS.bit_length() - 1)
        self._widen(needed)
        assert self._exponent is not None
        bins = pow2.scaled(magnitudes, np.asarray(self._exponent)).astype(np.int32)
        self._counts += np.bincount(bins, minlength=BINS)

    def _widen(self, needed: int) -> None:
        if self._exponent is None:
            self._exponent = needed
        doublings = min(max(needed - self._exponent, 0), BINS.bit_length())
        for _ in range(doublings):
            self._counts[: BINS // 2] = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts[BINS // 2 :] = 0
        self._exponent = max(self._exponent, needed)

    def squared_errors(
        self, exponents: npt.NDArray[np.int64], largest_stored: int
    ) -> npt.NDArray[np.float64]:
        """Return the sum of squared rounding errors under each exponent.

        Every magnitude counts as the middle of its bin, and those of the first bin as 0.

        Args:
            exponents: `[n]`.
            largest_stored: 127 or 255, where stored magnitudes saturate.
        """
        if self._exponent is None:
            return np.zeros(exponents.size)
        middles = np.ldexp(np.arange(BINS) + 0.5, self._exponent)
        middles[0] = 0
        errors = np.empty(exponents.size)
        for index, exponent in enumerate(exponents):
            stored = fixed_point.quantize(middles, int(exponent), 0, largest_stored)
            difference = fixed_point.dequantize(stored, int(exponent)) - middles
            errors[index] = (np.square(difference) * self._counts).sum()
        return errors
