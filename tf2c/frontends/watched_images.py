"""Images that say how far they have been read: progress for people, without passes knowing."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from tf2c.image_source import ImageSource

ImageProgress = Callable[[str, int, int], None]
"""Told what images are read for, how many are done in this reading, and of how many."""


class WatchedImages:
    """Another source, whose readings are reported."""

    def __init__(self, source: ImageSource, purpose: str, progress: ImageProgress) -> None:
        """Take the source, what it is read for, and whom to tell."""
        self._source = source
        self._purpose = purpose
        self._progress = progress

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: `(C, H, W)`."""
        return self._source.shape

    def __len__(self) -> int:
        """Return how many images there are, at most."""
        return len(self._source)

    def batches(self, size: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the source's batches; one counts as done when the next is asked for."""
        done = 0
        self._progress(self._purpose, done, len(self._source))
        for batch in self._source.batches(size):
            yield batch
            done += len(batch)
            self._progress(self._purpose, done, len(self._source))
