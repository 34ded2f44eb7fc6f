"""`shift`: every product is a shift.

Comes from `int8` by `convert-int8-to-shift`; goes to `dataflow` by `convert-shift-to-dataflow`.
A weight is 0 or `±2**(m + e)` in a 4-bit code: type i4 with the encoding `#shift.code<e>`, where
`e` is the layer's or the output channel's exponent. Ops that do not multiply stay in `int8`. It
cannot say where and when anything happens.

    shift.constant  weight codes
    shift.conv      convolution by shift and add
    shift.gemm      fully connected layer by shift and add
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerType, TensorType
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
from tf2c.dialects.scales import Int8TensorConstraint, Int32TensorConstraint, Pow2Attr
from tf2c.dialects.tensors import NO_PADS, UNIT_STRIDES, I64Array, I64ArrayConstraint
from tf2c.numerics import pow2

i4 = IntegerType(4)


@irdl_attr_definition
class CodeAttr(ParametrizedAttribute):
    """The encoding of weight codes: `#shift.code<e>`, with a scale like `#int8.pow2`'s.

    An element is a code of `numerics.pow2` and stands for `decode(code) * 2**e`.
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


CodeTensorConstraint = ParamAttrConstraint(TensorType, (AnyAttr(), eq(i4), base(CodeAttr)))


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
    | output | M C R S or M K | i4, coded |

    C1: the blob's elements are bytes of the result's shape.
    C2: the exponents are the whole tensor's or one per filter.
    C3: the elements are codes: 4 bits, and zero without a sign.

    Example: `%w = shift.constant <1x2xui8, [0, 7]> : tensor<1x2xi4, #shift.code<-6>>`
    """

    name = "shift.constant"

    value = prop_def(BlobAttr)
    output = result_def(CodeTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$value attr-dict `:` type($output)"

    def __init__(self, codes: npt.NDArray[np.uint8], scale: Pow2Attr) -> None:
        """Make a constant of codes, one per byte."""
        super().__init__(
            properties={"value": BlobAttr.of(codes)},
            result_types=[TensorType(i4, codes.shape, CodeAttr(scale))],
        )

    def verify_(self) -> None:
        """Check C1 to C3."""
        # C1
        self.value.verify_holds(np.uint8, tensors.shape(self.output))
        # C2
        code_scale(self.output).verify_fits(tensors.shape(self.output), channel_axis=0)
        # C3
        if self.value.data.is_available:
            codes = self.value.array
            illegal = codes[(codes > 15) | (codes == (pow2.SIGN_BIT | pow2.ZERO_CODE))]
            if illegal.size:
                raise VerifyException(f"expected 4-bit codes, got {illegal.flat[0]}")


@irdl_op_definition
class ConvOp(IRDLOperation):
    """A 2-d convolution by shift and add.

    Formula: `output[n,m,i,j] = bias[m] + sum over c,r,s of ±(input[n,c,i',j'] << k)`, modulo 2**32,
    where a weight's code says sign and `k`, or no term (`numerics.pow2.shift_multiply`).

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, one scale |
    | weight | M C R S | i4, coded |
    | bias | M | i32, scaled |
    | output | ? M OH OW | i32, scaled |

    C1: shapes agree, with the extents of `numerics.windows.output_extent`.
    C2: the exponents of bias and result are `e_input + e_weight[m]`.

    Example: `%a = shift.conv %x, %w, %b pads [1, 1, 1, 1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>,
    tensor<4x1x3x3xi4, #shift.code<-6>>, tensor<4xi32, #int8.pow2<-13>>
    -> tensor<?x4x8x8xi32, #int8.pow2<-13>>`
    """

    name = "shift.conv"

    input = operand_def(Int8TensorConstraint)
    weight = operand_def(CodeTensorConstraint)
    bias = operand_def(Int32TensorConstraint)
    strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    output = result_def(Int32TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $weight `,` $bias (`strides` $strides^)? (`pads` $pads^)? attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue,
        strides: I64Array = UNIT_STRIDES,
        pads: I64Array = NO_PADS,
    ) -> None:
        """Make a convolution and infer its result type.

        Raises:
            VerifyException: the kernel does not fit the padded image.
        """
        super().__init__(
            operands=[input, weight, bias],
            properties={"strides": strides, "pads": pads},
            result_types=[convolution_type(input, weight, code_scale(weight), strides, pads)],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        expected = tensors.convolution_shape(self.input, self.weight, self.strides, self.pads)
        tensors.expect_shape("a result", self.output, expected)
        # C2
        verify_accumulators(
            self.input, self.weight, code_scale(self.weight), self.bias, self.output
        )


@irdl_op_definition
class GemmOp(IRDLOperation):
    """A fully connected layer by shift and add.

    Formula: `output[n,m] = bias[m] + sum over k of ±(input[n,k] << shift)`, modulo 2**32, where a
    weight's code says sign and shift, or no term (`numerics.pow2.shift_multiply`).

    | operand | shape | dtype |
    |---|---|---|
    | input | ? K | i8, one scale |
    | weight | M K | i4, coded |
    | bias | M | i32, scaled |
    | output | ? M | i32, scaled |

    C1: shapes agree.
    C2: the exponents of bias and result are `e_input + e_weight[m]`.

    Example: `%a = shift.gemm %x, %w, %b : tensor<?x64xi8, #int8.pow2<-7>>,
    tensor<10x64xi4, #shift.code<-6>>, tensor<10xi32, #int8.pow2<-13>>
    -> tensor<?x10xi32, #int8.pow2<-13>>`
    """

    name = "shift.gemm"

    input = operand_def(Int8TensorConstraint)
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
