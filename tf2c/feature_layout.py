"""How the pixels of a tensor lie in the feature cache, and in which turns its banks serve them.

A cell of the cache holds a channel vector of a pixel. Cells follow each other over all banks, so
that cells one behind the other are read at once: `banks` of them. A tensor's channel vectors lie
one behind the other; in each, the pixels of all images of a batch, as its `Layout` says.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Cells = npt.NDArray[np.int32]


class Layout(NamedTuple):
    """The order of a tensor's pixels: planes, images, rows, columns.

    A plane has every so many rows and columns of the tensor. Of one plane, that is a raster; with
    two planes of rows and two of columns, a convolution with a stride of two reads pixels that
    follow each other, as one without a stride does in a raster. Where the extents are no multiples,
    some cells hold nothing.
    """

    height: int
    width: int
    row_planes: int = 1
    column_planes: int = 1

    @property
    def rows(self) -> int:
        """Of a plane."""
        return -(-self.height // self.row_planes)

    @property
    def columns(self) -> int:
        """Of a plane."""
        return -(-self.width // self.column_planes)

    @property
    def cells(self) -> int:
        """Of one image's channel vector."""
        return self.row_planes * self.column_planes * self.rows * self.columns

    def cell_of(self, images: int) -> Cells:
        """Return where each pixel lies behind its channel vector's first, `[N, H, W]`."""
        y, x = np.arange(self.height)[:, None], np.arange(self.width)
        plane = y % self.row_planes * self.column_planes + x % self.column_planes
        image = np.arange(images)[:, None, None]
        row = (plane * images + image) * self.rows + y // self.row_planes
        return (row * self.columns + x // self.column_planes).astype(np.int32)


def store(
    tensor: npt.NDArray[np.int8], layout: Layout, channel_vector: int
) -> npt.NDArray[np.int8]:
    """Lay a batch `[N, C, H, W]` out as cells `[groups * N * cells, channel_vector]`."""
    images, channels = tensor.shape[:2]
    groups = -(-channels // channel_vector)
    padded = np.zeros((groups, channel_vector, images, *tensor.shape[2:]), np.int8)
    padded.reshape(-1, images, *tensor.shape[2:])[:channels] = tensor.swapaxes(0, 1)
    stored = np.zeros((groups, images * layout.cells, channel_vector), np.int8)
    stored[:, layout.cell_of(images)] = padded.transpose(0, 2, 3, 4, 1)
    return stored.reshape(-1, channel_vector)


def load(stored: npt.NDArray[np.int8], layout: Layout, images: int) -> npt.NDArray[np.int8]:
    """Undo `store`, with all channels of the last vector: cells become `[N, C, H, W]`."""
    vector = stored.shape[-1]
    by_group = stored.reshape(-1, images * layout.cells, vector)[:, layout.cell_of(images)]
    tensor = by_group.transpose(1, 0, 4, 2, 3)
    return tensor.reshape(images, -1, layout.height, layout.width)


def turns(cells: npt.NDArray[np.integer], banks: int) -> npt.NDArray[np.int64]:
    """Return in how many turns the banks serve each row of cells.

    A bank serves one cell at a time, and all banks work at once.

    Args:
        cells: `[rows, n]`; those below 0 are not wanted.
        banks: of the cache.
    """
    rows = np.arange(len(cells))[:, None] * banks + cells % banks
    wanted = np.bincount(rows[cells >= 0], minlength=len(cells) * banks)
    return np.maximum(wanted.reshape(-1, banks).max(axis=1, initial=0), 1)


def in_order(pixels: npt.NDArray[np.integer], order: Layout, vector: int) -> Cells:
    """Return what belongs to each pixel, in the order in which a job computes them.

    Args:
        pixels: `[N, H, W]`.
        order: of the pixels.
        vector: how many are computed at once.

    Returns:
        `[vectors, vector]`; -1 where there is no pixel.
    """
    images = len(pixels)
    vectors = -(-images * order.cells // vector)
    ordered = np.full(vectors * vector, -1, np.int32)
    ordered[order.cell_of(images)] = pixels
    return ordered.reshape(vectors, vector)


def plane_layout(extents: Sequence[int], planes: Sequence[int]) -> Layout:
    """Return the layout of a map `[height, width]` in `[rows, columns]` of planes."""
    height, width = extents
    return Layout(height, width, *planes)
