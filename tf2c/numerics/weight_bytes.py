"""Signed powers of two in bytes: the weights of TF2, by which shifts may be of 0..31.

Bit 7 of a byte is the sign, bit 6 says that the weight is zero, bit 5 means nothing, and bits 4..0
are a left shift. A byte has no exponent of its own: how far a product is shifted already says what
it stands for in the accumulator, so input channels may have exponents of their own.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tf2c.numerics import windows
from tf2c.numerics.windows import UNIT

SIGN_BIT = 0x80
ZERO_BIT = 0x40
SHIFT_BITS = 0x1F

ZERO_BYTE = ZERO_BIT
"""The usual byte of a weight that is zero."""

UNWRITTEN_BYTE = 0x00
"""What memory holds where nothing was written: the weight `+1 << 0`."""

SOURCE_EXPONENT_BITS = 0x3F
"""Of a weight in a file, whose bits 7 and 6 are those of a byte: `e` of `±2**-e`."""

INFLATION = 15
"""Accumulators are finer than the stored numbers that come of them by this many bits."""

EXACT_FLOAT64 = 1 << 53
"""Integers up to this magnitude, and sums of them that stay below it, are exact in float64."""

HALF_SHIFT = 16
"""Weights of larger shifts are summed apart where all together would not be exact."""

LEAST = -128
"""The number whose negative does not fit 8 bits."""


def _value(byte: int) -> int:
    if byte & ZERO_BIT:
        return 0
    magnitude = 1 << (byte & SHIFT_BITS)
    return -magnitude if byte & SIGN_BIT else magnitude


_VALUE_OF_BYTE = np.array([_value(byte) for byte in range(256)], np.int64)


def decode(weight_bytes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the integer that each byte stands for: 0 or `±2**shift`."""
    return _VALUE_OF_BYTE[weight_bytes]


def encode(
    weights: npt.NDArray[np.uint8],
    input_exponents: npt.NDArray[np.integer],
    output_exponents: npt.NDArray[np.integer],
) -> npt.NDArray[np.uint8]:
    """Return the bytes of weights `±2**-e` between channels that have exponents of their own.

    `sign | max(0, 15 + e_input[c] - e_output[m] - e)`, where the sum of the first three is a signed
    byte. Nothing limits the shift from above: what does not fit runs into the other bits, as in
    TF2. A weight that is too small for a shift becomes larger, `2**0`.

    Args:
        weights: `[M, C, ...]`; bit 7 is the sign, bit 6 says zero, the others are `e`.
        input_exponents: `[C]`, or one; TF2's tables hold these numbers as they are.
        output_exponents: `[M]`, or one.
    """
    filters, channels = weights.shape[:2]
    of_input = np.broadcast_to(input_exponents.astype(np.int64), (channels,))
    of_output = np.broadcast_to(output_exponents.astype(np.int64), (filters,))
    expansions = (INFLATION + of_input[None, :] - of_output[:, None]).astype(np.int8)
    aligned = expansions.astype(np.int64).reshape(filters, channels, *[1] * (weights.ndim - 2))
    shifts = np.maximum(aligned - (weights & SOURCE_EXPONENT_BITS), 0)
    coded = (weights & SIGN_BIT) | shifts
    return np.where(weights & ZERO_BIT, ZERO_BYTE, coded).astype(np.uint8)


def convolve(
    images: npt.NDArray[np.integer],
    weight_bytes: npt.NDArray[np.uint8],
    bias: npt.NDArray[np.int32],
    strides: Sequence[int] = UNIT,
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = UNIT,
    group: int = 1,
    negates_in_8_bits: bool = False,
) -> npt.NDArray[np.int32]:
    """Convolve 8-bit integers with bytes and add the bias, modulo `2**32`.

    Args:
        images: int8 or uint8 `[N, C, H, W]`.
        weight_bytes: `[M, C / group, R, S]`.
        bias: `[M]`.
        strides: vertical, horizontal.
        pads: top, left, bottom, right.
        dilations: vertical, horizontal.
        group: as `windows.convolve` has it.
        negates_in_8_bits: a negative weight shifts the negative of its input as 8 bits hold it, and
            that of -128 is -128.
    """
    weights = decode(weight_bytes)
    sums = _exact_sums(images, weights, strides, pads, dilations, group)
    if negates_in_8_bits:
        least, negative = images == LEAST, np.minimum(weights, 0)
        if least.any() and negative.any():
            # The product has the other sign than it should: it is off by twice itself.
            wrong = _exact_sums(least.view(np.int8), negative, strides, pads, dilations, group)
            sums += wrong * (-2 * LEAST)
    # Both conversions wrap.
    return (sums + bias.reshape(1, -1, 1, 1)).astype(np.int32)


def multiply(
    rows: npt.NDArray[np.integer],
    weight_bytes: npt.NDArray[np.uint8],
    bias: npt.NDArray[np.int32],
    negates_in_8_bits: bool = False,
) -> npt.NDArray[np.int32]:
    """Multiply `[N, K]` with `[M, K]` transposed and add the bias, as `convolve` does."""
    sums = convolve(
        rows[:, :, None, None],
        weight_bytes[:, :, None, None],
        bias,
        negates_in_8_bits=negates_in_8_bits,
    )
    return sums[:, :, 0, 0]


def _exact_sums(
    images: npt.NDArray[np.integer],
    weights: npt.NDArray[np.int64],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    group: int,
) -> npt.NDArray[np.int64]:
    """Convolve with powers of two, exactly modulo `2**64`.

    The product runs in float64, where it is exact if the weights' sum of magnitudes proves it.
    Otherwise the weights of large shifts are divided by `2**16` and summed apart: then none exceeds
    `2**16`, and no sum of fewer than `2**29` products reaches `2**53`.
    """

    def product(part: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        exact = windows.convolve(
            images.astype(np.float64), part.astype(np.float64), strides, pads, dilations, group
        )
        return exact.astype(np.int64)

    limits = np.iinfo(images.dtype.name)
    largest = max(-int(limits.min), int(limits.max))
    magnitudes = np.abs(weights).reshape(len(weights), -1).sum(axis=1)
    if largest * int(magnitudes.max()) < EXACT_FLOAT64:
        return product(weights)
    is_large = np.abs(weights) >= 1 << HALF_SHIFT
    # Powers of two: the division leaves no remainder.
    large = np.where(is_large, weights, 0) // (1 << HALF_SHIFT)
    return product(np.where(is_large, 0, weights)) + (product(large) << HALF_SHIFT)
