"""Shape rules that ops of several dialects share.

Every tensor has its batch first, always dynamic (`?`), so a network is compiled once for any
number of images; *extents* are the dimensions behind the batch.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    I64,
    BytesAttr,
    DenseArrayBase,
    TensorType,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

I64Array = DenseArrayBase[I64]
I64ArrayConstraint = DenseArrayBase.constr(i64)


def i64_array(values: Sequence[int]) -> I64Array:
    """Return the attribute `array<i64: ...>`."""
    # Not by `from_list`, which normalizes numbers one by one: a layer has thousands of scales.
    return DenseArrayBase(i64, BytesAttr(np.array(values, "<i8").tobytes()))


def integers(array: I64Array) -> npt.NDArray[np.int64]:
    """Return the elements of an `array<i64: ...>`; `get_values` would unpack them one by one."""
    return np.frombuffer(array.data.data, "<i8")


def tensor_type(value: SSAValue | Attribute) -> TensorType[Attribute]:
    """Return the tensor type of a value that an op's constraints say is a tensor."""
    kind = value.type if isinstance(value, SSAValue) else value
    assert isinstance(kind, TensorType)
    return cast(TensorType[Attribute], kind)


def shape(value: SSAValue) -> tuple[int, ...]:
    """Return all dimensions of a tensor value."""
    return tensor_type(value).get_shape()


def extents(value: SSAValue) -> tuple[int, ...]:
    """Return the dimensions of a tensor value behind its batch."""
    return shape(value)[1:]


def expect_shape(what: str, value: SSAValue, expected: Sequence[int]) -> None:
    """Raise unless a tensor value has exactly these dimensions."""
    if shape(value) != tuple(expected):
        got = dimension_text(shape(value))
        raise VerifyException(f"expected {what} of shape {dimension_text(expected)}, got {got}")


def expect_batched(what: str, value: SSAValue, rank: int) -> None:
    """Raise unless a tensor value has a dynamic batch, `rank` dimensions and known extents."""
    dimensions = shape(value)
    if len(dimensions) != rank or dimensions[0] != DYNAMIC_INDEX or min(dimensions[1:]) < 1:
        raise VerifyException(
            f"expected {what} with a dynamic batch and {rank - 1} known extents, "
            f"got {dimension_text(dimensions)}"
        )


def expect_channels(what: str, value: SSAValue) -> None:
    """Raise unless a tensor value has a dynamic batch and known extents, channels first."""
    expect_batched(what, value, rank=max(len(shape(value)), 2))


def verify_gemm(rows: SSAValue, weight: SSAValue, output: SSAValue) -> None:
    """Check the shapes of a fully connected layer `[?, K] * [M, K] -> [?, M]`."""
    expect_batched("an input", rows, rank=2)
    if len(shape(weight)) != 2:
        raise VerifyException(f"expected a weight of rank 2, got {dimension_text(shape(weight))}")
    (inputs,) = extents(rows)
    filters, weight_inputs = shape(weight)
    if weight_inputs != inputs:
        raise VerifyException(f"expected a weight for {inputs} inputs, got {weight_inputs}")
    expect_shape("a result", output, (DYNAMIC_INDEX, filters))


def flattened(image: SSAValue) -> int:
    """Return how many elements of a tensor value belong to one image."""
    product = 1
    for extent in extents(image):
        product *= extent
    return product


def dimension_text(dimensions: Sequence[int]) -> str:
    """Return a shape as people read it, such as `?x3x8x8`."""
    return "x".join("?" if extent == DYNAMIC_INDEX else str(extent) for extent in dimensions)
