"""Images in batches, wherever they come from: what calibration, checks and evaluation read.

A source can be read several times, and never holds more than a batch unless it is an array.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from tf2c.errors import UserError


class ImageSource(Protocol):
    """Prepared images of one shape."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: `(C, H, W)`."""
        ...

    def __len__(self) -> int:
        """Return how many images there are, at most: damaged files may be left out."""
        ...

    def batches(self, size: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield float32 `[n, C, H, W]` with `1 <= n <= size`, in a fixed order."""
        ...


class ArrayImages:
    """Images that are in memory, or mapped into it."""

    def __init__(self, array: npt.NDArray[np.floating]) -> None:
        """Take real numbers `[N, C, H, W]`, finite."""
        self._array = array

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: `(C, H, W)`."""
        return self._array.shape[1:]

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self._array)

    def batches(self, size: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield float32 `[n, C, H, W]` with `1 <= n <= size`."""
        for first in range(0, len(self._array), size):
            yield self._array[first : first + size].astype(np.float32)


HELD_OUT = 4
"""One of so many images is held out."""


class HeldOutImages:
    """Every fourth image of a source, or all others: to measure on what was not calibrated on."""

    def __init__(self, source: ImageSource, held_out: bool) -> None:
        """Take the source, and which part of it to be."""
        self._source = source
        self._held_out = held_out

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: `(C, H, W)`."""
        return self._source.shape

    def __len__(self) -> int:
        """Return how many images there are, at most."""
        held_out = len(self._source) // HELD_OUT
        return held_out if self._held_out else len(self._source) - held_out

    def batches(self, size: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield float32 `[n, C, H, W]` with `1 <= n <= size`."""
        first = 0
        for batch in self._source.batches(size):
            places = np.arange(first, first + len(batch)) % HELD_OUT == HELD_OUT - 1
            first += len(batch)
            own = batch[places == self._held_out]
            if len(own):
                yield own


def load_array_images(path: Path, shape: tuple[int, ...]) -> ArrayImages:
    """Open an .npy file of prepared images; it is mapped, not read.

    Args:
        path: the file, real numbers `[N, C, H, W]`.
        shape: the network's `(C, H, W)`.

    Raises:
        UserError: no such file, or not finite real numbers of this shape.
    """
    try:
        loaded: object = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise UserError(
            f"{path}: expected a .npy file, got {reason or 'damaged contents'}"
        ) from error
    if not isinstance(loaded, np.ndarray):
        raise UserError(f"{path}: expected one array, got an archive")
    array = cast(npt.NDArray[Any], loaded)
    if array.ndim != 4 or array.shape[1:] != shape or len(array) == 0:
        expected = "x".join(("N", *map(str, shape)))
        got = "x".join(map(str, array.shape)) or "a scalar"
        raise UserError(f"{path}: expected images of shape {expected}, got {got}")
    if array.dtype.kind != "f":
        raise UserError(
            f"{path}: expected images of real numbers, got {array.dtype}",
            hint="convert to float32 as the network was trained: often `pixels / 255`",
        )
    images = ArrayImages(array)
    # float64 numbers may be too large for float32, which is as bad as infinity.
    with np.errstate(over="ignore"):
        if not all(np.isfinite(batch).all() for batch in images.batches(64)):
            raise UserError(f"{path}: expected finite images, got NaN or infinity")
    return images
