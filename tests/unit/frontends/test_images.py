"""Images and labels from folders and files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tf2c.errors import UserError
from tf2c.frontends.images import image_names, load_images, load_labeled_images

GRAY = np.array([[0, 51], [102, 255], [1, 254]], np.uint8)
"""Three rows of two pixels."""
GRAY_SHAPE = (1, 3, 2)


def save_image(path: Path, pixels: npt.NDArray[np.uint8] = GRAY) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def write_labels(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, darker and brighter, whose names sort the other way round."""
    images = tmp_path / "images"
    images.mkdir()
    save_image(images / "b.png", GRAY // 2)
    save_image(images / "a.png", GRAY)
    return images


def test_pixels_become_fractions_of_255(tmp_path: Path) -> None:
    save_image(tmp_path / "a.png")
    images = load_images(tmp_path, GRAY_SHAPE)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, GRAY[None, None].astype(np.float32) / 255)


def test_colors_become_channels(tmp_path: Path) -> None:
    pixels = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)
    save_image(tmp_path / "a.png", pixels)
    images = load_images(tmp_path, (3, 3, 2))
    np.testing.assert_array_equal(images[0], pixels.transpose(2, 0, 1).astype(np.float32) / 255)


def test_a_gray_image_has_three_equal_colors(tmp_path: Path) -> None:
    save_image(tmp_path / "a.png")
    images = load_images(tmp_path, (3, 3, 2))
    expected = np.repeat(GRAY[None], 3, axis=0).astype(np.float32) / 255
    np.testing.assert_array_equal(images[0], expected)


def test_a_transparent_image_loses_its_transparency(tmp_path: Path) -> None:
    pixels = np.full((3, 2, 4), 255, np.uint8)
    pixels[..., 3] = 7
    save_image(tmp_path / "a.png", pixels)
    assert load_images(tmp_path, (3, 3, 2)).tolist() == np.ones((1, 3, 3, 2)).tolist()


def test_images_come_in_the_order_of_their_names(folder: Path) -> None:
    images = load_images(folder, GRAY_SHAPE)
    assert images[:, 0, 1, 1].tolist() == [1.0, np.float32(127) / np.float32(255)]


def test_hidden_files_are_left_out(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"junk")
    assert image_names(folder) == ["a.png", "b.png"]


def test_an_array_is_taken_as_it_is(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(4, *GRAY_SHAPE)).astype(np.float32)
    np.save(tmp_path / "x.npy", array)
    np.testing.assert_array_equal(load_images(tmp_path / "x.npy", GRAY_SHAPE), array)


@pytest.mark.parametrize("kind", ["f2", "f8"])
def test_an_array_of_other_precision_becomes_single(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "x.npy", np.ones((1, *GRAY_SHAPE), kind))
    assert load_images(tmp_path / "x.npy", GRAY_SHAPE).dtype == np.float32


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(GRAY_SHAPE, np.float32), "expected images of shape Nx1x3x2, got 1x3x2"),
        (np.ones((0, *GRAY_SHAPE), np.float32), "got 0x1x3x2"),
        (np.ones((1, 2, 3, 2), np.float32), "got 1x2x3x2"),
        (np.ones((1, 1, 2, 3), np.float32), "got 1x1x2x3"),
        (np.float32(1), "expected images of shape"),
        (np.ones((1, *GRAY_SHAPE), np.uint8), "expected images of real numbers, got uint8"),
        (np.ones((1, *GRAY_SHAPE), np.int64), "got int64"),
        (np.ones((1, *GRAY_SHAPE), np.complex64), "got complex64"),
        (np.full((1, *GRAY_SHAPE), np.nan, np.float32), "expected finite images"),
        (np.full((1, *GRAY_SHAPE), -np.inf, np.float32), "expected finite images"),
        (np.full((1, *GRAY_SHAPE), 1e300), "expected finite images"),
    ],
    ids=[
        "no batch",
        "empty batch",
        "channels",
        "transposed",
        "scalar",
        "bytes",
        "integers",
        "complex",
        "NaN",
        "infinity",
        "too large for single precision",
    ],
)
@pytest.mark.filterwarnings("error")
def test_an_array_that_cannot_be_used_is_refused(
    tmp_path: Path, array: npt.NDArray[np.generic], message: str
) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(UserError, match=message) as refusal:
        load_images(tmp_path / "x.npy", GRAY_SHAPE)
    assert str(refusal.value).startswith(f"{tmp_path / 'x.npy'}: ")


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}, []], object), allow_pickle=True)
    with pytest.raises(UserError, match=r"x\.npy: expected a \.npy file"):
        load_images(tmp_path / "x.npy", GRAY_SHAPE)


@pytest.mark.parametrize("size", [0, 3, 20, 130])
def test_a_cut_off_array_is_refused(tmp_path: Path, size: int) -> None:
    np.save(tmp_path / "x.npy", np.ones((1, *GRAY_SHAPE), np.float32))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:size])
    with pytest.raises(UserError, match=r"x\.npy: expected a \.npy file, got damaged contents"):
        load_images(tmp_path / "x.npy", GRAY_SHAPE)


