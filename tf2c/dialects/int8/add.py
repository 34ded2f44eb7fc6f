"""Sums of stored tensors, in `int8`.

int8.add  two tensors, brought to one scale and rounded
"""

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, IntegerType, i8, i64
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
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.requantization import verify_bounds
from tf2c.dialects.scales import (
    ActivationTensorConstraint,
    expect_exponents,
    moved_scale,
    scale_of,
    scaled_type,
    verify_scale,
)
from tf2c.dialects.tensors import I64Array, I64ArrayConstraint, i64_array
from tf2c.numerics import fixed_point

NO_SHIFTS = i64_array([0, 0])
NO_ROUNDING = IntegerAttr(0, i64)


@irdl_op_definition
class AddOp(IRDLOperation):
    """Add two stored tensors; activation and saturation join here.

    Formula: `output = clamp(((left << s0) + (right << s1) + 2**(r - 1)) >> r, low, high)` in int64
    with an arithmetic shift, and without the half where `r` is 0 (`numerics.fixed_point.add`): the
    sum is rounded once, half up.

    | operand | shape | dtype |
    |---|---|---|
    | left | ? C ... | i8 or ui8, scaled |
    | right | ? C ... | i8 or ui8, scaled |
    | output | ? C ... | i8 or ui8, scaled |

    C1: shapes agree.
    C2: there are two shifts `s0` and `s1`, they and `r` are in 0..48.
    C3: all are of one scale: `e_left - s0 = e_right - s1 = e_output - r`, of each channel.
    C4: the bounds are numbers in order that the result's elements can be.

    Example: `%y = int8.add %a, %b shifts [0, 2] round 3 bounds [0, 127] :
    tensor<?x4x8x8xi8, #int8.pow2<-6>>, tensor<?x4x8x8xi8, #int8.pow2<-4>>
    -> tensor<?x4x8x8xi8, #int8.pow2<-3>>`
    """

    name = "int8.add"

    left = operand_def(ActivationTensorConstraint)
    right = operand_def(ActivationTensorConstraint)
    shifts = prop_def(I64ArrayConstraint, default_value=NO_SHIFTS)
    """`s0` and `s1`."""
    rounding_shift = prop_def(IntegerAttr.constr(type=i64), default_value=NO_ROUNDING)
    """`r`."""
    bounds = prop_def(I64ArrayConstraint)
    """Smallest and largest result: ReLU and saturation."""
    output = result_def(ActivationTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$left `,` $right (`shifts` $shifts^)? (`round` $rounding_shift^)? `bounds` $bounds "
        "attr-dict `:` type($left) `,` type($right) `->` type($output)"
    )

    def __init__(
        self,
        left: SSAValue,
        right: SSAValue,
        bounds: I64Array,
        shifts: Sequence[int] = (0, 0),
        rounding_shift: int = 0,
        element_type: IntegerType = i8,
    ) -> None:
        """Make a sum and infer its result type from the left operand's."""
        scale = moved_scale(scale_of(left), rounding_shift - shifts[0])
        super().__init__(
            operands=[left, right],
            properties={
                "shifts": i64_array(shifts),
                "rounding_shift": IntegerAttr(rounding_shift, i64),
                "bounds": bounds,
            },
            result_types=[scaled_type(element_type, tensors.shape(left), scale)],
        )

    def verify_(self) -> None:
        """Check C1 to C4."""
        # C1
        tensors.expect_channels("an operand", self.left)
        tensors.expect_shape("an operand", self.right, tensors.shape(self.left))
        tensors.expect_shape("a result", self.output, tensors.shape(self.left))
        # C2
        shifts, rounding_shift = self.shifts.get_values(), self.rounding_shift.value.data
        limit = fixed_point.RESIDUAL_SHIFT_LIMIT
        if len(shifts) != 2 or not all(0 <= each <= limit for each in (*shifts, rounding_shift)):
            raise VerifyException(
                f"expected two `shifts` and a `round` in 0..{limit}, got {list(shifts)} and "
                f"{rounding_shift}"
            )
        # C3
        for value in (self.left, self.right, self.output):
            verify_scale(value, channel_axis=1)
        common = scale_of(self.left).values - shifts[0]
        expect_exponents("a right operand", self.right, common + shifts[1])
        expect_exponents("a result", self.output, common + rounding_shift)
        # C4
        verify_bounds(self.bounds, self.output)
