"""Power-of-two fixed point: quantize, dequantize and requantize.

A stored integer `q` with exponent `e` stands for the real number `q * 2**e`. All roundings are
*round half up*, `floor(v + 1/2)`, because an arithmetic right shift after adding one half does
exactly that in hardware.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tf2c.numerics import parallel

ScalarT = TypeVar("ScalarT", bound=np.generic)

INT8_MIN = -128
INT8_MAX = 127
UINT8_MAX = 255
INT32_MIN = -(1 << 31)
INT32_MAX = (1 << 31) - 1

AVERAGE_MULTIPLIER_BITS = 16
"""Width of the multiplier that stands for the division of an average."""

AVERAGE_SHIFT_LIMIT = 45
"""Largest shift of an average: its product with a sum of `2**16` pixels still fits int64."""

FLOAT32_RANGE = 100
"""Exponents up to this magnitude are far from float32's largest and smallest numbers."""

REQUANTIZE_SHIFT = 30
"""Position of the binary point of a requantizing multiplier: `y = acc * M >> 30`."""

LARGEST_MULTIPLIER = (1 << 16) - 1
"""Of a requantization, before it is shifted into position."""

MULTIPLIER_LIMIT = 1 << 31
"""Exclusive bound of a multiplier `M`; with an int32 accumulator the product fits int64."""

RESIDUAL_SHIFT_LIMIT = 48
"""Inclusive bound of a residual shift; `int8 << 48` leaves the int64 sum room to spare."""

ALPHA_SHIFT = 20
"""Position of the binary point of a rescaling factor: `acc * alpha >> 20`."""

RESCALE_SHIFT = 15
"""How many bits rescaled accumulators are finer than what they are stored as."""


