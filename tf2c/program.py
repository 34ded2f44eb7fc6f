"""`program.bin` and `weights.bin`: a network as data for an engine.

A program is a table of jobs, one per convolution or fully connected layer with everything fused
behind it, and a table of requantization parameters. Both files are little-endian; `program.bin`
is a header of 32-bit words followed by the sections that the header sizes.
"""

import dataclasses
import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf2c.engine import Engine
from tf2c.feature_layout import Layout
from tf2c.numerics import fixed_point, pow2, windows

MAGIC = b"TF2CPROG"
VERSION = 5


class Job(NamedTuple):
    """One row of the job table, as the kernels read it: int32 each, in this order.

    The job computes `store(pool(requantize(conv(input), residual)))`. Extents are in pixels, places
    in cells of the feature cache for a batch of one image; with more images, every place is that
    much further. `feature_layout` says how tensors lie there. A fully connected layer is a
    convolution over its whole input.
    """

    input_place: int
    input_groups: int
    """Channel vectors of the input."""
    input_height: int
    input_width: int
    input_row_planes: int
    input_column_planes: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int
    split: int
    """Parts of the vectors of pixels, each for other filters; `Engine.split` is what a job sees."""
    tile_groups: int
    """Channel vectors that a filter tile reads."""
    tile_step: int
    """Channel vectors between the first that a tile reads and the first of the next tile; 0 where
    all read the same."""
    weight_terms: int
    """Terms per weight: each vector of features is used once with each term."""
    filter_tiles: int
    """Tiles of `filter_vector * split` output channels."""
    convolution_height: int
    convolution_width: int
    order_row_planes: int
    """The pixels of the convolution are computed as they would lie in so many planes."""
    order_column_planes: int
    residual_place: int
    """Where the residual operand lies; -1 without one."""
    residual_row_planes: int
    residual_column_planes: int
    residual_shift: int
    lower_bound: int
    upper_bound: int
    pool_height: int
    """Height of the pooling window; 1 without pooling."""
    pool_width: int
    pool_stride_height: int
    pool_stride_width: int
    pool_pad_top: int
    pool_pad_left: int
    output_row: int
    """First row of the table of places, one row per channel vector of the output."""
    output_groups: int
    output_height: int
    output_width: int
    output_row_planes: int
    output_column_planes: int
    raw: int
    """1: store the int32 accumulators instead of requantizing them."""
    returned: int
    """1: store int32 in the output memory, where the host gets it; 0: int8 in the cache."""
    transfers: int
    """How many of the frame's transfers are complete before it begins."""
    weight_tiles: int
    """Filter tiles with weights of their own: all, or 1 where they have the same."""
    weight_offset: int
    """First part of a weight word; the words of a job have `split` parts."""
    parameter_offset: int
    """First row of the parameter table, one row per filter tile and part."""

    @property
    def weight_words(self) -> int:
        """Weight words per filter tile: the loop iterations of one vector of pixels."""
        return self.kernel_height * self.kernel_width * self.tile_groups * self.weight_terms

    @property
    def pixels(self) -> int:
        """Of the convolution, in one image."""
        return self.convolution_height * self.convolution_width

    @property
    def input(self) -> Layout:
        """How the input lies in the cache."""
        planes = self.input_row_planes, self.input_column_planes
        return Layout(self.input_height, self.input_width, *planes)

    @property
    def residual(self) -> Layout:
        """How the residual operand does."""
        planes = self.residual_row_planes, self.residual_column_planes
        return Layout(self.convolution_height, self.convolution_width, *planes)

    @property
    def output(self) -> Layout:
        """How the output does."""
        planes = self.output_row_planes, self.output_column_planes
        return Layout(self.output_height, self.output_width, *planes)

    @property
    def order(self) -> Layout:
        """In which order the pixels of the convolution are computed."""
        planes = self.order_row_planes, self.order_column_planes
        return Layout(self.convolution_height, self.convolution_width, *planes)

    @property
    def pools(self) -> bool:
        """Whether it has a pooling."""
        kernel = (self.pool_height, self.pool_width)
        return (*kernel, self.pool_stride_height, self.pool_stride_width) != (1, 1, 1, 1)


class Transfer(NamedTuple):
    """One row of the table of transfers between the card's memory and the cache: int32 each.

    Transfers of a frame follow each other in the order of the table.
    """

    stores: int
    """1: from the cache to the memory; 0: to the cache."""
    cache_place: int
    memory_place: int
    """In cells of a frame's memory, for a batch of one image."""
    vectors: int
    """Channel vectors of one image."""
    after_jobs: int
    """How many jobs of the frame have been issued before it begins; negative: so many jobs before
    the frame's first may still come, so that it runs ahead."""


