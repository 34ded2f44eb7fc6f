"""Poolings of `graph`.

graph.max_pool      maximum over windows of real pixels
graph.average_pool  mean over windows of real pixels
"""

from xdsl.ir import SSAValue
from xdsl.irdl import (
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from tf2c.dialects import tensors
from tf2c.dialects.graph.floats import FloatTensorConstraint, images_type
from tf2c.dialects.windows import (
    POOLING_FORMAT,
    PoolingOp,
    PoolingWindow,
    pooled_shape,
    verify_pooling,
)


class _FloatPoolingOp(PoolingOp):
    """What the poolings of real numbers have in common."""

    input = operand_def(FloatTensorConstraint)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = f"$input {POOLING_FORMAT}attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, window: PoolingWindow) -> None:
        """Make a pooling and infer its result type.

        Raises:
            VerifyException: the window does not fit the padded image.
        """
        output = pooled_shape(tensors.shape(input), window)
        super().__init__(
            operands=[input], properties=window.properties, result_types=[images_type(output[1:])]
        )


@irdl_op_definition
class MaxPoolOp(_FloatPoolingOp):
    """Maximum over windows; padding does not take part.

    Formula: `output[n,c,i,j] = max over real pixels of the window of input[n,c,...]`
    (`numerics.windows.max_pool`).

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | f32 |
    | output | ? C OH OW | f32 |

    C1: shapes agree, and pads are smaller than the kernel, so no window is wholly padding.

    Example: `%y = graph.max_pool %x kernel [2, 2] strides [2, 2] :
    (tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32>`
    """

    name = "graph.max_pool"

    def verify_(self) -> None:
        """Check C1."""
        # C1
        verify_pooling(self)


@irdl_op_definition
class AveragePoolOp(_FloatPoolingOp):
    """Mean over windows; padding does not take part, and does not count.

    Formula: `output[n,c,i,j] = mean over real pixels of the window of input[n,c,...]`
    (`numerics.windows.average_pool`). ONNX's `count_include_pad` is a `layout.pad` in front.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | f32 |
    | output | ? C OH OW | f32 |

    C1: shapes agree, and pads are smaller than the kernel, so no window is wholly padding.

    Example: `%y = graph.average_pool %x kernel [8, 8] :
    (tensor<?x4x8x8xf32>) -> tensor<?x4x1x1xf32>`
    """

    name = "graph.average_pool"

    @property
    def pixel_counts(self) -> list[int]:
        """The different numbers of real pixels that windows have, ascending."""
        return self.window.pixel_counts(tensors.extents(self.input)[1:])

    def verify_(self) -> None:
        """Check C1."""
        # C1
        verify_pooling(self)
