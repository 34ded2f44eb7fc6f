"""TF2's 4-bit weight files: layers of signed powers of two, four bits each, packed into shorts.

TF2 describes the format (`TransForm_Kit/Compression/compress_net/4bit_data_format.txt` at 1a3ce4c)
but published no program that reads or writes it. A layer is a header `{char min_exp; char type;
short N, C, H, W}` and then its codes: 0..6 stand for `-2**min_exp .. -2**(min_exp + 6)`, 7 for 0,
8..14 for `+2**min_exp .. +2**(min_exp + 6)`, and 15 for no weight. A short holds four weights of a
1x1 layer, and otherwise up to three of one row of a kernel, the rest of a longer row in the next.

What the description leaves open is chosen here: little-endian numbers without gaps; the first code
of a short in its low bits; the four weights of a 1x1 layer in the order of channels and then
filters, wherever a filter ends; 15 in the fields that no weight takes. Layers follow one another to
the end of the file.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tf2c.errors import UserError, naming
from tf2c.numerics import pow2, weight_bytes
from tf2c.whole_files import written_whole

HEADER = struct.Struct("<bb4h")

ZERO_CODE = 7
POSITIVE = 8
"""The code of `+2**min_exp`; that of `-2**min_exp` is 0."""

NO_WEIGHT = 15

FIELDS = 4
"""Codes that fit into a short."""

ROW_FIELDS = 3
"""Codes of a kernel's row that share a short."""

_LEVELS = np.array([-(1 << m) for m in range(7)] + [0] + [1 << m for m in range(7)], np.int8)
"""By code."""

LARGEST_EXTENT = (1 << 15) - 1
"""Of a layer: extents are shorts."""


@dataclass(frozen=True, eq=False)
class FourBitLayer:
    """A layer of a file."""

    least_exponent: int
    """`min_exp`, of the smallest weight that is not zero."""
    codes: npt.NDArray[np.uint8]
    """`[N, C, H, W]`, one code per byte, none of them 15."""
    kind: int = 0
    """`type`, whose meaning is not described; kept as it is."""

    @classmethod
    def of(
        cls, levels: npt.NDArray[np.integer], least_exponent: int, kind: int = 0
    ) -> "FourBitLayer":
        """Return the layer whose weights are `levels * 2**least_exponent`.

        Args:
            levels: `[N, C, H, W]`, 0 or `±2**m` with `m` in 0..6: weights of one term.
            least_exponent: -128 to 127.
            kind: the header's `type`.

        Raises:
            ValueError: a level is no such number.
        """
        magnitudes = np.abs(levels.astype(np.int64))
        _, exponents = np.frexp(magnitudes.astype(np.float64))
        shifts = exponents.astype(np.int64) - 1
        wrong = (magnitudes != 0) & (magnitudes != 1 << np.maximum(shifts, 0))
        wrong |= shifts > pow2.LARGEST_SHIFT
        if wrong.any():
            raise ValueError(
                f"expected 0 or a signed power of two up to 64, got {levels[wrong][0]}"
            )
        codes = np.where(levels > 0, shifts + POSITIVE, shifts)
        return cls(least_exponent, np.where(levels == 0, ZERO_CODE, codes).astype(np.uint8), kind)

    @property
    def levels(self) -> npt.NDArray[np.int8]:
        """Weights in units of `2**least_exponent`, `[N, C, H, W]`: 0 or `±1 .. ±64`."""
        return _LEVELS[self.codes]

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """Real weights, `[N, C, H, W]`."""
        return np.ldexp(self.levels.astype(np.float32), self.least_exponent)

    @property
    def exponents(self) -> npt.NDArray[np.uint8]:
        """Weights as `weight_bytes_of` takes them, `[N, C, H, W]`: sign, zero, and `e` of `2**-e`.

        Raises:
            UserError: an exponent is not in -63 .. 0, as those of TF2's networks are.
        """
        levels = self.levels
        halvings = -(self.least_exponent + self.codes.astype(np.int64) % POSITIVE)
        is_zero = levels == 0
        wrong = ~is_zero & ((halvings < 0) | (halvings > weight_bytes.SOURCE_EXPONENT_BITS))
        if wrong.any():
            raise UserError(
                f"expected weights of 2**-{weight_bytes.SOURCE_EXPONENT_BITS} to 1, got "
                f"2**{-int(halvings[wrong][0])}"
            )
        signs = np.where(levels > 0, 0, weight_bytes.SIGN_BIT)
        return np.where(is_zero, weight_bytes.ZERO_BYTE, halvings | signs).astype(np.uint8)


