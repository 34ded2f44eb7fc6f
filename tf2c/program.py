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
from tf2c.job_table import Job, Transfer, can_pool, extents_agree, traced_vectors
from tf2c.numerics import windows

MAGIC = b"TF2CPROG"
VERSION = 6


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


def identity(engine: Engine) -> tuple[int, ...]:
    """Return the numbers by which an engine says what it was built for."""
    return VERSION, *dataclasses.astuple(engine)


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
    """`[rows, 2, filter_vector]`: of each lane the bias, larger by the number of its terms with a
    sign (`pow2.negative_terms`), and the multiplier M."""
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
            if not extents_agree(job):
                raise ValueError(f"expected the extents of job {index} to agree")
            if job.split not in engine.splits:
                raise ValueError(f"expected job {index} to split vectors as the engine can")
            per_tile = engine.split(job.split).filter_vector // engine.channel_vector
            if job.weight_tiles not in (1, job.filter_tiles):
                raise ValueError(f"expected weights for one or all filter tiles of job {index}")
            if -(-job.output_groups // per_tile) != job.filter_tiles:
                raise ValueError(f"expected as many filters in job {index} as it stores channels")
            if job.lower_bound > job.upper_bound:
                raise ValueError(f"expected the bounds of job {index} in order")
            if job.pools and not can_pool(engine, job):
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
