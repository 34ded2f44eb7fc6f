"""Folders and lists of images: which files, in what order, and what becomes of unusable ones."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf2c.errors import UserError
from tf2c.frontends.images import NAMED, FolderImages, folder_images, listed_images, load_images
from tf2c.frontends.preprocessing import PRESETS, Preprocessing

SHAPE = (1, 3, 2)
SKIPPED = "skipped 2 of 4 images that cannot be used: "


def save_image(path: Path, gray: int, *extents: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(extents or SHAPE[1:], gray, np.uint8)).save(path)


def grays(images: object, size: int = 2) -> list[int]:
    """Return the gray value of each image, and check how they are batched."""
    assert isinstance(images, FolderImages)
    batches = list(images.batches(size))
    assert {batch.dtype for batch in batches} == {np.dtype(np.float32)}
    assert {batch.shape[1:] for batch in batches} == {SHAPE}
    assert all(len(batch) == size for batch in batches[:-1])
    return [round(255 * float(each[0, 0, 0])) for batch in batches for each in batch]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images whose names sort otherwise than they were written."""
    images = tmp_path / "images"
    for name, gray in (("d", 40), ("b", 20), ("a", 10), ("c", 30)):
        save_image(images / f"{name}.png", gray)
    return images


def test_images_come_in_the_order_of_their_names(folder: Path) -> None:
    images = load_images(folder, SHAPE)
    assert (len(images), images.shape) == (4, SHAPE)
    assert grays(images, 3) == [10, 20, 30, 40]


def test_a_folder_can_be_read_again(folder: Path) -> None:
    images = load_images(folder, SHAPE)
    assert grays(images) == grays(images)


def test_files_are_opened_when_their_batch_is_asked_for(folder: Path) -> None:
    batches = load_images(folder, SHAPE).batches(2)
    next(batches)
    save_image(folder / "c.png", 99)
    assert round(255 * float(next(batches)[0, 0, 0, 0])) == 99


def test_inner_folders_are_read(folder: Path) -> None:
    save_image(folder / "bird" / "b.png", 25)
    assert folder_images(folder) == ["a.png", "b.png", "bird/b.png", "c.png", "d.png"]
    assert grays(load_images(folder, SHAPE)) == [10, 20, 25, 30, 40]


def test_what_is_hidden_is_left_out(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"junk")
    save_image(folder / ".trash" / "x.png", 1)
    assert grays(load_images(folder, SHAPE)) == [10, 20, 30, 40]


@pytest.mark.parametrize("name", ["labels.csv", "notes.txt", "a.json", "README.MD", "p.toml"])
def test_what_cannot_be_meant_as_an_image_is_left_out(folder: Path, name: str) -> None:
    (folder / name).write_text("file,label\n")
    assert grays(load_images(folder, SHAPE)) == [10, 20, 30, 40]


def test_a_preprocessing_is_applied(folder: Path) -> None:
    (batch,) = load_images(folder, SHAPE, PRESETS["none"]).batches(9)
    assert batch[:, 0, 0, 0].tolist() == [10, 20, 30, 40]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent: expected a folder of images, got No such file"):
        load_images(tmp_path / "absent", SHAPE)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected images, got an empty folder"):
        load_images(tmp_path, SHAPE)


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\n")
    with pytest.raises(UserError, match="expected images, got a folder of 1 other files"):
        load_images(tmp_path, SHAPE)


def test_an_inner_folder_that_cannot_be_read_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "locked").mkdir()
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UserError, match=r"images/locked: expected a folder .*Permission denied"):
        load_images(folder, SHAPE)


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_image_is_refused(folder: Path, content: bytes) -> None:
    (folder / "c.png").write_bytes(content)
    with pytest.raises(UserError, match=r"c\.png: expected an image, got a file that does not"):
        grays(load_images(folder, SHAPE))


def test_unusable_images_are_skipped_and_named_if_asked_for(folder: Path) -> None:
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:-30])
    save_image(folder / "c.png", 1, 5, 7)
    images = load_images(folder, SHAPE, skip_unusable=True)
    assert isinstance(images, FolderImages)
    assert (len(images), images.notes()) == (4, [])
    assert grays(images, 2) == [10, 40]
    named = "b.png (a file that does not open), c.png (7x5 pixels)"
    assert (len(images), images.notes()) == (2, [SKIPPED + named])


def test_a_skipped_image_stays_skipped(folder: Path) -> None:
    contents = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(b"")
    images = load_images(folder, SHAPE, skip_unusable=True)
    assert grays(images) == [10, 30, 40]
    (folder / "b.png").write_bytes(contents)
    assert grays(images) == [10, 30, 40]


def test_no_usable_image_is_refused(folder: Path) -> None:
    for name in "abcd":
        (folder / f"{name}.png").write_bytes(b"")
    images = load_images(folder, SHAPE, skip_unusable=True)
    expected = r"images: expected images, got none of 4 that can be used; the last: .*d\.png: exp"
    with pytest.raises(UserError, match=expected):
        grays(images)


def test_a_note_names_so_many_files_only(tmp_path: Path) -> None:
    save_image(tmp_path / "z.png", 1)
    names = [f"{index:03d}.png" for index in range(NAMED + 7)]
    images = FolderImages(tmp_path, [*names, "z.png"], SHAPE, skip_unusable=True)
    assert grays(images) == [1]
    (note,) = images.notes()
    assert note.startswith(f"skipped {NAMED + 7} of {NAMED + 8} images")
    assert note.endswith("099.png (No such file or directory), and 7 more")


def test_image_files_need_one_or_three_channels(folder: Path) -> None:
    with pytest.raises(UserError, match=r"images: .* 1 or 3 input channels for image files, got 2"):
        load_images(folder, (2, 3, 2))


def test_a_preprocessing_for_colors_does_not_fit_gray(folder: Path) -> None:
    with pytest.raises(
        UserError, match="images: expected a preprocessing with one number as `mean`"
    ):
        load_images(folder, SHAPE, Preprocessing(mean=(1, 2, 3)))


def test_a_list_names_images_relative_to_its_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("images/c.png\n\n  images/a.png \n")
    assert grays(load_images(tmp_path / "some.txt", SHAPE)) == [30, 10]


def test_a_list_may_name_images_absolutely(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text(f"{folder / 'c.png'}\n")
    assert grays(load_images(tmp_path / "some.txt", SHAPE)) == [30]


def test_a_list_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_bytes(b"\xef\xbb\xbfa.png\r\nb.png\r\n")
    assert listed_images(tmp_path / "l.txt") == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected names of images, one per line, got none"),
        (b"\n \n", "expected names of images, one per line, got none"),
        (b"a.png\nb.png\na.png\n", r"line 3: `a\.png` is in line 1 already"),
        (b"\xff\xfe", "expected a list of images, got no text"),
        (None, "expected a list of images, got No such file or directory"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "l.txt").write_bytes(content)
    with pytest.raises(UserError, match=rf"l\.txt: {message}"):
        load_images(tmp_path / "l.txt", SHAPE)


def test_a_folder_in_a_list_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("images\n")
    with pytest.raises(UserError, match="images: expected an image, got no regular file"):
        grays(load_images(tmp_path / "l.txt", SHAPE))


def test_a_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    with pytest.raises(UserError, match=r"pipe\.png: expected an image, got no regular file"):
        grays(load_images(folder, SHAPE))