def read_four_bit_file(path: Path) -> list[FourBitLayer]:
    """Read all layers of a file.

    Raises:
        UserError: it cannot be read, ends within a layer, or has a code that is no weight.
    """
    with naming(str(path)):
        try:
            contents = path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot be read: {error.strerror}") from error
        if not contents:
            raise UserError("expected 4-bit weights, got an empty file")
        return list(_layers(contents))


def write_four_bit_file(path: Path, layers: Iterable[FourBitLayer]) -> None:
    """Write layers, the whole file or nothing.

    Raises:
        UserError: an extent or exponent does not fit the header, or the file cannot be written.
    """
    with naming(str(path)):
        contents = b"".join(_packed(index, layer) for index, layer in enumerate(layers))
        if not contents:
            raise UserError("expected layers to write, got none")
    with written_whole(path) as file:
        file.write(contents)


def _fields_of_row(width: int) -> list[int]:
    """Return how many codes the shorts of a kernel's row hold."""
    full, rest = divmod(width, ROW_FIELDS)
    return [ROW_FIELDS] * full + ([rest] if rest else [])


def _places(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return for each weight of a layer, in order, which four-bit field of the file is its own."""
    count = int(np.prod(shape))
    height, width = shape[2:]
    if height == width == 1:
        return np.arange(count)
    sizes = _fields_of_row(width)
    row = np.concatenate([index * FIELDS + np.arange(size) for index, size in enumerate(sizes)])
    starts = np.arange(count // width) * len(sizes) * FIELDS
    return (starts[:, None] + row).reshape(-1)


def _shorts(shape: tuple[int, ...]) -> int:
    count = int(np.prod(shape))
    height, width = shape[2:]
    if height == width == 1:
        return -(-count // FIELDS)
    return count // width * len(_fields_of_row(width))


def _packed(index: int, layer: FourBitLayer) -> bytes:
    shape = layer.codes.shape
    name = f"layer {index}"
    if layer.codes.ndim != 4 or not all(1 <= extent <= LARGEST_EXTENT for extent in shape):
        raise UserError(
            f"{name}: expected weights of four extents from 1 to {LARGEST_EXTENT}, got {shape}"
        )
    if layer.codes.max() >= NO_WEIGHT:
        raise UserError(f"{name}: expected codes below {NO_WEIGHT}, got {layer.codes.max()}")
    for what, number in (("exponent", layer.least_exponent), ("type", layer.kind)):
        if not -128 <= number <= 127:
            raise UserError(f"{name}: expected a least {what} of one byte, got {number}")
    fields = np.full(_shorts(shape) * FIELDS, NO_WEIGHT, np.uint8)
    fields[_places(shape)] = layer.codes.reshape(-1)
    header = HEADER.pack(layer.least_exponent, layer.kind, *shape)
    # Two fields to a byte and the low byte first: the fields of a short in order.
    return header + pow2.pack(fields)


def _layers(contents: bytes) -> Iterator[FourBitLayer]:
    position = 0
    index = 0
    while position < len(contents):
        name = f"layer {index}"
        if len(contents) - position < HEADER.size:
            raise UserError(
                f"{name}: expected a header of {HEADER.size} bytes, got {len(contents) - position}"
            )
        least_exponent, kind, *extents = HEADER.unpack_from(contents, position)
        shape = tuple(int(extent) for extent in extents)
        if min(shape) < 1:
            raise UserError(f"{name}: expected extents of at least 1, got {shape}")
        position += HEADER.size
        size = 2 * _shorts(shape)
        if len(contents) - position < size:
            raise UserError(
                f"{name}: expected {size} bytes of weights of {'x'.join(map(str, shape))}, got "
                f"{len(contents) - position}"
            )
        packed = np.frombuffer(contents, np.uint8, size, position)
        fields = pow2.unpack(packed)
        codes = fields[_places(shape)].reshape(shape)
        if (codes == NO_WEIGHT).any():
            raise UserError(f"{name}: expected weights, got code {NO_WEIGHT}, which is none")
        yield FourBitLayer(int(least_exponent), codes, int(kind))
        position += size
        index += 1