def test_an_archive_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.ones(3))
    (tmp_path / "x.npz").rename(tmp_path / "x.npy")
    with pytest.raises(UserError, match="expected one array, got an archive"):
        load_images(tmp_path / "x.npy", GRAY_SHAPE)


def test_a_folder_called_npy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npy").mkdir()
    with pytest.raises(UserError, match=r"x\.npy: expected a \.npy file, got Is a directory"):
        load_images(tmp_path / "x.npy", GRAY_SHAPE)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent: expected a folder of images"):
        load_images(tmp_path / "absent", GRAY_SHAPE)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected images, got an empty folder"):
        load_images(tmp_path, GRAY_SHAPE)


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_image_is_refused(folder: Path, content: bytes) -> None:
    (folder / "c.png").write_bytes(content)
    with pytest.raises(UserError, match=r"c\.png: expected an image"):
        load_images(folder, GRAY_SHAPE)


def test_a_cut_off_image_is_refused(folder: Path) -> None:
    whole = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(whole[: len(whole) - 30])
    with pytest.raises(UserError, match=r"a\.png: expected an image"):
        load_images(folder, GRAY_SHAPE)


def test_an_image_of_another_size_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"a\.png: expected 3x2 pixels, got 2x3"):
        load_images(folder, (1, 2, 3))


def test_image_files_need_one_or_three_channels(folder: Path) -> None:
    with pytest.raises(UserError, match="1 or 3 input channels for image files, got 2"):
        load_images(folder, (2, 3, 2))


def test_labels_go_with_their_images(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "b.png,7", "a.png,0")
    images, classes = load_labeled_images(folder, labels, GRAY_SHAPE)
    assert classes.tolist() == [7, 0]
    assert images[:, 0, 1, 1].tolist() == [np.float32(127) / np.float32(255), 1.0]


def test_further_columns_are_left_out(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "note,label,file", "x, 3 ,a.png")
    assert load_labeled_images(folder, labels, GRAY_SHAPE)[1].tolist() == [3]


def test_images_without_a_label_are_left_out(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "a.png,1")
    (folder / "c.png").write_bytes(b"not even an image")
    assert len(load_labeled_images(folder, labels, GRAY_SHAPE)[0]) == 1


def test_a_byte_order_mark_is_no_part_of_a_column(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"\xef\xbb\xbffile,label\r\na.png,1\r\n")
    assert load_labeled_images(folder, tmp_path / "l.csv", GRAY_SHAPE)[1].tolist() == [1]


def test_an_image_in_an_inner_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "ones").mkdir()
    (folder / "a.png").rename(folder / "ones" / "a.png")
    labels = write_labels(tmp_path / "l.csv", "file,label", "ones/a.png,1")
    with pytest.raises(UserError, match=r"line 2: no image `ones/a\.png`"):
        load_labeled_images(folder, labels, GRAY_SHAPE)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "expected the columns file,label, got nothing"),
        (["file,label"], "expected rows behind `file,label`, got none"),
        (["name,label", "a.png,1"], "expected the columns file,label, got name,label"),
        (["file;label", "a.png;1"], "expected the columns file,label, got file;label"),
        (["file,label", "a.png,1", "z.png,1"], "line 3: no image `z.png` in"),
        (["file,label", ",1"], "line 2: no image ``"),
        (["file,label", "../images/a.png,1"], "line 2: no image"),
        (["file,label", "a.png,cat"], "line 2: expected a class number, got `cat`"),
        (["file,label", "a.png,-1"], "expected a class number, got `-1`"),
        (["file,label", "a.png,1.5"], "expected a class number, got `1.5`"),
        (["file,label", "a.png,"], "expected a class number, got ``"),
        (["file,label", "a.png,\u00b2"], "expected a class number"),
        (["file,label", "a.png"], "expected a class number"),
        (["file,label", f"a.png,{2**63}"], "expected a class number"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(
    folder: Path, tmp_path: Path, lines: Sequence[str], message: str
) -> None:
    labels = write_labels(tmp_path / "l.csv", *lines)
    with pytest.raises(UserError, match=message) as refusal:
        load_labeled_images(folder, labels, GRAY_SHAPE)
    assert str(refusal.value).startswith(f"{labels}: ")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00f", b"file,label\na.png,1\x00\n", None])
def test_a_labels_file_that_is_no_text_is_refused(
    folder: Path, tmp_path: Path, content: bytes | None
) -> None:
    labels = tmp_path / "l.csv"
    if content is not None:
        labels.write_bytes(content)
    with pytest.raises(UserError, match=r"l\.csv: "):
        load_labeled_images(folder, labels, GRAY_SHAPE)


def test_a_line_number_counts_lines_of_the_file(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "a.png,1", "", "b.png,x")
    with pytest.raises(UserError, match="line 4: expected a class number, got `x`"):
        load_labeled_images(folder, labels, GRAY_SHAPE)
