"""Sliding windows in several dialects: what convolving and pooling ops have in common."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import AtLeast, IRDLOperation, prop_def
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.tensors import I64Array, I64ArrayConstraint, dimension_text, i64_array
from tf2c.numerics import windows

UNIT_STRIDES = i64_array([1, 1])
NO_PADS = i64_array([0, 0, 0, 0])
ONE_GROUP = IntegerAttr(1, i64)

PositiveConstraint = IntegerAttr.constr(type=i64, value=AtLeast(1))


class ConvolutionWindow(NamedTuple):
    """Where a convolution's kernel lies on the image, and which channels a filter sees."""

    strides: I64Array = UNIT_STRIDES
    """Vertical, horizontal."""
    pads: I64Array = NO_PADS
    """Top, left, bottom, right."""
    dilations: I64Array = UNIT_STRIDES
    """Steps between the kernel's taps: vertical, horizontal."""
    group: IntegerAttr = ONE_GROUP
    """Equal parts of filters and channels; the filters of a part see the channels of theirs."""

    @property
    def numbers(self) -> tuple[Sequence[int], Sequence[int], Sequence[int], int]:
        """As `numerics.windows.convolve` takes them."""
        return (
            self.strides.get_values(),
            self.pads.get_values(),
            self.dilations.get_values(),
            self.group.value.data,
        )

    @property
    def properties(self) -> dict[str, Attribute]:
        """As a `ConvolvingOp` has them."""
        return dict(self._asdict())


UNIT_WINDOW = ConvolutionWindow()


class ConvolvingOp(IRDLOperation):
    """An op with a convolution's window among its properties."""

    strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    dilations = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    group = prop_def(PositiveConstraint, default_value=ONE_GROUP)

    @property
    def window(self) -> ConvolutionWindow:
        """The window."""
        return ConvolutionWindow(self.strides, self.pads, self.dilations, self.group)


WINDOW_FORMAT = (
    "(`strides` $strides^)? (`pads` $pads^)? (`dilations` $dilations^)? (`group` $group^)? "
)
"""Part of the assembly format of a `ConvolvingOp`."""


class PoolingWindow(NamedTuple):
    """Where a pooling's windows lie on the image."""

    kernel_shape: I64Array
    strides: I64Array = UNIT_STRIDES
    pads: I64Array = NO_PADS

    @property
    def numbers(self) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        """As `numerics.windows.max_pool` takes them."""
        return self.kernel_shape.get_values(), self.strides.get_values(), self.pads.get_values()

    @property
    def properties(self) -> dict[str, Attribute]:
        """As a `PoolingOp` has them."""
        return dict(self._asdict())

    def pixel_counts(self, image: Sequence[int]) -> list[int]:
        """Return the different numbers of real pixels that windows on `[H, W]` have, ascending."""
        return sorted({int(count) for count in windows.window_counts(image, *self.numbers).flat})


class PoolingOp(IRDLOperation):
    """An op with a pooling's window among its properties."""

    kernel_shape = prop_def(I64ArrayConstraint)
    strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)

    @property
    def window(self) -> PoolingWindow:
        """The window."""
        return PoolingWindow(self.kernel_shape, self.strides, self.pads)


POOLING_FORMAT = "`kernel` $kernel_shape (`strides` $strides^)? (`pads` $pads^)? "
"""Part of the assembly format of a `PoolingOp`."""


def _verify_strides_and_pads(strides: I64Array, pads: I64Array) -> None:
    """Raise unless there are two positive strides and four non-negative pads."""
    stride_values, pad_values = strides.get_values(), pads.get_values()
    if len(stride_values) != 2 or min(stride_values) < 1:
        raise VerifyException(f"expected two `strides` >= 1, got {list(stride_values)}")
    if len(pad_values) != 4 or min(pad_values) < 0:
        raise VerifyException(f"expected four `pads` >= 0, got {list(pad_values)}")


def _output_extents(
    image: Sequence[int],
    kernel: Sequence[int],
    strides: I64Array,
    pads: I64Array,
    dilations: I64Array = UNIT_STRIDES,
) -> tuple[int, int]:
    """Return the output's `(height, width)` of a window operation.

    Raises:
        VerifyException: the window is not legal, or larger than the padded image.
    """
    _verify_strides_and_pads(strides, pads)
    steps = dilations.get_values()
    if len(steps) != 2 or min(steps) < 1:
        raise VerifyException(f"expected two `dilations` >= 1, got {list(steps)}")
    height, width = windows.output_extent(
        image, kernel, strides.get_values(), pads.get_values(), steps
    )
    if height < 1 or width < 1:
        got = f"{dimension_text(kernel)} on {dimension_text(image)}"
        raise VerifyException(f"expected a window that fits the padded image, got {got}")
    return height, width


def convolution_shape(
    image: SSAValue, weight: SSAValue, window: ConvolutionWindow
) -> tuple[int, int, int, int]:
    """Return the shape of a convolution `[?, C, H, W] * [M, C / group, R, S] -> [?, M, OH, OW]`.

    Raises:
        VerifyException: the operands do not fit each other.
    """
    tensors.expect_batched("an image", image, rank=4)
    if len(tensors.shape(weight)) != 4:
        raise VerifyException(
            f"expected a weight of rank 4, got {dimension_text(tensors.shape(weight))}"
        )
    channels, *image_extents = tensors.extents(image)
    filters, weight_channels, *kernel = tensors.shape(weight)
    group = window.group.value.data
    if channels % group or filters % group:
        raise VerifyException(
            f"expected `group` to divide {channels} channels and {filters} filters, got {group}"
        )
    if weight_channels != channels // group:
        raise VerifyException(
            f"expected a weight for {channels // group} channels, got {weight_channels}"
        )
    height, width = _output_extents(
        image_extents, kernel, window.strides, window.pads, window.dilations
    )
    return DYNAMIC_INDEX, filters, height, width


def pooled_shape(
    image: Sequence[int], window: PoolingWindow, needs_pixels: bool = True
) -> tuple[int, ...]:
    """Return the shape of pooling an image `[?, C, H, W]`.

    Raises:
        VerifyException: the windows do not fit, or one may contain no real pixel and needs one.
    """
    kernel = list(window.kernel_shape.get_values())
    if len(kernel) != 2 or min(kernel) < 1:
        raise VerifyException(f"expected two kernel extents >= 1, got {kernel}")
    if len(image) != 4:
        raise VerifyException(f"expected an image of rank 4, got {dimension_text(image)}")
    batch, channels, *image_extents = image
    height, width = _output_extents(image_extents, kernel, window.strides, window.pads)
    pads = list(window.pads.get_values())
    if needs_pixels and any(pad >= size for pad, size in zip(pads, kernel * 2, strict=True)):
        raise VerifyException(f"expected `pads` smaller than the kernel {kernel}, got {pads}")
    return batch, channels, height, width


def verify_pooling(op: Any, needs_pixels: bool = True) -> None:
    """Check the shapes of a `PoolingOp` with `input` and `output`."""
    tensors.expect_batched("an image", op.input, rank=4)
    expected = pooled_shape(tensors.shape(op.input), op.window, needs_pixels)
    tensors.expect_shape("a result", op.output, expected)
