"""Signed powers of two in 4-bit codes: the weights of shift computing.

A one-term weight is 0 or `±2**m` with `m` in 0..6, relative to an exponent `e` that a layer or an
output channel shares. Its code has the sign in bit 3 and `m` in bits 2..0; `m = 7` stands for
zero, whose sign bit is 0, so each value has one code.
"""

import numpy as np
import numpy.typing as npt

LARGEST_SHIFT = 6
"""Largest `m`: weights span the levels `2**e .. 2**(e + 6)`."""

ZERO_CODE = 7
"""The code of a zero weight."""

SIGN_BIT = 8
"""Set in the code of a negative weight."""

_DECODED = np.array(
    [sign * (1 << m) if m != ZERO_CODE else 0 for sign in (1, -1) for m in range(8)], np.int8
)


def decode(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    """Return the integer 0 or `±2**m`, at most 64 in magnitude, of each 4-bit code."""
    return _DECODED[codes]


def is_power_of_two(values: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Say for each integer whether it is 0 or `±2**m` with `m` in 0..6, and so has a code."""
    magnitudes = np.abs(values.astype(np.int64))
    return ((magnitudes & (magnitudes - 1)) == 0) & (magnitudes <= 1 << LARGEST_SHIFT)


def encode(values: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """Return the 4-bit code of each integer, one code per byte.

    Raises:
        ValueError: a value is not 0 or `±2**m` with `m` in 0..6.
    """
    if not is_power_of_two(values).all():
        offender = values[~is_power_of_two(values)].flat[0]
        raise ValueError(f"expected 0 or a signed power of two up to 64, got {offender}")
    # frexp gives |v| = f * 2**k with f in [0.5, 1), so m = k - 1, exactly.
    _, exponent_plus_one = np.frexp(np.abs(values.astype(np.float64)))
    codes = (exponent_plus_one - 1).astype(np.uint8) | np.where(values < 0, SIGN_BIT, 0)
    return np.where(values == 0, ZERO_CODE, codes).astype(np.uint8)


def shift_multiply(
    operands: npt.NDArray[np.integer], codes: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Multiply integers by coded weights the way hardware does: shift left, then negate.

    Equal to `operands * decode(codes)`; a test shows it for every int8 operand and every code.
    """
    shifted = operands.astype(np.int64) << (codes & 7)
    signed = np.where(codes & SIGN_BIT, -shifted, shifted)
    return np.where((codes & 7) == ZERO_CODE, 0, signed)


def round_to_pow2(
    values: npt.NDArray[np.floating], exponent: int | npt.NDArray[np.integer]
) -> npt.NDArray[np.int8]:
    """Round real numbers to the nearest of 0 and `±2**(e + m)`, `m` in 0..6; ties go to the larger.

    Returns:
        the integers 0 or `±2**m`, which times `2**e` are the rounded numbers.
    """
    scaled = np.ldexp(values.astype(np.float64), -np.asarray(exponent))
    magnitudes = np.abs(scaled)
    # |v| = f * 2**k, f in [0.5, 1): the neighbors are 2**(k-1) and 2**k, halfway at f = 0.75.
    fraction, k = np.frexp(magnitudes)
    m = np.clip(np.where(fraction >= 0.75, k, k - 1), 0, LARGEST_SHIFT)
    levels = np.where(magnitudes < 0.5, 0, 1 << m)
    return np.where(scaled < 0, -levels, levels).astype(np.int8)


def pack(codes: npt.NDArray[np.uint8]) -> bytes:
    """Pack an even number of codes two to a byte, the first in the low four bits."""
    flat = codes.reshape(-1)
    return (flat[0::2] | (flat[1::2] << 4)).astype(np.uint8).tobytes()


def unpack(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Undo `pack`: `[n]` bytes become `[2 n]` codes, one per byte."""
    codes = np.empty(2 * packed.size, np.uint8)
    codes[0::2] = packed & 15
    codes[1::2] = packed >> 4
    return codes
