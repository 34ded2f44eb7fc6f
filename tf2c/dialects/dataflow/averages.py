"""Averages: the mean of the pixels that a job computes, stored in their place.

dataflow.average  the mean of each channel
"""

from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, IntegerType, i8, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.dataflow.memory import OffsetConstraint
from tf2c.dialects.scales import (
    Int8TensorConstraint,
    Pow2Attr,
    StoredTensorConstraint,
    scaled_type,
    storage_bounds,
    verify_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import PoolingWindow, PositiveConstraint
from tf2c.numerics import fixed_point


@irdl_op_definition
class AverageOp(IRDLOperation):
    """The mean of each channel of what a job computes, over all pixels of an image.

    The window unit adds up the job's pixels on their way, and only the mean is stored; the job has
    no place then.

    Formula: `output[n, c] = clamp((sum over i, j of input[n, c, i, j] * M + 2**29) >> 30)` to the
    result's elements, in int64 with an arithmetic shift: that of `int8.requantize`, with the sum
    for the accumulator. A 32-bit result keeps what 8 bits would round away.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, one scale |
    | output | ? C 1 1 | i8 or i32, one scale |

    C1: the result has the operand's channels and one pixel, the operand more than one.
    C2: each scale is the whole tensor's.
    C3: the multiplier is positive and below `2**31`.
    C4: the op that computes the operand, if any does, is a job, and nothing else reads it.

    Example: `%m = dataflow.average %y multiplier 21913098 at 512
    : tensor<?x8x7x7xi8, #int8.pow2<-5>> -> tensor<?x8x1x1xi8, #int8.pow2<-5>>`
    """

    name = "dataflow.average"

    input = operand_def(Int8TensorConstraint)
    multiplier = prop_def(PositiveConstraint)
    """`M`."""
    offset = opt_prop_def(OffsetConstraint)
    """In cells of the feature cache, or words of the output memory if returned."""
    output = result_def(StoredTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `multiplier` $multiplier (`at` $offset^)? attr-dict "
        "`:` type($input) `->` type($output)"
    )

    def __init__(
        self, input: SSAValue, multiplier: int, scale: Pow2Attr, element_type: IntegerType = i8
    ) -> None:
        """Take the mean, to a scale, of what a job computes; it has no place yet."""
        shape = (DYNAMIC_INDEX, tensors.extents(input)[0], 1, 1)
        super().__init__(
            operands=[input],
            properties={"multiplier": IntegerAttr(multiplier, i64)},
            result_types=[scaled_type(element_type, shape, scale)],
        )

    @property
    def bounds(self) -> tuple[int, int]:
        """Of the mean."""
        return storage_bounds(tensors.tensor_type(self.output).element_type)

    @property
    def window(self) -> PoolingWindow:
        """The window of all pixels."""
        extents = i64_array(tensors.extents(self.input)[1:])
        return PoolingWindow(extents, extents)

    def verify_(self) -> None:
        """Check C1 to C4."""
        # C1
        tensors.expect_batched("an image", self.input, rank=4)
        channels, *image = tensors.extents(self.input)
        if image == [1, 1]:
            raise VerifyException("expected more than one pixel to average")
        tensors.expect_shape("a result", self.output, (DYNAMIC_INDEX, channels, 1, 1))
        # C2
        for value in (self.input, self.output):
            verify_scale(value)
            verify_stored_per_tensor(value)
        # C3
        if self.multiplier.value.data >= fixed_point.MULTIPLIER_LIMIT:
            raise VerifyException(
                f"expected a multiplier below {fixed_point.MULTIPLIER_LIMIT}, got "
                f"{self.multiplier.value.data}"
            )
        # C4
        owner = self.input.owner
        is_computed = isinstance(owner, Operation)
        if is_computed and (owner.name != "dataflow.job" or not self.input.has_one_use()):
            raise VerifyException("expected to average what a job computes for nothing else")
