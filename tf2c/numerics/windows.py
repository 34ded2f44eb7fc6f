"""Sliding windows: extents, convolution, and max pooling over real pixels.

Arrays are `[N, C, H, W]`; kernels, strides are `(height, width)`; pads are ONNX's
`(top, left, bottom, right)`.
"""

from collections.abc import Sequence
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from tf2c.numerics.fixed_point import ScalarT

FloatT = TypeVar("FloatT", np.float32, np.float64)


def output_extent(
    extent: Sequence[int], kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int]
) -> tuple[int, int]:
    """Return the `(height, width)` of a window operation: `(in + pads - kernel) // stride + 1`.

    A result below 1 means that the window does not fit.
    """
    height = (extent[0] + pads[0] + pads[2] - kernel[0]) // strides[0] + 1
    width = (extent[1] + pads[1] + pads[3] - kernel[1]) // strides[1] + 1
    return height, width


def windows(
    images: npt.NDArray[ScalarT],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    fill: float,
) -> npt.NDArray[ScalarT]:
    """Return a view `[N, C, OH, OW, KH, KW]` of all windows, borders filled with `fill`."""
    top, left, bottom, right = pads
    padded = np.pad(
        images,
        ((0, 0), (0, 0), (top, bottom), (left, right)),
        constant_values=images.dtype.type(fill),
    )
    view = np.lib.stride_tricks.sliding_window_view(padded, tuple(kernel), axis=(2, 3))
    return view[:, :, :: strides[0], :: strides[1]]


def convolve(
    images: npt.NDArray[FloatT],
    weights: npt.NDArray[FloatT],
    strides: Sequence[int],
    pads: Sequence[int],
) -> npt.NDArray[FloatT]:
    """Correlate `[N, C, H, W]` with `[M, C, KH, KW]`: `y[n,m,i,j] = sum over c,r,s of w * x`.

    Zero-padded; the result `[N, M, OH, OW]` has the operands' floating dtype.
    """
    patches = windows(images, weights.shape[2:], strides, pads, fill=0.0)
    batch, _, height, width = patches.shape[:4]
    columns = patches.transpose(0, 2, 3, 1, 4, 5).reshape(batch * height * width, -1)
    # numpy's stubs lose the element type of a product.
    product = cast(npt.NDArray[FloatT], columns @ weights.reshape(weights.shape[0], -1).T)
    return product.reshape(batch, height, width, -1).transpose(0, 3, 1, 2)


def convolve_integers(
    images: npt.NDArray[np.int8],
    weights: npt.NDArray[np.int8],
    bias: npt.NDArray[np.int32],
    strides: Sequence[int],
    pads: Sequence[int],
) -> npt.NDArray[np.int32]:
    """Convolve int8 with int8 and add the bias, wrapping to int32 at the end.

    The float64 product is exact: partial sums stay below `2**53` for any weight tensor of fewer
    than `2**39` elements per output channel.
    """
    product = convolve(images.astype(np.float64), weights.astype(np.float64), strides, pads)
    return (product.astype(np.int64) + bias.reshape(1, -1, 1, 1)).astype(np.int32)


def multiply_integers(
    rows: npt.NDArray[np.int8], weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Multiply `[N, K]` with `[M, K]` transposed and add the bias, as `convolve_integers` does."""
    product = rows.astype(np.float64) @ weights.astype(np.float64).T
    return (product.astype(np.int64) + bias).astype(np.int32)


def max_pool(
    images: npt.NDArray[ScalarT],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
) -> npt.NDArray[ScalarT]:
    """Return the maximum over the real pixels of each window; padding does not take part.

    Every window must contain a real pixel (pads smaller than the kernel see to it).
    """
    lowest = np.iinfo(images.dtype.name).min if images.dtype.kind == "i" else -np.inf
    return windows(images, kernel, strides, pads, fill=lowest).max(axis=(4, 5))


def real_pixels(
    extent: Sequence[int], kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int]
) -> int:
    """Return the sum over all windows of the real pixels that each contains."""
    counts = windows(np.ones((1, 1, *extent), np.int64), kernel, strides, pads, fill=0)
    return int(counts.sum())
