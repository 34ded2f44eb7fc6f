"""Power-of-two scales: the encoding of integer tensors at every level below `graph`.

A tensor `tensor<?x8x8x8xi8, #int8.pow2<-5>>` stores integers `q` that stand for `q * 2**-5`; with
`#int8.pow2<[-5, -4], axis = 0>` each index along the axis has its own exponent.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntAttr, IntegerType, Signedness, TensorType, i8, i32
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    AttrConstraint,
    ParamAttrConstraint,
    base,
    eq,
    irdl_attr_definition,
    param_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.tensors import I64Array, I64ArrayConstraint, i64_array
from tf2c.numerics import fixed_point

SCALE = "int8.scale"
"""Discardable attribute of `graph` ops and arguments: how their result will be stored."""

ELEMENT = "int8.element"
"""Discardable attribute of `graph` ops: the element type of their result, where it is not i8."""

PER_TENSOR = -1
"""The axis of a scale that the whole tensor shares."""


@irdl_attr_definition
class Pow2Attr(ParametrizedAttribute):
    """A power-of-two scale: `#int8.pow2<-5>`, or per channel `#int8.pow2<[-5, -4], axis = 0>`."""

    name = "int8.pow2"

    exponents: I64Array = param_def(I64ArrayConstraint)
    axis: IntAttr = param_def()

    def __init__(self, exponents: Sequence[int], axis: int = PER_TENSOR) -> None:
        """Take one exponent, or one per index along `axis`."""
        super().__init__(i64_array(exponents), IntAttr(axis))

    @property
    def values(self) -> npt.NDArray[np.int64]:
        """The exponents: `[1]`, or one per channel."""
        return tensors.integers(self.exponents)

    def broadcast(self, rank: int) -> npt.NDArray[np.int64]:
        """Return the exponents shaped to broadcast against a tensor of `rank` dimensions."""
        axis = max(self.axis.data, 0)
        return fixed_point.broadcast_over_channels(self.values, rank, axis)

    def verify_fits(self, shape: Sequence[int], channel_axis: int | None = None) -> None:
        """Raise unless there is one exponent, or one per index along an axis of `shape`.

        Args:
            shape: of the tensor.
            channel_axis: the only axis that will do; any by default.
        """
        axis, count = self.axis.data, len(self.exponents)
        if channel_axis is not None and axis not in (PER_TENSOR, channel_axis):
            raise VerifyException(f"expected exponents on axis {channel_axis}, got axis {axis}")
        if axis == PER_TENSOR:
            expected = 1
        elif 0 <= axis < len(shape):
            expected = shape[axis]
        else:
            raise VerifyException(f"expected an axis of {len(shape)} dimensions, got {axis}")
        if count != expected:
            raise VerifyException(f"expected {expected} exponents, got {count}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parse `<-5>` or `<[-5, -4], axis = 0>`."""
        with parser.in_angle_brackets():
            exponents = parser.parse_optional_comma_separated_list(
                parser.Delimiter.SQUARE, parser.parse_integer
            )
            if exponents is None:
                return i64_array([parser.parse_integer()]), IntAttr(PER_TENSOR)
            parser.parse_punctuation(",")
            parser.parse_keyword("axis")
            parser.parse_punctuation("=")
            return i64_array(exponents), IntAttr(parser.parse_integer(allow_negative=False))

    def print_parameters(self, printer: Printer) -> None:
        """Print `<-5>` or `<[-5, -4], axis = 0>`."""
        exponents = self.values.tolist()
        with printer.in_angle_brackets():
            if self.axis.data == PER_TENSOR:
                printer.print_string(str(exponents[0]))
            else:
                listed = ", ".join(map(str, exponents))
                printer.print_string(f"[{listed}], axis = {self.axis.data}")


def scaled_tensor_constraint(element_type: Attribute) -> AttrConstraint[TensorType[Attribute]]:
    """Return the constraint of tensors of one integer type with a power-of-two scale."""
    return ParamAttrConstraint(TensorType, (AnyAttr(), eq(element_type), base(Pow2Attr)))


