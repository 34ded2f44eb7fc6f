"""The engine's vector sizes, and how tensors and weights lie in its memories.

The FPGA engine multiplies `filter_vector` output channels by `channel_vector` input channels at
`pixel_vector` pixels in one loop iteration. Everything that depends on those sizes is here, so that
the compiler's program emitter, the runtime's simulator and its host code agree by construction.
"""

from dataclasses import dataclass, fields, replace
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tf2c.numerics import pow2

IntegerT = TypeVar("IntegerT", bound=np.integer)


class Share(NamedTuple):
    """Some filters of a job, which it computes with one split: a row of the job table."""

    first: int
    filters: int
    """How many, from the first on."""
    parts: int
    """Into which vectors of pixels are split."""


CHANNEL_VECTORS = (2, 4, 8, 16)


class Tiling(NamedTuple):
    """Which channel vectors each tile of filters reads."""

    groups: int
    """How many."""
    step: int
    """How many behind the first vector of the tile before; 0 where all tiles read the same."""


@dataclass(frozen=True)
class Engine:
    """What an engine was built for; a network is only data for it."""

    filter_vector: int = 16
    """Output channels per iteration, a multiple of `channel_vector`."""
    channel_vector: int = 8
    """Input channels per iteration: 2, 4, 8 or 16, because two codes share a byte and OpenCL has
    vectors of these."""
    pixel_vector: int = 14
    """Output pixels per iteration: consecutive ones, across the ends of rows and images."""
    largest_split: int = 2
    """Into how many equal parts a job may split the vectors of pixels at most, each for other
    filters."""
    weight_depth: int = 1024
    """Weight words on chip: bounds `kernel_height * kernel_width * channel groups` of a job. As
    many again are fetched ahead."""
    channel_depth: int = 512
    """Words that a channel between two kernels holds, and vectors of pixels that may be in flight;
    any depth computes the same bits. (On two processor cores the emulator runs about ten times
    faster at 512 than at 64.)"""
    latency: int = 256
    """Iterations from the last issue of a vector of pixels until its first result is stored: at
    least as many as the kernels between take, or they are waited for."""
    memory_bytes: int = 96
    """Bytes that the card's memory delivers per iteration: 70 % of two banks of DDR4-2133 at 240
    MHz."""

    cache_depth: int = 16384
    """Channel vectors that each bank of the feature cache holds."""

    accumulator_bits = 32
    """Width of an accumulator; range analysis proves that the final values fit."""
    multiplier_bits = 26
    """Width of a requantizing multiplier."""
    window_rows = 8
    """Rows of pooled pixels that the window unit can work on at once."""
    window_width = 512
    """Pixels of a row that it pools."""
    cache_pages = 8
    """Equal parts of the feature cache: in two different ones, features and a residual operand are
    read at once."""

    def __post_init__(self) -> None:
        """Refuse sizes that the kernels cannot be rendered for."""
        if self.channel_vector not in CHANNEL_VECTORS:
            known = ", ".join(map(str, CHANNEL_VECTORS))
            raise ValueError(f"expected `channel_vector` of {known}, got {self.channel_vector}")
        if self.filter_vector < 1 or self.filter_vector % self.channel_vector:
            raise ValueError(
                f"expected `filter_vector` to be a multiple of {self.channel_vector}, "
                f"got {self.filter_vector}"
            )
        for size in fields(self):
            if getattr(self, size.name) < 1:
                raise ValueError(f"expected `{size.name}` >= 1, got {getattr(self, size.name)}")

    @property
    def lanes(self) -> int:
        """Products of an input and a weight's term per iteration."""
        return self.filter_vector * self.channel_vector * self.pixel_vector

    @property
    def splits(self) -> tuple[int, ...]:
        """Into how many parts a job may split the vectors of pixels, ascending."""
        parts = range(1, self.largest_split + 1)
        return tuple(part for part in parts if self.pixel_vector % part == 0)

    @property
    def banks(self) -> int:
        """Of the feature cache: the least power of two that serves all pixels of a vector."""
        return 1 << (self.pixel_vector - 1).bit_length()

    @property
    def cache_vectors(self) -> int:
        """Channel vectors that the feature cache holds."""
        return self.banks * self.cache_depth

    @property
    def page_vectors(self) -> int:
        """Channel vectors that a page of it holds."""
        return max(self.cache_vectors // self.cache_pages, 1)

    def pages(self, place: int, cells: int) -> range:
        """Return which pages of it hold `cells` channel vectors from `place` on."""
        return range(place // self.page_vectors, (place + cells - 1) // self.page_vectors + 1)

    @property
    def vectors_per_transfer(self) -> int:
        """Channel vectors that move between the card's memory and the cache per iteration."""
        return min(max(self.memory_bytes // self.channel_vector, 1), self.banks)

    def split(self, parts: int) -> "Engine":
        """Return the engine as a job sees it: with fewer pixels and more filters per iteration."""
        return replace(
            self,
            filter_vector=self.filter_vector * parts,
            pixel_vector=self.pixel_vector // parts,
            largest_split=1,
        )

    def shares(self, filters: int, parts: int, rest_parts: int) -> list[Share]:
        """Return how a job's filters are shared out.

        Args:
            filters: of the job.
            parts: into which vectors of pixels are split.
            rest_parts: the same for the filters behind the last whole tile.
        """
        rest = filters % self.split(parts).filter_vector if rest_parts != parts else 0
        shares = [Share(0, filters - rest, parts), Share(filters - rest, rest, rest_parts)]
        return [each for each in shares if each.filters]

    def channel_groups(self, channels: int) -> int:
        """Return how many vectors of `channel_vector` hold `channels`."""
        return -(-channels // self.channel_vector)

    def filter_tiles(self, filters: int) -> int:
        """Return how many vectors of `filter_vector` hold `filters`."""
        return -(-filters // self.filter_vector)

    def tiling(self, filters: int, channels: int, group: int) -> Tiling:
        """Return which channel vectors the tiles of a convolution read.

        Where a tile of filters covers whole parts of a grouped convolution, and these whole channel
        vectors, it reads only its own channels. Otherwise, and with one group, it reads them all,
        those that its filters do not see with zero weights.
        """
        filters_per_part, channels_per_part = filters // group, channels // group
        seen = self.filter_vector // filters_per_part * channels_per_part
        if (
            group > 1
            and self.filter_vector % filters_per_part == 0
            and (seen % self.channel_vector == 0)
        ):
            step = seen // self.channel_vector
            return Tiling(step, step)
        return Tiling(self.channel_groups(channels), 0)

    def pixel_tiles(self, pixels: int) -> int:
        """Return how many vectors of `pixel_vector` hold `pixels`."""
        return -(-pixels // self.pixel_vector)

    @staticmethod
    def open_window_rows(kernel: int, stride: int, rows: int) -> int:
        """Return how many of a pooling's `rows` are in progress at once."""
        return min(-(-kernel // stride), rows)

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

    def store_weights(self, codes: npt.NDArray[np.uint8], group: int = 1, terms: int = 1) -> bytes:
        """Pack codes `[M, C / group, KH, KW]` in the order in which the weight reader sends them.

        Words in the order tile, kernel row, kernel column, channel vector, term; in a word, filter
        by filter, `channel_vector` codes each. Lanes beyond M and C, and channels that a filter
        does not see, hold zero weights.
        """
        filters, channels, *kernel = codes.shape
        tiling = self.tiling(filters, channels * group, group)
        tiles = self.filter_tiles(filters)
        lanes = np.full(
            (tiles, self.filter_vector, tiling.groups * self.channel_vector, *kernel, terms),
            pow2.ZERO_CODE,
            np.uint8,
        )
        split = pow2.split_terms(codes, terms)
        for part in range(group):
            own = slice(part * filters // group, (part + 1) * filters // group)
            for tile in range(own.start // self.filter_vector, tiles):
                inside = range(
                    max(own.start, tile * self.filter_vector),
                    min(own.stop, (tile + 1) * self.filter_vector),
                )
                if not inside:
                    break
                first = inside.start - tile * self.filter_vector
                channel = part * channels - tile * tiling.step * self.channel_vector
                lanes[tile, first : first + len(inside), channel : channel + channels] = split[
                    inside.start : inside.stop
                ]
        words = lanes.reshape(
            tiles,
            self.filter_vector,
            tiling.groups,
            self.channel_vector,
            *kernel,
            terms,
        )
        return pow2.pack(words.transpose(0, 4, 5, 2, 6, 1, 3))

    def negative_terms(self, packed: npt.NDArray[np.uint8], tiles: int) -> npt.NDArray[np.int64]:
        """Return how many terms with a sign each filter has, `[tiles * filters]`.

        By so much sums of one's complements are short (`pow2.negative_terms`).
        """
        codes = pow2.unpack(packed).reshape(tiles, -1, self.filter_vector, self.channel_vector)
        return pow2.negative_terms(codes).sum(axis=(1, 3)).reshape(-1)

    def load_weights(
        self,
        packed: npt.NDArray[np.uint8],
        tiles: int,
        groups: int,
        kernel: tuple[int, int],
        terms: int = 1,
    ) -> npt.NDArray[np.int8]:
        """Undo `store_weights`, with the padded lanes: integers `[tiles * filters, C, KH, KW]`.

        C are the channels that one tile reads.
        """
        codes = pow2.unpack(packed).reshape(
            tiles, *kernel, groups, terms, self.filter_vector, self.channel_vector
        )
        integers = pow2.decode(codes).sum(axis=4, dtype=np.int8)
        return integers.transpose(0, 4, 3, 5, 1, 2).reshape(
            tiles * self.filter_vector, groups * self.channel_vector, *kernel
        )
