"""Histograms of magnitudes: what calibration remembers of a tensor, whatever the image count."""

import numpy as np
import numpy.typing as npt

from tf2c.numerics import fixed_point

BINS = 8192
"""At least four bins per step of the finest exponent that calibration tries."""

SAMPLES = 1 << 18
"""Of more numbers than this, observed at once, only every so manieth is counted."""


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
        """Count the magnitudes of finite real numbers of any shape; of many, a part."""
        largest = float(max(values.max(initial=0.0), -values.min(initial=0.0)))
        if largest == 0:
            return  # zeros have no rounding error
        self.largest = max(self.largest, largest)
        _, exponent = np.frexp(self.largest)
        needed = int(exponent) - (BINS.bit_length() - 1)
        self._widen(needed)
        assert self._exponent is not None
        # An odd step, so that it does not meet the same columns of every row.
        step = max(values.size // SAMPLES, 1) | 1
        magnitudes = np.abs(values.reshape(-1)[::step])
        bins = fixed_point.scaled(magnitudes, np.asarray(self._exponent)).astype(np.intp)
        self._counts += step * np.bincount(bins, minlength=BINS)

    def _widen(self, needed: int) -> None:
        if self._exponent is None:
            self._exponent = needed
        doublings = min(max(needed - self._exponent, 0), BINS.bit_length())
        for _ in range(doublings):
            self._counts[: BINS // 2] = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts[BINS // 2 :] = 0
        self._exponent = max(self._exponent, needed)

    def quantile(self, part: float) -> float:
        """Return a magnitude that this part of the numbers, zeros among them, does not exceed.

        The upper end of a bin, and at most the largest magnitude seen.
        """
        if self._exponent is None:
            return 0.0
        below = self._counts.cumsum()
        index = int(below.searchsorted(part * int(below[-1])))
        return min(float(np.ldexp(index + 1.0, self._exponent)), self.largest)

    def divergences(
        self, exponents: npt.NDArray[np.int64], largest_stored: int
    ) -> npt.NDArray[np.float64]:
        """Return how much the distribution of stored magnitudes differs from the real one.

        The Kullback-Leibler divergence of Migacz 2017 ("8-bit inference with TensorRT"): the real
        distribution with all that saturates in its last bin, against the one that spreads what each
        stored number counts evenly over the bins that it stands for and that are not empty. Zeros,
        which are always exact, do not count.

        Args:
            exponents: `[n]`.
            largest_stored: 127 or 255, where stored magnitudes saturate.
        """
        divergences = np.zeros(exponents.size)
        if self._exponent is None:
            return divergences
        counts = self._counts.astype(np.float64)
        counts[0] = 0
        middles = np.ldexp(np.arange(BINS) + 0.5, self._exponent)
        for index, exponent in enumerate(exponents):
            stored = fixed_point.quantize(middles, int(exponent), 0, largest_stored + 1)
            inside = stored <= largest_stored
            stored = stored[inside].astype(np.intp)
            real = counts[inside]
            spread = np.bincount(stored, real, minlength=largest_stored + 1)
            filled = np.bincount(stored, real > 0, minlength=largest_stored + 1)
            real[-1] += counts[~inside].sum()
            # What saturates has a place in the last bin only if that is one of the real ones.
            modelled = np.where(counts[inside] > 0, (spread / np.maximum(filled, 1))[stored], 0)
            modelled = np.maximum(modelled, np.finfo(np.float32).tiny)
            seen = real > 0
            ratio = (real[seen] / real.sum()) / (modelled[seen] / modelled.sum())
            divergences[index] = float((real[seen] / real.sum() * np.log(ratio)).sum())
        return divergences

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