ui8 = IntegerType(8, Signedness.UNSIGNED)
"""Of stored tensors that are never negative, where an option allows it."""

Int8TensorConstraint = scaled_tensor_constraint(i8)
Int32TensorConstraint = scaled_tensor_constraint(i32)
ActivationTensorConstraint = Int8TensorConstraint | scaled_tensor_constraint(ui8)
StoredTensorConstraint = ActivationTensorConstraint | Int32TensorConstraint

STORAGE: dict[Attribute, type[np.int8] | type[np.uint8] | type[np.int32]] = {
    i8: np.int8,
    ui8: np.uint8,
    i32: np.int32,
}
"""How numpy stores what element types say."""


def storage_dtype(value: SSAValue) -> npt.DTypeLike:
    """Return numpy's element type of a stored tensor."""
    return STORAGE[tensors.tensor_type(value).element_type]


def storage_bounds(element_type: Attribute) -> tuple[int, int]:
    """Return the least and greatest number that a stored element can be."""
    limits = np.iinfo(STORAGE[element_type])
    return int(limits.min), int(limits.max)


def real_numbers(kind: SSAValue | Attribute, stored: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the real numbers that a tensor stands for: `q * 2**e`, or itself without a scale."""
    scale = tensors.tensor_type(kind).encoding
    if isinstance(scale, Pow2Attr):
        return fixed_point.dequantize(stored, scale.broadcast(stored.ndim))
    return stored.astype(np.float64)


def scaled_type(
    element_type: IntegerType, shape: Sequence[int], scale: Attribute
) -> TensorType[IntegerType]:
    """Return the type of an integer tensor with a scale."""
    return TensorType(element_type, shape, scale)


def scale_of(value: SSAValue) -> Pow2Attr:
    """Return the scale of a tensor value that an op's constraints say has one."""
    encoding = tensors.tensor_type(value).encoding
    assert isinstance(encoding, Pow2Attr)
    return encoding


def verify_scale(value: SSAValue, channel_axis: int | None = None) -> None:
    """Raise unless a tensor's scale fits its shape, on the given axis if it is per channel."""
    scale_of(value).verify_fits(tensors.shape(value), channel_axis)


def verify_stored_per_tensor(value: SSAValue) -> None:
    """Raise unless a tensor has one scale for all its channels."""
    if scale_of(value).axis.data != PER_TENSOR:
        raise VerifyException("expected one scale for the whole tensor, got one per channel")


def moved_scale(scale: Pow2Attr, steps: int) -> Pow2Attr:
    """Return a scale whose exponents are larger by so many."""
    return Pow2Attr([int(exponent) for exponent in scale.values + steps], scale.axis.data)


def expect_exponents(what: str, value: SSAValue, expected: npt.ArrayLike) -> None:
    """Raise unless a tensor has the exponents, be they the whole tensor's or each channel's."""
    exponents, wanted = scale_of(value).values, np.asarray(expected)
    if not np.all(exponents == wanted):
        raise VerifyException(
            f"expected {what} with exponents {wanted.tolist()}, got {exponents.tolist()}"
        )


def verify_same_scale(input: SSAValue, output: SSAValue) -> None:
    """Raise unless two tensors have the same scale, which fits the first."""
    verify_scale(input)
    if scale_of(input) != scale_of(output):
        raise VerifyException(f"expected scale {scale_of(input)}, got {scale_of(output)}")


def accumulator_scale(input_exponent: int, weight_exponents: npt.NDArray[np.int64]) -> Pow2Attr:
    """Return the scale of sums of products: `e_x + e_w[n]`, per filter if the weights' is."""
    exponents = [int(exponent) for exponent in input_exponent + weight_exponents]
    return Pow2Attr(exponents, axis=PER_TENSOR if len(exponents) == 1 else 1)
