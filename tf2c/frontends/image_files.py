"""One image file as the network takes it.

Whatever the file holds becomes 8-bit red, green and blue, or 8-bit gray for a network with one
input channel: palettes are looked up, transparency is dropped, CMYK is converted, and 16 bits lose
their lower 8. Pixels are taken as they are stored; a camera's orientation tag turns nothing.
"""

import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tf2c.errors import UserError
from tf2c.frontends.preprocessing import Preprocessing

LARGEST_IMAGE = 89_000_000
"""Pixels, stored or resized: a quarter of a gigabyte of colors."""

Size = tuple[int, int]
"""Width and height, in PIL's order."""


class UnusableImageError(UserError):
    """An image file that cannot become an input of the network."""

    def __init__(self, file: Path, expected: str, got: str, hint: str | None = None) -> None:
        """Take the file, what was expected of it, and what it is instead."""
        super().__init__(f"{file}: expected {expected}, got {got}", hint)
        self.got = got


def read_image(
    file: Path, shape: tuple[int, ...], preprocessing: Preprocessing
) -> npt.NDArray[np.float32]:
    """Read an image file.

    Args:
        file: in any format that Pillow reads.
        shape: the network's `(C, H, W)`, which the preprocessing fits.
        preprocessing: what to do with the pixels.

    Returns:
        float32 `[C, H, W]`.

    Raises:
        UnusableImageError: no image, a damaged one, or one of a size that does not fit.
    """
    channels, height, width = shape
    # Opening a pipe would wait for ever.
    if os.path.exists(file) and not os.path.isfile(file):
        raise UnusableImageError(file, "an image", "no regular file")
    with _decoding(file), Image.open(file) as image:
        # Sizes are in the header: an image that does not fit is not decoded.
        resized = _resized(file, image.size, (width, height), preprocessing)
        image.load()
        fitted = _eight_bits(image, "L" if channels == 1 else "RGB", file)
    if fitted.size != resized:
        fitted = fitted.resize(resized, Image.Resampling.BILINEAR)
    # As torchvision rounds: halves to the even number.
    left, top = round((resized[0] - width) / 2), round((resized[1] - height) / 2)
    pixels = np.asarray(fitted.crop((left, top, left + width, top + height)))
    return preprocessing.inputs(pixels.reshape(height, width, channels))


@contextmanager
def _decoding(file: Path) -> Generator[None]:
    """Turn whatever goes wrong in a decoder into what it means, and keep its warnings quiet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnusableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnusableImageError(
            file, "an image", f"one of more than {LARGEST_IMAGE:,} pixels"
        ) from error
    except OSError as error:
        raise UnusableImageError(
            file,
            "an image",
            error.strerror or "a file that does not open",
            hint="remove it, or repair it",
        ) from error
    except Exception as error:
        # Decoders do not say what they raise on damaged files, and it is nearly everything.
        raise UnusableImageError(
            file, "an image", "a file that does not open", hint="remove it, or repair it"
        ) from error


def _resized(file: Path, size: Size, target: Size, preprocessing: Preprocessing) -> Size:
    """Return the size that an image is resized to before it is cropped.

    Raises:
        UnusableImageError: the geometry does not allow this size.
    """
    wanted, got = f"{target[0]}x{target[1]} pixels", f"{size[0]}x{size[1]} pixels"
    if size == target:
        return size
    if preprocessing.geometry == "exact":
        raise UnusableImageError(
            file, wanted, got, hint="resize the images, or let `--preprocess` do it"
        )
    if preprocessing.geometry == "center_crop":
        if size[0] < target[0] or size[1] < target[1]:
            raise UnusableImageError(
                file,
                f"at least {wanted}",
                got,
                hint="the geometry `resize_and_crop` enlarges small images",
            )
        return size
    # The side that is scarce decides; on square inputs, the short side.
    scarce = 1 if target[1] * size[0] >= target[0] * size[1] else 0
    other = 1 - scarce
    side = round(target[scarce] / preprocessing.crop_fraction)
    resized = [side, side]
    resized[other] = side * size[other] // size[scarce]
    if resized[0] * resized[1] > LARGEST_IMAGE:
        raise UnusableImageError(
            file, "an image", f"{got}, which become {resized[0]}x{resized[1]} when resized"
        )
    return resized[0], resized[1]


def _eight_bits(image: Image.Image, mode: str, file: Path) -> Image.Image:
    """Convert a decoded image to `L` or `RGB`.

    Raises:
        UnusableImageError: pixels whose range is not known.
    """
    # Older versions of Pillow read 16-bit PNG as 32-bit integers.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert(mode)
    if image.mode in ("I", "F"):
        raise UnusableImageError(file, "8 or 16 bits per channel", "pixels of 32 bits")
    if image.mode in ("P", "PA"):
        return image.convert("RGBA").convert(mode)
    return image.convert(mode)
