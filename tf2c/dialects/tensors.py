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
        raise VerifyException(
            f"expected {what} of shape {_text(expected)}, got {_text(shape(value))}"
        )


def expect_batched(what: str, value: SSAValue, rank: int) -> None:
    """Raise unless a tensor value has a dynamic batch, `rank` dimensions and known extents."""
    dimensions = shape(value)
    if len(dimensions) != rank or dimensions[0] != DYNAMIC_INDEX or min(dimensions[1:]) < 1:
        raise VerifyException(
            f"expected {what} with a dynamic batch and {rank - 1} known extents, "
            f"got {_text(dimensions)}"
        )


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
        VerifyException: the window is larger than the padded image.
    """
    height, width = windows.output_extent(image, kernel, strides.get_values(), pads.get_values())
    if height < 1 or width < 1:
        raise VerifyException(
            f"expected a window that fits the padded image, got {_text(kernel)} on {_text(image)}"
        )
    return height, width


def verify_convolution(
    image: SSAValue,
    weight: SSAValue,
    output: SSAValue,
    strides: I64Array,
    pads: I64Array,
) -> None:
    """Check the shapes of a convolution `[?, C, H, W] * [M, C, R, S] -> [?, M, OH, OW]`."""
    verify_strides_and_pads(strides, pads)
    expect_batched("an image", image, rank=4)
    if len(shape(weight)) != 4:
        raise VerifyException(f"expected a weight of rank 4, got {_text(shape(weight))}")
    channels, *image_extents = extents(image)
    filters, weight_channels, *kernel = shape(weight)
    if weight_channels != channels:
        raise VerifyException(f"expected a weight for {channels} channels, got {weight_channels}")
    output_extents = convolution_extents(image_extents, kernel, strides, pads)
    expect_shape("a result", output, (DYNAMIC_INDEX, filters, *output_extents))


def verify_gemm(rows: SSAValue, weight: SSAValue, output: SSAValue) -> None:
    """Check the shapes of a fully connected layer `[?, K] * [M, K] -> [?, M]`."""
    expect_batched("an input", rows, rank=2)
    if len(shape(weight)) != 2:
        raise VerifyException(f"expected a weight of rank 2, got {_text(shape(weight))}")
    (inputs,) = extents(rows)
    filters, weight_inputs = shape(weight)
    if weight_inputs != inputs:
        raise VerifyException(f"expected a weight for {inputs} inputs, got {weight_inputs}")
    expect_shape("a result", output, (DYNAMIC_INDEX, filters))


def verify_max_pool(
    image: SSAValue,
    output: SSAValue,
    kernel: I64Array,
    strides: I64Array,
    pads: I64Array,
) -> None:
    """Check the shapes of max pooling, and that every window contains a real pixel."""
    verify_strides_and_pads(strides, pads)
    expect_batched("an image", image, rank=4)
    kernel_values = kernel.get_values()
    if len(kernel_values) != 2 or min(kernel_values) < 1:
        raise VerifyException(f"expected two kernel extents >= 1, got {list(kernel_values)}")
    if any(pad >= size for pad, size in zip(pads.get_values(), [*kernel_values] * 2, strict=True)):
        raise VerifyException(
            f"expected `pads` smaller than the kernel {list(kernel_values)}, "
            f"got {list(pads.get_values())}"
        )
    channels, *image_extents = extents(image)
    output_extents = convolution_extents(image_extents, kernel_values, strides, pads)
    expect_shape("a result", output, (DYNAMIC_INDEX, channels, *output_extents))


def flattened(image: SSAValue) -> int:
    """Return how many elements of a tensor value belong to one image."""
    product = 1
    for extent in extents(image):
        product *= extent
    return product


def _text(dimensions: Sequence[int]) -> str:
    return "x".join("?" if extent == DYNAMIC_INDEX else str(extent) for extent in dimensions)