def round_half_up(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Round to the nearest integer, ties upward, exactly in any floating type."""
    below = np.floor(values)
    # Not `floor(v + 1/2)`: in float32 that sum rounds, and 0.49999997 would become 1.
    below += values - below >= 0.5
    return below


def round_half_away(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Round to the nearest integer, ties away from 0, as C's `round` does."""
    return np.copysign(round_half_up(np.abs(values)), values)


def scaled(
    values: npt.NDArray[np.floating], exponent: int | npt.NDArray[np.integer]
) -> npt.NDArray[np.floating]:
    """Return `values / 2**exponent`, exactly, in float32 where that has the range."""
    exponents = np.asarray(exponent)
    if values.dtype == np.float32 and np.abs(exponents).max(initial=0) < FLOAT32_RANGE:
        with np.errstate(over="ignore"):
            return values * np.ldexp(np.float32(1), -exponents)
    return np.ldexp(values.astype(np.float64), -exponents)


def broadcast_over_channels(
    per_channel: npt.NDArray[ScalarT], rank: int, axis: int
) -> npt.NDArray[ScalarT]:
    """Shape a `[C]` (or one-element) array so that it broadcasts along `axis` of a rank-n array."""
    shape = [1] * rank
    shape[axis] = per_channel.size
    return per_channel.reshape(shape)


def quantize(
    values: npt.NDArray[np.floating],
    exponent: int | npt.NDArray[np.integer],
    low: int = INT8_MIN,
    high: int = INT8_MAX,
    dtype: npt.DTypeLike = np.int64,
) -> npt.NDArray[Any]:
    """Store real numbers as integers: `clamp(floor(v / 2**e + 1/2), low, high)`.

    Args:
        values: real numbers of any shape but a scalar's, finite; exact for float32 input.
        exponent: `e`, one integer or an integer array that broadcasts against `values`.
        low: smallest stored integer.
        high: largest stored integer.
        dtype: of the result; holds `low` and `high`.
    """
    stored = np.empty(values.shape, dtype)
    exponents = np.asarray(exponent)
    is_per_row = exponents.ndim == values.ndim and len(exponents) == len(values)
    halves_type = np.int16 if low >= INT8_MIN and high <= UINT8_MAX else np.int64

    def quantize_rows(rows: slice) -> None:
        own = exponents[rows] if is_per_row else exponents
        # `floor(v + 1/2)` is `(floor(2 v) + 1) >> 1`: no sum that a floating type would round.
        halves = scaled(values[rows], own - 1)
        np.clip(halves, 2 * low, 2 * high, out=halves)
        np.floor(halves, out=halves)
        integers = halves.astype(halves_type)
        integers += 1
        integers >>= 1
        stored[rows] = integers

    parallel.for_each(quantize_rows, parallel.row_blocks(values.shape))
    return stored


def dequantize(
    stored: npt.NDArray[np.integer], exponent: int | npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Return the real numbers `q * 2**e` that stored integers stand for."""
    return np.ldexp(stored.astype(np.float64), np.asarray(exponent))


def requantize_multipliers(
    multiplier: npt.NDArray[np.integer], shift: npt.NDArray[np.integer]
) -> npt.NDArray[np.int64]:
    """Return `M = multiplier << (30 - shift)`, the fixed-position form of `* multiplier >> shift`.

    Args:
        multiplier: `[C]` or `[1]`, unsigned 1..65535; 1 is a pure shift.
        shift: `[C]` or `[1]`, 0..30.
    """
    return multiplier.astype(np.int64) << (REQUANTIZE_SHIFT - shift.astype(np.int64))


def requantize(
    accumulators: npt.NDArray[np.integer],
    multipliers: npt.NDArray[np.integer],
    low: int,
    high: int,
    residual: npt.NDArray[np.integer] | None = None,
    residual_shift: int = 0,
    dtype: npt.DTypeLike = np.int8,
) -> npt.NDArray[Any]:
    """Scale accumulators to stored numbers, adding a residual before the single rounding.

    `y = clamp((acc * M + (residual << t) + 2**29) >> 30, low, high)` in int64, where `>>` is
    arithmetic, so the rounding is half up. ReLU and saturation are the bounds.

    Args:
        accumulators: int32 values `[N, C, ...]`.
        multipliers: `M` per channel `[C]` or `[1]`, below `MULTIPLIER_LIMIT`.
        low: smallest result.
        high: largest result.
        residual: stored numbers of the accumulators' shape, or None.
        residual_shift: `t = 30 + e_residual - e_y`, 0..48.
        dtype: of the result; holds `low` and `high`.
    """
    batch, channels = accumulators.shape[:2]
    rows = accumulators.reshape(batch * channels, -1)
    factors = np.tile(np.broadcast_to(multipliers.astype(np.int64), (channels,)), batch)[:, None]
    residuals = None if residual is None else residual.reshape(rows.shape)
    stored = np.empty(rows.shape, dtype)

    def requantize_rows(block: slice) -> None:
        sums = rows[block] * factors[block]
        if residuals is not None:
            sums += residuals[block].astype(np.int64) << residual_shift
        sums += 1 << (REQUANTIZE_SHIFT - 1)
        sums >>= REQUANTIZE_SHIFT
        np.clip(sums, low, high, out=stored[block], casting="unsafe")

    parallel.for_each(requantize_rows, parallel.row_blocks(rows.shape))
    return stored.reshape(accumulators.shape)


def rescale(
    accumulators: npt.NDArray[np.int32],
    alpha: npt.NDArray[np.int32],
    beta: npt.NDArray[np.int32],
    low: int,
    high: int,
    dtype: npt.DTypeLike = np.int8,
) -> npt.NDArray[Any]:
    """Scale, shift and store accumulators as TF2 does, whose 32 bits wrap in between.

    `u = acc * alpha >> 20` from int64, `v = u + beta`, both modulo `2**32`, and
    `y = clamp(((v >> 14) + 1) >> 1, low, high)`: `v / 2**15`, rounded half up.

    Args:
        accumulators: `[N, C, ...]`.
        alpha: `[C]`; `2**20` is one.
        beta: `[C]`, in the accumulators' steps.
        low: smallest result.
        high: largest result.
        dtype: of the result; holds `low` and `high`.
    """
    batch, channels = accumulators.shape[:2]
    rows = accumulators.reshape(batch * channels, -1)
    factors = np.tile(alpha.astype(np.int64), batch)[:, None]
    offsets = np.tile(beta, batch)[:, None]
    stored = np.empty(rows.shape, dtype)

    def rescale_rows(block: slice) -> None:
        products = rows[block] * factors[block]
        products >>= ALPHA_SHIFT
        # Arrays wrap in silence, the conversion does, too.
        sums = products.astype(np.int32) + offsets[block]
        sums >>= RESCALE_SHIFT - 1
        sums += 1
        sums >>= 1
        np.clip(sums, low, high, out=stored[block], casting="unsafe")

    parallel.for_each(rescale_rows, parallel.row_blocks(rows.shape))
    return stored.reshape(accumulators.shape)


def add(
    left: npt.NDArray[np.integer],
    right: npt.NDArray[np.integer],
    shifts: Sequence[int],
    rounding_shift: int,
    low: int,
    high: int,
    dtype: npt.DTypeLike = np.int8,
) -> npt.NDArray[Any]:
    """Add stored numbers: `clamp(round(((left << s0) + (right << s1)) / 2**r), low, high)`.

    In int64, rounded half up.

    Args:
        left: stored numbers.
        right: others, of the same shape.
        shifts: `s0` and `s1`, 0..48, which bring both to one scale.
        rounding_shift: `r`, 0..48.
        low: smallest result.
        high: largest result.
        dtype: of the result; holds `low` and `high`.
    """
    sums = (left.astype(np.int64) << shifts[0]) + (right.astype(np.int64) << shifts[1])
    if rounding_shift > 0:
        sums += 1 << (rounding_shift - 1)
        sums >>= rounding_shift
    return np.clip(sums, low, high).astype(dtype)


class AverageFactor(NamedTuple):
    """A division as hardware does it: `sum * multiplier >> shift`."""

    multiplier: int
    """Unsigned, below `2**16`."""
    shift: int


@cache
def average_factor(count: int, exponent_difference: int) -> AverageFactor | None:
    """Return the factor that divides a sum by `count` and moves it to another exponent.

    `multiplier = round(2**shift * 2**(e_x - e_y) / count)`, with the largest shift for which it is
    below `2**16`: 15 or 16 significant bits.

    Args:
        count: pixels per window.
        exponent_difference: `e_x - e_y`.

    Returns:
        None where no shift of 1..45 will do: the result's steps are absurdly fine or coarse.
    """
    ratio = Fraction(2) ** exponent_difference / count
    for shift in range(AVERAGE_SHIFT_LIMIT, 0, -1):
        multiplier = math.floor(ratio * (1 << shift) + Fraction(1, 2))
        if multiplier < 1 << AVERAGE_MULTIPLIER_BITS:
            return AverageFactor(multiplier, shift) if multiplier > 0 else None
    return None


def mean_of_image(
    image: npt.NDArray[np.int8], multiplier: int, low: int, high: int, dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """Return `requantize(sum over all pixels)`: `[N, C, H, W]` becomes `[N, C, 1, 1]`.

    Args:
        image: fewer than `2**24` pixels, so that sums are int32.
        multiplier: `M` of `requantize`; `2**30 / pixels` for the mean in the same steps.
        low: smallest result.
        high: largest result.
        dtype: of the result; holds `low` and `high`.
    """
    sums = image.sum(axis=(2, 3), dtype=np.int32, keepdims=True)
    multipliers = np.full(image.shape[1], multiplier, np.int64)
    return requantize(sums, multipliers, low, high, dtype=dtype)


def average(
    sums: npt.NDArray[np.integer],
    factor: AverageFactor,
    low: int,
    high: int,
    dtype: npt.DTypeLike,
) -> npt.NDArray[Any]:
    """Divide sums of windows: `y = clamp((sum * c + 2**(s - 1)) >> s, low, high)`, in int64.

    Args:
        sums: integers of any shape, below `2**24` in magnitude.
        factor: `c` and `s`.
        low: smallest result.
        high: largest result.
        dtype: of the result; holds `low` and `high`.
    """
    scaled = sums.astype(np.int64) * factor.multiplier
    scaled += 1 << (factor.shift - 1)
    scaled >>= factor.shift
    return np.clip(scaled, low, high).astype(dtype)
