"""Shape rules that ops of several dialects share.

Every tensor has its batch first, always dynamic (`?`), so a network is compiled once for any
number of images; *extents* are the dimensions behind the batch.
"""

from collections.abc import Sequence
from typing import cast

from xdsl.dialects.builtin import DYNAMIC_INDEX, I64, DenseArrayBase, TensorType, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

from tf2c.numerics import windows

I64Array = DenseArrayBase[I64]
I64ArrayConstraint = DenseArrayBase.constr(i64)


def i64_array(values: Sequence[int]) -> I64Array:
    """Return the attribute `array<i64: ...>`."""
    return DenseArrayBase.from_list(i64, list(values))


UNIT_STRIDES = i64_array([1, 1])
NO_PADS = i64_array([0, 0, 0, 0])


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


def verify_strides_and_pads(strides: I64Array, pads: I64Array) -> None:
    """Raise unless there are two positive strides and four non-negative pads."""
    stride_values, pad_values = strides.get_values(), pads.get_values()
    if len(stride_values) != 2 or min(stride_values) < 1:
        raise VerifyException(f"expected two `strides` >= 1, got {list(stride_values)}")
    if len(pad_values) != 4 or min(pad_values) < 0:
        raise VerifyException(f"expected four `pads` >= 0, got {list(pad_values)}")


def convolution_extents(
    image: Sequence[int], kernel: Sequence[int], strides: I64Array, pads: I64Array
) -> tuple[int, int]:
    """Return the output's `(height, width)` of a window operation.

    Raises:
        VerifyException: strides or pads are not legal, or the window is larger than the padded
            image.
    """
    verify_strides_and_pads(strides, pads)
    height, width = windows.output_extent(image, kernel, strides.get_values(), pads.get_values())
    if height < 1 or width < 1:
        got = f"{dimension_text(kernel)} on {dimension_text(image)}"
        raise VerifyException(f"expected a window that fits the padded image, got {got}")
    return height, width


def convolution_shape(
    image: SSAValue, weight: SSAValue, strides: I64Array, pads: I64Array
) -> tuple[int, int, int, int]:
    """Return the shape of a convolution `[?, C, H, W] * [M, C, R, S] -> [?, M, OH, OW]`.

    Raises:
        VerifyException: the operands do not fit each other.
    """
    expect_batched("an image", image, rank=4)
    if len(shape(weight)) != 4:
        raise VerifyException(f"expected a weight of rank 4, got {dimension_text(shape(weight))}")
    channels, *image_extents = extents(image)
    filters, weight_channels, *kernel = shape(weight)
    if weight_channels != channels:
        raise VerifyException(f"expected a weight for {channels} channels, got {weight_channels}")
    height, width = convolution_extents(image_extents, kernel, strides, pads)
    return DYNAMIC_INDEX, filters, height, width


def pooled_shape(
    image: Sequence[int], kernel: I64Array, strides: I64Array, pads: I64Array
) -> tuple[int, ...]:
    """Return the shape of max pooling an image `[?, C, H, W]`.

    Raises:
        VerifyException: the windows do not fit, or one may contain no real pixel.
    """
    kernel_values = list(kernel.get_values())
    if len(kernel_values) != 2 or min(kernel_values) < 1:
        raise VerifyException(f"expected two kernel extents >= 1, got {kernel_values}")
    if len(image) != 4:
        raise VerifyException(f"expected an image of rank 4, got {dimension_text(image)}")
    batch, channels, *image_extents = image
    height, width = convolution_extents(image_extents, kernel_values, strides, pads)
    pad_values = list(pads.get_values())
    if any(pad >= size for pad, size in zip(pad_values, kernel_values * 2, strict=True)):
        raise VerifyException(
            f"expected `pads` smaller than the kernel {kernel_values}, got {pad_values}"
        )
    return batch, channels, height, width


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
