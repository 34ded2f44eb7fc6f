"""Sliding windows: extents, convolution, max and average pooling over real pixels.

Arrays are `[N, C, H, W]`; kernels, strides and dilations are `(height, width)`; pads are ONNX's
`(top, left, bottom, right)`.
"""

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tf2c.numerics import parallel
from tf2c.numerics.fixed_point import ScalarT

FloatT = TypeVar("FloatT", np.float32, np.float64)
SumT = TypeVar("SumT", np.float64, np.int64)

Part = tuple[slice, slice, slice]
"""Some images, some of their channels, and some of those's rows."""

UNIT = (1, 1)
"""Strides or dilations that change nothing."""

COLUMNS = 2048
"""Output pixels per matrix product, at least where there are as many: small images share one."""

FLOAT_SHARES = 4
"""Matrix products per layer at least where sums are inexact: the same for any number of threads."""

EXACT_FLOAT32 = 1 << 24
"""Integers up to this magnitude, and sums of them that stay below it, are exact in float32."""


def output_extent(
    extent: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int] = UNIT,
) -> tuple[int, int]:
    """Return the `(height, width)` of a window operation.

    `(in + pads - ((kernel - 1) * dilation + 1)) // stride + 1`; a result below 1 means that the
    window does not fit.
    """
    height, width = (
        (extent[axis] + pads[axis] + pads[axis + 2] - (kernel[axis] - 1) * dilations[axis] - 1)
        // strides[axis]
        + 1
        for axis in (0, 1)
    )
    return height, width


def covers_image(
    extent: Sequence[int], kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int]
) -> bool:
    """Whether there is one window, and every pixel is in it."""
    begins = zip(extent, kernel, pads[:2], strict=True)
    return output_extent(extent, kernel, strides, pads) == (1, 1) and all(
        size - pad >= pixels for pixels, size, pad in begins
    )


def _padded(images: npt.NDArray[ScalarT], pads: Sequence[int], fill: float) -> npt.NDArray[ScalarT]:
    if not any(pads):
        return images
    top, left, bottom, right = pads
    return np.pad(
        images,
        ((0, 0), (0, 0), (top, bottom), (left, right)),
        constant_values=images.dtype.type(fill),
    )


def windows(
    images: npt.NDArray[ScalarT],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    fill: float,
    dilations: Sequence[int] = UNIT,
) -> npt.NDArray[ScalarT]:
    """Return a view `[N, C, OH, OW, KH, KW]` of all windows, borders filled with `fill`."""
    covered = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(
        _padded(images, pads, fill), tuple(covered), axis=(2, 3)
    )
    return view[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]


def fold(
    images: npt.NDArray[ScalarT],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
) -> npt.NDArray[ScalarT]:
    """Return what each window sees as the channels of one pixel, borders filled with 0.

    `y[n, (r * KW + s) * C + c, i, j] = x[n, c, i * stride + r - pad, j * stride + s - pad]`; a
    convolution with such windows is one of `[C * KH * KW, OH, OW]` with a kernel of one pixel.
    """
    view = windows(images, kernel, strides, pads, 0)
    batch, channels, height, width = view.shape[:4]
    folded = view.transpose(0, 4, 5, 1, 2, 3)
    return folded.reshape(batch, kernel[0] * kernel[1] * channels, height, width)


def convolve(
    images: npt.NDArray[FloatT],
    weights: npt.NDArray[FloatT],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int] = UNIT,
    group: int = 1,
) -> npt.NDArray[FloatT]:
    """Correlate `[N, C, H, W]` with `[M, C / group, KH, KW]`.

    `y[n,m,i,j] = sum over c,r,s of w[m,c,r,s] * x[n,c',i*stride+r*dilation-pad,...]`, where the
    filters of the `k`-th of `group` equal parts see the `k`-th part of the channels. Zero-padded;
    the result `[N, M, OH, OW]` has the operands' floating dtype and does not depend on how many
    threads there are.
    """
    extent = output_extent(images.shape[2:], weights.shape[2:], strides, pads, dilations)
    results = np.empty((len(images), len(weights), *extent), images.dtype)

    def store(part: Part, sums: npt.NDArray[FloatT]) -> None:
        results[part] = sums

    convolve_parts(images, Taps(weights, group), strides, pads, dilations, store, FLOAT_SHARES)
    return results


