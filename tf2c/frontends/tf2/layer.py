"""One layer as TF2 describes it, and what is wrong with a description."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tf2c.errors import LayerError
from tf2c.numerics.windows import output_extent

POOLING_KERNEL = 3
"""TF2's max pooling has windows of 3x3 and no others."""

AVERAGE_KERNEL = 7
"""TF2's average pooling has windows of 7x7 and no others."""

CHANNEL_VECTOR = 16
"""A page holds vectors of so many channels; layers write whole ones."""


class Pooling(NamedTuple):
    """A max pooling of 3x3 in which padding counts as 0."""

    pad: int
    """At the top and left; at the bottom and right there is as much as the output needs."""
    stride: int


@dataclass(frozen=True, eq=False)
class Layer:
    """Convolution, rescaling, ReLU, max pooling, residual addition, ReLU; in this order.

    What is absent is left out; without weights only what follows the rescaling is done. The map
    after all of it is the layer's, which later layers may add (`residual`). It is also written to a
    page of the feature cache, averaged if `averages` says so, for later layers to read.
    """

    channels: int
    """Read from the page, from its first on."""
    extents: tuple[int, int]
    """Height and width of what is read."""
    filters: int
    """Output channels; of a layer that only pools, its input's."""
    output_extents: tuple[int, int]
    """Height and width of the layer's map, before an average."""
    weight_bytes: npt.NDArray[np.uint8] | None = None
    """`[filters, channels, K, K]`; None if the layer only pools."""
    bias: npt.NDArray[np.int32] | None = None
    """`[filters]`, as all of these."""
    alpha: npt.NDArray[np.int32] | None = None
    beta: npt.NDArray[np.int32] | None = None
    exponents: npt.NDArray[np.integer] | None = None
    """Of the layer's map: a number `q` of filter `m` stands for `q * 2**exponents[m]`. These are
    the numbers of TF2's tables, minus the Q of its files. None: integers stand for themselves."""
    pad: int = 0
    stride: int = 1
    relu: bool = False
    """Behind the rescaling; what only pools goes around it."""
    pooling: Pooling | None = None
    residual: int | None = None
    """Index of the layer whose map is added."""
    residual_relu: bool = False
    averages: bool = False
    read_page: int = 1
    write_page: int = 1
    first_channel: int = 0
    """Of the page, where the layer's channels are written: a concatenation."""
    is_written: bool = True

    def check(self, name: str) -> None:
        """Raise what is wrong with the layer by itself.

        Raises:
            LayerError: arrays do not fit, or it is more than TF2 can do.
        """
        self._check_arrays(name)
        self._check_extents(name)
        if self.is_written and (self.first_channel % CHANNEL_VECTOR or self.first_channel < 0):
            raise LayerError(
                name,
                f"expected a first channel that is a multiple of {CHANNEL_VECTOR}, "
                f"got {self.first_channel}",
            )
        if self.averages and self.output_extents != (AVERAGE_KERNEL, AVERAGE_KERNEL):
            raise LayerError(
                name, f"expected a map of 7x7 to average, got {_text(self.output_extents)}"
            )

    def _check_arrays(self, name: str) -> None:
        numbers = {"bias": self.bias, "alpha": self.alpha, "beta": self.beta}
        if self.weight_bytes is None:
            given = [what for what, array in numbers.items() if array is not None]
            if given:
                raise LayerError(name, f"expected a weight with `{given[0]}`, got none")
            if self.filters != self.channels:
                raise LayerError(
                    name,
                    f"expected a pooling to keep {self.channels} channels, got {self.filters}",
                )
        else:
            # A kernel is square; of which size, only the array says.
            side = self.weight_bytes.shape[2] if self.weight_bytes.ndim == 4 else 1
            shape = (self.filters, self.channels, side, side)
            _expect_array(name, "weight", self.weight_bytes, np.uint8, shape)
            for what, array in numbers.items():
                _expect_array(name, what, array, np.int32, (self.filters,))
        if self.exponents is not None and self.exponents.shape != (self.filters,):
            raise LayerError(
                name, f"expected {self.filters} exponents, got {_text(self.exponents.shape)}"
            )

    def _check_extents(self, name: str) -> None:
        image = self.extents
        if min(self.channels, self.filters, *image, *self.output_extents) < 1:
            raise LayerError(name, "expected channels, filters and extents >= 1, got fewer")
        if self.pad < 0 or self.stride < 1:
            raise LayerError(
                name,
                f"expected a pad >= 0 and a stride >= 1, got {self.pad} and {self.stride}",
            )
        if self.stride != 1 and (self.pooling is not None or self.weight_bytes is None):
            raise LayerError(
                name, "expected a stride of 1 in front of a pooling, whose own may be 2"
            )
        if self.weight_bytes is not None:
            kernel = self.weight_bytes.shape[2:]
            image = output_extent(image, kernel, [self.stride] * 2, [self.pad] * 4)
        if self.pooling is not None:
            self._check_pooling(name, self.pooling, image)
        elif image != self.output_extents:
            raise LayerError(
                name, f"expected a map of {_text(image)}, got {_text(self.output_extents)}"
            )

    def _check_pooling(self, name: str, pooling: Pooling, image: tuple[int, int]) -> None:
        if pooling.pad not in (0, 1) or pooling.stride not in (1, 2):
            raise LayerError(
                name,
                f"expected a pooling with a pad of 0 or 1 and a stride of 1 or 2, got {pooling.pad}"
                f" and {pooling.stride}",
            )
        for extent, pooled in zip(image, self.output_extents, strict=True):
            # What no window needs at the end is left over only if it is less than a stride.
            left_over = -self.overhang(pooling, extent, pooled)
            if left_over >= pooling.stride:
                raise LayerError(
                    name,
                    f"expected a pooling of {_text(image)} to use it all, got a map of "
                    f"{_text(self.output_extents)}",
                )

    @staticmethod
    def overhang(pooling: Pooling, extent: int, pooled: int) -> int:
        """Return by how many pixels the last of so many windows reaches over the image's end."""
        return (pooled - 1) * pooling.stride + POOLING_KERNEL - pooling.pad - extent


def _expect_array(
    name: str,
    what: str,
    array: npt.NDArray[Any] | None,
    dtype: npt.DTypeLike,
    shape: Sequence[int],
) -> None:
    if array is None:
        raise LayerError(name, f"expected `{what}`, got none")
    if array.dtype != dtype or array.shape != tuple(shape):
        raise LayerError(
            name,
            f"expected `{what}` of {np.dtype(dtype)} {_text(shape)}, got {array.dtype} "
            f"{_text(array.shape)}",
        )


def _text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "a scalar"
