"""Signed powers of two and their codes, exhaustively where the domain is small."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from naive_reference import canonical_codes

from tf2c.numerics import pow2

VALUES = [0, *(sign * 2**m for sign in (1, -1) for m in range(7))]
"""All 15 values of a one-term weight."""

SUMS = sorted({0} | {one + other for one in VALUES for other in VALUES if abs(one) != abs(other)})
"""All 77 values of a two-term weight; each one-term value is the sum of it and zero."""

LEVELS = {1: VALUES, 2: SUMS}

EVERY_CODE = np.arange(16, dtype=np.uint8)
EVERY_BYTE = np.arange(256, dtype=np.uint8)
SCALES = st.integers(-30, 30)
TERMS = st.sampled_from([1, 2])


def decoded(code: int) -> int:
    if code % 8 == 7:
        return 0
    return -(2 ** (code % 8)) if code >= 8 else 2**code


def nearest_level(value: float, exponent: int, terms: int = 1) -> int:
    """The nearest value by brute force; of two equally near ones, the larger in magnitude."""
    scaled = Fraction(value) / Fraction(2) ** exponent
    return min(LEVELS[terms], key=lambda level: (abs(scaled - level), -abs(level)))


@pytest.mark.parametrize("code", range(16))
def test_decode_reads_sign_and_shift(code: int) -> None:
    assert pow2.decode(np.array([code], np.uint8)).tolist() == [decoded(code)]


def test_shift_multiply_equals_multiplication_for_every_operand_and_code() -> None:
    operands = np.arange(-128, 128, dtype=np.int8)[:, None]
    expected = [[int(operand) * decoded(code) for code in range(16)] for operand in operands[:, 0]]
    assert pow2.shift_multiply(operands, EVERY_CODE[None, :]).tolist() == expected


@pytest.mark.parametrize("value", VALUES)
def test_decode_undoes_encode(value: int) -> None:
    assert pow2.decode(pow2.encode(np.array([value]))).tolist() == [value]


def test_every_value_has_one_code() -> None:
    codes = pow2.encode(np.array(VALUES)).tolist()
    assert sorted(codes) == list(range(15))


def test_two_terms_have_77_values() -> None:
    assert len(SUMS) == 77
    assert pow2.LEVELS[2].tolist() == [value for value in SUMS if value >= 0]
    assert (SUMS[0], SUMS[-1]) == (-96, 96)


def test_two_terms_are_read_from_either_half_of_a_byte() -> None:
    expected = [decoded(code % 16) + decoded(code // 16) for code in range(256)]
    # A byte that doubles 64 is no code, and would be 128.
    fitting = [code for code in range(256) if -128 <= expected[code] <= 127]
    found = pow2.decode(np.array(fitting, np.uint8), 2)
    assert found.tolist() == [expected[code] for code in fitting]


def test_two_term_codes_are_canonical() -> None:
    codes = canonical_codes(2)
    assert pow2.encode(np.array(list(codes)), 2).tolist() == list(codes.values())


@pytest.mark.parametrize(
    ("value", "first", "second"),
    [(3, 2, 1), (1, 1, 0), (0, 0, 0), (-64, -64, 0), (96, 64, 32), (7, 8, -1), (-31, -32, 1)],
)
def test_a_two_term_code_holds_its_terms(value: int, first: int, second: int) -> None:
    (code,) = pow2.encode(np.array([value]), 2).tolist()
    assert (decoded(code % 16), decoded(code // 16)) == (first, second)


@pytest.mark.parametrize("terms", [1, 2])
def test_codes_are_those_of_values(terms: int) -> None:
    known = EVERY_BYTE[pow2.is_code(EVERY_BYTE, terms)]
    assert sorted(known.tolist()) == sorted(canonical_codes(terms).values())


def test_shifts_by_both_terms_equal_multiplication_for_every_operand_and_code() -> None:
    operands = np.arange(-128, 128, dtype=np.int64)
    for value, code in canonical_codes(2).items():
        terms = pow2.split_terms(np.array([code], np.uint8), 2)[0]
        shifted = [pow2.shift_multiply(operands, term) for term in terms]
        assert (shifted[0] + shifted[1]).tolist() == (operands * value).tolist()


def test_shifts_by_both_terms_equal_multiplication_of_unsigned_operands() -> None:
    operands = np.arange(256, dtype=np.uint8)
    for value, code in canonical_codes(2).items():
        terms = pow2.split_terms(np.array([code], np.uint8), 2)[0]
        shifted = [pow2.shift_multiply(operands, term) for term in terms]
        assert (shifted[0] + shifted[1]).tolist() == (operands.astype(np.int64) * value).tolist()


def test_one_term_is_split_into_itself() -> None:
    assert pow2.split_terms(EVERY_CODE, 1)[:, 0].tolist() == EVERY_CODE.tolist()


@pytest.mark.parametrize("value", sorted({*range(-128, 128)} - {*SUMS}))
def test_encode_refuses_what_has_no_two_term_code(value: int) -> None:
    with pytest.raises(ValueError, match=f"expected 0 or a sum of two up to 96, got {value}$"):
        pow2.encode(np.array([1, value, 2], np.int8), 2)


@pytest.mark.parametrize("value", [128, 160, 192, 255, 256, -160, -256])
@pytest.mark.parametrize("terms", [1, 2])
def test_encode_refuses_what_is_no_int8(value: int, terms: int) -> None:
    with pytest.raises(ValueError, match=f"got {value}$"):
        pow2.encode(np.array([value]), terms)


def test_zero_has_the_code_without_a_sign() -> None:
    assert pow2.encode(np.array([0])).tolist() == [pow2.ZERO_CODE]


@pytest.mark.parametrize("value", sorted({*range(-128, 128)} - {*VALUES}))
def test_encode_refuses_what_has_no_code(value: int) -> None:
    with pytest.raises(ValueError, match=f"got {value}$"):
        pow2.encode(np.array([1, value, 2], np.int8))


def test_has_one_term_knows_every_int8() -> None:
    everything = np.arange(-128, 128, dtype=np.int8)
    known = everything[pow2.has_one_term(everything)]
    assert sorted(known.tolist()) == sorted(VALUES)


@given(st.floats(width=32, min_value=-200, max_value=200), st.integers(-8, 8), TERMS)
def test_round_to_pow2_takes_the_nearest(value: float, exponent: int, terms: int) -> None:
    rounded = pow2.round_to_pow2(np.array([value], np.float32), exponent, terms)
    assert rounded.tolist() == [nearest_level(value, exponent, terms)]


@given(st.integers(-(2**12), 2**12), st.integers(-6, 2), SCALES, TERMS)
def test_round_to_pow2_is_right_near_every_tie(
    numerator: int, finer: int, exponent: int, terms: int
) -> None:
    value = float(Fraction(numerator) * Fraction(2) ** (finer + exponent - 5))
    rounded = pow2.round_to_pow2(np.array([value]), exponent, terms)
    assert rounded.tolist() == [nearest_level(value, exponent, terms)]


@pytest.mark.parametrize("sign", [1, -1])
def test_round_to_two_terms_sends_every_tie_to_the_larger(sign: int) -> None:
    positive = [value for value in SUMS if value >= 0]
    ties = [(low + high) / 2 for low, high in pairwise(positive)]
    rounded = pow2.round_to_pow2(np.array([sign * tie for tie in ties]), 0, 2)
    assert rounded.tolist() == [sign * high for high in positive[1:]]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-120, 120), TERMS)
def test_round_to_pow2_is_the_same_in_single_and_double_precision(
    value: float, exponent: int, terms: int
) -> None:
    single, double = (
        pow2.round_to_pow2(np.array([value], dtype), exponent, terms)
        for dtype in (np.float32, np.float64)
    )
    assert single.tolist() == double.tolist()


def test_round_to_pow2_of_many_rows_is_that_of_each() -> None:
    """More than one block of rows, each with its own exponent."""
    random = np.random.default_rng(0)
    values = random.normal(size=(70, 3, 25, 25)).astype(np.float32)
    exponents = random.integers(-9, -4, (70, 1, 1, 1))
    together = pow2.round_to_pow2(values, exponents, 2)
    alone = [
        pow2.round_to_pow2(row, int(exponent), 2)
        for row, exponent in zip(values, exponents.flat, strict=True)
    ]
    assert np.array_equal(together, np.stack(alone))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("magnitude", "rounded"),
    [(0.5, 1), (1.5, 2), (3.0, 4), (6.0, 8), (12.0, 16), (24.0, 32), (48.0, 64), (1e30, 64)],
)
def test_round_to_pow2_sends_ties_to_the_larger(magnitude: float, rounded: int, sign: int) -> None:
    assert pow2.round_to_pow2(np.array([sign * magnitude]), 0).tolist() == [sign * rounded]


@pytest.mark.parametrize("value", [0.0, -0.0, 0.49999, -0.49999, 1e-300])
def test_round_to_pow2_sends_small_numbers_to_zero(value: float) -> None:
    assert pow2.round_to_pow2(np.array([value]), 0).tolist() == [0]


def test_round_to_pow2_takes_exponents_that_broadcast() -> None:
    values = np.array([[4.0, -4.0], [4.0, -4.0]])
    rounded = pow2.round_to_pow2(values, np.array([[0], [2]]))
    assert rounded.tolist() == [[4, -4], [1, -1]]


def test_pack_puts_the_first_code_low() -> None:
    assert pow2.pack(np.array([1, 2, 15, 0], np.uint8)) == b"\x21\x0f"


@given(hnp.arrays(np.uint8, st.integers(0, 20).map(lambda n: 2 * n), elements=st.integers(0, 15)))
def test_unpack_undoes_pack(codes: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> None:
    packed = np.frombuffer(pow2.pack(codes), np.uint8)
    assert pow2.unpack(packed).tolist() == codes.tolist()