class Taps:
    """A convolution's weights as matrices, prepared once for many batches."""

    def __init__(
        self,
        weights: npt.NDArray[np.floating],
        group: int = 1,
        offset: npt.NDArray[np.floating] | None = None,
    ) -> None:
        """Prepare weights.

        Args:
            weights: `[M, C / group, KH, KW]`, of the type that sums are computed in.
            group: equal parts of filters and channels.
            offset: `[M]`, part of the sums if given: one tap more, of a pixel that is 1.
        """
        self.filters, self.channels, *self.kernel = weights.shape
        self.has_offset = offset is not None
        rows = weights.reshape(self.filters, -1)
        if offset is not None:
            rows = np.concatenate([rows, offset[:, None]], axis=1)
        self.matrices: npt.NDArray[Any] = rows.reshape(group, -1, rows.shape[1])
        """`[group, M / group, taps]`."""

    @property
    def is_depthwise(self) -> bool:
        """Whether every filter sees one channel of several."""
        return self.channels == 1 and len(self.matrices) > 1

    def columns(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what a matrix is multiplied by: pixels `[C / group, KH, KW, ...]` as one row each.

        They are not copied where that is not necessary.
        """
        dtype, taps = self.matrices.dtype, self.matrices.shape[2]
        if not self.has_offset:
            return pixels.astype(dtype, order="C", copy=False).reshape(taps, -1)
        columns = np.empty((taps, prod(pixels.shape[3:])), dtype)
        columns[:-1].reshape(pixels.shape)[...] = pixels
        columns[-1] = 1
        return columns


def convolve_parts(
    images: npt.NDArray[Any],
    taps: Taps,
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    receive: Callable[[Part, npt.NDArray[Any]], None],
    shares: int | None = None,
) -> None:
    """Do what `convolve` does part by part, for who need not keep all sums.

    Args:
        images: `[N, C, H, W]` of any dtype; converted to the weights' while they are gathered.
        taps: what every window is multiplied by.
        strides: vertical, horizontal.
        pads: top, left, bottom, right.
        dilations: vertical, horizontal.
        receive: called with images, filters and rows, as slices, and their sums `[n, m, rows, OW]`,
            which it may change but not keep; perhaps in another thread, until `convolve_parts`
            returns.
        shares: how many threads are to find work, by default as many as there are. Inexact sums
            may differ in their last bits with it.
    """
    if taps.is_depthwise:
        _convolve_depthwise(images, taps, strides, pads, dilations, receive)
        return
    patches = windows(images, taps.kernel, strides, pads, 0.0, dilations)
    filters, channels = taps.filters // len(taps.matrices), taps.channels

    def convolve_chunk(chunk: Part) -> None:
        images, own_filters, rows = chunk
        pixels = patches[images, :, rows].transpose(1, 4, 5, 0, 2, 3)
        for part, matrix in enumerate(taps.matrices):
            columns = taps.columns(pixels[part * channels : (part + 1) * channels])
            products = np.matmul(matrix[own_filters], columns)
            sums = products.reshape(-1, *pixels.shape[3:]).transpose(1, 0, 2, 3)
            first = part * filters
            receive(
                (images, slice(first + own_filters.start, first + own_filters.stop), rows), sums
            )

    batch, _, *extent = patches.shape[:4]
    chunks = _chunks(batch, filters, extent, shares or parallel.thread_count())
    parallel.for_each(convolve_chunk, chunks)


def _chunks(batch: int, filters: int, extent: Sequence[int], threads: int) -> list[Part]:
    """Return parts of the result for matrix products, so many that all threads have work."""
    height, width = extent
    pixels = height * width
    together = min(max(COLUMNS // pixels, 1), -(-batch // threads))
    parts = -(-threads // batch)
    # What is cut in parts is read once, and the other operand by every thread.
    if pixels < filters:
        return list(
            product(
                _parts(batch, together), _parts(filters, -(-filters // parts)), [slice(0, height)]
            )
        )
    bands = max(parts, pixels // COLUMNS)
    return list(
        product(_parts(batch, together), [slice(0, filters)], _parts(height, -(-height // bands)))
    )


def _parts(count: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def _convolve_depthwise(
    images: npt.NDArray[Any],
    taps: Taps,
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    receive: Callable[[Part, npt.NDArray[Any]], None],
) -> None:
    """Convolve where every filter sees one channel, tap by tap: no matrix product would pay."""
    rows = taps.matrices.reshape(taps.filters, -1, 1, 1)
    height, width = output_extent(images.shape[2:], taps.kernel, strides, pads, dilations)
    padded = _padded(images, pads, 0.0)
    if taps.filters != images.shape[1]:
        padded = np.repeat(padded, taps.filters // images.shape[1], axis=1)

    def convolve_block(block: tuple[int, slice]) -> None:
        index, channels = block
        own = rows[channels]
        total = np.zeros((len(own), height, width), own.dtype)
        if taps.has_offset:
            total += own[:, -1]
        term = np.empty_like(total)
        for row in range(taps.kernel[0]):
            for column in range(taps.kernel[1]):
                top, left = row * dilations[0], column * dilations[1]
                pixels = padded[
                    index,
                    channels,
                    top : top + (height - 1) * strides[0] + 1 : strides[0],
                    left : left + (width - 1) * strides[1] + 1 : strides[1],
                ]
                np.multiply(pixels, own[:, row * taps.kernel[1] + column], out=term)
                total += term
        receive((slice(index, index + 1), channels, slice(None)), total[None])

    blocks = parallel.row_blocks((taps.filters, height, width))
    parallel.for_each(convolve_block, list(product(range(len(images)), blocks)))


def exact_float_type(
    operands: npt.DTypeLike, weights: npt.NDArray[np.integer]
) -> type[np.float32] | type[np.float64]:
    """Return the floating type in which sums of products with 8-bit operands are exact.

    It is float32 if the weights' sums of magnitudes prove that every partial sum, in any order,
    stays among the integers it has; otherwise float64, whose `2**53` no sum of fewer than `2**38`
    products reaches.
    """
    limits = np.iinfo(np.dtype(operands).name)
    largest = max(-int(limits.min), int(limits.max))
    magnitudes = np.abs(weights.reshape(len(weights), -1).astype(np.int32))
    sums = largest * int(magnitudes.sum(axis=1, dtype=np.int64).max())
    return np.float32 if sums < EXACT_FLOAT32 else np.float64


def convolve_integers(
    images: npt.NDArray[np.integer],
    weights: npt.NDArray[np.int8],
    bias: npt.NDArray[np.int32],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int] = UNIT,
    group: int = 1,
) -> npt.NDArray[np.int32]:
    """Convolve 8-bit integers with int8 and add the bias, wrapping to int32 at the end.

    The product runs in a floating type where it is exact.
    """
    if exact_float_type(images.dtype, weights) is np.float32:
        products = convolve(
            images.astype(np.float32), weights.astype(np.float32), strides, pads, dilations, group
        ).astype(np.int32)
        products += bias.reshape(1, -1, 1, 1)
        return products
    sums = convolve(
        images.astype(np.float64), weights.astype(np.float64), strides, pads, dilations, group
    )
    return (sums.astype(np.int64) + bias.reshape(1, -1, 1, 1)).astype(np.int32)


def multiply_integers(
    rows: npt.NDArray[np.integer], weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Multiply `[N, K]` with `[M, K]` transposed and add the bias, as `convolve_integers` does."""
    dtype = exact_float_type(rows.dtype, weights)
    products = rows.astype(dtype) @ weights.astype(dtype).T
    return (products.astype(np.int64) + bias).astype(np.int32)


def max_pool(
    images: npt.NDArray[ScalarT],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    zero_padded: bool = False,
) -> npt.NDArray[ScalarT]:
    """Return the maximum over the real pixels of each window; padding does not take part.

    Every window must contain a real pixel (pads smaller than the kernel see to it), unless padding
    takes part as zeros.
    """
    integers = images.dtype.kind in "iu"
    lowest = np.iinfo(images.dtype.name).min if integers else -np.inf
    height, width = output_extent(images.shape[2:], kernel, strides, pads)
    padded = _padded(images, pads, 0 if zero_padded else lowest)
    # Maxima along rows, then along columns: fewer comparisons than window by window.
    narrow = padded[:, :, :, : (width - 1) * strides[1] + 1 : strides[1]]
    for column in range(1, kernel[1]):
        last = column + (width - 1) * strides[1] + 1
        narrow = np.maximum(narrow, padded[:, :, :, column : last : strides[1]])
    low = narrow[:, :, : (height - 1) * strides[0] + 1 : strides[0]]
    for row in range(1, kernel[0]):
        last = row + (height - 1) * strides[0] + 1
        low = np.maximum(low, narrow[:, :, row : last : strides[0]])
    return low.copy() if low.base is not None else low


def window_sums(
    images: npt.NDArray[ScalarT],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    dtype: type[SumT],
) -> npt.NDArray[SumT]:
    """Return the sum over each window `[N, C, OH, OW]`, computed in `dtype`; padding counts 0."""
    if images.dtype.itemsize == 1 and covers_image(images.shape[2:], kernel, strides, pads):
        return _image_sums(images).astype(dtype)
    return windows(images, kernel, strides, pads, 0).sum(axis=(4, 5), dtype=dtype)


def _image_sums(images: npt.NDArray[Any]) -> npt.NDArray[np.floating]:
    """Return the sums `[N, C, 1, 1]` of whole images of 8-bit numbers, as exact products."""
    pixels = images.shape[2] * images.shape[3]
    ones = np.ones((1, pixels), np.int8)
    dtype = exact_float_type(images.dtype, ones)
    sums = images.reshape(-1, pixels).astype(dtype) @ ones[0].astype(dtype)
    return sums.reshape(*images.shape[:2], 1, 1)


def window_counts(
    extent: Sequence[int], kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int]
) -> npt.NDArray[np.int64]:
    """Return how many real pixels each window contains, `[OH, OW]`."""
    ones = np.ones((1, 1, *extent), np.int64)
    return windows(ones, kernel, strides, pads, fill=0).sum(axis=(4, 5))[0, 0]


def average_pool(
    images: npt.NDArray[np.float32],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
) -> npt.NDArray[np.float32]:
    """Return the mean over the real pixels of each window, summed in float64."""
    counts = window_counts(images.shape[2:], kernel, strides, pads)
    sums = window_sums(images, kernel, strides, pads, np.float64)
    return (sums / counts).astype(np.float32)
