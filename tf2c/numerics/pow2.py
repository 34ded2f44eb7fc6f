"""Signed powers of two in 4-bit codes: the weights of shift computing.

A term is 0 or `±2**m` with `m` in 0..6, relative to an exponent `e` that a layer or an output
channel shares. Its code has the sign in bit 3 and `m` in bits 2..0; `m = 7` stands for zero, whose
sign bit is 0, so each term has one code. A weight is one term, or the sum of two with distinct
`m`: then its code has 8 bits, the second term's in the high four. Of the two-term codes of one
number the canonical one has a zero second term if that is possible, and otherwise the smallest
first term (3 is 2 + 1, not 4 - 1).
"""

from itertools import product

import numpy as np
import numpy.typing as npt

from tf2c.numerics import fixed_point, parallel
from tf2c.numerics.fixed_point import ScalarT

LARGEST_SHIFT = 6
"""Largest `m`: a term spans the levels `2**e .. 2**(e + 6)`."""

ZERO_CODE = 7
"""The code of a zero term."""

SIGN_BIT = 8
"""Set in the code of a negative term."""

TERMS = (1, 2)
"""How many terms a weight may have."""


def _term_of_code(code: int) -> int:
    m = code & 7
    if m == ZERO_CODE:
        return 0
    return -(1 << m) if code & SIGN_BIT else 1 << m


def _canonical_codes() -> dict[int, int]:
    """Return the two-term code of each of the 77 numbers that have one."""
    one_term = {_term_of_code(code): code for code in range(16) if code != (SIGN_BIT | ZERO_CODE)}
    codes = {value: code | ZERO_CODE << 4 for value, code in one_term.items()}
    for m, sign, n, other in product(range(1, 7), (0, SIGN_BIT), range(6), (0, SIGN_BIT)):
        if n < m:
            value = _term_of_code(m | sign) + _term_of_code(n | other)
            codes.setdefault(value, m | sign | (n | other) << 4)
    return codes


_TWO_TERM_CODES = _canonical_codes()

LEVELS = {
    1: np.array([0, *(1 << m for m in range(LARGEST_SHIFT + 1))]),
    2: np.array(sorted(value for value in _TWO_TERM_CODES if value >= 0)),
}
"""The magnitudes that weights of one and of two terms can have, at most 64 and 96."""

NO_CODE = 255
"""Two zero terms with signs, which is no code."""

_CODE_OF_VALUE = {terms: np.full(256, NO_CODE, np.uint8) for terms in TERMS}
"""By the value's two's complement byte."""

for _value, _code in _TWO_TERM_CODES.items():
    _CODE_OF_VALUE[2][_value] = _code
    if _code >> 4 == ZERO_CODE:
        _CODE_OF_VALUE[1][_value] = _code & 15

_TERM = np.array([_term_of_code(code) for code in range(16)], np.int8)
_VALUE_OF_CODE = {1: np.tile(_TERM, 16), 2: np.repeat(_TERM, 16) + np.tile(_TERM, 16)}
"""By the code's byte."""

_IS_CODE = {
    terms: np.isin(np.arange(256), table[table != NO_CODE])
    for terms, table in _CODE_OF_VALUE.items()
}
"""By the code's byte."""

_HAS_ONE_TERM = _CODE_OF_VALUE[1] != NO_CODE
"""By the value's two's complement byte."""


def _looked_up(
    table: npt.NDArray[ScalarT], elements: npt.NDArray[np.uint8] | npt.NDArray[np.int8]
) -> npt.NDArray[ScalarT]:
    """Return `table[byte]` for each element; the table has 256 entries of one byte.

    Much faster than numpy's indexing, which makes an 8-byte index of every element.
    """
    found = elements.tobytes().translate(table.tobytes())
    return np.frombuffer(found, table.dtype).reshape(elements.shape)


def decode(codes: npt.NDArray[np.uint8], terms: int = 1) -> npt.NDArray[np.int8]:
    """Return the integer that each code stands for, at most 64 (one term) or 96 in magnitude."""
    return _looked_up(_VALUE_OF_CODE[terms], codes)


