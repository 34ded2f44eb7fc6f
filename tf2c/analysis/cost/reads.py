"""In how many iterations the features of a job's pixels are read from the cache's banks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf2c import feature_layout
from tf2c.feature_layout import Layout


class Reads(NamedTuple):
    """What a job reads of each channel vector; pairs are of rows and of columns."""

    input: Layout
    order: Layout
    """Of the convolution's pixels, as they are computed."""
    kernel: Sequence[int]
    strides: Sequence[int]
    dilations: Sequence[int]
    pads: Sequence[int]
    """Before the first row and column."""

    def turns(self, images: int, vector: int, banks: int) -> npt.NDArray[np.int64]:
        """Return the turns of the banks for each vector of pixels, over all taps of the kernel.

        Args:
            images: of a batch.
            vector: pixels that are computed at once.
            banks: of the cache.
        """
        cells = self.input.cell_of(images)
        extents = (self.order.height, self.order.width)
        total = np.zeros(1, np.int64)
        for tap in np.ndindex(*self.kernel):
            # Rows and columns that the tap sees of the input.
            rows, columns = (
                np.arange(extent) * stride - pad + index * dilation
                for extent, stride, pad, index, dilation in zip(
                    extents, self.strides, self.pads, tap, self.dilations, strict=True
                )
            )
            has_rows = (rows >= 0) & (rows < self.input.height)
            has_columns = (columns >= 0) & (columns < self.input.width)
            read = np.full((images, *extents), -1, np.int32)
            seen = cells[:, rows[has_rows]][:, :, columns[has_columns]]
            read[:, has_rows[:, None] & has_columns] = seen.reshape(images, -1)
            ordered = feature_layout.in_order(read, self.order, vector)
            total = total + feature_layout.turns(ordered, banks)
        return total
