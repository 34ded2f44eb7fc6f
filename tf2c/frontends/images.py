"""Images and labels from folders and files, as the network takes them."""

import csv
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from tf2c.errors import UserError

MODES = {1: "L", 3: "RGB"}
"""PIL's modes by a network's input channels."""

CLASS_DIGITS = 9
"""Longer class numbers are mistakes."""


def load_images(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Read a folder of images, or an .npy file of prepared ones.

    Pixels become `value / 255`; an .npy file is taken as it is. Files in a folder are read in the
    order of their names; those that begin with a dot are left out.

    Args:
        path: the folder or file.
        shape: the network's `(C, H, W)`.

    Returns:
        float32 `[N, C, H, W]`.

    Raises:
        UserError: nothing there, a file that is no image, or one of another size.
    """
    if path.suffix == ".npy":
        return _load_array(path, shape)
    return load_image_files([path / name for name in image_names(path)], shape)


def image_names(folder: Path) -> list[str]:
    """Return the names of the files in an image folder, sorted.

    Raises:
        UserError: the folder cannot be read or is empty.
    """
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(
            f"{folder}: expected a folder of images or an .npy file, got {error.strerror}"
        ) from error
    if not names:
        raise UserError(f"{folder}: expected images, got an empty folder")
    return names


def load_image_files(files: list[Path], shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Read image files, as `load_images` does."""
    channels, height, width = shape
    if channels not in MODES:
        raise UserError(
            f"expected a network with 1 or 3 input channels for image files, got {channels}",
            hint="give an .npy file of prepared inputs",
        )
    images = np.empty((len(files), *shape), np.float32)
    for index, file in enumerate(files):
        try:
            with Image.open(file) as image:
                pixels = np.asarray(image.convert(MODES[channels]), np.float32)
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            raise UserError(
                f"{file}: expected an image, got a file that does not open",
                hint="remove it from the folder, or repair it",
            ) from error
        if pixels.shape[:2] != (height, width):
            raise UserError(
                f"{file}: expected {width}x{height} pixels, got "
                f"{pixels.shape[1]}x{pixels.shape[0]}",
                hint="resize the images to the network's input",
            )
        images[index] = pixels.reshape(height, width, channels).transpose(2, 0, 1) / 255
    return images


def _load_array(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    try:
        loaded: object = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged contents"
        raise UserError(f"{path}: expected a .npy file, got {reason}") from error
    if not isinstance(loaded, np.ndarray):
        raise UserError(f"{path}: expected one array, got an archive")
    array = cast(npt.NDArray[Any], loaded)
    if array.ndim != 4 or array.shape[1:] != shape or len(array) == 0:
        expected = "x".join(("N", *map(str, shape)))
        raise UserError(
            f"{path}: expected images of shape {expected}, got {'x'.join(map(str, array.shape))}"
        )
    if array.dtype.kind != "f":
        raise UserError(
            f"{path}: expected images of real numbers, got {array.dtype}",
            hint="convert to float32 as the network was trained: often `pixels / 255`",
        )
    # float64 numbers may be too large for float32, which is as bad as infinity.
    with np.errstate(over="ignore"):
        images = array.astype(np.float32)
    if not np.isfinite(images).all():
        raise UserError(f"{path}: expected finite images, got NaN or infinity")
    return images


def load_labeled_images(
    folder: Path, labels: Path, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Read the images that a labels file names.

    Args:
        folder: where the images are.
        labels: CSV with the columns `file` and `label`, a class number.
        shape: the network's `(C, H, W)`.

    Returns:
        images `[N, C, H, W]`, float32, and labels `[N]`.

    Raises:
        UserError: a file is missing or not as described.
    """
    rows = _label_rows(labels)
    names = set(image_names(folder))
    for line, name, _ in rows:
        if name not in names:
            raise UserError(f"{labels}: line {line}: no image `{name}` in {folder}")
    images = load_image_files([folder / name for _, name, _ in rows], shape)
    return images, np.array([label for _, _, label in rows], np.int64)


def _label_rows(labels: Path) -> list[tuple[int, str, int]]:
    """Return line number, image name and class of each row of a labels file."""
    rows: list[tuple[int, str, int]] = []
    try:
        # Spreadsheets put a byte order mark in front, which this encoding skips.
        with labels.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise UserError(
                    f"{labels}: expected the columns file,label, got "
                    f"{','.join(reader.fieldnames or ()) or 'nothing'}",
                    hint="the first line is `file,label`",
                )
            for row in reader:
                name, label = row["file"], (row["label"] or "").strip()
                if not (label.isascii() and label.isdecimal() and len(label) <= CLASS_DIGITS):
                    raise UserError(
                        f"{labels}: line {reader.line_num}: expected a class number, got `{label}`"
                    )
                rows.append((reader.line_num, name, int(label)))
    except OSError as error:
        raise UserError(f"{labels}: expected a labels file, got {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{labels}: expected a labels file, got no CSV text") from error
    if not rows:
        raise UserError(f"{labels}: expected rows behind `file,label`, got none")
    return rows
