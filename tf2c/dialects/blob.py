"""`#tf2c.blob`: weights as attributes, compared by content and never printed as text.

A blob is a numpy array known by the digest of its contents. In IR text a long one is only
`#tf2c.blob<"9f86d081...">`, and its elements lie in the sidecar folder beside the text, one `.npy`
per digest, mapped into memory when first looked at. A short one is written out,
`#tf2c.blob<2xf32, [0.5, -1.0]>`, so that small IR files stand alone. A module with 25 million
weights therefore prints in milliseconds, and comparing two weight tensors compares two strings.
"""

import hashlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Data, Dialect
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

INLINE_ELEMENTS = 16
"""Blobs of at most this many elements are written out in the text."""

SIDECAR_FOLDER = "weights"
"""Name of the folder beside an IR file that holds its blobs."""

DTYPES = {"f32": np.float32, "i8": np.int8, "i32": np.int32, "ui8": np.uint8}
"""Element types of blobs, by their names in text."""

_DTYPE_NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}


class Blob:
    """A read-only array with the digest of its dtype, shape and elements.

    Equality and hash look at the digest only, which is computed when first asked for: many weights
    are folded into others and never compared nor written.
    """

    def __init__(
        self,
        digest: str | None = None,
        array: npt.NDArray[Any] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Take the array, or a digest and perhaps the sidecar folder it can be loaded from."""
        self._digest = digest
        self._array = array
        self._folder = folder

    @staticmethod
    def of(array: npt.NDArray[Any]) -> "Blob":
        """Return the blob of an array, which must not change afterwards.

        Raises:
                TypeError: blobs of this element type, or of rank 0, do not exist.
        """
        if array.dtype not in _DTYPE_NAMES or array.ndim == 0:
            raise TypeError(
                f"expected a tensor of {', '.join(DTYPES)}, got rank {array.ndim} of {array.dtype}"
            )
        contents = np.ascontiguousarray(array).view()
        contents.flags.writeable = False
        return Blob(array=contents)

    @property
    def digest(self) -> str:
        """The first half of the sha256 of dtype, shape and elements, in hexadecimal."""
        if self._digest is None:
            array = self.array
            digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.data)
            self._digest = digest.hexdigest()[:32]
        return self._digest

    @property
    def is_available(self) -> bool:
        """Whether the elements are in memory or a sidecar folder is known."""
        return self._array is not None or self._folder is not None

    @property
    def file_name(self) -> str:
        """Its name in a sidecar folder."""
        return f"{self.digest}.npy"

    @property
    def array(self) -> npt.NDArray[Any]:
        """The elements, mapped from the sidecar folder when first asked for.

        Raises:
            VerifyException: the sidecar folder does not hold the blob, or not with this digest.
        """
        if self._array is None:
            self._array = self._load()
        return self._array

    def _load(self) -> npt.NDArray[Any]:
        if self._folder is None:
            raise VerifyException(f"expected a weights folder for blob {self.digest}, got none")
        path = self._folder / self.file_name
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise VerifyException(f"expected blob {path}, got {reason or error}") from error
        if array.dtype not in _DTYPE_NAMES or Blob.of(array).digest != self.digest:
            raise VerifyException(f"expected blob {path} to have the digest in its name")
        return array

    def __eq__(self, other: object) -> bool:
        """Compare contents by digest."""
        return isinstance(other, Blob) and self.digest == other.digest

    def __hash__(self) -> int:
        """Hash the digest."""
        return hash(self.digest)

    def __repr__(self) -> str:
        """Name the digest, not the elements."""
        return f"Blob({self.digest})"


@irdl_attr_definition
class BlobAttr(Data[Blob]):
    """A weight tensor: `#tf2c.blob<"digest">` or, short, `#tf2c.blob<2xi8, [1, -2]>`."""

    name = "tf2c.blob"

    @staticmethod
    def of(array: npt.NDArray[Any]) -> "BlobAttr":
        """Return the attribute of an array, which must not change afterwards."""
        return BlobAttr(Blob.of(array))

    @property
    def array(self) -> npt.NDArray[Any]:
        """The elements."""
        return self.data.array

    def verify_holds(self, dtype: npt.DTypeLike, shape: Sequence[int]) -> None:
        """Check element type and shape, where the elements are at hand.

        Raises:
            VerifyException: they differ.
        """
        if not self.data.is_available:
            return
        if self.array.dtype != dtype or self.array.shape != tuple(shape):
            raise VerifyException(
                f"expected a blob of {np.dtype(dtype)} {tuple(shape)}, "
                f"got {self.array.dtype} {self.array.shape}"
            )

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Blob:
        """Parse a digest, to be loaded from the context's weights folder, or the elements."""
        with parser.in_angle_brackets():
            digest = parser.parse_optional_str_literal()
            if digest is not None:
                return Blob(digest, folder=getattr(parser.ctx, "weights_folder", None))
            shape, element_type = parser.parse_ranked_shape()
            name = str(element_type)
            if name not in DTYPES:
                parser.raise_error(f"expected one of {', '.join(DTYPES)}, got {name}")
            parser.parse_punctuation(",")
            elements = parser.parse_comma_separated_list(
                parser.Delimiter.SQUARE, lambda: parser.parse_number(allow_boolean=False)
            )
        if min(shape, default=0) < 1 or len(elements) != np.prod(shape):
            extents = "x".join("?" if extent < 0 else str(extent) for extent in shape)
            parser.raise_error(
                f"expected the elements of a tensor of shape {extents or 'nothing'}, "
                f"got {len(elements)}"
            )
        try:
            array = np.array(elements, DTYPES[name]).reshape(shape)
        except OverflowError:
            parser.raise_error(f"expected elements that fit {name}, got others")
        if not np.array_equal(array.astype(np.float64), np.reshape(elements, shape)) and (
            array.dtype.kind != "f"
        ):
            parser.raise_error(f"expected integers, got {elements}")
        return Blob.of(array)

    def print_parameter(self, printer: Printer) -> None:
        """Print the elements where they are few and at hand, the digest otherwise."""
        with printer.in_angle_brackets():
            if self.is_inline:
                dimensions = "x".join(str(extent) for extent in self.array.shape)
                elements = ", ".join(_literal(element) for element in self.array.flat)
                name = _DTYPE_NAMES[self.array.dtype]
                printer.print_string(f"{dimensions}x{name}, [{elements}]")
            else:
                printer.print_string_literal(self.data.digest)

    @property
    def is_inline(self) -> bool:
        """Whether the text holds the elements."""
        return (
            self.data.is_available
            and 0 < self.array.size <= INLINE_ELEMENTS
            and bool(np.isfinite(self.array).all())
        )


def _literal(element: Any) -> str:
    """Return the shortest text that parses back to the same number."""
    if element.dtype.kind != "f":
        return str(element)
    magnitude = abs(float(element))
    if magnitude == 0 or 1e-4 <= magnitude < 1e7:
        return np.format_float_positional(element, unique=True, trim="0")
    return np.format_float_scientific(element, unique=True, trim="0")


def reachable_blobs(module: ModuleOp) -> dict[str, Blob]:
    """Return the blobs that a module's operations refer to, by digest."""
    blobs: dict[str, Blob] = {}
    for op in module.walk():
        attributes: list[Attribute] = [*op.properties.values(), *op.attributes.values()]
        for attribute in attributes:
            if isinstance(attribute, BlobAttr):
                blobs[attribute.data.digest] = attribute.data
    return blobs


def saved_blobs(module: ModuleOp) -> Iterator[tuple[str, bytes]]:
    """Yield the sidecar files of a module: name and contents of each blob not in its text."""
    for blob in reachable_blobs(module).values():
        if not BlobAttr(blob).is_inline:
            array = np.ascontiguousarray(blob.array)
            header = BytesIO()
            np.lib.format.write_array_header_1_0(
                header, np.lib.format.header_data_from_array_1_0(array)
            )
            # As `np.save` does, but with one copy of the elements instead of three.
            yield blob.file_name, b"".join((header.getvalue(), array.data))


TF2C = Dialect("tf2c", [], [BlobAttr])
"""What is common to all levels of the IR."""
