"""Images from folders, lists and files, as the network takes them.

A folder is read with the folders in it, in the order of the names. What begins with a dot is left
out, and so is what cannot be meant as an image: .csv, .txt, .json, .md and .toml files.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tf2c.errors import UserError, naming
from tf2c.frontends.image_files import UnusableImageError, read_image
from tf2c.frontends.preprocessing import DEFAULT_PREPROCESSING, Preprocessing
from tf2c.image_source import ImageSource, load_array_images

NO_IMAGES = frozenset({".csv", ".txt", ".json", ".md", ".toml"})
"""Suffixes of files that often lie beside images."""

KINDS_HINT = "give a folder, a .txt list of images, or an .npy file of prepared inputs"

NAMED = 100
"""Skipped files that a note names; a network needs no more to be distrusted."""


class FolderImages:
    """Image files that are decoded batch by batch, each time they are read."""

    def __init__(
        self,
        where: Path,
        files: Sequence[str],
        shape: tuple[int, ...],
        preprocessing: Preprocessing = DEFAULT_PREPROCESSING,
        *,
        skip_unusable: bool = False,
    ) -> None:
        """Take files; nothing is opened yet.

        Args:
            where: the folder, or the list, that they come from.
            files: their names, relative to the folder (of the list).
            shape: the network's `(C, H, W)`.
            preprocessing: what to do with the pixels.
            skip_unusable: leave out files that are damaged or do not fit, instead of refusing them.

        Raises:
            UserError: the network takes no images, or the preprocessing does not fit it.
        """
        with naming(str(where)):
            preprocessing.expect_fits(shape)
        self._where = where
        self._folder = where if where.is_dir() else where.parent
        self._files = files
        self._shape = shape
        self._preprocessing = preprocessing
        self._skips = skip_unusable
        self._unusable: dict[str, UnusableImageError] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: `(C, H, W)`."""
        return self._shape

    def __len__(self) -> int:
        """Return how many files there are; those that turned out to be unusable do not count."""
        return len(self._files) - len(self._unusable)

    def batches(self, size: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield float32 `[n, C, H, W]` with `1 <= n <= size`; only the last one may be smaller.

        Raises:
            UserError: a file cannot be used and none is to be skipped, or none can be used.
        """
        batch: list[npt.NDArray[np.float32]] = []
        for name in self._files:
            if name in self._unusable:
                continue
            try:
                batch.append(read_image(self._folder / name, self._shape, self._preprocessing))
            except UnusableImageError as error:
                if not self._skips:
                    raise
                self._unusable[name] = error
                self._expect_usable(error)
            if len(batch) == size:
                yield np.stack(batch)
                batch = []
        if batch:
            yield np.stack(batch)

    def reordered(self, order: npt.NDArray[np.integer]) -> "FolderImages":
        """Return the images in another order: `order` holds the former place of each."""
        files = [self._files[int(place)] for place in order]
        return FolderImages(
            self._where, files, self._shape, self._preprocessing, skip_unusable=self._skips
        )

    def notes(self) -> list[str]:
        """Return what people should know about the files that were read: which were skipped."""
        if not self._unusable:
            return []
        named = [f"{name} ({error.got})" for name, error in self._unusable.items()]
        if len(named) > NAMED:
            named[NAMED:] = [f"and {len(named) - NAMED} more"]
        return [
            f"skipped {len(self._unusable)} of {len(self._files)} images that cannot be used: "
            + ", ".join(named)
        ]

    def _expect_usable(self, last: UnusableImageError) -> None:
        if len(self) == 0:
            raise UserError(
                f"{self._where}: expected images, got none of {len(self._files)} that can be used; "
                f"the last: {last}",
                last.hint,
            ) from last


def load_images(
    path: Path,
    shape: tuple[int, ...],
    preprocessing: Preprocessing = DEFAULT_PREPROCESSING,
    *,
    skip_unusable: bool = False,
    beside: Path | None = None,
) -> ImageSource:
    """Open a folder of images, a .txt file that lists some, or an .npy file of prepared ones.

    An .npy file is taken as it is. The names in a list, one per line, are relative to the list's
    folder, or to the folder `beside`.

    Args:
        path: the folder or file.
        shape: the network's `(C, H, W)`.
        preprocessing: what to do with the pixels of image files.
        skip_unusable: leave out image files that are damaged or do not fit.
        beside: where listed images are looked for that are not in the list's folder.

    Raises:
        UserError: nothing there, no images, or an array of another shape or kind.
    """
    if path.suffix == ".npy":
        return load_array_images(path, shape)
    names = listed_images(path) if path.suffix == ".txt" else folder_images(path)
    if path.suffix == ".txt" and beside is not None:
        names = [
            name if (path.parent / name).exists() else str(beside.absolute() / name)
            for name in names
        ]
    return FolderImages(path, names, shape, preprocessing, skip_unusable=skip_unusable)


def folder_images(folder: Path) -> list[str]:
    """Return the names of the images in a folder and the folders in it, sorted.

    Raises:
        UserError: the folder cannot be read, or has no images.
    """
    names: list[str] = []
    others = 0
    for place, folders, files in os.walk(
        folder, onerror=lambda error: _refuse_folder(error, KINDS_HINT)
    ):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for file in files:
            path = Path(place, file)
            if path.suffix.lower() in NO_IMAGES:
                others += 1
            elif not file.startswith("."):
                names.append(path.relative_to(folder).as_posix())
    if not names:
        got = "an empty folder" if not others else f"a folder of {others} other files"
        raise UserError(f"{folder}: expected images, got {got}")
    return sorted(names)


def expect_folder(folder: Path) -> None:
    """Raise unless a folder can be read.

    Raises:
        UserError: it cannot.
    """
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        _refuse_folder(error)


def _refuse_folder(error: OSError, hint: str | None = None) -> None:
    raise UserError(
        f"{error.filename}: expected a folder of images, got {error.strerror}", hint
    ) from error


def listed_images(path: Path) -> list[str]:
    """Return the names in a list of images, one per line; empty lines are left out.

    Raises:
        UserError: no such file, no text, no names, or one of them twice.
    """
    try:
        # Some editors put a byte order mark in front, which this encoding skips.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"{path}: expected a list of images, got {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected a list of images, got no text") from error
    first: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if name in first:
            raise UserError(f"{path}: line {number}: `{name}` is in line {first[name]} already")
        if name:
            first[name] = number
    if not first:
        raise UserError(f"{path}: expected names of images, one per line, got none")
    return list(first)
