"""From accumulators back to stored numbers, as TF2 does it.

shift.rescale  multiply, shift, add, round and saturate
"""

from xdsl.dialects.builtin import IntegerType, i8
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from tf2c.dialects import tensors
from tf2c.dialects.requantization import verify_bounds
from tf2c.dialects.scales import (
    ActivationTensorConstraint,
    Int32TensorConstraint,
    expect_exponents,
    moved_scale,
    scale_of,
    scaled_type,
    verify_scale,
)
from tf2c.dialects.tensors import I64Array, I64ArrayConstraint
from tf2c.numerics import fixed_point


@irdl_op_definition
class RescaleOp(IRDLOperation):
    """Scale accumulators to stored numbers in TF2's way, batch normalization included.

    Formula: `output = clamp(((v >> 14) + 1) >> 1, low, high)`, which is `v / 2**15` rounded half
    up, with `v = (input * alpha[c] >> 20) + beta[c]`: the product is of 64 bits, what is shifted
    down and the sum wrap modulo 2**32, and all shifts are arithmetic
    (`numerics.fixed_point.rescale`). ReLU and saturation are the bounds.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C ... | i32, scaled |
    | alpha | C | i32, scaled |
    | beta | C | i32, scaled |
    | output | ? C ... | i8 or ui8, scaled |

    C1: shapes agree.
    C2: the exponent of `alpha` is -20, those of `beta` are the input's.
    C3: the exponents of the result are `e_input + 15`.
    C4: the bounds are numbers in order that the result's elements can be.

    Example: `%y = shift.rescale %a, %m, %b bounds [0, 127] :
    tensor<?x2x8x8xi32, #int8.pow2<[-18, -17], axis = 1>>, tensor<2xi32, #int8.pow2<-20>>,
    tensor<2xi32, #int8.pow2<[-18, -17], axis = 0>>
    -> tensor<?x2x8x8xi8, #int8.pow2<[-3, -2], axis = 1>>`
    """

    name = "shift.rescale"

    input = operand_def(Int32TensorConstraint)
    alpha = operand_def(Int32TensorConstraint)
    beta = operand_def(Int32TensorConstraint)
    bounds = prop_def(I64ArrayConstraint)
    """Smallest and largest result: ReLU and saturation."""
    output = result_def(ActivationTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $alpha `,` $beta `bounds` $bounds attr-dict "
        "`:` type($input) `,` type($alpha) `,` type($beta) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        alpha: SSAValue,
        beta: SSAValue,
        bounds: I64Array,
        element_type: IntegerType = i8,
    ) -> None:
        """Make a rescaling and infer its result type."""
        scale = moved_scale(scale_of(input), fixed_point.RESCALE_SHIFT)
        super().__init__(
            operands=[input, alpha, beta],
            properties={"bounds": bounds},
            result_types=[scaled_type(element_type, tensors.shape(input), scale)],
        )

    def verify_(self) -> None:
        """Check C1 to C4."""
        # C1
        tensors.expect_channels("accumulators", self.input)
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))
        for what, value in (("alpha", self.alpha), ("beta", self.beta)):
            tensors.expect_shape(what, value, tensors.shape(self.input)[1:2])
        # C2
        verify_scale(self.input, channel_axis=1)
        for value in (self.alpha, self.beta):
            verify_scale(value, channel_axis=0)
        expect_exponents("alpha", self.alpha, [-fixed_point.ALPHA_SHIFT])
        expect_exponents("beta", self.beta, scale_of(self.input).values)
        # C3
        verify_scale(self.output, channel_axis=1)
        expected = scale_of(self.input).values + fixed_point.RESCALE_SHIFT
        expect_exponents("a result", self.output, expected)
        # C4
        verify_bounds(self.bounds, self.output)
