"""Calibration images from whatever names them on the command line."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tf2c.errors import UserError
from tf2c.frontends.images import load_images
from tf2c.frontends.preprocessing import DEFAULT_PREPROCESSING, Preprocessing
from tf2c.image_source import ImageSource

RANDOM_PREFIX = "random:"
"""Calibration on N random images, for networks without any: scales fit noise, not photographs."""

COUNT_DIGITS = 9
"""Longer counts are mistakes."""


class RandomImages:
    """Normally distributed numbers, the same in every reading, whatever the batches."""

    def __init__(self, count: int, shape: tuple[int, ...], seed: int) -> None:
        """Take how many, of what `(C, H, W)`, and the seed of their generator."""
        self._count = count
        self._shape = shape
        self._seed = seed

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: `(C, H, W)`."""
        return self._shape

    def __len__(self) -> int:
        """Return how many images there are."""
        return self._count

    def batches(self, size: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield float32 `[n, C, H, W]` with `1 <= n <= size`."""
        generator = np.random.default_rng(self._seed)
        for first in range(0, self._count, size):
            count = min(size, self._count - first)
            yield generator.normal(size=(count, *self._shape)).astype(np.float32)


def load_calibration(
    name: str,
    shape: tuple[int, ...],
    preprocessing: Preprocessing = DEFAULT_PREPROCESSING,
    seed: int = 0,
    beside: Path | None = None,
) -> ImageSource:
    """Open calibration images; files that are damaged or do not fit will be skipped.

    Args:
        name: a folder, a .txt list of images, an .npy file, or `random:N`.
        shape: the network's `(C, H, W)`.
        preprocessing: what to do with the pixels of image files.
        seed: of random images.
        beside: where listed images are looked for that are not in the list's folder.

    Raises:
        UserError: no images there.
    """
    if not name.startswith(RANDOM_PREFIX):
        return load_images(Path(name), shape, preprocessing, skip_unusable=True, beside=beside)
    count = name.removeprefix(RANDOM_PREFIX)
    is_count = count.isascii() and count.isdecimal() and len(count) <= COUNT_DIGITS
    if not is_count or int(count) == 0:
        raise UserError(f"expected `{RANDOM_PREFIX}N` with N >= 1, got `{name}`")
    return RandomImages(int(count), shape, seed)
