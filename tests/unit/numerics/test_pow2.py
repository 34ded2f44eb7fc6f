"""Signed powers of two and their codes, exhaustively where the domain is small."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tf2c.numerics import pow2

VALUES = [0, *(sign * 2**m for sign in (1, -1) for m in range(7))]
"""All 15 values of a one-term weight."""

EVERY_CODE = np.arange(16, dtype=np.uint8)
SCALES = st.integers(-30, 30)


def decoded(code: int) -> int:
    if code % 8 == 7:
        return 0
    return -(2 ** (code % 8)) if code >= 8 else 2**code


def nearest_level(value: float, exponent: int) -> int:
    """The nearest value by brute force; of two equally near ones, the larger in magnitude."""
    scaled = Fraction(value) / Fraction(2) ** exponent
    return min(VALUES, key=lambda level: (abs(scaled - level), -abs(level)))


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


def test_zero_has_the_code_without_a_sign() -> None:
    assert pow2.encode(np.array([0])).tolist() == [pow2.ZERO_CODE]


@pytest.mark.parametrize("value", sorted({*range(-128, 128)} - {*VALUES}))
def test_encode_refuses_what_has_no_code(value: int) -> None:
    with pytest.raises(ValueError, match=f"got {value}$"):
        pow2.encode(np.array([1, value, 2], np.int8))


def test_is_power_of_two_knows_every_int8() -> None:
    everything = np.arange(-128, 128, dtype=np.int8)
    known = everything[pow2.is_power_of_two(everything)]
    assert sorted(known.tolist()) == sorted(VALUES)


@given(st.floats(width=32, min_value=-200, max_value=200), st.integers(-8, 8))
def test_round_to_pow2_takes_the_nearest(value: float, exponent: int) -> None:
    rounded = pow2.round_to_pow2(np.array([value], np.float32), exponent)
    assert rounded.tolist() == [nearest_level(value, exponent)]


@given(st.integers(-(2**12), 2**12), st.integers(-6, 2), SCALES)
def test_round_to_pow2_is_right_near_every_tie(numerator: int, finer: int, exponent: int) -> None:
    value = float(Fraction(numerator) * Fraction(2) ** (finer + exponent - 5))
    rounded = pow2.round_to_pow2(np.array([value]), exponent)
    assert rounded.tolist() == [nearest_level(value, exponent)]


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
