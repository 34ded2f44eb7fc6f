"""The first layer: TF2 has no stride of its own for 7x7 pixels, so its host rearranges both sides.

A convolution of 7x7 with stride 2 and pad 3 over 3 colors becomes one of 3x3 with stride 1 over 27
planes, 9 of each color. Of the padded image, let `E` and `O` be its even and odd columns, and `S`
the even ones shifted left by one; each of them is there with even rows, with odd rows, and with the
even rows shifted up by one:

    plane    0          1         2          3         4          5         6     7     8
             E, even    E, odd    O, even    O, odd    S, even    S, odd    E, up O, up S, up

The kernel's columns 0, 2, 4 meet `E`, its columns 1, 3, 5 meet `O`, and column 6 the third of `S`;
its rows likewise. What is left of the planes' taps is zero, but TF2's host forgets to write the
first two rows of planes 6 to 8, and memory of zeros means a weight of 1.
"""

import numpy as np
import numpy.typing as npt

from tf2c.errors import UserError
from tf2c.numerics import fixed_point, weight_bytes

COLORS = 3
PLANES = 9
"""Of each color."""

KERNEL = 7
PAD = 3
TAPS = 3
"""Along each side of the kernel that a plane meets."""

EVEN, ODD, SHIFTED = range(3)


def _plane(rows: int, columns: int) -> int:
    """Return where rows and columns of a kind are among the planes of a color."""
    return 2 * columns + rows if rows != SHIFTED else 2 * TAPS + columns


def _kind_and_tap(position: int) -> tuple[int, int]:
    """Return which rows or columns one of the kernel's meets, and as which tap."""
    return (SHIFTED, TAPS - 1) if position == KERNEL - 1 else (position % 2, position // 2)


def rewritten_weights(
    weights: npt.NDArray[np.uint8], with_unwritten_taps: bool
) -> npt.NDArray[np.uint8]:
    """Turn weight bytes `[M, 3, 7, 7]` into `[M, 27, 3, 3]`.

    Args:
        weights: bytes, made of exponents and Q tables by `weight_bytes_of`.
        with_unwritten_taps: as TF2 computes, with 54 weights of 1 that should be zero; a clean
            network has zeros there.

    Raises:
        UserError: the shape is another one.
    """
    if weights.shape[1:] != (COLORS, KERNEL, KERNEL):
        raise UserError(f"expected a weight of Mx3x7x7 to rewrite, got shape {weights.shape}")
    planes = np.full((len(weights), COLORS, PLANES, TAPS, TAPS), weight_bytes.ZERO_BYTE, np.uint8)
    if with_unwritten_taps:
        planes[:, :, _plane(SHIFTED, EVEN) :, : TAPS - 1] = weight_bytes.UNWRITTEN_BYTE
    for row, column in np.ndindex(KERNEL, KERNEL):
        (rows, tap_row), (columns, tap_column) = _kind_and_tap(row), _kind_and_tap(column)
        planes[:, :, _plane(rows, columns), tap_row, tap_column] = weights[:, :, row, column]
    return planes.reshape(len(weights), COLORS * PLANES, TAPS, TAPS)


def rearranged_image(image: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Turn a stored image `[3, H, W]`, of even sides, into planes `[27, H / 2 + 2, W / 2 + 2]`.

    Raises:
        UserError: the image is another one.
    """
    if image.ndim != 3 or image.shape[0] != COLORS or any(side % 2 for side in image.shape[1:]):
        raise UserError(f"expected an image of 3xHxW with even sides, got shape {image.shape}")
    height, width = (side // 2 + PAD - 1 for side in image.shape[1:])
    padded = np.pad(image, ((0, 0), (PAD, PAD), (PAD, PAD)))
    planes = np.empty((COLORS, PLANES, height, width), image.dtype)
    for rows in (EVEN, ODD, SHIFTED):
        for columns in (EVEN, ODD, SHIFTED):
            # Shifted by one among the even ones is shifted by two among all.
            part = padded[:, rows::2, columns::2][:, :height, :width]
            planes[:, _plane(rows, columns)] = part
    return planes.reshape(COLORS * PLANES, height, width)


def quantized_image(image: npt.NDArray[np.floating], exponent: int) -> npt.NDArray[np.int8]:
    """Store a preprocessed image as TF2's host does: `clamp(round(v / 2**e))`, ties away from 0.

    Args:
        image: of any shape.
        exponent: of channel 0; TF2's host takes it for all three.
    """
    rounded = fixed_point.round_half_away(fixed_point.scaled(image, exponent))
    return np.clip(rounded, fixed_point.INT8_MIN, fixed_point.INT8_MAX).astype(np.int8)