class Port(NamedTuple):
    """Where and how the program's input or output lies in memory."""

    offset: int
    """In cells of the card's memory for the input, in words of the output memory for the output."""
    channels: int
    height: int
    width: int
    row_planes: int
    column_planes: int
    wide: int
    """1: the output has 32 bits; 0: 8."""
    flat: int
    """1: the host sees `[N, C * H * W]`; 0: `[N, C, H, W]`."""

    @property
    def layout(self) -> Layout:
        """How it lies there."""
        return Layout(self.height, self.width, self.row_planes, self.column_planes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The host's shape of one image."""
        if self.flat:
            return (self.channels * self.height * self.width,)
        return (self.channels, self.height, self.width)


class Fold(NamedTuple):
    """How the host stores an image: each pixel with what a window sees as its channels.

    As `numerics.windows.fold` says; windows of one pixel leave the image as it is.
    """

    channels: int
    """Of the image."""
    height: int
    width: int
    kernel_height: int = 1
    kernel_width: int = 1
    stride_height: int = 1
    stride_width: int = 1
    pad_top: int = 0
    pad_left: int = 0
    pad_bottom: int = 0
    pad_right: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """The host's shape of one image."""
        return self.channels, self.height, self.width

    @property
    def window(self) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        """Kernel, strides and pads, as `numerics.windows.fold` takes them."""
        return self[3:5], self[5:7], self[7:]

    @property
    def stored_extents(self) -> tuple[int, int, int]:
        """`[C, H, W]` of what is stored.

        Raises:
            ValueError: the windows are none.
        """
        kernel, strides, pads = self.window
        if min(*self.shape, *kernel, *strides) < 1 or min(pads) < 0:
            raise ValueError("expected windows of positive extents to fold")
        height, width = windows.output_extent(self.shape[1:], kernel, strides, pads)
        return self.channels * kernel[0] * kernel[1], height, width


class _Header(NamedTuple):
    version: int
    filter_vector: int
    channel_vector: int
    pixel_vector: int
    largest_split: int
    weight_depth: int
    channel_depth: int
    latency: int
    memory_bytes: int
    cache_depth: int
    cache_vectors: int
    memory_vectors: int
    output_words: int
    jobs: int
    transfers: int
    parameter_rows: int
    place_rows: int
    output_exponents: int
    input_exponent: int


_HEADER = struct.Struct(f"<8s{len(_Header._fields)}i")
_PORTS = struct.Struct(f"<{2 * len(Port._fields) + len(Fold._fields)}i")


def traced_vectors(job: Job) -> int:
    """Return how many channel vectors a job stores in the cache, for one image."""
    return 0 if job.returned else job.output_groups * job.output_height * job.output_width


def _extents_agree(job: Job) -> bool:
    """Whether a job's extents and windows agree, so that no kernel waits for more pixels."""
    convolution = (job.convolution_height, job.convolution_width)
    pooled = (job.output_height, job.output_width)
    kernel = (job.pool_height, job.pool_width)
    strides = (job.pool_stride_height, job.pool_stride_width)
    counts = (*convolution, *pooled, *kernel, *strides, job.filter_tiles, job.weight_words)
    steps = (job.stride_height, job.stride_width, job.dilation_height, job.dilation_width)
    layouts = (job.input, job.residual, job.output, job.order)
    planes = [count for each in layouts for count in each[2:]]
    if min(*counts, *steps, *planes, job.input_groups) < 1 or job.weight_terms not in pow2.TERMS:
        return False
    # Every tile begins within the input, which also keeps the kernels' products from overflowing.
    if job.tile_step < 0 or (job.filter_tiles - 1) * job.tile_step >= job.input_groups:
        return False
    begins = (job.pool_pad_top, job.pool_pad_left)
    if min(begins) < 0 or any(pad >= size for pad, size in zip(begins, kernel, strict=True)):
        return False
    # The table keeps no bottom and right pads: what the last window needs beyond the image.
    needed = [
        (pixels - 1) * stride + size - extent - begin
        for pixels, stride, size, extent, begin in zip(
            pooled, strides, kernel, convolution, begins, strict=True
        )
    ]
    if any(pad >= size for pad, size in zip(needed, kernel, strict=True)):
        return False
    pads = (*begins, *(max(pad, 0) for pad in needed))
    return windows.output_extent(convolution, kernel, strides, pads) == pooled


def _can_pool(engine: Engine, job: Job) -> bool:
    """Whether the window unit has room for a job's windows."""
    rows = engine.open_window_rows(job.pool_height, job.pool_stride_height, job.output_height)
    fits = rows <= engine.window_rows and job.convolution_width <= engine.window_width
    fits = fits and not job.raw
    return fits and job.lower_bound >= fixed_point.INT8_MIN and job.upper_bound <= fixed_point.INT8_MAX


@dataclass(frozen=True)
class Program:
    """A network compiled for an engine, without its weights."""

    engine: Engine
    cache_vectors: int
    """Cells of the cache that it uses, with one image in a batch."""
    memory_vectors: int
    """Cells of the card's memory for one image: its input, and what does not fit into the cache."""
    output_words: int
    """Output memory of one image, in int32."""
    input: Port
    fold: Fold
    """What becomes of the image on its way to the input."""
    input_exponent: int
    output: Port
    output_exponents: npt.NDArray[np.int32]
    """`[1]`, or one per output channel."""
    jobs: tuple[Job, ...]
    parameters: npt.NDArray[np.int32]
    """`[rows, 2, filter_vector]`: the bias and the multiplier M of each lane."""
    places: npt.NDArray[np.int32]
    """`[rows]`: where each channel vector of each job's output begins, in cells of the cache, or in
    words of the output memory for what is returned."""
    transfers: tuple[Transfer, ...]

    def to_bytes(self) -> bytes:
        """Serialize as the contents of `program.bin`."""
        header = _Header(
            version=VERSION,
            **dataclasses.asdict(self.engine),
            cache_vectors=self.cache_vectors,
            memory_vectors=self.memory_vectors,
            output_words=self.output_words,
            jobs=len(self.jobs),
            transfers=len(self.transfers),
            parameter_rows=len(self.parameters),
            place_rows=len(self.places),
            output_exponents=self.output_exponents.size,
            input_exponent=self.input_exponent,
        )
        return b"".join(
            (
                _HEADER.pack(MAGIC, *header),
                _PORTS.pack(*self.input, *self.output, *self.fold),
                self.output_exponents.astype("<i4").tobytes(),
                self.job_table().astype("<i4").tobytes(),
                self.parameters.astype("<i4").tobytes(),
                self.places.astype("<i4").tobytes(),
                self.transfer_table().astype("<i4").tobytes(),
            )
        )

    def job_table(self) -> npt.NDArray[np.int32]:
        """Return the jobs as the int32 table `[jobs, fields]` that the kernels read."""
        return np.array(self.jobs, np.int32).reshape(len(self.jobs), len(Job._fields))

    def transfer_table(self) -> npt.NDArray[np.int32]:
        """Return the transfers as the int32 table `[transfers, fields]`."""
        table = np.array(self.transfers, np.int32)
        return table.reshape(len(self.transfers), len(Transfer._fields))

    @property
    def largest_batch(self) -> int:
        """How many images fit into the cache side by side."""
        return self.engine.cache_vectors // max(self.cache_vectors, 1)

    @property
    def trace_vectors(self) -> int:
        """Channel vectors of all that the jobs store in the cache, for one image."""
        return sum(map(traced_vectors, self.jobs))

    def output_places(self, job: Job) -> npt.NDArray[np.int32]:
        """Return where each channel vector of a job's output begins, `[output_groups]`."""
        return self.places[job.output_row : job.output_row + job.output_groups]

    def expect_fits(self, weights: bytes) -> None:
        """Check that no job reaches beyond a memory or a table.

        Raises:
            ValueError: one does, so that running the program would read or write elsewhere.
        """
        engine = self.engine
        groups = engine.channel_groups(self.input.channels)
        if min(self.input[:6]) < 0 or min(self.input[1:6]) < 1:
            raise ValueError("expected an input of positive extents")
        size = groups * self.input.layout.cells
        if self.input.offset + size > self.memory_vectors:
            raise ValueError(f"expected the network's input within {self.memory_vectors}")
        port = self.output
        size = engine.feature_elements(port.channels, port.height, port.width)
        if port.offset < 0 or size < 1 or port.offset + size > self.output_words:
            raise ValueError(f"expected the network's output within {self.output_words}")
        if self.cache_vectors > engine.cache_vectors:
            raise ValueError(
                f"expected at most {engine.cache_vectors} channel vectors in the cache, got "
                f"{self.cache_vectors}"
            )
        for index, transfer in enumerate(self.transfers):
            near, far = transfer.cache_place, transfer.memory_place
            if min(near, far) < 0 or transfer.vectors < 1:
                raise ValueError(f"expected places for transfer {index}")
            if near + transfer.vectors > self.cache_vectors:
                raise ValueError(f"expected transfer {index} within {self.cache_vectors}")
            if far + transfer.vectors > self.memory_vectors:
                raise ValueError(f"expected transfer {index} within {self.memory_vectors}")
        if self.fold.stored_extents != (self.input.channels, self.input.height, self.input.width):
            raise ValueError("expected the folded image to have the extents of the input")
        if self.output_exponents.size not in (1, self.output.channels):
            raise ValueError(f"expected 1 or {self.output.channels} output exponents")
        weight_parts = len(weights) // engine.weight_word_bytes
        for index, job in enumerate(self.jobs):
            if not _extents_agree(job):
                raise ValueError(f"expected the extents of job {index} to agree")
            if job.split not in engine.splits:
                raise ValueError(f"expected job {index} to split vectors as the engine can")
            per_tile = engine.split(job.split).filter_vector // engine.channel_vector
            if job.weight_tiles not in (1, job.filter_tiles):
                raise ValueError(f"expected weights for one or all filter tiles of job {index}")
            if -(-job.output_groups // per_tile) != job.filter_tiles:
                raise ValueError(f"expected as many filters in job {index} as it stores channels")
            if job.pools and not _can_pool(engine, job):
                raise ValueError(f"expected the windows of job {index} within the window unit")
            if not 0 <= job.transfers <= len(self.transfers) or any(
                each.after_jobs > index for each in self.transfers[: job.transfers]
            ):
                raise ValueError(f"expected job {index} to wait for transfers that come before it")
            ends = {
                "input": (
                    job.input_place,
                    job.input_groups * job.input.cells,
                    self.cache_vectors,
                ),
                "places": (job.output_row, job.output_groups, len(self.places)),
                "residual": (
                    max(job.residual_place, 0),
                    job.output_groups * job.residual.cells if job.residual_place >= 0 else 0,
                    self.cache_vectors,
                ),
                "weights": (
                    job.weight_offset,
                    job.weight_tiles * job.weight_words * job.split,
                    weight_parts,
                ),
                "parameters": (
                    job.parameter_offset,
                    job.filter_tiles * job.split,
                    len(self.parameters),
                ),
                "weights on chip": (0, job.weight_words, engine.weight_depth),
            }
            for what, (offset, size, limit) in ends.items():
                if offset < 0 or size < 0 or offset + size > limit:
                    raise ValueError(f"expected the {what} of job {index} within {limit}")
            places = self.output_places(job)
            limit = self.output_words if job.returned else self.cache_vectors
            size = job.output.cells
            if job.returned:
                size = job.output_height * job.output_width * engine.channel_vector
            if places.min() < 0 or int(places.max()) + size > limit:
                raise ValueError(f"expected the output of job {index} within {limit}")

    @staticmethod
    def from_bytes(content: bytes) -> "Program":
        """Read the contents of `program.bin`.

        Raises:
            ValueError: not a program, of another version, or of the wrong length.
        """
        if len(content) < _HEADER.size + _PORTS.size or not content.startswith(MAGIC):
            raise ValueError("expected a tf2c program, got something else")
        header = _Header(*_HEADER.unpack_from(content)[1:])
        if header.version != VERSION:
            raise ValueError(f"expected program version {VERSION}, got {header.version}")
        engine = Engine(**{each.name: getattr(header, each.name) for each in fields(Engine)})
        ports = _PORTS.unpack_from(content, _HEADER.size)
        sections = content[_HEADER.size + _PORTS.size :]
        words = np.frombuffer(sections[: len(sections) // 4 * 4], "<i4")
        sizes = (
            header.output_exponents,
            header.jobs * len(Job._fields),
            header.parameter_rows * 2 * engine.filter_vector,
            header.place_rows,
            header.transfers * len(Transfer._fields),
        )
        if min(sizes) < 0 or len(sections) != 4 * sum(sizes):
            raise ValueError(
                f"expected {4 * sum(sizes)} bytes after the header, got {len(sections)}"
            )
        exponents, jobs, parameters, places, transfers = np.split(words, np.cumsum(sizes)[:-1])
        return Program(
            engine=engine,
            cache_vectors=header.cache_vectors,
            memory_vectors=header.memory_vectors,
            output_words=header.output_words,
            input=Port(*ports[: len(Port._fields)]),
            input_exponent=header.input_exponent,
            output=Port(*ports[len(Port._fields) : -len(Fold._fields)]),
            fold=Fold(*ports[-len(Fold._fields) :]),
            output_exponents=exponents,
            jobs=tuple(Job(*map(int, row)) for row in jobs.reshape(-1, len(Job._fields))),
            parameters=parameters.reshape(header.parameter_rows, 2, engine.filter_vector),
            places=places,
            transfers=tuple(
                Transfer(*map(int, row))
                for row in transfers.reshape(header.transfers, len(Transfer._fields))
            ),
        )
