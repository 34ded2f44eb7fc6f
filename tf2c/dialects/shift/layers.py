"""What sums shifted inputs into 32-bit accumulators.

shift.conv  convolution by shift and add
shift.gemm  fully connected layer by shift and add
"""

from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerType, TensorType, UnitAttr, i8, i32
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.accumulators import (
    convolution_type,
    gemm_type,
    scale_of_biased,
    verify_accumulators,
    verify_biased_accumulators,
)
from tf2c.dialects.scales import ActivationTensorConstraint, Int32TensorConstraint, scaled_type
from tf2c.dialects.shift.weights import (
    WeightTensorConstraint,
    code_scale,
    has_bytes,
    verify_elements,
)
from tf2c.dialects.windows import (
    UNIT_WINDOW,
    WINDOW_FORMAT,
    ConvolutionWindow,
    ConvolvingOp,
    convolution_shape,
)

NEGATION_FORMAT = "(`negates_in_8_bits` $negates_in_8_bits^)? "
"""Part of the assembly format of ops that shift inputs."""


def _verify_scales(input: SSAValue, weight: SSAValue, bias: SSAValue, output: SSAValue) -> None:
    """Raise unless bias and result have the exponents of the products."""
    if has_bytes(weight):
        verify_biased_accumulators(input, weight, bias, output)
    else:
        verify_accumulators(input, weight, code_scale(weight), bias, output)


def _verify_negation(input: SSAValue, weight: SSAValue, negates_in_8_bits: bool) -> None:
    """Raise where negatives in 8 bits are asked for, and the input has none, or weights no bytes.

    They are TF2's, whose weights are bytes and whose features are i8.
    """
    element_type = tensors.tensor_type(input).element_type
    if negates_in_8_bits and not (has_bytes(weight) and element_type == i8):
        raise VerifyException(
            "expected `negates_in_8_bits` with weight bytes and an input of i8, got a weight of "
            f"{tensors.tensor_type(weight).element_type} and an input of {element_type}"
        )


@irdl_op_definition
class ConvOp(ConvolvingOp):
    """A 2-d convolution by shift and add.

    Formula: `output[n,m,i,j] = bias[m] + sum over c,r,s and terms of ±(input[n,c',i',j'] << k)`,
    modulo 2**32, with the indices of `graph.conv`, where a weight's code or byte says sign and `k`
    of each term, or no term (`numerics.pow2.shift_multiply`, `numerics.weight_bytes.convolve`).
    With `negates_in_8_bits` a term is `x << k` or `(-x as i8) << k`, as in TF2: of -128 both are
    `-128 << k`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8 or ui8, one scale, or with bytes one per channel |
    | weight | M C/group R S | i4 or i8, coded, or ui8, bytes |
    | bias | M | i32, scaled |
    | output | ? M OH OW | i32, scaled |

    C1: shapes agree, with the extents of `numerics.windows.output_extent`, and the weight is of i4
        or i8 with codes or of ui8 with bytes.
    C2: the exponents of bias and result are `e_input + e_weight[m]`; with bytes, which have none,
        those of the result are the bias's.
    C3: `negates_in_8_bits` goes with bytes and an input of i8.

    Example: `%a = shift.conv %x, %w, %b pads [1, 1, 1, 1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>,
    tensor<4x1x3x3xi4, #shift.code<-6>>, tensor<4xi32, #int8.pow2<-13>>
    -> tensor<?x4x8x8xi32, #int8.pow2<-13>>`
    """

    name = "shift.conv"

    input = operand_def(ActivationTensorConstraint)
    weight = operand_def(WeightTensorConstraint)
    bias = operand_def(Int32TensorConstraint)
    negates_in_8_bits = opt_prop_def(UnitAttr)
    output = result_def(Int32TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        f"$input `,` $weight `,` $bias {WINDOW_FORMAT}{NEGATION_FORMAT}attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue,
        window: ConvolutionWindow = UNIT_WINDOW,
        negates_in_8_bits: bool = False,
    ) -> None:
        """Make a convolution and infer its result type.

        Raises:
            VerifyException: the kernel does not fit the padded image.
        """
        kind: TensorType[IntegerType]
        if has_bytes(weight):
            shape = convolution_shape(input, weight, window)
            kind = scaled_type(i32, shape, scale_of_biased(bias))
        else:
            kind = convolution_type(input, weight, code_scale(weight), window)
        super().__init__(
            operands=[input, weight, bias],
            properties={
                **window.properties,
                "negates_in_8_bits": UnitAttr() if negates_in_8_bits else None,
            },
            result_types=[kind],
        )

    def verify_(self) -> None:
        """Check C1 to C3."""
        # C1
        verify_elements(self.weight)
        expected = convolution_shape(self.input, self.weight, self.window)
        tensors.expect_shape("a result", self.output, expected)
        # C2
        _verify_scales(self.input, self.weight, self.bias, self.output)
        # C3
        _verify_negation(self.input, self.weight, self.negates_in_8_bits is not None)


@irdl_op_definition
class GemmOp(IRDLOperation):
    """A fully connected layer by shift and add.

    Formula: `output[n,m] = bias[m] + sum over k and terms of ±(input[n,k] << shift)`, modulo 2**32,
    where a weight's code or byte says sign and shift of each term, or no term
    (`numerics.pow2.shift_multiply`, `numerics.weight_bytes.multiply`). `negates_in_8_bits` is that
    of `shift.conv`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? K | i8 or ui8, one scale, or with bytes one per channel |
    | weight | M K | i4 or i8, coded, or ui8, bytes |
    | bias | M | i32, scaled |
    | output | ? M | i32, scaled |

    C1: shapes agree, and the weight is of i4 or i8 with codes or of ui8 with bytes.
    C2: the exponents of bias and result are `e_input + e_weight[m]`; with bytes, which have none,
        those of the result are the bias's.
    C3: `negates_in_8_bits` goes with bytes and an input of i8.

    Example: `%a = shift.gemm %x, %w, %b : tensor<?x64xi8, #int8.pow2<-7>>,
    tensor<10x64xi4, #shift.code<-6>>, tensor<10xi32, #int8.pow2<-13>>
    -> tensor<?x10xi32, #int8.pow2<-13>>`
    """

    name = "shift.gemm"

    input = operand_def(ActivationTensorConstraint)
    weight = operand_def(WeightTensorConstraint)
    bias = operand_def(Int32TensorConstraint)
    negates_in_8_bits = opt_prop_def(UnitAttr)
    output = result_def(Int32TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        f"$input `,` $weight `,` $bias {NEGATION_FORMAT}attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue,
        negates_in_8_bits: bool = False,
    ) -> None:
        """Make a fully connected layer and infer its result type."""
        kind: TensorType[IntegerType]
        if has_bytes(weight):
            shape = (DYNAMIC_INDEX, tensors.shape(weight)[0])
            kind = scaled_type(i32, shape, scale_of_biased(bias))
        else:
            kind = gemm_type(input, weight, code_scale(weight))
        super().__init__(
            operands=[input, weight, bias],
            properties={"negates_in_8_bits": UnitAttr() if negates_in_8_bits else None},
            result_types=[kind],
        )

    def verify_(self) -> None:
        """Check C1 to C3."""
        # C1
        verify_elements(self.weight)
        tensors.verify_gemm(self.input, self.weight, self.output)
        # C2
        _verify_scales(self.input, self.weight, self.bias, self.output)
        # C3
        _verify_negation(self.input, self.weight, self.negates_in_8_bits is not None)
