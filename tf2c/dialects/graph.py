"""`graph`: the trained network, in floating point.

Comes from a frontend (`tf2c/frontends/onnx.py`) with ONNX's names for ops and attributes; goes to
`int8` by `convert-graph-to-int8`. Tensors are `tensor<?xCxHxWxf32>` or `tensor<?xCxf32>`, the
batch always dynamic. It says what the network computes and cannot say how numbers are stored.

    graph.constant             a weight tensor
    graph.conv                 2-d convolution, with a residual operand and activation fused in
    graph.gemm                 fully connected layer, with the same
    graph.batch_normalization  scale and shift per channel
    graph.relu                 maximum with zero
    graph.max_pool             maximum over windows of real pixels
    graph.add                  sum of two tensors of one shape
    graph.flatten              one row per image
"""

from collections.abc import Sequence
from enum import auto

import numpy as np
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    Float32Type,
    FloatAttr,
    TensorType,
    f32,
)
from xdsl.dialects.utils.enum_attribute import EnumAttribute
from xdsl.ir import Dialect, SpacedOpaqueSyntaxAttribute, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.str_enum import StrEnum

from tf2c.dialects import tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.tensors import NO_PADS, UNIT_STRIDES, I64Array, I64ArrayConstraint

FloatTensorConstraint = TensorType.constr(base(Float32Type))


class ActivationKind(StrEnum):
    """What a layer applies to its sums."""

    NONE = auto()
    RELU = auto()


@irdl_attr_definition
class ActivationAttr(EnumAttribute[ActivationKind], SpacedOpaqueSyntaxAttribute):
    """`none` or `relu`."""

    name = "graph.activation"


NO_ACTIVATION = ActivationAttr(ActivationKind.NONE)
RELU = ActivationAttr(ActivationKind.RELU)


def images_type(extents: Sequence[int]) -> TensorType[Float32Type]:
    """Return the type of a float tensor with these extents behind the batch."""
    return TensorType(f32, [DYNAMIC_INDEX, *extents])


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
class ConvOp(_LayerOp):
    """A 2-d convolution (correlation), as ONNX's `Conv` with one group and no dilation.

    Formula: `output[n,m,i,j] = act(bias[m] + residual[n,m,i,j]
    + sum over c,r,s of weight[m,c,r,s] * input[n,c,i*stride+r-pad,j*stride+s-pad])`,
    zero outside the image (`numerics.windows.convolve`).

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | f32 |
    | weight | M C R S | f32 |
    | bias | M | f32 |
    | residual | ? M OH OW | f32 |
    | output | ? M OH OW | f32 |

    C1: shapes agree, with the extents of `numerics.windows.output_extent`.
    C2: bias and residual fit the result.

    Example: `%y = graph.conv %x, %w bias %b : tensor<4xf32> pads [1, 1, 1, 1] then relu
    : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x8x8xf32>`
    """

    name = "graph.conv"

    strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    """Vertical, horizontal."""
    pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    """Top, left, bottom, right."""

    assembly_format = (
        "$input `,` $weight (`bias` $bias^ `:` type($bias))? "
        "(`residual` $residual^ `:` type($residual))? "
        "(`strides` $strides^)? "
        "(`pads` $pads^)? (`then` $activation^)? attr-dict "
        "`:` type($input) `,` type($weight) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue | None = None,
        residual: SSAValue | None = None,
        *,
        strides: I64Array = UNIT_STRIDES,
        pads: I64Array = NO_PADS,
        activation: ActivationAttr = NO_ACTIVATION,
    ) -> None:
        """Make a convolution and infer its result type.

        Raises:
            VerifyException: the kernel does not fit the padded image.
        """
        output = tensors.convolution_shape(input, weight, strides, pads)
        super().__init__(
            operands=[input, weight, bias, residual],
            properties={"strides": strides, "pads": pads, "activation": activation},
            result_types=[images_type(output[1:])],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        expected = tensors.convolution_shape(self.input, self.weight, self.strides, self.pads)
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
    epsilon = prop_def(FloatAttr.constr(type=base(Float32Type)))
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
            properties={"epsilon": FloatAttr(epsilon, f32)},
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
class ReluOp(IRDLOperation):
    """Rectified linear unit.

    Formula: `output = max(input, 0)`.

    | operand | shape | dtype |
    |---|---|---|
    | input, output | any | f32 |

    C1: input and output have one type.

    Example: `%y = graph.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>`
    """

    name = "graph.relu"

    input = operand_def(FloatTensorConstraint)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue) -> None:
        """Make a ReLU with its input's type."""
        super().__init__(operands=[input], result_types=[input.type])

    def verify_(self) -> None:
        """Check C1."""
        # C1
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))


@irdl_op_definition
class MaxPoolOp(IRDLOperation):
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

    input = operand_def(FloatTensorConstraint)
    kernel_shape = prop_def(I64ArrayConstraint)
    strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `kernel` $kernel_shape (`strides` $strides^)? (`pads` $pads^)? "
        "attr-dict `:` functional-type(operands, results)"
    )

    def __init__(
        self,
        input: SSAValue,
        kernel_shape: I64Array,
        strides: I64Array = UNIT_STRIDES,
        pads: I64Array = NO_PADS,
    ) -> None:
        """Make a pooling and infer its result type.

        Raises:
            VerifyException: the window does not fit the padded image.
        """
        output = tensors.pooled_shape(tensors.shape(input), kernel_shape, strides, pads)
        super().__init__(
            operands=[input],
            properties={"kernel_shape": kernel_shape, "strides": strides, "pads": pads},
            result_types=[images_type(output[1:])],
        )

    def verify_(self) -> None:
        """Check C1."""
        # C1
        tensors.expect_batched("an image", self.input, rank=4)
        expected = tensors.pooled_shape(
            tensors.shape(self.input), self.kernel_shape, self.strides, self.pads
        )
        tensors.expect_shape("a result", self.output, expected)


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


@irdl_op_definition
class FlattenOp(IRDLOperation):
    """One row per image, in the order of channels, rows, columns.

    Formula: `output[n, (c*H + h)*W + w] = input[n,c,h,w]`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? and any extents | f32 |
    | output | ? K, the product of the extents | f32 |

    C1: the result has one row per image, of all its elements.

    Example: `%y = graph.flatten %x : (tensor<?x4x2x2xf32>) -> tensor<?x16xf32>`
    """

    name = "graph.flatten"

    input = operand_def(FloatTensorConstraint)
    output = result_def(FloatTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` functional-type(operands, results)"

    def __init__(self, input: SSAValue) -> None:
        """Make a flattening and infer its result type."""
        super().__init__(operands=[input], result_types=[images_type((tensors.flattened(input),))])

    def verify_(self) -> None:
        """Check C1."""
        # C1
        tensors.expect_channels("an input", self.input)
        tensors.expect_shape(
            "a result", self.output, (DYNAMIC_INDEX, tensors.flattened(self.input))
        )


GRAPH = Dialect(
    "graph",
    [ConstantOp, ConvOp, GemmOp, BatchNormalizationOp, ReluOp, MaxPoolOp, AddOp, FlattenOp],
    [ActivationAttr],
)
