"""What multiplies and adds in `graph`.

graph.constant  a weight tensor
graph.conv      2-d convolution, with a residual operand and activation fused in
graph.gemm      fully connected layer, with the same
graph.add       sum of two tensors of one shape
"""

import numpy as np
from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
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

from tf2c.dialects import tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.graph.activations import NO_ACTIVATION, ActivationAttr
from tf2c.dialects.graph.floats import FloatTensorConstraint, images_type
from tf2c.dialects.windows import (
    UNIT_WINDOW,
    WINDOW_FORMAT,
    ConvolutionWindow,
    ConvolvingOp,
    convolution_shape,
)


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """A weight tensor.

    Formula: `output = value`.

    | operand | shape | dtype |
    |---|---|---|
    | output | any, static | f32 |

    C1: the blob's elements have the result's shape and type.

    Example: `%b = graph.constant <2xf32, [0.5, -1.0]> : tensor<2xf32>`
    """

    name = "graph.constant"

    value = prop_def(BlobAttr)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$value attr-dict `:` type($output)"

    def __init__(self, value: BlobAttr) -> None:
        """Make a constant of the blob's own shape."""
        super().__init__(
            properties={"value": value}, result_types=[TensorType(f32, value.array.shape)]
        )

    def verify_(self) -> None:
        """Check C1."""
        # C1
        self.value.verify_holds(np.float32, tensors.shape(self.output))


class _LayerOp(IRDLOperation):
    """What `conv` and `gemm` have in common: a weighted sum, and what is fused behind it."""

    input = operand_def(FloatTensorConstraint)
    weight = operand_def(FloatTensorConstraint)
    bias = opt_operand_def(FloatTensorConstraint)
    """One per filter; zero when absent."""
    residual = opt_operand_def(FloatTensorConstraint)
    """Added to the sums before the activation; zero when absent."""
    activation = prop_def(ActivationAttr, default_value=NO_ACTIVATION)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())

    def verify_fused(self) -> None:
        """Check that bias and residual fit the result."""
        filters = tensors.shape(self.weight)[0]
        if self.bias is not None:
            tensors.expect_shape("a bias", self.bias, (filters,))
        if self.residual is not None:
            tensors.expect_shape("a residual", self.residual, tensors.shape(self.output))


@irdl_op_definition
class ConvOp(_LayerOp, ConvolvingOp):
    """A 2-d convolution (correlation), as ONNX's `Conv`.

    Formula: `output[n,m,i,j] = act(bias[m] + residual[n,m,i,j] + sum over c,r,s of weight[m,c,r,s]
    * input[n,c',i*stride+r*dilation-pad,j*stride+s*dilation-pad])`, zero outside the image, where
    `c' = c + C / group * floor(m * group / M)` (`numerics.windows.convolve`).

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | f32 |
    | weight | M C/group R S | f32 |
    | bias | M | f32 |
    | residual | ? M OH OW | f32 |
    | output | ? M OH OW | f32 |

    C1: shapes agree, with the extents of `numerics.windows.output_extent`, and `group` divides
        filters and channels.
    C2: bias and residual fit the result.

    Example: `%y = graph.conv %x, %w bias %b : tensor<4xf32> pads [1, 1, 1, 1] then relu
    : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x8x8xf32>`
    """

    name = "graph.conv"

    assembly_format = (
        "$input `,` $weight (`bias` $bias^ `:` type($bias))? "
        "(`residual` $residual^ `:` type($residual))? "
        f"{WINDOW_FORMAT}(`then` $activation^)? attr-dict "
        "`:` type($input) `,` type($weight) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue | None = None,
        residual: SSAValue | None = None,
        *,
        window: ConvolutionWindow = UNIT_WINDOW,
        activation: ActivationAttr = NO_ACTIVATION,
    ) -> None:
        """Make a convolution and infer its result type.

        Raises:
            VerifyException: the kernel does not fit the padded image.
        """
        output = convolution_shape(input, weight, window)
        super().__init__(
            operands=[input, weight, bias, residual],
            properties={**window.properties, "activation": activation},
            result_types=[images_type(output[1:])],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        expected = convolution_shape(self.input, self.weight, self.window)
        tensors.expect_shape("a result", self.output, expected)
        # C2
        self.verify_fused()


@irdl_op_definition
class GemmOp(_LayerOp):
    """A fully connected layer; the weight has one row per filter (ONNX's `transB = 1`).

    Formula: `output[n,m] = act(bias[m] + residual[n,m] + sum over k of weight[m,k] * input[n,k])`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? K | f32 |
    | weight | M K | f32 |
    | bias | M | f32 |
    | residual | ? M | f32 |
    | output | ? M | f32 |

    C1: shapes agree.
    C2: bias and residual fit the result.

    Example: `%y = graph.gemm %x, %w bias %b : tensor<10xf32>
    : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>`
    """

    name = "graph.gemm"

    assembly_format = (
        "$input `,` $weight (`bias` $bias^ `:` type($bias))? "
        "(`residual` $residual^ `:` type($residual))? (`then` $activation^)? "
        "attr-dict `:` type($input) `,` type($weight) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue | None = None,
        residual: SSAValue | None = None,
        *,
        activation: ActivationAttr = NO_ACTIVATION,
    ) -> None:
        """Make a fully connected layer and infer its result type."""
        super().__init__(
            operands=[input, weight, bias, residual],
            properties={"activation": activation},
            result_types=[images_type(tensors.shape(weight)[:1])],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.verify_gemm(self.input, self.weight, self.output)
        # C2
        self.verify_fused()


LayerOp = ConvOp | GemmOp
"""An op that multiplies by weights, and that a residual and an activation can join."""


@irdl_op_definition
class AddOp(IRDLOperation):
    """Sum of two tensors of one shape.

    Formula: `output = lhs + rhs`.

    | operand | shape | dtype |
    |---|---|---|
    | lhs, rhs, output | any | f32 |

    C1: the three have one shape.

    Example: `%y = graph.add %a, %b : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>`
    """

    name = "graph.add"

    lhs = operand_def(FloatTensorConstraint)
    rhs = operand_def(FloatTensorConstraint)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)"

    def __init__(self, lhs: SSAValue, rhs: SSAValue) -> None:
        """Make a sum with its first operand's type."""
        super().__init__(operands=[lhs, rhs], result_types=[lhs.type])

    def verify_(self) -> None:
        """Check C1."""
        # C1
        tensors.expect_shape("a second operand", self.rhs, tensors.shape(self.lhs))
        tensors.expect_shape("a result", self.output, tensors.shape(self.lhs))
