"""Normalizations of `graph`.

graph.batch_normalization  scale and shift per channel
graph.lrn                  division by the energy of neighboring channels; float only
"""

from xdsl.dialects.builtin import IntegerAttr, i64
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
from tf2c.dialects.graph.floats import FloatConstraint, FloatTensorConstraint, real
from tf2c.dialects.windows import PositiveConstraint


@irdl_op_definition
class BatchNormalizationOp(IRDLOperation):
    """Batch normalization with trained statistics.

    Formula: `output = scale * (input - mean) / sqrt(variance + epsilon) + bias`, per channel.

    | operand | shape | dtype |
    |---|---|---|
    | input, output | ? C H W or ? C | f32 |
    | scale, bias, mean, variance | C | f32 |

    C1: the input is batched, and the four parameters have one element per channel.
    C2: input and output have one type.

    Example: `%y = graph.batch_normalization %x, %s, %b, %m, %v {epsilon = 1.0e-05 : f32} :
    (tensor<?x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    -> tensor<?x4x8x8xf32>`
    """

    name = "graph.batch_normalization"

    input = operand_def(FloatTensorConstraint)
    scale = operand_def(FloatTensorConstraint)
    bias = operand_def(FloatTensorConstraint)
    mean = operand_def(FloatTensorConstraint)
    variance = operand_def(FloatTensorConstraint)
    epsilon = prop_def(FloatConstraint)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $scale `,` $bias `,` $mean `,` $variance attr-dict "
        "`:` functional-type(operands, results)"
    )

    def __init__(
        self,
        input: SSAValue,
        scale: SSAValue,
        bias: SSAValue,
        mean: SSAValue,
        variance: SSAValue,
        epsilon: float,
    ) -> None:
        """Make a normalization with its input's type."""
        super().__init__(
            operands=[input, scale, bias, mean, variance],
            properties={"epsilon": real(epsilon)},
            result_types=[input.type],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.expect_channels("an input", self.input)
        channels = tensors.extents(self.input)[0]
        for parameter in (self.scale, self.bias, self.mean, self.variance):
            tensors.expect_shape("a parameter", parameter, (channels,))
        # C2
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))


@irdl_op_definition
class LrnOp(IRDLOperation):
    """Local response normalization across channels, as ONNX's `LRN`.

    Formula: `output[n,c] = input[n,c] / (bias + alpha / size * sum over k of input[n,k]**2)**beta`,
    with `k` from `c - floor((size - 1) / 2)` to `c + ceil((size - 1) / 2)` where there are such
    channels.

    | operand | shape | dtype |
    |---|---|---|
    | input, output | ? C H W | f32 |

    C1: the input is an image, and input and output have one type.

    Example: `%y = graph.lrn %x size 5 {alpha = 1.0e-04 : f32, beta = 0.75 : f32, bias = 1.0 : f32}
    : (tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>`
    """

    name = "graph.lrn"

    input = operand_def(FloatTensorConstraint)
    size = prop_def(PositiveConstraint)
    alpha = prop_def(FloatConstraint)
    beta = prop_def(FloatConstraint)
    bias = prop_def(FloatConstraint)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input `size` $size attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue, size: int, alpha: float, beta: float, bias: float) -> None:
        """Normalize by the energy of `size` neighboring channels."""
        super().__init__(
            operands=[input],
            properties={
                "size": IntegerAttr(size, i64),
                "alpha": real(alpha),
                "beta": real(beta),
                "bias": real(bias),
            },
            result_types=[input.type],
        )

    def verify_(self) -> None:
        """Check C1."""
        # C1
        tensors.expect_batched("an image", self.input, rank=4)
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))
