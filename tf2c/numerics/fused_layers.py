"""A layer and its requantization in one go, in floating point that is proven exact.

The formula of `fixed_point.requantize`, `clamp((acc * M + (residual << t) + 2**29) >> 30)`, is
`clamp(floor(acc * M / 2**30 + residual * 2**(t - 30) + 1/2))` over real numbers, where
`acc * M / 2**30` is the sum over the taps of `(w * M / 2**30) * x`, and the bias. Each term is an
integer multiple of a power of two, so a floating type computes every partial sum exactly, in any
order, if the magnitudes together stay within its significand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tf2c.numerics import fixed_point, parallel, windows
from tf2c.numerics.fixed_point import REQUANTIZE_SHIFT

SIGNIFICAND_BITS = {np.dtype(np.float32): 24, np.dtype(np.float64): 53}
"""Integers up to `2**bits` are exact."""

FloatType = type[np.float32] | type[np.float64]


@dataclass(frozen=True)
class Requantization:
    """What `fixed_point.requantize` takes besides tensors, and what its operands can be."""

    multipliers: npt.NDArray[np.int64]
    """`M`, one per filter."""
    low: int
    high: int
    largest_sums: npt.NDArray[np.int64]
    """Per filter: `abs(bias) + sum of abs(w) * max(abs(x))`, which bounds every partial sum."""
    residual_shift: int | None = None
    """`t`, where a residual is added."""
    largest_residual: int = 0
    """In magnitude."""

    @property
    def common_factors(self) -> npt.NDArray[np.int64]:
        """`[M]`: powers of two that divide `acc * M + (residual << t)`, whatever the operands."""
        terms = self.multipliers.copy()
        if self.residual_shift is not None:
            terms |= 1 << self.residual_shift
        return terms & -terms

    def significand_bits(self, largest_sums: npt.NDArray[np.int64] | None = None) -> int:
        """Return how many bits of significand make every partial sum exact.

        Args:
            largest_sums: `[M]`, where the magnitudes of the sums matter up to there only.
        """
        half = 1 << (REQUANTIZE_SHIFT - 1)
        limits = self.largest_sums if largest_sums is None else largest_sums
        # Python's integers do not overflow.
        magnitudes = self.multipliers.astype(object) * limits + half
        if self.residual_shift is not None:
            magnitudes += self.largest_residual << self.residual_shift
        units = np.minimum(self.common_factors, half)
        return max((int(bits) for bits in magnitudes // units), default=0).bit_length()

    def undecided_sums(self, bias: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return up to which magnitude `[M]` sums without bias can make a difference.

        Larger ones saturate, whatever the residual and the bias. So where sums are exact integers
        that are rounded only afterwards, to floating point of any width, the result is right if
        that is exact up to there: rounding is monotonic, and so is everything behind it.
        """
        largest = np.full(len(self.multipliers), (256 << REQUANTIZE_SHIFT), object)
        if self.residual_shift is not None:
            largest += self.largest_residual << self.residual_shift
        saturating = -(-largest // self.multipliers.astype(object)).astype(np.int64)
        saturating += np.abs(bias.astype(np.int64))
        return np.minimum(self.largest_sums, saturating)

    def exact_type(self) -> FloatType | None:
        """Return the narrowest floating type that is exact; None if the sums may wrap."""
        # An int32 accumulator wraps, a floating one does not.
        if self.largest_sums.max(initial=0) > fixed_point.INT32_MAX:
            return None
        bits = self.significand_bits()
        fitting = [dtype.type for dtype, width in SIGNIFICAND_BITS.items() if bits <= width]
        return fitting[0] if fitting else None


class FusedLayer:
    """A convolution with its requantization, prepared once for many batches."""

    def __init__(
        self,
        weights: npt.NDArray[np.integer],
        bias: npt.NDArray[np.integer],
        window: tuple[Sequence[int], Sequence[int], Sequence[int], int],
        requantization: Requantization,
        dtype: npt.DTypeLike,
    ) -> None:
        """Prepare a layer.

        Args:
            weights: integers `[M, C / group, KH, KW]`.
            bias: integers `[M]`.
            window: strides, pads, dilations and group, as `windows.convolve` takes them.
            requantization: what follows.
            dtype: of the result, int8 or uint8.

        Raises:
            ValueError: no floating type is exact for this layer.
        """
        compute = requantization.exact_type()
        if compute is None:
            raise ValueError("expected sums that some floating type holds exactly")
        factors = np.ldexp(requantization.multipliers.astype(np.float64), -REQUANTIZE_SHIFT)
        strides, pads, dilations, group = window
        self._taps = windows.Taps(
            (weights * factors.reshape(-1, 1, 1, 1)).astype(compute),
            group,
            (bias * factors + 0.5).astype(compute),
        )
        self._window = strides, pads, dilations
        self._low, self._high = requantization.low, requantization.high
        shift = requantization.residual_shift
        self._residual_factor = compute(0 if shift is None else 2.0 ** (shift - REQUANTIZE_SHIFT))
        self._dtype = np.dtype(dtype)

    def __call__(
        self,
        images: npt.NDArray[np.integer],
        residual: npt.NDArray[np.integer] | None = None,
    ) -> npt.NDArray[Any]:
        """Return the stored results `[N, M, OH, OW]` of 8-bit images `[N, C, H, W]`."""
        extent = windows.output_extent(images.shape[2:], self._taps.kernel, *self._window)
        results = np.empty((len(images), self._taps.filters, *extent), self._dtype)

        def finish(part: windows.Part, sums: npt.NDArray[Any]) -> None:
            own = results[part].transpose(1, 0, 2, 3)
            added = None if residual is None else residual[part].transpose(1, 0, 2, 3)
            # The sums lie filter by filter, and so do the blocks, each within a cache.
            rows = sums.transpose(1, 0, 2, 3)
            for block in parallel.row_blocks(rows.shape):
                values = rows[block]
                if added is not None:
                    values += added[block] * self._residual_factor
                if self._low < 0:  # otherwise the conversion rounds down, too
                    np.floor(values, out=values)
                np.clip(values, self._low, self._high, out=own[block], casting="unsafe")

        windows.convolve_parts(images, self._taps, *self._window, finish)
        return results


class AccumulatorLayer:
    """A convolution whose int32 sums are the result, prepared once for many batches."""

    def __init__(
        self,
        weights: npt.NDArray[np.int8],
        bias: npt.NDArray[np.int32],
        window: tuple[Sequence[int], Sequence[int], Sequence[int], int],
        operands: npt.DTypeLike,
    ) -> None:
        """Prepare a layer.

        Args:
            weights: integers `[M, C / group, KH, KW]`.
            bias: integers `[M]`.
            window: strides, pads, dilations and group, as `windows.convolve` takes them.
            operands: dtype of the images, int8 or uint8.
        """
        strides, pads, dilations, group = window
        compute = windows.exact_float_type(operands, weights)
        self._taps = windows.Taps(weights.astype(compute), group)
        self._bias = bias.astype(np.int64).reshape(-1, 1, 1)
        self._window = strides, pads, dilations

    def __call__(self, images: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Return the sums `[N, M, OH, OW]` of 8-bit images `[N, C, H, W]`, modulo `2**32`."""
        extent = windows.output_extent(images.shape[2:], self._taps.kernel, *self._window)
        results = np.empty((len(images), self._taps.filters, *extent), np.int32)

        def finish(part: windows.Part, sums: npt.NDArray[Any]) -> None:
            results[part] = sums.astype(np.int64) + self._bias[part[1]]

        windows.convolve_parts(images, self._taps, *self._window, finish)
        return results
