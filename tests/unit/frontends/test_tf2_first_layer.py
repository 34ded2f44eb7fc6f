"""TF2's first layer: 7x7 pixels with stride 2 as 3x3 over rearranged planes."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from conftest import tf2_golden_file

from tf2c.errors import UserError
from tf2c.frontends.tf2 import (
    quantized_image,
    rearranged_image,
    rewritten_weights,
    weight_bytes_of,
)
from tf2c.numerics import weight_bytes


def random_bytes(seed: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (4, 3, 7, 7)).astype(np.uint8)


def random_image(height: int, width: int) -> npt.NDArray[np.int8]:
    return np.random.default_rng(height).integers(-128, 128, (3, height, width)).astype(np.int8)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (10, 14), (2, 4)])
def test_both_sides_rearranged_are_the_same_convolution(height: int, width: int) -> None:
    image, weights, bias = random_image(height, width), random_bytes(1), np.zeros(4, np.int32)

    direct = weight_bytes.convolve(image[None], weights, bias, (2, 2), (3, 3, 3, 3))
    rewritten = rewritten_weights(weights, with_unwritten_taps=False)
    rearranged = weight_bytes.convolve(rearranged_image(image)[None], rewritten, bias)

    assert np.array_equal(rearranged, direct)


def test_planes_are_in_tf2s_order() -> None:
    """Each color's are E, O and S with even and with odd rows, then all three shifted up."""
    image = random_image(8, 8)
    padded = np.pad(image, ((0, 0), (3, 3), (3, 3)))
    starts = [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 0), (2, 1), (2, 2)]

    planes = rearranged_image(image).reshape(3, 9, 6, 6)

    for plane, (row, column) in enumerate(starts):
        for y, x in np.ndindex(6, 6):
            expected = padded[:, row + 2 * y, column + 2 * x]
            assert planes[:, plane, y, x].tolist() == expected.tolist()


def test_unwritten_taps_add_what_they_see() -> None:
    image, weights, bias = random_image(6, 6), random_bytes(2), np.zeros(4, np.int32)
    planes = rearranged_image(image)[None]

    clean, dirty = (
        weight_bytes.convolve(planes, rewritten_weights(weights, unwritten), bias)
        for unwritten in (False, True)
    )

    for n, i, j in np.ndindex(dirty[0].shape):
        # Rows 0 and 1 of the third part of each color's planes, with a weight of 1.
        seen = planes[0].reshape(3, 9, *planes.shape[2:])[:, 6:, i : i + 2, j : j + 3]
        assert dirty[0, n, i, j] - clean[0, n, i, j] == seen.sum(dtype=np.int64)


def test_54_taps_are_unwritten() -> None:
    rewritten = rewritten_weights(np.full((1, 3, 7, 7), 0x85, np.uint8), with_unwritten_taps=True)

    counts = {
        int(byte): int(count)
        for byte, count in zip(*np.unique(rewritten, return_counts=True), strict=True)
    }

    assert counts == {0x00: 54, 0x40: 243 - 54 - 147, 0x85: 147}


def test_bytes_are_those_of_tf2s_host() -> None:
    path: Path = tf2_golden_file("googlenet_seed4.npz")
    with np.load(path) as golden:
        for index, descriptor in enumerate(json.loads(str(golden["net"]))):
            if descriptor["ipool"]:
                continue
            tables = (golden[f"qin{index}"], golden[f"qout{index}"])
            coded = weight_bytes_of(golden[f"wexp{index}"], *tables)
            if index == 0:
                coded = rewritten_weights(coded, with_unwritten_taps=True)
            assert hashlib.sha256(coded.tobytes()).hexdigest() == descriptor["sha_codes"]


def test_planes_are_those_of_tf2s_host() -> None:
    """The image is not known, but of every plane at least one other is a part."""
    path = tf2_golden_file("googlenet_seed4.npz")
    with np.load(path) as golden:
        planes = golden["x_in"].reshape(3, 9, 114, 114)
    even = planes[:, :4].reshape(3, 2, 2, 114, 114)  # columns, rows
    interleaved = np.empty((3, 228, 228), np.int8)
    for columns in (0, 1):
        for rows in (0, 1):
            interleaved[:, rows::2, columns::2] = even[:, columns, rows]
    image = interleaved[:, 3:227, 3:227]

    rearranged = rearranged_image(image).reshape(3, 9, 114, 114)

    assert np.array_equal(rearranged, planes)


def test_images_are_rounded_away_from_zero() -> None:
    image = np.array([-130.0, -1.5, -0.5, -0.49999997, 0.0, 0.5, 2.5, 126.5, 200.0], np.float32)

    assert quantized_image(image, 0).tolist() == [-128, -2, -1, 0, 0, 1, 3, 127, 127]
    assert quantized_image(image, 1).tolist() == [-65, -1, 0, 0, 0, 0, 1, 63, 100]
    for value in np.linspace(-3, 3, 97):
        expected = math.copysign(math.floor(abs(value) * 4 + 0.5), value)
        assert quantized_image(np.array([value]), -2)[0] == expected


def test_other_shapes_are_refused() -> None:
    with pytest.raises(UserError, match="expected a weight of Mx3x7x7 to rewrite"):
        rewritten_weights(np.zeros((4, 3, 5, 5), np.uint8), with_unwritten_taps=True)
    with pytest.raises(UserError, match="expected an image of 3xHxW with even sides"):
        rearranged_image(np.zeros((3, 7, 8), np.int8))
