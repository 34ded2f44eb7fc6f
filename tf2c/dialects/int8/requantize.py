"""From accumulators back to stored numbers, in `int8`.

int8.requantize  residual, activation and saturation join here
"""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerType, i8
from xdsl.ir import SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.requantization import (
    residual_shift,
    verify_bounds,
    verify_factor,
    verify_residual,
)
from tf2c.dialects.scales import (
    ActivationTensorConstraint,
    Int32TensorConstraint,
    Pow2Attr,
    scale_of,
    scaled_type,
    verify_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.tensors import I64Array, I64ArrayConstraint, i64_array, integers
from tf2c.numerics import fixed_point


@irdl_op_definition
class RequantizeOp(IRDLOperation):
    """Scale accumulators to stored numbers; residual, activation and saturation join here.

    Formula: `output = clamp((input * M[c] + (residual << t) + 2**29) >> 30, low, high)` in int64
    with an arithmetic shift, `M = multiplier << (30 - shift)` and `t = 30 + e_residual - e_output`
    (`numerics.fixed_point.requantize`): the sum of both operands is rounded once, half up.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C ... | i32, scaled |
    | residual | ? C ... | i8 or ui8, one scale |
    | output | ? C ... | i8 or ui8, one scale |

    C1: shapes agree.
    C2: there is one shift of 0..30 and one multiplier of 1..65535, or one of each per channel.
    C3: where the multiplier is 1, the shift is `e_output - e_input`.
    C4: `M` is below 2**31, so that its product with an accumulator fits int64.
    C5: the residual shift `t` is in 0..48.
    C6: the bounds are numbers in order that the result's elements can be.

    Example: `%y = int8.requantize %a residual %r : tensor<?x4x8x8xi8, #int8.pow2<-5>> shift [8]
    bounds [0, 127] : tensor<?x4x8x8xi32, #int8.pow2<-13>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>`
    """

    name = "int8.requantize"

    input = operand_def(Int32TensorConstraint)
    residual = opt_operand_def(ActivationTensorConstraint)
    multiplier = prop_def(I64ArrayConstraint, default_value=i64_array([1]))
    shift = prop_def(I64ArrayConstraint)
    bounds = prop_def(I64ArrayConstraint)
    """Smallest and largest result: ReLU and saturation."""
    output = result_def(ActivationTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input (`residual` $residual^ `:` type($residual))? (`multiplier` $multiplier^)? "
        "`shift` $shift `bounds` $bounds attr-dict `:` type($input) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        scale: Pow2Attr,
        bounds: I64Array,
        residual: SSAValue | None = None,
        element_type: IntegerType = i8,
    ) -> None:
        """Make a requantization to a scale by pure shifts."""
        shifts = scale.values - scale_of(input).values
        super().__init__(
            operands=[input, residual],
            properties={"shift": i64_array([int(shift) for shift in shifts]), "bounds": bounds},
            result_types=[scaled_type(element_type, tensors.shape(input), scale)],
        )

    @property
    def multipliers(self) -> npt.NDArray[np.int64]:
        """`M`, one or one per channel."""
        return fixed_point.requantize_multipliers(integers(self.multiplier), integers(self.shift))

    @property
    def residual_shift(self) -> int:
        """`t`; 0 without a residual."""
        return residual_shift(self.residual, self.output)

    def verify_(self) -> None:
        """Check C1 to C6."""
        # C1
        tensors.expect_channels("accumulators", self.input)
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))
        if self.residual is not None:
            tensors.expect_shape("a residual", self.residual, tensors.shape(self.input))
        # C2
        verify_scale(self.input, channel_axis=1)
        verify_stored_per_tensor(self.output)
        channels = tensors.shape(self.input)[1]
        verify_factor("multiplier", self.multiplier, channels, 1, fixed_point.LARGEST_MULTIPLIER)
        verify_factor("shift", self.shift, channels, 0, fixed_point.REQUANTIZE_SHIFT)
        # C3
        multiplier, shift = integers(self.multiplier), integers(self.shift)
        expected = scale_of(self.output).values - scale_of(self.input).values
        if np.any((multiplier == 1) & (shift != expected)):
            raise VerifyException(
                f"expected `shift` {expected.tolist()} with multiplier 1, got {shift.tolist()}"
            )
        # C4
        if self.multipliers.max() >= fixed_point.MULTIPLIER_LIMIT:
            raise VerifyException(
                f"expected M < {fixed_point.MULTIPLIER_LIMIT}, got {self.multipliers.max()}"
            )
        # C5
        verify_residual(self.residual, self.output)
        # C6
        verify_bounds(self.bounds, self.output)
