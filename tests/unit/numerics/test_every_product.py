"""Every product of an int8 operand and a weight code, computed in three ways.

By multiplying integers, by the shifts of `numerics.pow2`, and by the text that every engine's
OpenCL source contains, compiled by Intel's emulator. There are so few operands and codes that
nothing is left to a sample.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from naive_reference import canonical_codes
from unit.numerics.emulated_arithmetic import compute

from tf2c.backends.opencl.render import render_arithmetic, render_engine
from tf2c.engine import Engine
from tf2c.numerics import pow2

OPERANDS = np.arange(-128, 128, dtype=np.int8)
ONE_TERM_CODES = np.arange(16, dtype=np.uint8)
"""All that 4 bits can be. Only 15 is no code: a zero with a sign, which means zero as well."""

EVERY_BYTE = np.arange(256, dtype=np.uint8)
TWO_TERM_CODES = np.array(sorted(canonical_codes(2).values()), np.uint8)

Products = npt.NDArray[np.integer]


def value_of_term(code: int) -> int:
    """What 4 bits stand for, from the words that define them."""
    magnitude = [1, 2, 4, 8, 16, 32, 64, 0][code % 8]
    return -magnitude if code >= 8 else magnitude


def value_of_byte(code: int) -> int:
    return value_of_term(code % 16) + value_of_term(code // 16)


def multiplied(values: list[int]) -> list[list[int]]:
    """Products of Python's integers, a row for each operand."""
    return [[operand * value for value in values] for operand in range(-128, 128)]


def shifted_by_one_term(codes: npt.NDArray[np.uint8]) -> Products:
    return pow2.shift_multiply(OPERANDS[:, None], codes[None, :])


def shifted_by_two_terms(codes: npt.NDArray[np.uint8]) -> Products:
    terms = pow2.split_terms(codes, 2)
    return shifted_by_one_term(terms[:, 0]) + shifted_by_one_term(terms[:, 1])


def emulated(library: Path, kernel: str, codes: npt.NDArray[np.uint8], terms: int) -> Products:
    """What lanes compute, with what biases make up for."""
    sizes = (OPERANDS.size, codes.size)
    complements = compute(library, kernel, [OPERANDS, sizes[0], codes, sizes[1]], sizes)
    return complements + pow2.negative_terms(codes, terms)


def test_shifts_by_one_term_are_products() -> None:
    products = multiplied([value_of_term(code) for code in range(16)])
    decoded = OPERANDS.astype(np.int64)[:, None] * pow2.decode(ONE_TERM_CODES)
    assert decoded.tolist() == products
    assert shifted_by_one_term(ONE_TERM_CODES).tolist() == products


def test_emulated_shifts_by_one_term_are_products(emulator_library: Path) -> None:
    found = emulated(emulator_library, "multiply_by_one_term", ONE_TERM_CODES, 1)
    assert found.tolist() == multiplied([value_of_term(code) for code in range(16)])


def test_lanes_are_short_by_one_for_each_sign() -> None:
    """A zero has no sign; one that has, which no weight is, counts all the same."""
    assert pow2.negative_terms(ONE_TERM_CODES).tolist() == [0] * 8 + [1] * 8
    expected = [(code % 16 >= 8) + (code >= 128) for code in range(256)]
    assert pow2.negative_terms(EVERY_BYTE, 2).tolist() == expected


def test_shifts_by_two_terms_are_products() -> None:
    assert len(TWO_TERM_CODES) == 77
    products = multiplied([value_of_byte(code) for code in TWO_TERM_CODES.tolist()])
    decoded = OPERANDS.astype(np.int64)[:, None] * pow2.decode(TWO_TERM_CODES, 2)
    assert decoded.tolist() == products
    assert shifted_by_two_terms(TWO_TERM_CODES).tolist() == products


def test_emulated_shifts_by_two_terms_are_products(emulator_library: Path) -> None:
    found = emulated(emulator_library, "multiply_by_two_terms", TWO_TERM_CODES, 2)
    assert found.tolist() == multiplied([value_of_byte(code) for code in TWO_TERM_CODES.tolist()])


def test_every_byte_holds_the_codes_of_two_lanes(emulator_library: Path) -> None:
    """The low four bits for the even lane: in products of two terms the order could not be seen."""
    lanes = 4
    found = compute(emulator_library, "read_codes", [EVERY_BYTE, 256, lanes], (256, lanes))
    unpacked = pow2.unpack(EVERY_BYTE).reshape(256, 2)
    assert found.tolist() == np.tile(unpacked, 2).tolist()
    assert found[0x12].tolist() == [2, 1, 2, 1]


def test_bytes_that_are_no_codes_multiply_by_the_sum_of_their_terms(
    emulator_library: Path,
) -> None:
    """Neither device sees whether a code is canonical: that is for `encode` and `is_code`."""
    products = multiplied([value_of_byte(code) for code in range(256)])
    assert shifted_by_two_terms(EVERY_BYTE).tolist() == products
    assert emulated(emulator_library, "multiply_by_two_terms", EVERY_BYTE, 2).tolist() == products


def test_the_one_byte_whose_value_is_no_int8_is_no_code() -> None:
    """64 + 64: shifts multiply by 128, but `decode` can only return -128."""
    decoded = pow2.decode(EVERY_BYTE, 2).tolist()
    wrong = [code for code in range(256) if decoded[code] != value_of_byte(code)]
    assert wrong == [0x66]
    assert not pow2.is_code(np.array(wrong, np.uint8), 2).any()


@pytest.mark.parametrize("engine", [Engine(), Engine(filter_vector=4, channel_vector=2)])
def test_every_engine_computes_with_the_text_that_is_proved(engine: Engine) -> None:
    before, text, behind = render_engine(engine, "test").partition(render_arithmetic())
    assert text
    # The kernels call the functions and do nothing of it themselves: both forms of the lanes read
    # codes, one multiplies numbers and the other vectors; stored numbers and means are rounded.
    calls = {"code_of_lane(": 2, "shift_complement(": 1, "SHIFTED(": 1, "requantize(": 2}
    for function in ("shift_of(", "mask_of(", "sign_of("):
        calls[function] = 1
    assert {function: behind.count(function) for function in calls} == calls
    for constant in ("ZERO_CODE", "REQUANTIZE_SHIFT", "multiplier[filter] *", "* parameter"):
        assert constant not in before + behind
