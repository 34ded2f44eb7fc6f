"""How many cycles TF2's own engine takes: the numbers that tf2c's engine is compared with.

TF2 computes its layers one after the other. A tile is 16 filters; a cycle multiplies 16 channels by
three taps of a row for five columns, or by one tap for seven where the kernel is 1 x 1. While a
tile computes, the next one's weights are loaded, and the longer of the two counts. Columns that a
stride leaves out are computed all the same, and rows are not. Nothing else ever takes longer.

Source: TF2 (Inspur, Apache-2.0), `TF2_auto_config/src/cycles_computation.cpp` and
`Runtime_Engine/cnn/device/src/cycle.cl`; its tables for ResNet-50, GoogLeNet and a pruned ResNet-50
follow from these formulas exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FILTERS = 16
"""Of a tile."""

CHANNELS = 16
"""Per cycle."""

TAPS = 3
"""Of a kernel's row per cycle; three channel vectors share a word of weights where there is one."""

COLUMNS = 5
"""Of the image per cycle."""

POINT_COLUMNS = 7
"""The same for kernels of 1 x 1."""

BORDER = 2
"""Rows, and columns, by which pooling reads beyond the image."""

LANES = FILTERS * CHANNELS * TAPS * COLUMNS
"""Multiplications per cycle at most."""

INPUT_CYCLES = 3876
"""Reading the folded image, before the first layer."""

PRELOAD_CYCLES = 96
"""Loading the first tile's weights."""


def _ceil(count: int, parts: int) -> int:
    return -(-count // parts)


@dataclass(frozen=True)
class Layer:
    """What TF2 calls a layer: a convolution, a fully connected layer, or a standing pooling."""

    channels: int
    filters: int
    kernel: int
    """Height and width."""
    height: int
    """Of the convolution with a stride of 1."""
    width: int
    stride: int = 1
    stored: tuple[int, int] | None = None
    """Height and width behind the pooling, where there is one."""
    is_pooling: bool = False
    """Whether it has no weights; `channels` is 1 then."""

    @property
    def tiles(self) -> int:
        """Of filters."""
        return _ceil(self.filters, FILTERS)

    @property
    def _groups(self) -> int:
        return _ceil(self.channels, CHANNELS)

    @property
    def _columns(self) -> int:
        return POINT_COLUMNS if self.kernel == 1 else COLUMNS

    @property
    def _rows(self) -> int:
        return _ceil(self.height, self.stride)

    @property
    def tile_cycles(self) -> int:
        """Of one tile's computation."""
        taps = self.kernel * _ceil(self.kernel, TAPS)
        return self._rows * _ceil(self.width, self._columns) * self._groups * taps

    @property
    def tile_load_cycles(self) -> int:
        """Of loading one tile's weights."""
        if self.is_pooling:
            return 0
        if self.kernel == 1:
            return FILTERS * _ceil(self._groups, TAPS)
        return FILTERS * self._groups * self.kernel * _ceil(self.kernel, TAPS)

    @property
    def pool_cycles(self) -> int:
        """Of the kernel that pools, or passes on what is not pooled."""
        columns = _ceil(self.width + BORDER, self._columns)
        return self.tiles * (self._rows + BORDER) * columns

    @property
    def writer_cycles(self) -> int:
        """Of the kernel that stores features."""
        height, width = self.stored or (self._rows, _ceil(self.width, self.stride))
        return self.tiles * height * _ceil(width, POINT_COLUMNS)


@dataclass(frozen=True)
class Cycles:
    """Of one layer."""

    compute: int
    stall: int
    """Waiting for weights."""

    @property
    def total(self) -> int:
        """Both."""
        return self.compute + self.stall


def layer_cycles(layers: Sequence[Layer]) -> list[Cycles]:
    """Return what each layer of a network takes, with the weights of the next one loaded."""
    following = [layer.tile_load_cycles for layer in layers[1:]] + [0]
    cycles: list[Cycles] = []
    for layer, next_load in zip(layers, following, strict=True):
        within = max(layer.tile_load_cycles - layer.tile_cycles, 0) * (layer.tiles - 1)
        at_end = max(next_load - layer.tile_cycles, 0)
        cycles.append(Cycles(layer.tiles * layer.tile_cycles, within + at_end))
    return cycles


def frame_cycles(layers: Sequence[Layer]) -> int:
    """Return what an image takes; images do not overlap."""
    return INPUT_CYCLES + PRELOAD_CYCLES + sum(each.total for each in layer_cycles(layers))
