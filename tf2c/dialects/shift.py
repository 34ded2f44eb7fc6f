"""`shift`: every product is a shift.

Comes from `int8` by `convert-int8-to-shift`; goes to `dataflow` by `convert-shift-to-dataflow`.
A weight is 0 or `±2**(m + e)` in a 4-bit code: type i4 with the encoding `#shift.code<e>`, where
`e` is the layer's or the output channel's exponent; or the sum of two such terms, in type i8. Ops
that do not multiply stay in `int8`. It cannot say where and when anything happens.

    shift.constant  weight codes
    shift.conv      convolution by shift and add
    shift.gemm      fully connected layer by shift and add
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerType, TensorType, i8
from xdsl.ir import Attribute, Dialect, ParametrizedAttribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    ParamAttrConstraint,
    ParsePropInAttrDict,
    base,
    eq,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    param_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.accumulators import convolution_type, gemm_type, verify_accumulators
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.scales import ActivationTensorConstraint, Int32TensorConstraint, Pow2Attr
from tf2c.dialects.windows import (
    UNIT_WINDOW,
    WINDOW_FORMAT,
    ConvolutionWindow,
    ConvolvingOp,
    convolution_shape,
)
from tf2c.numerics import pow2

i4 = IntegerType(4)


@irdl_attr_definition
class CodeAttr(ParametrizedAttribute):
    """The encoding of weight codes: `#shift.code<e>`, with a scale like `#int8.pow2`'s.

    An element is a code of `numerics.pow2` and stands for `decode(code) * 2**e`: in i4 one term,
    in i8 two.
    """

    name = "shift.code"

    scale: Pow2Attr = param_def()

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parse the parameters of the scale."""
        return (Pow2Attr.new(Pow2Attr.parse_parameters(parser)),)

    def print_parameters(self, printer: Printer) -> None:
        """Print the parameters of the scale."""
        self.scale.print_parameters(printer)


TERMS: dict[Attribute, int] = {i4: 1, i8: 2}
"""How many terms a weight has, by the element type of its code."""

CodeTensorConstraint = ParamAttrConstraint(
    TensorType, (AnyAttr(), eq(i4), base(CodeAttr))
) | ParamAttrConstraint(TensorType, (AnyAttr(), eq(i8), base(CodeAttr)))


def code_terms(weight: SSAValue) -> int:
    """Return how many terms coded weights have: 1 or 2."""
    return TERMS[tensors.tensor_type(weight).element_type]


