"""TF2's 4-bit weight files: bytes written out by hand, round trips, damaged files."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tf2c.errors import UserError
from tf2c.frontends.tf2 import (
    FourBitLayer,
    read_four_bit_file,
    weight_bytes_of,
    write_four_bit_file,
)

LEVELS = [0, *(sign << m for m in range(7) for sign in (1, -1))]

layers = st.builds(
    FourBitLayer,
    st.integers(-128, 127),
    arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 8), st.integers(1, 8)),
        elements=st.integers(0, 14),
    ),
    st.integers(-128, 127),
)


def test_bytes_are_those_of_the_description(tmp_path: Path) -> None:
    """A 3x3 kernel is three shorts, a row each; of 1x1, four weights share a short."""
    kernel = FourBitLayer.of(
        np.array([[[[0, 1, -1], [64, -64, 2], [-2, 4, 8]]]], np.int8), least_exponent=-7, kind=1
    )
    pixel = FourBitLayer.of(
        np.array([1, 2, 4, 8, 16], np.int8).reshape(1, 5, 1, 1), least_exponent=-3
    )
    path = tmp_path / "weights.bin"
    write_four_bit_file(path, [kernel, pixel])
    expected = struct.pack("<bb4h3H", -7, 1, 1, 1, 3, 3, 0xF087, 0xF96E, 0xFBA1)
    expected += struct.pack("<bb4h2H", -3, 0, 1, 5, 1, 1, 0xBA98, 0xFFFC)
    assert path.read_bytes() == expected


@pytest.mark.parametrize(
    ("shape", "shorts"),
    [
        ((1, 1, 2, 2), 2),
        ((2, 3, 3, 3), 18),
        ((1, 1, 5, 5), 10),
        ((1, 1, 7, 7), 21),
        ((3, 3, 1, 1), 3),
        ((1, 1, 1, 2), 1),
        ((1, 1, 3, 1), 3),
    ],
)
def test_shorts_per_layer(tmp_path: Path, shape: tuple[int, ...], shorts: int) -> None:
    """Rows longer than three take another short."""
    path = tmp_path / "weights.bin"
    write_four_bit_file(path, [FourBitLayer(0, np.zeros(shape, np.uint8))])
    assert path.stat().st_size == 10 + 2 * shorts


@given(st.lists(layers, min_size=1, max_size=4))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, written: list[FourBitLayer]
) -> None:
    """Every code of every layer, in every shape."""
    path = tmp_path_factory.mktemp("file") / "weights.bin"
    write_four_bit_file(path, written)
    read = read_four_bit_file(path)
    assert len(read) == len(written)
    for one, other in zip(written, read, strict=True):
        assert (one.least_exponent, one.kind) == (other.least_exponent, other.kind)
        np.testing.assert_array_equal(one.codes, other.codes)


@pytest.mark.parametrize("exponent", [-9, 0, 3])
def test_codes_stand_for_their_numbers(exponent: int) -> None:
    """Levels make codes, codes make levels, and those times the unit are the weights."""
    levels = np.array(LEVELS, np.int8).reshape(1, -1, 1, 1)
    layer = FourBitLayer.of(levels, exponent)
    assert sorted(layer.codes.reshape(-1).tolist()) == list(range(15))
    np.testing.assert_array_equal(layer.levels, levels)
    np.testing.assert_array_equal(layer.values, levels * 2.0**exponent)


def test_exponents_become_the_engines_bytes() -> None:
    """With equal Q tables, a weight of 2**-e shifts by 15 - e."""
    layer = FourBitLayer.of(np.array([64, -1, 0, 2]).reshape(1, 4, 1, 1), -6)
    zeros = np.zeros(1, np.int64)
    encoded = weight_bytes_of(layer.exponents, zeros, zeros)
    assert encoded.reshape(-1).tolist() == [15, 0x80 | 9, 0x40, 10]


def test_weights_beyond_one_have_no_exponent() -> None:
    """TF2's networks have none, and its tables no way to say so."""
    with pytest.raises(UserError, match=r"expected weights of 2\*\*-63 to 1, got 2\*\*1"):
        _ = FourBitLayer.of(np.array([2]).reshape(1, 1, 1, 1), 0).exponents


@pytest.mark.parametrize("level", [3, 128, -100])
def test_what_is_no_power_of_two_is_refused(level: int) -> None:
    """Neither sums of two terms nor what the window does not reach."""
    with pytest.raises(ValueError, match=f"got {level}"):
        FourBitLayer.of(np.array([level]).reshape(1, 1, 1, 1), 0)


HEADER = struct.pack("<bb4h", 0, 0, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "expected 4-bit weights, got an empty file"),
        (HEADER[:4], "layer 0: expected a header of 10 bytes, got 4"),
        (HEADER, "layer 0: expected 2 bytes of weights of 1x1x1x1, got 0"),
        (HEADER + b"\xff\xff", "layer 0: expected weights, got code 15, which is none"),
        (HEADER + b"\xf0\xff\x01", "layer 1: expected a header of 10 bytes, got 1"),
        (
            struct.pack("<bb4h", 0, 0, 1, -1, 1, 1),
            r"layer 0: expected extents of at least 1, got \(1, -1, 1, 1\)",
        ),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, contents: bytes, message: str) -> None:
    """By file and layer."""
    path = tmp_path / "weights.bin"
    path.write_bytes(contents)
    with pytest.raises(UserError, match=rf"weights\.bin: {message}"):
        read_four_bit_file(path)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(UserError, match=r"absent\.bin: cannot be read: No such file"):
        read_four_bit_file(tmp_path / "absent.bin")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "expected layers to write, got none"),
        ([FourBitLayer(200, np.zeros((1, 1, 1, 1), np.uint8))], "least exponent of one byte"),
        ([FourBitLayer(0, np.zeros((1, 1, 1), np.uint8))], "four extents from 1 to 32767"),
        ([FourBitLayer(0, np.full((1, 1, 1, 1), 15, np.uint8))], "codes below 15, got 15"),
    ],
)
def test_nothing_half_written(tmp_path: Path, layers: list[FourBitLayer], message: str) -> None:
    """A refused layer leaves no file."""
    with pytest.raises(UserError, match=message):
        write_four_bit_file(tmp_path / "weights.bin", layers)
    assert not list(tmp_path.iterdir())
