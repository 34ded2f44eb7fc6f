"""How image files become a network's inputs, as the network was trained.

    input = (pixel / scale - mean) / std          with pixels of 0 to 255

and which pixels: see `geometry`. Calibration, evaluation and runs must agree on it, so it is stored
in the artifact. Inputs in .npy files are prepared already; nothing here touches them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tf2c.errors import UserError, naming
from tf2c.toml_files import read_toml

GEOMETRIES = ("exact", "center_crop", "resize_and_crop")
CHANNEL_ORDERS = ("rgb", "bgr")

COLORS = 3
"""Input channels of a network that sees colors; one that sees gray has one."""

LEAST_CROP_FRACTION = 0.01
LEAST_DIVISOR = 1e-6
LARGEST_NUMBER = 1e9
"""Within these bounds every input is a finite float32."""


def _expect_within(name: str, value: float, least: float, largest: float) -> None:
    # NaN is within no bounds.
    if not least <= value <= largest:
        raise UserError(f"expected `{name}` between {least:g} and {largest:g}, got {value}")


@dataclass(frozen=True)
class Preprocessing:
    """What happens to the pixels of an image file; the defaults are `pixel / 255`."""

    geometry: str = "exact"
    """`exact`: images must have the network's size. `center_crop`: the center of the image as it is
    stored, which must be large enough. `resize_and_crop`: resized so that the center crop is
    `crop_fraction` of the image, then cropped. An image of the network's size is always taken as it
    is."""
    crop_fraction: float = 0.875
    """Of `resize_and_crop`: the crop's side by the resized image's short side."""
    channels: str = "rgb"
    """Their order, `rgb` or `bgr`; a network with one input channel sees gray."""
    scale: float = 255.0
    """What pixels are divided by."""
    mean: tuple[float, ...] = (0.0,)
    """Subtracted after that: one number, or one per channel in their order."""
    std: tuple[float, ...] = (1.0,)
    """What the difference is divided by: one number, or one per channel."""
    label_offset: int = 0
    """Added to labels: 1 for networks whose first class is the background."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UserError: one is out of its range; the message names the field.
        """
        for name, allowed in (("geometry", GEOMETRIES), ("channels", CHANNEL_ORDERS)):
            if getattr(self, name) not in allowed:
                raise UserError(
                    f"expected `{name}` of {', '.join(allowed)}, got `{getattr(self, name)}`"
                )
        _expect_within("crop_fraction", self.crop_fraction, LEAST_CROP_FRACTION, 1)
        _expect_within("scale", self.scale, LEAST_DIVISOR, LARGEST_NUMBER)
        for name, least in (("mean", -LARGEST_NUMBER), ("std", LEAST_DIVISOR)):
            numbers: tuple[float, ...] = getattr(self, name)
            if len(numbers) not in (1, COLORS):
                raise UserError(f"expected 1 or {COLORS} numbers as `{name}`, got {len(numbers)}")
            for number in numbers:
                _expect_within(name, number, least, LARGEST_NUMBER)
        _expect_within("label_offset", self.label_offset, -LARGEST_NUMBER, LARGEST_NUMBER)

    def as_dict(self) -> dict[str, Any]:
        """Return what a manifest stores: numbers, texts and lists."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}

    def expect_fits(self, shape: tuple[int, ...]) -> None:
        """Raise unless a network's inputs can come from image files in this way.

        Args:
            shape: the network's `(C, H, W)`.

        Raises:
            UserError: it takes no images, or another number of channels.
        """
        if len(shape) != 3 or shape[0] not in (1, COLORS):
            got = f"{shape[0]}" if len(shape) == 3 else f"inputs of rank {len(shape)}"
            raise UserError(
                f"expected a network with 1 or {COLORS} input channels for image files, got {got}",
                hint="give an .npy file of prepared inputs",
            )
        for name in ("mean", "std"):
            count = len(getattr(self, name))
            if count not in (1, shape[0]):
                raise UserError(
                    f"expected a preprocessing with one number as `{name}` for a network with one "
                    f"input channel, got {count}",
                    hint="choose another `--preprocess`: this one is for colors",
                )

    def inputs(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Compute a network's input from pixels.

        Args:
            pixels: `[H, W, 3]` in the order red, green, blue, or `[H, W, 1]`.

        Returns:
            float32 `[C, H, W]`, in the order of `channels`.
        """
        planes = pixels.transpose(2, 0, 1).astype(np.float32)
        if self.channels == "bgr":
            planes = planes[::-1]
        mean, std = (np.array(each, np.float32)[:, None, None] for each in (self.mean, self.std))
        return (planes / np.float32(self.scale) - mean) / std


PRESETS = {
    "unit": Preprocessing(),
    "none": Preprocessing(scale=1),
    # torchvision's reference: references/classification/presets.py (resize 256, crop 224).
    "imagenet": Preprocessing(
        geometry="resize_and_crop", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    ),
    # Caffe's reference models: the mean color of ILSVRC 2012, blue first, and no scaling
    # (models/bvlc_googlenet/train_val.prototxt: mean_value 104, 117, 123).
    "caffe": Preprocessing(
        geometry="resize_and_crop", channels="bgr", scale=1, mean=(104, 117, 123)
    ),
    # TensorFlow's models: research/slim/preprocessing/inception_preprocessing.py, where evaluation
    # takes the central 87.5 % and inputs from -1 to 1.
    "tensorflow": Preprocessing(
        geometry="resize_and_crop", scale=1, mean=(127.5,), std=(127.5,)
    ),
}  # fmt: skip
"""Preprocessings by name. `unit` and `none` are `pixel / 255` and the pixel itself, without any
resizing; the others are what the reference models of three frameworks were trained with."""

DEFAULT_PREPROCESSING = PRESETS["unit"]


def load_preprocessing(name: str | Path) -> Preprocessing:
    """Return a preset by its name, or what a TOML file of the user's says.

    Raises:
        UserError: no such preset, or a file that describes no preprocessing.
    """
    if str(name) in PRESETS:
        return PRESETS[str(name)]
    path = Path(name)
    if path.suffix != ".toml":
        raise UserError(
            f"expected a preprocessing, got `{name}`",
            hint=f"presets are {', '.join(PRESETS)}, or the path of a .toml file",
        )
    content = read_toml(path, "a preprocessing file")
    with naming(str(path)):
        return preprocessing_of(content)


def chosen_preprocessing(
    preprocess: str | Path | Preprocessing | None, label_offset: int | None, default: Preprocessing
) -> Preprocessing:
    """Return the preprocessing that is asked for, or else the default, with its label offset.

    Raises:
        UserError: no such preset, or a file that describes no preprocessing.
    """
    if preprocess is None:
        chosen = default
    elif isinstance(preprocess, Preprocessing):
        chosen = preprocess
    else:
        chosen = load_preprocessing(preprocess)
    return chosen if label_offset is None else replace(chosen, label_offset=label_offset)


def preprocessing_of(content: Mapping[str, object]) -> Preprocessing:
    """Return the preprocessing that a TOML file's or a manifest's content describes.

    Args:
        content: fields by name; what is not there has its default.

    Raises:
        UserError: unknown keys, values of wrong types or out of range; the message names the key.
    """
    known: dict[str, type] = {each.name: type(each.default) for each in fields(Preprocessing)}
    unknown = sorted(content.keys() - known.keys())
    if unknown:
        raise UserError(
            f"unknown key{'s' * (len(unknown) > 1)} {', '.join(f'`{key}`' for key in unknown)}",
            hint=f"keys are {', '.join(known)}",
        )
    read: dict[str, Any] = {}
    for key, value in content.items():
        if known[key] is tuple:
            listed = cast(list[object], value) if isinstance(value, list) else [value]
            read[key] = tuple(_number(key, each) for each in listed)
        elif known[key] is float:
            read[key] = _number(key, value)
        elif type(value) is not known[key]:
            expected = "a text" if known[key] is str else "an integer"
            raise UserError(f"expected {expected} as `{key}`, got {value!r}")
        else:
            read[key] = value
    return Preprocessing(**read)


def _number(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"expected a number as `{key}`, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        return float("inf")