def code_scale(weight: SSAValue) -> Pow2Attr:
    """Return the scale of coded weights."""
    encoding = tensors.tensor_type(weight).encoding
    assert isinstance(encoding, CodeAttr)
    return encoding.scale


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """Weight codes, one per byte of the blob.

    Formula: `output = value`; it stands for the real numbers `decode(value) * 2**e`
    (`numerics.pow2.decode`).

    | operand | shape | dtype |
    |---|---|---|
    | output | M C R S or M K | i4 or i8, coded |

    C1: the blob's elements are bytes of the result's shape.
    C2: the exponents are the whole tensor's or one per filter.
    C3: the elements are canonical codes of one term (i4) or of two (i8).

    Example: `%w = shift.constant <1x2xui8, [0, 7]> : tensor<1x2xi4, #shift.code<-6>>`
    """

    name = "shift.constant"

    value = prop_def(BlobAttr)
    output = result_def(CodeTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$value attr-dict `:` type($output)"

    def __init__(self, codes: npt.NDArray[np.uint8], scale: Pow2Attr, terms: int = 1) -> None:
        """Make a constant of codes, one per byte."""
        super().__init__(
            properties={"value": BlobAttr.of(codes)},
            result_types=[TensorType(i4 if terms == 1 else i8, codes.shape, CodeAttr(scale))],
        )

    def verify_(self) -> None:
        """Check C1 to C3."""
        # C1
        self.value.verify_holds(np.uint8, tensors.shape(self.output))
        # C2
        code_scale(self.output).verify_fits(tensors.shape(self.output), channel_axis=0)
        # C3
        if self.value.data.is_available:
            codes, terms = self.value.array, code_terms(self.output)
            is_legal = pow2.is_code(codes, terms)
            if not is_legal.all():
                raise VerifyException(
                    f"expected canonical codes of {4 * terms} bits, got {codes[~is_legal].flat[0]}"
                )


@irdl_op_definition
class ConvOp(ConvolvingOp):
    """A 2-d convolution by shift and add.

    Formula: `output[n,m,i,j] = bias[m] + sum over c,r,s and terms of ±(input[n,c',i',j'] << k)`,
    modulo 2**32, with the indices of `graph.conv`, where a weight's code says sign and `k` of each
    term, or no term (`numerics.pow2.shift_multiply`).

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8 or ui8, one scale |
    | weight | M C/group R S | i4 or i8, coded |
    | bias | M | i32, scaled |
    | output | ? M OH OW | i32, scaled |

    C1: shapes agree, with the extents of `numerics.windows.output_extent`.
    C2: the exponents of bias and result are `e_input + e_weight[m]`.

    Example: `%a = shift.conv %x, %w, %b pads [1, 1, 1, 1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>,
    tensor<4x1x3x3xi4, #shift.code<-6>>, tensor<4xi32, #int8.pow2<-13>>
    -> tensor<?x4x8x8xi32, #int8.pow2<-13>>`
    """

    name = "shift.conv"

    input = operand_def(ActivationTensorConstraint)
    weight = operand_def(CodeTensorConstraint)
    bias = operand_def(Int32TensorConstraint)
    output = result_def(Int32TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        f"$input `,` $weight `,` $bias {WINDOW_FORMAT}attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue,
        window: ConvolutionWindow = UNIT_WINDOW,
    ) -> None:
        """Make a convolution and infer its result type.

        Raises:
            VerifyException: the kernel does not fit the padded image.
        """
        super().__init__(
            operands=[input, weight, bias],
            properties=window.properties,
            result_types=[convolution_type(input, weight, code_scale(weight), window)],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        expected = convolution_shape(self.input, self.weight, self.window)
        tensors.expect_shape("a result", self.output, expected)
        # C2
        verify_accumulators(
            self.input, self.weight, code_scale(self.weight), self.bias, self.output
        )


@irdl_op_definition
class GemmOp(IRDLOperation):
    """A fully connected layer by shift and add.

    Formula: `output[n,m] = bias[m] + sum over k and terms of ±(input[n,k] << shift)`, modulo 2**32,
    where a weight's code says sign and shift of each term, or no term
    (`numerics.pow2.shift_multiply`).

    | operand | shape | dtype |
    |---|---|---|
    | input | ? K | i8 or ui8, one scale |
    | weight | M K | i4 or i8, coded |
    | bias | M | i32, scaled |
    | output | ? M | i32, scaled |

    C1: shapes agree.
    C2: the exponents of bias and result are `e_input + e_weight[m]`.

    Example: `%a = shift.gemm %x, %w, %b : tensor<?x64xi8, #int8.pow2<-7>>,
    tensor<10x64xi4, #shift.code<-6>>, tensor<10xi32, #int8.pow2<-13>>
    -> tensor<?x10xi32, #int8.pow2<-13>>`
    """

    name = "shift.gemm"

    input = operand_def(ActivationTensorConstraint)
    weight = operand_def(CodeTensorConstraint)
    bias = operand_def(Int32TensorConstraint)
    output = result_def(Int32TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $weight `,` $bias attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(self, input: SSAValue, weight: SSAValue, bias: SSAValue) -> None:
        """Make a fully connected layer and infer its result type."""
        super().__init__(
            operands=[input, weight, bias],
            result_types=[gemm_type(input, weight, code_scale(weight))],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.verify_gemm(self.input, self.weight, self.output)
        # C2
        verify_accumulators(
            self.input, self.weight, code_scale(self.weight), self.bias, self.output
        )


SHIFT = Dialect("shift", [ConstantOp, ConvOp, GemmOp], [CodeAttr])
