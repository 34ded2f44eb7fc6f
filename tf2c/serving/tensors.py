"""Tensors of the Open Inference Protocol, whichever way they travel.

A network takes `input`, FP32 `[N, C, H, W]`, and returns `output`, FP64 `[N, ...]`: the real
numbers that its integers stand for, exactly.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tf2c.serving.errors import Refusal, RefusedError

INPUT, OUTPUT = "input", "output"
INPUT_TYPE, OUTPUT_TYPE = "FP32", "FP64"

PLATFORM = "tf2c"
VERSION = "1"


@dataclass(frozen=True)
class Region:
    """A part of a shared memory region, by its name."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Inference:
    """A request, taken apart."""

    model: str
    images: npt.NDArray[np.float32] | Region
    """`[N, C, H, W]`, or where they are."""
    shape: tuple[int, ...]
    id: str = ""
    output: Region | None = None
    """Where results go; None for the answer."""
    binary: bool = False
    """Whether HTTP answers with bytes."""
    priority: int = 0
    seconds: float | None = None
    """Until the result has to be there."""
    sent: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers, of which tracing looks at some; names are in lower case."""


def invalid(message: str) -> RefusedError:
    """Return the refusal of a request that is not as it should be."""
    return RefusedError(Refusal.INVALID, message)


def expect_input(name: Any, datatype: Any, shape: Sequence[Any]) -> tuple[int, ...]:
    """Return the shape of the one input.

    Raises:
        RefusedError: it is another one.
    """
    if name != INPUT:
        raise invalid(f"expected one input `{INPUT}`, got `{name}`")
    if datatype != INPUT_TYPE:
        raise invalid(f"expected `{INPUT}` of datatype {INPUT_TYPE}, got `{datatype}`")
    numbers = [each for each in shape if type(each) is int and 0 < each < 1 << 31]  # no bool
    if len(numbers) != 4 or len(shape) != 4:
        raise invalid(f"expected `{INPUT}` of shape N, C, H, W, got {list(shape)}")
    return tuple(numbers)


def expect_bytes(size: int, shape: tuple[int, ...]) -> None:
    """Refuse images of another size than their shape says.

    Raises:
        RefusedError: there are more or fewer bytes.
    """
    expected = 4 * math.prod(shape)
    if size != expected:
        raise invalid(f"expected {expected} bytes for {list(shape)}, got {size}")


def images_of(contents: bytes | memoryview, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return images over the bytes that were sent, without copying them.

    Raises:
        RefusedError: there are more or fewer bytes than the shape says.
    """
    expect_bytes(len(contents), shape)
    return np.frombuffer(contents, "<f4").reshape(shape)


def images_of_numbers(elements: Any, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return images of numbers in JSON, flat or nested.

    Raises:
        RefusedError: they are none, or more or fewer than the shape says.
    """
    try:
        numbers = np.asarray(elements, np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise invalid(f"expected numbers as data of `{INPUT}`") from error
    if numbers.size != math.prod(shape):
        raise invalid(f"expected {math.prod(shape)} numbers for {list(shape)}, got {numbers.size}")
    return numbers.reshape(shape)


def scheduling(parameters: Mapping[str, Any]) -> tuple[int, float | None]:
    """Return priority and seconds of a request's parameters (Triton's schedule policy extension).

    Its `priority` is 1 for the highest and 0 for the default; `timeout` is in microseconds.

    Raises:
        RefusedError: they are no numbers, or out of range.
    """
    numbers: list[int] = []
    for name in ("priority", "timeout"):
        value = parameters.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
            raise invalid(f"expected `{name}` to be a number >= 0, got `{value}`")
        numbers.append(value)
    priority, timeout = numbers
    return int(priority == 1), timeout / 1e6 if timeout else None


def region_of(parameters: Mapping[str, Any]) -> Region | None:
    """Return the shared memory that parameters of a tensor name, if they do.

    Raises:
        RefusedError: they name a part of it that cannot be one.
    """
    if "shared_memory_region" not in parameters:
        return None
    name = parameters["shared_memory_region"]
    size = parameters.get("shared_memory_byte_size")
    offset = parameters.get("shared_memory_offset", 0)
    if not isinstance(name, str) or not isinstance(size, int) or not isinstance(offset, int):
        raise invalid("expected a shared memory region, its size and an offset")
    if size < 0 or offset < 0:
        raise invalid(f"expected a size and an offset >= 0, got {size} and {offset}")
    return Region(name, offset, size)
