"""The feature cache: pages of channels that layers write and read.

A page is a row of slots, one per channel, of which each knows which channel of which value it
holds. A layer writes its channels from one slot on, over what was there; the next reads the first
so many slots, wherever they come from. That is all there is to concatenation in TF2.
"""

from typing import NamedTuple

from xdsl.ir import SSAValue

from tf2c.dialects import tensors
from tf2c.errors import LayerError
from tf2c.frontends.tf2.layer import CHANNEL_VECTOR


class Run(NamedTuple):
    """Channels of one value, one behind the other."""

    value: SSAValue
    first: int
    length: int


class FeatureCache:
    """What every page holds."""

    def __init__(self) -> None:
        """Start with empty pages."""
        self._pages: dict[int, dict[int, tuple[SSAValue, int]]] = {}

    def write(self, page: int, first: int, value: SSAValue) -> None:
        """Let slots from `first` on hold the channels of a value `[?, C, H, W]`."""
        slots = self._pages.setdefault(page, {})
        channels = tensors.extents(value)[0]
        # Whole vectors are written: behind the last channel nothing of use is left.
        for slot in range(first, first + -(-channels // CHANNEL_VECTOR) * CHANNEL_VECTOR):
            slots.pop(slot, None)
        for channel in range(channels):
            slots[first + channel] = (value, channel)

    def read(self, page: int, extents: tuple[int, int, int], name: str) -> list[Run]:
        """Return the first channels of a page, as runs of their values.

        Args:
            page: its number.
            extents: channels, height and width that a layer expects.
            name: of the layer.

        Raises:
            LayerError: a channel is not there, or not of this height and width.
        """
        slots = self._pages.get(page, {})
        runs: list[Run] = []
        for slot in range(extents[0]):
            if slot not in slots:
                raise LayerError(
                    name,
                    f"expected {extents[0]} channels on page {page}, got none written at {slot}",
                )
            value, channel = slots[slot]
            if tensors.extents(value)[1:] != extents[1:]:
                raise LayerError(
                    name,
                    f"expected channels of {tensors.dimension_text(extents[1:])} on page {page}, "
                    f"got {tensors.dimension_text(tensors.extents(value)[1:])} at {slot}",
                )
            if runs and runs[-1].value is value and runs[-1].first + runs[-1].length == channel:
                runs[-1] = runs[-1]._replace(length=runs[-1].length + 1)
            else:
                runs.append(Run(value, channel, 1))
        return runs
