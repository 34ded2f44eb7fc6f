"""Poolings of stored numbers, in `int8`.

int8.max_pool      maximum over windows of real pixels
int8.average_pool  mean over windows of real pixels, rounded once
"""

from xdsl.dialects.builtin import IntegerType, TensorType
from xdsl.ir import SSAValue
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.scales import (
    ActivationTensorConstraint,
    Pow2Attr,
    StoredTensorConstraint,
    scale_of,
    scaled_type,
    verify_same_scale,
    verify_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.windows import (
    POOLING_FORMAT,
    PoolingOp,
    PoolingWindow,
    pooled_shape,
    verify_pooling,
)
from tf2c.numerics import fixed_point


@irdl_op_definition
class MaxPoolOp(PoolingOp):
    """Maximum over windows; padding does not take part.

    Formula: `output[n,c,i,j] = max over real pixels of the window of input[n,c,...]`
    (`numerics.windows.max_pool`).

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8 or ui8, scaled |
    | output | ? C OH OW | the same |

    C1: shapes agree, and pads are smaller than the kernel, so no window is wholly padding.
    C2: element types and scales agree.

    Example: `%y = int8.max_pool %x kernel [2, 2] strides [2, 2]
    : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x4x4xi8, #int8.pow2<-5>>`
    """

    name = "int8.max_pool"

    input = operand_def(ActivationTensorConstraint)
    output = result_def(ActivationTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = f"$input {POOLING_FORMAT}attr-dict `:` type($input) `->` type($output)"

    def __init__(self, input: SSAValue, window: PoolingWindow) -> None:
        """Make a pooling and infer its result type; raises where the window does not fit."""
        kind = tensors.tensor_type(input)
        output = pooled_shape(tensors.shape(input), window)
        super().__init__(
            operands=[input],
            properties=window.properties,
            result_types=[TensorType(kind.element_type, output, kind.encoding)],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        verify_pooling(self)
        # C2
        verify_same_scale(self.input, self.output)
        expected, got = (
            tensors.tensor_type(value).element_type for value in (self.input, self.output)
        )
        if expected != got:
            raise VerifyException(f"expected elements {expected}, got {got}")


@irdl_op_definition
class AveragePoolOp(PoolingOp):
    """Mean over windows; padding does not take part, and does not count.

    Formula: `output[n,c,i,j] = clamp((sum over real pixels of the window of input[n,c,...] * k
    + 2**(s - 1)) >> s)` to the result's elements, in int64 with an arithmetic shift, where `k` and
    `s` divide by the window's real pixels and go over to the result's scale
    (`numerics.fixed_point.average_factor`). A 32-bit result keeps what 8 bits would round away
    where it is the network's result.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8 or ui8, one scale |
    | output | ? C OH OW | i8, ui8 or i32, one scale |

    C1: shapes agree, and pads are smaller than the kernel, so no window is wholly padding.
    C2: each scale is the whole tensor's.
    C3: there is a factor for each number of real pixels.

    Example: `%y = int8.average_pool %x kernel [8, 8]
    : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x1x1xi8, #int8.pow2<-6>>`
    """

    name = "int8.average_pool"

    input = operand_def(ActivationTensorConstraint)
    output = result_def(StoredTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = f"$input {POOLING_FORMAT}attr-dict `:` type($input) `->` type($output)"

    def __init__(
        self, input: SSAValue, window: PoolingWindow, element_type: IntegerType, scale: Pow2Attr
    ) -> None:
        """Make a pooling to a scale; raises where the window does not fit."""
        output = pooled_shape(tensors.shape(input), window)
        super().__init__(
            operands=[input],
            properties=window.properties,
            result_types=[scaled_type(element_type, output, scale)],
        )

    @property
    def exponent_difference(self) -> int:
        """`e_input - e_output`."""
        return int(scale_of(self.input).values[0] - scale_of(self.output).values[0])

    @property
    def pixel_counts(self) -> list[int]:
        """The different numbers of real pixels that windows have, ascending."""
        return self.window.pixel_counts(tensors.extents(self.input)[1:])

    def verify_(self) -> None:
        """Check C1 to C3."""
        # C1
        verify_pooling(self)
        # C2
        for value in (self.input, self.output):
            verify_scale(value)
            verify_stored_per_tensor(value)
        # C3
        for count in self.pixel_counts:
            if fixed_point.average_factor(count, self.exponent_difference) is None:
                raise VerifyException(
                    f"expected scales between which {count} pixels can be averaged, got "
                    f"{scale_of(self.input)} and {scale_of(self.output)}"
                )
