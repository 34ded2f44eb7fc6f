"""One image file: what it may hold, which pixels of it are taken, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tf2c.frontends.image_files import UnusableImageError, read_image
from tf2c.frontends.preprocessing import PRESETS, Preprocessing

GRAY = np.array([[0, 51], [102, 255], [1, 254]], np.uint8)
"""Three rows of two pixels."""
GRAY_SHAPE = (1, 3, 2)
COLOR_SHAPE = (3, 3, 2)

PIXELS = PRESETS["none"]
CENTER = Preprocessing(geometry="center_crop", scale=1)
RESIZED = Preprocessing(geometry="resize_and_crop", scale=1)


def save(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def ramp(height: int, width: int) -> npt.NDArray[np.uint8]:
    """Return pixels that are all different, as far as 8 bits go."""
    return np.arange(height * width).reshape(height, width).astype(np.uint8)


def test_pixels_become_channels(tmp_path: Path) -> None:
    pixels = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)
    inputs = read_image(save(tmp_path / "a.png", Image.fromarray(pixels)), COLOR_SHAPE, PIXELS)
    assert inputs.dtype == np.float32
    np.testing.assert_array_equal(inputs, pixels.transpose(2, 0, 1))


def test_a_gray_image_has_three_equal_colors(tmp_path: Path) -> None:
    inputs = read_image(save(tmp_path / "a.png", Image.fromarray(GRAY)), COLOR_SHAPE, PIXELS)
    np.testing.assert_array_equal(inputs, np.repeat(GRAY[None], 3, axis=0))


def test_colors_become_gray_by_their_brightness(tmp_path: Path) -> None:
    pixels = np.zeros((3, 2, 3), np.uint8)
    pixels[0, 0] = (255, 0, 0)
    pixels[1, 1] = (0, 255, 0)
    pixels[2, 0] = (0, 0, 255)
    inputs = read_image(save(tmp_path / "a.png", Image.fromarray(pixels)), GRAY_SHAPE, PIXELS)
    assert inputs[0].tolist() == [[76, 0], [0, 150], [29, 0]]  # ITU-R 601-2


def test_transparency_is_dropped(tmp_path: Path) -> None:
    pixels = np.full((3, 2, 4), 200, np.uint8)
    pixels[..., 3] = 7
    inputs = read_image(save(tmp_path / "a.png", Image.fromarray(pixels)), COLOR_SHAPE, PIXELS)
    assert (inputs == 200).all()


def test_black_and_white_is_gray(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GRAY > 100))
    assert read_image(path, GRAY_SHAPE, PIXELS)[0].tolist() == [[0, 0], [255, 255], [0, 255]]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("transparent", [False, True])
def test_a_palette_is_looked_up(tmp_path: Path, transparent: bool) -> None:
    image = Image.fromarray(np.array([[0, 1], [1, 0], [1, 1]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    options = {"transparency": b"\x00\x80"} if transparent else {}
    inputs = read_image(save(tmp_path / "a.png", image, **options), COLOR_SHAPE, PIXELS)
    assert inputs[:, 0, 0].tolist() == [10, 20, 30]
    assert inputs[:, 0, 1].tolist() == [40, 50, 60]


def test_the_upper_bits_of_sixteen_are_kept(tmp_path: Path) -> None:
    deep = GRAY.astype(np.uint16) << 8 | 0x9C
    for name in ("a.png", "a.tiff"):
        path = save(tmp_path / name, Image.fromarray(deep))
        np.testing.assert_array_equal(read_image(path, GRAY_SHAPE, PIXELS)[0], GRAY)
        assert (read_image(path, COLOR_SHAPE, PIXELS)[2] == GRAY).all()


def test_printing_colors_become_light(tmp_path: Path) -> None:
    image = Image.new("CMYK", (2, 3), (255, 0, 0, 0))
    inputs = read_image(save(tmp_path / "a.tiff", image), COLOR_SHAPE, PIXELS)
    assert inputs[:, 0, 0].tolist() == [0, 255, 255]


def test_an_orientation_tag_turns_nothing(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.png", Image.fromarray(GRAY), exif=exif)
    np.testing.assert_array_equal(read_image(path, GRAY_SHAPE, PIXELS)[0], GRAY)


@pytest.mark.parametrize("kind", ["i4", "f4"])
def test_pixels_of_unknown_range_are_refused(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / "a.tiff", Image.fromarray(GRAY.astype(kind)))
    with pytest.raises(UnusableImageError, match="expected 8 or 16 bits per channel, got pixels"):
        read_image(path, GRAY_SHAPE, PIXELS)


def test_exactly_the_networks_size_is_expected(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GRAY))
    with pytest.raises(UnusableImageError, match=r"a\.png: expected 3x2 pixels, got 2x3 pixels"):
        read_image(path, (1, 2, 3), PIXELS)


@pytest.mark.parametrize("preprocessing", [PIXELS, CENTER, RESIZED], ids=lambda each: each.geometry)
def test_an_image_of_the_networks_size_is_taken_as_it_is(
    tmp_path: Path, preprocessing: Preprocessing
) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(GRAY))
    np.testing.assert_array_equal(read_image(path, GRAY_SHAPE, preprocessing)[0], GRAY)


@pytest.mark.parametrize(
    ("height", "width", "top", "left"),
    [(4, 4, 0, 0), (6, 10, 1, 3), (5, 7, 0, 2), (4, 9, 0, 2), (7, 4, 2, 0)],
)
def test_the_center_is_where_torchvision_has_it(
    tmp_path: Path, height: int, width: int, top: int, left: int
) -> None:
    pixels = ramp(height, width)
    path = save(tmp_path / "a.png", Image.fromarray(pixels))
    expected = pixels[top : top + 4, left : left + 4]
    np.testing.assert_array_equal(read_image(path, (1, 4, 4), CENTER)[0], expected)


@pytest.mark.parametrize(("height", "width"), [(3, 9), (9, 3), (1, 1)])
def test_there_is_no_center_of_a_smaller_image(tmp_path: Path, height: int, width: int) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(ramp(height, width)))
    with pytest.raises(UnusableImageError, match="expected at least 4x4 pixels, got"):
        read_image(path, (1, 4, 4), CENTER)


@pytest.mark.parametrize(
    ("shape", "size", "resized", "corner"),
    [
        # Width and height; the short side is 64 / 0.875 = 73 pixels.
        ((3, 64, 64), (100, 200), (73, 146), (4, 41)),
        ((3, 64, 64), (200, 100), (146, 73), (41, 4)),
        ((3, 64, 64), (333, 250), (97, 73), (16, 4)),
        ((3, 64, 64), (20, 20), (73, 73), (4, 4)),
        ((3, 224, 224), (500, 375), (341, 256), (58, 16)),
        ((3, 224, 224), (256, 256), (256, 256), (16, 16)),
        # Of an input that is not square, the side that is scarce decides.
        ((3, 32, 64), (100, 100), (73, 73), (4, 20)),
        ((3, 32, 64), (400, 100), (148, 37), (42, 2)),
    ],
)
def test_the_image_is_resized_so_that_the_crop_is_its_fraction(
    tmp_path: Path,
    shape: tuple[int, int, int],
    size: tuple[int, int],
    resized: tuple[int, int],
    corner: tuple[int, int],
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    image = Image.fromarray(noise)
    expected = np.asarray(image.resize(resized, Image.Resampling.BILINEAR))
    expected = expected[corner[1] : corner[1] + shape[1], corner[0] : corner[0] + shape[2]]
    inputs = read_image(save(tmp_path / "a.png", image), shape, RESIZED)
    np.testing.assert_array_equal(inputs, expected.transpose(2, 0, 1))


def test_all_of_the_image_is_a_fraction_of_one(tmp_path: Path) -> None:
    image = Image.fromarray(ramp(8, 8))
    whole = Preprocessing(geometry="resize_and_crop", scale=1, crop_fraction=1)
    expected = np.asarray(image.resize((4, 4), Image.Resampling.BILINEAR))
    inputs = read_image(save(tmp_path / "a.png", image), (1, 4, 4), whole)
    np.testing.assert_array_equal(inputs[0], expected)


def test_a_line_is_not_blown_up(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("L", (60_000, 1)))
    with pytest.raises(UnusableImageError, match="got 60000x1 pixels, which become 15360000x256"):
        read_image(path, (1, 224, 224), RESIZED)


def test_a_photograph_is_prepared_as_torchvision_does(shared_images: Path) -> None:
    path = shared_images / "imagenet" / "sample_0000_0032.jpg"
    with Image.open(path) as image:
        assert image.size == (368, 256)
        small = np.asarray(image.convert("RGB").resize((104, 73), Image.Resampling.BILINEAR))
    pixels = small[4:68, 20:84].astype(np.float64) / 255
    expected = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    inputs = read_image(path, (3, 64, 64), PRESETS["imagenet"])
    np.testing.assert_allclose(inputs, expected.transpose(2, 0, 1), atol=1e-6)


def test_a_photograph_for_caffe_is_blue_first(shared_images: Path) -> None:
    path = shared_images / "imagenet" / "sample_0000_0032.jpg"
    with Image.open(path) as image:
        small = np.asarray(image.convert("RGB").resize((104, 73), Image.Resampling.BILINEAR))
    blue_first = small[4:68, 20:84, ::-1].astype(np.float64) - [104, 117, 123]
    inputs = read_image(path, (3, 64, 64), PRESETS["caffe"])
    np.testing.assert_array_equal(inputs, blue_first.transpose(2, 0, 1))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_damage_is_an_unusable_image_and_nothing_else(tmp_path: Path, form: str) -> None:
    """Whatever is cut off or overwritten, a decoder's own errors do not come through."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    whole = save(tmp_path / "whole", Image.fromarray(noise), format=form).read_bytes()
    generator = np.random.default_rng(1)
    refused = 0
    for trial in range(60):
        contents = bytearray(whole)
        for place in generator.integers(0, min(len(whole), 200), 4):
            contents[place] = generator.integers(256)
        if trial % 3 == 0:
            del contents[int(generator.integers(len(contents))) :]
        (tmp_path / "damaged").write_bytes(contents)
        try:
            inputs = read_image(tmp_path / "damaged", (3, 32, 32), PIXELS)
        except UnusableImageError:
            refused += 1
        else:
            assert inputs.shape == (3, 32, 32)
    assert refused > 10


@pytest.mark.filterwarnings("error")
def test_an_image_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("1", (30_000, 4_000)))
    with pytest.raises(UnusableImageError, match="got one of more than 89,000,000 pixels"):
        read_image(path, (1, 4, 4), RESIZED)
