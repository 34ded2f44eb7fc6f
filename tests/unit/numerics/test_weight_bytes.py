"""Weight bytes against shifts of Python integers."""

import numpy as np
import pytest

from tf2c.numerics import weight_bytes


def wrap(number: int) -> int:
    return (number + 2**31) % 2**32 - 2**31


def shifted(pixel: int, byte: int, negates_in_8_bits: bool) -> int:
    if byte & 0x40:
        return 0
    if byte & 0x80:
        pixel = -128 if negates_in_8_bits and pixel == -128 else -pixel
    return pixel << (byte & 31)


@pytest.mark.parametrize("negates_in_8_bits", [False, True])
def test_every_byte_shifts_every_number(negates_in_8_bits: bool) -> None:
    pixels = np.arange(-128, 128, dtype=np.int8).reshape(256, 1)
    every_byte = np.arange(256, dtype=np.uint8).reshape(256, 1)

    products = weight_bytes.multiply(pixels, every_byte, np.zeros(256, np.int32), negates_in_8_bits)

    expected = [
        [wrap(shifted(pixel, byte, negates_in_8_bits)) for byte in range(256)]
        for pixel in range(-128, 128)
    ]
    assert products.dtype == np.int32
    assert products.tolist() == expected


def test_unsigned_numbers_are_shifted() -> None:
    pixels = np.array([[0, 1, 255]], np.uint8)
    weights = np.array([[0x1F, 0x9F, 0x80]], np.uint8)

    (total,) = weight_bytes.multiply(pixels, weights, np.array([7], np.int32))[0].tolist()

    assert total == wrap(-(1 << 31) - 255 + 7)


@pytest.mark.parametrize("byte", [0x1F, 0x9F])
def test_sums_too_large_for_float64_are_exact(byte: int) -> None:
    """Of one sign, so that they pass 2**53, with odd numbers that float64 would round away."""
    count = 1 << 17
    pixels = np.full((1, count), 127, np.int8)
    weights = np.full((2, count), byte, np.uint8)
    weights[:, ::3] = byte & weight_bytes.SIGN_BIT
    weights[1, 1::3] = 0x80 ^ byte
    pixels[0, :9] = -128

    for negates_in_8_bits in (False, True):
        bias = np.array([-1, 1], np.int32)
        sums = weight_bytes.multiply(pixels, weights, bias, negates_in_8_bits)

        for filter_ in (0, 1):
            total = sum(
                shifted(int(pixel), int(weight), negates_in_8_bits)
                for pixel, weight in zip(pixels[0], weights[filter_], strict=True)
            )
            assert sums[0, filter_] == wrap(total + int(bias[filter_]))


def test_accumulators_wrap() -> None:
    pixels = np.full((1, 3), 127, np.int8)
    weights = np.full((1, 3), 24, np.uint8)

    (total,) = weight_bytes.multiply(pixels, weights, np.array([2**31 - 1], np.int32))[0].tolist()

    assert total == wrap(3 * (127 << 24) + 2**31 - 1)


def test_a_negated_least_number_keeps_its_sign_in_a_padded_image() -> None:
    image = np.full((1, 1, 2, 2), -128, np.int8)
    weights = np.full((1, 1, 3, 3), 0x80, np.uint8)
    bias = np.zeros(1, np.int32)

    plain, in_8_bits = (
        weight_bytes.convolve(image, weights, bias, (1, 1), (1, 1, 1, 1), negates_in_8_bits=negates)
        for negates in (False, True)
    )

    assert plain.tolist() == [[[[512, 512], [512, 512]]]]
    assert in_8_bits.tolist() == [[[[-512, -512], [-512, -512]]]]


@pytest.mark.parametrize(
    ("weight", "before", "after", "byte"),
    [
        (0x00, 0, 0, 15),
        (0x83, 0, 0, 0x80 | 12),
        (0x40, 9, -9, 0x40),
        (0xC1, 9, -9, 0x40),
        (0x02, 3, -4, 20),
        (0x0E, -1, 1, 0),  # too small for a shift, and therefore larger than it was
        (0x00, 20, -20, 55),  # bit 5 means nothing: a shift by 23
        (0x00, 30, -30, 75),  # bit 6 means zero
        (0x00, 100, -100, 0),  # 215 is -41 as a signed byte
        (0x81, 127, -1, 0x80),  # 143 is negative, too
        (0x00, 112, 0, 127),
    ],
)
def test_bytes_are_made_of_exponents(weight: int, before: int, after: int, byte: int) -> None:
    weights = np.array([[weight]], np.uint8)
    tables = (np.array([before], np.int8), np.array([after], np.int8))

    assert weight_bytes.encode(weights, *tables).tolist() == [[byte]]


def test_every_channel_has_its_exponent() -> None:
    weights = np.zeros((2, 3, 1, 1), np.uint8)

    coded = weight_bytes.encode(weights, np.array([0, 1, -2]), np.array([0, 4]))

    assert coded[:, :, 0, 0].tolist() == [[15, 16, 13], [11, 12, 9]]
    one_for_all = weight_bytes.encode(weights, np.array([1]), np.array([4]))
    assert one_for_all[:, :, 0, 0].tolist() == [[12] * 3] * 2
