"""Activations and output functions of `graph`.

graph.relu     maximum with zero
graph.clip     bounds from below and above, such as ReLU6
graph.softmax  probabilities; float only, the host's work below `graph`
"""

from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Data, SpacedOpaqueSyntaxAttribute, SSAValue
from xdsl.irdl import (
    AtLeast,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.graph.floats import FloatConstraint, FloatTensorConstraint, real


class ActivationBounds(NamedTuple):
    """What a layer's sums are limited to."""

    lower: float
    upper: float


_BY_KEYWORD = {
    "none": ActivationBounds(-np.inf, np.inf),
    "relu": ActivationBounds(0.0, np.inf),
}
_CLIP = "clip"
_UNLIMITED = "_"


@irdl_attr_definition
class ActivationAttr(Data[ActivationBounds], SpacedOpaqueSyntaxAttribute):
    """What a layer applies to its sums: `none`, `relu` or `clip<0.0, 6.0>`.

    A side of `clip` without a bound is `_`.
    """

    name = "graph.activation"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> ActivationBounds:
        """Parse a keyword, and the bounds of `clip`."""
        keyword = parser.parse_identifier("`none`, `relu` or `clip<LOWER, UPPER>`")
        if keyword in _BY_KEYWORD:
            return _BY_KEYWORD[keyword]
        if keyword != _CLIP:
            parser.raise_error(f"expected `none`, `relu` or `clip<LOWER, UPPER>`, got {keyword}")
        with parser.in_angle_brackets():
            lower = _parse_bound(parser, -np.inf)
            parser.parse_punctuation(",")
            upper = _parse_bound(parser, np.inf)
        if not lower <= upper:
            parser.raise_error(f"expected ordered bounds, got {lower:g} and {upper:g}")
        return ActivationBounds(lower, upper)

    def print_parameter(self, printer: Printer) -> None:
        """Print the keyword, and the bounds of `clip`."""
        for keyword, bounds in _BY_KEYWORD.items():
            if self.data == bounds:
                printer.print_string(keyword)
                return
        printer.print_string(_CLIP)
        with printer.in_angle_brackets():
            printer.print_string(", ".join(map(_bound_text, self.data)))


def _parse_bound(parser: AttrParser, unlimited: float) -> float:
    if parser.parse_optional_keyword(_UNLIMITED) is not None:
        return unlimited
    return float(parser.parse_number(allow_boolean=False))


def _bound_text(bound: float) -> str:
    return _UNLIMITED if np.isinf(bound) else str(bound)


NO_ACTIVATION = ActivationAttr(_BY_KEYWORD["none"])
RELU = ActivationAttr(_BY_KEYWORD["relu"])


@irdl_op_definition
class ReluOp(IRDLOperation):
    """Rectified linear unit.

    Formula: `output = max(input, 0)`.

    | operand | shape | dtype |
    |---|---|---|
    | input, output | any | f32 |

    C1: input and output have one type.

    Example: `%y = graph.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>`
    """

    name = "graph.relu"

    input = operand_def(FloatTensorConstraint)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue) -> None:
        """Make a ReLU with its input's type."""
        super().__init__(operands=[input], result_types=[input.type])

    def verify_(self) -> None:
        """Check C1."""
        # C1
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))


@irdl_op_definition
class ClipOp(IRDLOperation):
    """Bounds from below and above.

    Formula: `output = min(max(input, minimum), maximum)`.

    | operand | shape | dtype |
    |---|---|---|
    | input, output | any | f32 |

    C1: input and output have one type.
    C2: the bounds are numbers in order.

    Example: `%y = graph.clip %x {minimum = 0.0 : f32, maximum = 6.0 : f32} :
    (tensor<?x4xf32>) -> tensor<?x4xf32>`
    """

    name = "graph.clip"

    input = operand_def(FloatTensorConstraint)
    minimum = prop_def(FloatConstraint)
    maximum = prop_def(FloatConstraint)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, minimum: float, maximum: float) -> None:
        """Bound a tensor."""
        super().__init__(
            operands=[input],
            properties={"minimum": real(minimum), "maximum": real(maximum)},
            result_types=[input.type],
        )

    @property
    def activation(self) -> ActivationAttr:
        """What a layer in front would apply instead."""
        return ActivationAttr(ActivationBounds(self.minimum.value.data, self.maximum.value.data))

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))
        # C2
        if not self.minimum.value.data <= self.maximum.value.data:
            raise VerifyException(
                f"expected ordered bounds, got {self.minimum.value.data:g} and "
                f"{self.maximum.value.data:g}"
            )


@irdl_op_definition
class SoftmaxOp(IRDLOperation):
    """Probabilities along one axis.

    Formula: `output = exp(input - m) / sum along the axis of exp(input - m)`, with `m` the largest
    input along the axis.

    | operand | shape | dtype |
    |---|---|---|
    | input, output | any | f32 |

    C1: input and output have one type.
    C2: the axis is one behind the batch.

    Example: `%y = graph.softmax %x axis 1 : (tensor<?x4xf32>) -> tensor<?x4xf32>`
    """

    name = "graph.softmax"

    input = operand_def(FloatTensorConstraint)
    axis = prop_def(IntegerAttr.constr(type=i64, value=AtLeast(1)))
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input `axis` $axis attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, axis: int) -> None:
        """Normalize along an axis."""
        super().__init__(
            operands=[input],
            properties={"axis": IntegerAttr(axis, i64)},
            result_types=[input.type],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))
        # C2
        rank = len(tensors.shape(self.input))
        if self.axis.value.data >= rank:
            raise VerifyException(f"expected an axis in 1..{rank - 1}, got {self.axis.value.data}")