def has_one_term(values: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """Say for each number whether it is 0 or `±2**m` with `m` in 0..6."""
    return _looked_up(_HAS_ONE_TERM, values)


def encode(values: npt.NDArray[np.integer], terms: int = 1) -> npt.NDArray[np.uint8]:
    """Return the canonical code of each integer, one code per byte.

    Raises:
        ValueError: a value is not the sum of as many terms.
    """
    stored = values.astype(np.int8, copy=False)
    codes = _looked_up(_CODE_OF_VALUE[terms], stored)
    wrong = (codes == NO_CODE) | (stored != values)
    if wrong.any():
        kind = "a signed power of two up to 64" if terms == 1 else "a sum of two up to 96"
        raise ValueError(f"expected 0 or {kind}, got {values[wrong].flat[0]}")
    return codes


def is_code(codes: npt.NDArray[np.uint8], terms: int = 1) -> npt.NDArray[np.bool_]:
    """Say for each byte whether it is the canonical code of a number."""
    return _looked_up(_IS_CODE[terms], codes)


def split_terms(codes: npt.NDArray[np.uint8], terms: int) -> npt.NDArray[np.uint8]:
    """Return the 4-bit codes of a weight's terms along a new last axis of that length."""
    if terms == 1:
        return codes[..., None]
    return np.stack([codes & np.uint8(15), codes >> np.uint8(4)], axis=-1)


def shift_multiply(
    operands: npt.NDArray[np.integer], codes: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Multiply integers by one-term weights the way hardware does: shift left, then negate.

    Equal to `operands * decode(codes)`; a test shows it for every int8 operand and every code.
    """
    shifted = operands.astype(np.int64) << (codes & 7)
    signed = np.where(codes & SIGN_BIT, -shifted, shifted)
    return np.where((codes & 7) == ZERO_CODE, 0, signed)


def negative_terms(codes: npt.NDArray[np.uint8], terms: int = 1) -> npt.NDArray[np.int64]:
    """Return how many of a weight's terms have a sign.

    An engine's lanes have no carry to negate with and take the one's complement: `~p` is `-p - 1`.
    Sums of products are short by one for each sign, whatever the operands are, and a bias that is
    larger by that makes up for it.
    """
    return (split_terms(codes, terms) & SIGN_BIT > 0).sum(axis=-1)


def _levels_by_half_step(terms: int) -> npt.NDArray[np.int8]:
    """Return the level nearest to each `[k / 2, (k + 1) / 2)`.

    Levels are integers, so that the halfway points between them fall on those borders. The table
    is as long as a byte has values, so the last level is nearest to its end.
    """
    levels = LEVELS[terms]
    lower_ends = np.arange(256) / 2
    halfway = (levels[1:] + levels[:-1]) / 2
    return levels[np.searchsorted(halfway, lower_ends, side="right")].astype(np.int8)


_NEAREST = {terms: _levels_by_half_step(terms) for terms in TERMS}


def round_to_pow2(
    values: npt.NDArray[np.floating], exponent: int | npt.NDArray[np.integer], terms: int = 1
) -> npt.NDArray[np.int8]:
    """Round real numbers to the nearest that has a code; ties go to the larger magnitude.

    Args:
        values: real numbers `[M, ...]`.
        exponent: `e`, one integer or an integer array `[M, 1, ...]`.
        terms: 1 or 2.

    Returns:
        integers that have a code of so many terms, which times `2**e` are the rounded numbers.
    """
    rounded = np.empty(values.shape, np.int8)
    exponents = np.broadcast_to(exponent, values.shape[:1] + (1,) * (values.ndim - 1))

    def round_rows(rows: slice) -> None:
        half_steps = fixed_point.scaled(values[rows], exponents[rows] - 1)
        levels = nearest_levels(np.abs(half_steps), terms)
        np.negative(levels, out=rounded[rows])
        np.copyto(rounded[rows], levels, where=half_steps >= 0)

    parallel.for_each(round_rows, parallel.row_blocks(values.shape))
    return rounded


def nearest_levels(half_steps: npt.NDArray[np.floating], terms: int) -> npt.NDArray[np.int8]:
    """Return the level nearest to each magnitude, which is given in halves of the least level."""
    return _looked_up(_NEAREST[terms], np.minimum(half_steps, 255).astype(np.uint8))


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
