"""Images with their classes: a folder and a labels file."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf2c.errors import UserError
from tf2c.frontends.labeled_images import LabeledImages, load_labeled_images
from tf2c.frontends.preprocessing import Preprocessing

SHAPE = (1, 3, 2)
A, B = 40, 80
"""Gray values of the images `a.png` and `b.png`."""


def save_image(path: Path, gray: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(SHAPE[1:], gray, np.uint8)).save(path)


def write_labels(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def read(images: LabeledImages) -> list[tuple[int, int]]:
    """Return gray value and class of each image."""
    pairs: list[tuple[int, int]] = []
    for batch, classes in images.batches(2):
        assert len(batch) == len(classes)
        pairs += zip((255 * batch[:, 0, 0, 0]).round().astype(int), classes, strict=True)
    return pairs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    save_image(images / "a.png", A)
    save_image(images / "b.png", B)
    return images


def test_labels_go_with_their_images(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "b.png,7", "a.png,0")
    images = load_labeled_images(folder, labels, SHAPE)
    assert read(images) == [(B, 7), (A, 0)]
    assert (len(images), images.labels.tolist()) == (2, [7, 0])


def test_batches_go_on_where_the_last_one_ended(folder: Path, tmp_path: Path) -> None:
    names = [f"{index}.png" for index in range(5)]
    for index, name in enumerate(names):
        save_image(folder / name, 10 * index)
    rows = [f"{name},{index}" for index, name in enumerate(names)]
    labels = write_labels(tmp_path / "l.csv", "file,label", *rows)
    expected = [(10 * index, index) for index in range(5)]
    assert read(load_labeled_images(folder, labels, SHAPE)) == expected


def test_a_limit_takes_the_first_rows(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "b.png,7", "a.png,0")
    assert read(load_labeled_images(folder, labels, SHAPE, limit=1)) == [(B, 7)]


def test_the_label_offset_is_added(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "a.png,3")
    images = load_labeled_images(folder, labels, SHAPE, Preprocessing(label_offset=-2))
    assert read(images) == [(A, 1)]


def test_further_columns_are_left_out(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "note,label,file", "x, 3 ,a.png")
    assert read(load_labeled_images(folder, labels, SHAPE)) == [(A, 3)]


def test_fields_may_be_quoted(folder: Path, tmp_path: Path) -> None:
    save_image(folder / "x,y.png", 9)
    labels = write_labels(tmp_path / "l.csv", '"file","label"', '"x,y.png","3"')
    assert read(load_labeled_images(folder, labels, SHAPE)) == [(9, 3)]


def test_images_without_a_label_are_left_out(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "a.png,1")
    (folder / "c.png").write_bytes(b"not even an image")
    assert read(load_labeled_images(folder, labels, SHAPE)) == [(A, 1)]


def test_a_damaged_image_is_refused_and_not_skipped(folder: Path, tmp_path: Path) -> None:
    (folder / "a.png").write_bytes(b"not even an image")
    labels = write_labels(tmp_path / "l.csv", "file,label", "b.png,1", "a.png,1")
    images = load_labeled_images(folder, labels, SHAPE)
    with pytest.raises(UserError, match=r"images/a\.png: expected an image, got a file that"):
        read(images)


def test_a_byte_order_mark_is_no_part_of_a_column(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"\xef\xbb\xbffile,label\r\na.png,1\r\n")
    assert read(load_labeled_images(folder, tmp_path / "l.csv", SHAPE)) == [(A, 1)]


def test_images_may_be_in_inner_folders(folder: Path, tmp_path: Path) -> None:
    (folder / "ones").mkdir()
    (folder / "a.png").rename(folder / "ones" / "a.png")
    labels = write_labels(tmp_path / "l.csv", "file,label", "ones/a.png,1")
    assert read(load_labeled_images(folder, labels, SHAPE)) == [(A, 1)]


@pytest.mark.parametrize("name", ["../images/a.png", "ones/../a.png", "{folder}/a.png"])
def test_a_name_that_may_lead_out_of_the_folder_is_refused(
    folder: Path, tmp_path: Path, name: str
) -> None:
    (folder / "ones").mkdir()
    name = name.format(folder=folder)
    labels = write_labels(tmp_path / "l.csv", "file,label", f"{name},1")
    with pytest.raises(UserError, match=r"line 2: expected a file inside of .*images, got `"):
        load_labeled_images(folder, labels, SHAPE)


@pytest.mark.parametrize("again", ["a.png,1", "a.png,2", "./a.png,1"])
def test_an_image_has_one_label(folder: Path, tmp_path: Path, again: str) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "a.png,1", "b.png,1", again)
    with pytest.raises(UserError, match=r"line 4: `.*a\.png` has a label already, in line 2"):
        load_labeled_images(folder, labels, SHAPE)


def test_a_missing_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "a.png,1")
    with pytest.raises(UserError, match="absent: expected a folder of images, got No such file"):
        load_labeled_images(tmp_path / "absent", labels, SHAPE)


def test_a_pipe_is_no_image(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    labels = write_labels(tmp_path / "l.csv", "file,label", "pipe.png,1")
    with pytest.raises(UserError, match=r"line 2: no image `pipe\.png`"):
        load_labeled_images(folder, labels, SHAPE)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "expected the columns file,label, got nothing"),
        (["file,label"], "expected rows behind `file,label`, got none"),
        (["name,label", "a.png,1"], "expected the columns file,label, got name,label"),
        (["file;label", "a.png;1"], "expected the columns file,label, got file;label"),
        (["file,label", "a.png,1", "z.png,1"], "line 3: no image `z.png` in"),
        (["file,label", ",1"], "line 2: no image ``"),
        (["file,label", f"{'a' * 5000},1"], "line 2: no image `aaa"),
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
        load_labeled_images(folder, labels, SHAPE)
    assert str(refusal.value).startswith(f"{labels}: ")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00f", b"file,label\na.png,1\x00\n", None])
def test_a_labels_file_that_is_no_text_is_refused(
    folder: Path, tmp_path: Path, content: bytes | None
) -> None:
    labels = tmp_path / "l.csv"
    if content is not None:
        labels.write_bytes(content)
    with pytest.raises(UserError, match=r"l\.csv: "):
        load_labeled_images(folder, labels, SHAPE)


def test_a_line_number_counts_lines_of_the_file(folder: Path, tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "l.csv", "file,label", "a.png,1", "", "b.png,x")
    with pytest.raises(UserError, match="line 4: expected a class number, got `x`"):
        load_labeled_images(folder, labels, SHAPE)
