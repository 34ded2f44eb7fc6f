"""The engine's vector sizes, and how tensors and weights lie in its memories.

The FPGA engine multiplies `filter_vector` output channels by `channel_vector` input channels in
one loop iteration. Everything that depends on those sizes is here, so that the compiler's program
emitter, the runtime's simulator and its host code agree by construction.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tf2c.numerics import pow2

IntegerT = TypeVar("IntegerT", bound=np.integer)


@dataclass(frozen=True)
class Engine:
    """What an engine was built for; a network is only data for it."""

    filter_vector: int = 16
    """Output channels per iteration, a multiple of `channel_vector`."""
    channel_vector: int = 8
    """Input channels per iteration, even, because two codes share a byte."""
    weight_depth: int = 1024
    """Weight words on chip: bounds `kernel_height * kernel_width * channel groups` of a job."""
    channel_depth: int = 512
    """Words that a channel between two kernels holds; any depth computes the same bits. (On two
    processor cores the emulator runs about ten times faster at 512 than at 64.)"""

    accumulator_bits = 32
    """Width of an accumulator; range analysis proves that the final values fit."""
    multiplier_bits = 26
    """Width of a requantizing multiplier."""

    def __post_init__(self) -> None:
        """Refuse sizes that the kernels cannot be rendered for."""
        if self.channel_vector < 2 or self.channel_vector % 2:
            raise ValueError(f"expected an even `channel_vector` >= 2, got {self.channel_vector}")
        if self.filter_vector < 1 or self.filter_vector % self.channel_vector:
            raise ValueError(
                f"expected `filter_vector` to be a multiple of {self.channel_vector}, "
                f"got {self.filter_vector}"
            )
        if self.weight_depth < 1 or self.channel_depth < 1:
            raise ValueError(
                f"expected depths >= 1, got `weight_depth` {self.weight_depth} and "
                f"`channel_depth` {self.channel_depth}"
            )

    def channel_groups(self, channels: int) -> int:
        """Return how many vectors of `channel_vector` hold `channels`."""
        return -(-channels // self.channel_vector)

    def filter_tiles(self, filters: int) -> int:
        """Return how many vectors of `filter_vector` hold `filters`."""
        return -(-filters // self.filter_vector)

    def feature_elements(self, channels: int, height: int, width: int) -> int:
        """Return the stored elements of a `[C, H, W]` tensor, channels padded to whole groups."""
        return self.channel_groups(channels) * self.channel_vector * height * width

    @property
    def weight_word_bytes(self) -> int:
        """Bytes of one weight word: `filter_vector * channel_vector` codes of 4 bits."""
        return self.filter_vector * self.channel_vector // 2

    def store_features(self, tensor: npt.NDArray[IntegerT]) -> npt.NDArray[IntegerT]:
        """Lay `[N, C, H, W]` out as `[N, groups * H * W * vector]`, padding channels by 0."""
        batch, channels, height, width = tensor.shape
        groups = self.channel_groups(channels)
        padding = groups * self.channel_vector - channels
        padded = np.pad(tensor, ((0, 0), (0, padding), (0, 0), (0, 0)))
        grouped = padded.reshape(batch, groups, self.channel_vector, height, width)
        return grouped.transpose(0, 1, 3, 4, 2).reshape(batch, -1)

    def load_features(
        self, stored: npt.NDArray[IntegerT], channels: int, height: int, width: int
    ) -> npt.NDArray[IntegerT]:
        """Undo `store_features`: `[N, elements]` becomes `[N, C, H, W]`."""
        groups = self.channel_groups(channels)
        grouped = stored.reshape(-1, groups, height, width, self.channel_vector)
        return grouped.transpose(0, 1, 4, 2, 3).reshape(
            -1, groups * self.channel_vector, height, width
        )[:, :channels]

    def store_weights(self, codes: npt.NDArray[np.uint8]) -> bytes:
        """Pack codes `[M, C, KH, KW]` in the order in which the weight reader sends them.

        Words in the order tile, kernel row, kernel column, channel group; in a word, filter by
        filter, `channel_vector` codes each. Lanes beyond M and C hold zero weights.
        """
        filters, channels, kernel_height, kernel_width = codes.shape
        tiles, groups = self.filter_tiles(filters), self.channel_groups(channels)
        padded = np.pad(
            codes,
            (
                (0, tiles * self.filter_vector - filters),
                (0, groups * self.channel_vector - channels),
                (0, 0),
                (0, 0),
            ),
            constant_values=pow2.ZERO_CODE,
        )
        lanes = padded.reshape(
            tiles, self.filter_vector, groups, self.channel_vector, kernel_height, kernel_width
        )
        return pow2.pack(lanes.transpose(0, 4, 5, 2, 1, 3))

    def load_weights(
        self, packed: npt.NDArray[np.uint8], tiles: int, groups: int, kernel: tuple[int, int]
    ) -> npt.NDArray[np.uint8]:
        """Undo `store_weights`, with the padded lanes of filters and channels: `[M, C, KH, KW]`."""
        lanes = pow2.unpack(packed).reshape(
            tiles, *kernel, groups, self.filter_vector, self.channel_vector
        )
        return lanes.transpose(0, 4, 3, 5, 1, 2).reshape(
            tiles * self.filter_vector, groups * self.channel_vector, *kernel
        )
