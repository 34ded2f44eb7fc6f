"""Images with their classes: a folder, and a CSV file that names some of its images."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf2c.errors import UserError
from tf2c.frontends.images import FolderImages, expect_folder
from tf2c.frontends.preprocessing import DEFAULT_PREPROCESSING, Preprocessing

CLASS_DIGITS = 9
"""Longer class numbers are mistakes."""


class LabelRow(NamedTuple):
    """A row of a labels file."""

    line: int
    file: str
    label: int


class LabeledImages:
    """Image files and the class of each, in batches."""

    def __init__(self, images: FolderImages, labels: npt.NDArray[np.int64]) -> None:
        """Take images, none of which is skipped, and labels `[N]`, their classes in the network."""
        self._images = images
        self.labels = labels

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.labels)

    def batches(self, size: int) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
        """Yield images, float32 `[n, C, H, W]` with `1 <= n <= size`, and their classes `[n]`.

        Raises:
            UserError: an image is damaged or does not fit.
        """
        first = 0
        for images in self._images.batches(size):
            yield images, self.labels[first : first + len(images)]
            first += len(images)

    def reordered(self, order: npt.NDArray[np.integer]) -> "LabeledImages":
        """Return the images in another order: `order` holds the former place of each."""
        return LabeledImages(self._images.reordered(order), self.labels[order])


def load_labeled_images(
    folder: Path,
    labels: Path,
    shape: tuple[int, ...],
    preprocessing: Preprocessing = DEFAULT_PREPROCESSING,
    limit: int | None = None,
) -> LabeledImages:
    """Open the images that a labels file names.

    Args:
        folder: where the images are, or folders with images.
        labels: CSV with the columns `file`, relative to the folder, and `label`, a class number.
        shape: the network's `(C, H, W)`.
        preprocessing: what to do with the pixels, and what to add to the labels.
        limit: only the first images.

    Raises:
        UserError: a file is missing, labeled twice or outside of the folder, or the labels file is
            not as described.
    """
    rows = _label_rows(labels)
    expect_folder(folder)
    first: dict[PurePosixPath, int] = {}
    for line, name, _ in rows:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise UserError(
                f"{labels}: line {line}: expected a file inside of {folder}, got `{name}`"
            )
        if not os.path.isfile(folder / path):
            raise UserError(f"{labels}: line {line}: no image `{name}` in {folder}")
        if path in first:
            raise UserError(
                f"{labels}: line {line}: `{name}` has a label already, in line {first[path]}"
            )
        first[path] = line
    taken = rows[:limit]
    images = FolderImages(folder, [row.file for row in taken], shape, preprocessing)
    classes = np.array([row.label for row in taken], np.int64) + preprocessing.label_offset
    return LabeledImages(images, classes)


def _label_rows(labels: Path) -> list[LabelRow]:
    """Return the rows of a labels file, of which there is at least one."""
    rows: list[LabelRow] = []
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
                rows.append(LabelRow(reader.line_num, name, int(label)))
    except OSError as error:
        raise UserError(f"{labels}: expected a labels file, got {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{labels}: expected a labels file, got no CSV text") from error
    if not rows:
        raise UserError(f"{labels}: expected rows behind `file,label`, got none")
    return rows
