"""What multiplies in `int8`, and how numbers get there.

int8.constant  weights (i8) and biases (i32), with the real numbers they were rounded from
int8.quantize  real numbers to stored ones: the network's input
int8.conv      convolution into accumulators
int8.gemm      fully connected layer into accumulators
"""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import i8, i32
from xdsl.ir import SSAValue
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

from tf2c.dialects import tensors
from tf2c.dialects.accumulators import convolution_type, gemm_type, verify_accumulators
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.graph.floats import FloatTensorConstraint
from tf2c.dialects.scales import (
    ActivationTensorConstraint,
    Int8TensorConstraint,
    Int32TensorConstraint,
    Pow2Attr,
    StoredTensorConstraint,
    scale_of,
    scaled_type,
    verify_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.windows import (
    UNIT_WINDOW,
    WINDOW_FORMAT,
    ConvolutionWindow,
    ConvolvingOp,
    convolution_shape,
)
from tf2c.numerics import fixed_point


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """A tensor of stored numbers: weights (i8) or a bias (i32).

    Formula: `output = value`; it stands for the real numbers `value * 2**e`.

    | operand | shape | dtype |
    |---|---|---|
    | output | any, static | i8 or i32, scaled |

    C1: the blob's elements have the result's shape and type.
    C2: the scale fits the shape.

    Example: `%b = int8.constant <2xi32, [64, -7]> : tensor<2xi32, #int8.pow2<-9>>`
    """

    name = "int8.constant"

    value = prop_def(BlobAttr)
    origin = opt_prop_def(BlobAttr)
    """The real numbers (f32) that `value` was rounded from, for passes that round again."""
    output = result_def(StoredTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$value (`from` $origin^)? attr-dict `:` type($output)"

    def __init__(
        self, value: npt.NDArray[np.integer], scale: Pow2Attr, origin: BlobAttr | None = None
    ) -> None:
        """Make a constant of an int8 or int32 array."""
        element_type = i8 if value.dtype == np.int8 else i32
        super().__init__(
            properties={"value": BlobAttr.of(value), "origin": origin},
            result_types=[scaled_type(element_type, value.shape, scale)],
        )

    def real_values(self) -> npt.NDArray[np.floating]:
        """Return what the constant stands for: its origin if kept, else `value * 2**e`."""
        if self.origin is not None:
            return self.origin.array
        scale = scale_of(self.output)
        return fixed_point.dequantize(self.value.array, scale.broadcast(self.value.array.ndim))

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        kind = tensors.tensor_type(self.output)
        dtype = np.int8 if kind.element_type == i8 else np.int32
        self.value.verify_holds(dtype, kind.get_shape())
        if self.origin is not None:
            self.origin.verify_holds(np.float32, kind.get_shape())
        # C2
        verify_scale(self.output)


@irdl_op_definition
class QuantizeOp(IRDLOperation):
    """Store real numbers, such as the network's input.

    Formula: `output = clamp(floor(input / 2**e + 1/2), -128, 127)`
    (`numerics.fixed_point.quantize`).

    | operand | shape | dtype |
    |---|---|---|
    | input | any | f32 |
    | output | the same | i8, one scale |

    C1: the shapes agree, and the scale is the whole tensor's.

    Example: `%q = int8.quantize %x : tensor<?x1x8x8xf32> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>`
    """

    name = "int8.quantize"

    input = operand_def(FloatTensorConstraint)
    output = result_def(Int8TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` type($input) `->` type($output)"

    def __init__(self, input: SSAValue, scale: Pow2Attr) -> None:
        """Make a quantization to a scale."""
        super().__init__(
            operands=[input], result_types=[scaled_type(i8, tensors.shape(input), scale)]
        )

    def verify_(self) -> None:
        """Check C1."""
        # C1
        tensors.expect_shape("a result", self.output, tensors.shape(self.input))
        verify_scale(self.output)
        verify_stored_per_tensor(self.output)


@irdl_op_definition
class ConvOp(ConvolvingOp):
    """A 2-d convolution into accumulators.

    Formula: `output[n,m,i,j] = bias[m] + sum over c,r,s of weight[m,c,r,s] * input[n,c',i',j']`,
    modulo 2**32, with the indices of `graph.conv` (`numerics.windows.convolve_integers`); zero
    outside the image.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8 or ui8, one scale |
    | weight | M C/group R S | i8, scaled, per tensor or per filter |
    | bias | M | i32, scaled |
    | output | ? M OH OW | i32, scaled |

    C1: shapes agree, with the extents of `numerics.windows.output_extent`.
    C2: the exponents of bias and result are `e_input + e_weight[m]`.

    Example: `%a = int8.conv %x, %w, %b pads [1, 1, 1, 1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>,
    tensor<4x1x3x3xi8, #int8.pow2<-6>>, tensor<4xi32, #int8.pow2<-13>>
    -> tensor<?x4x8x8xi32, #int8.pow2<-13>>`
    """

    name = "int8.conv"

    input = operand_def(ActivationTensorConstraint)
    weight = operand_def(Int8TensorConstraint)
    bias = operand_def(Int32TensorConstraint)
    output = result_def(Int32TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        f"$input `,` $weight `,` $bias {WINDOW_FORMAT}attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue,
        window: ConvolutionWindow = UNIT_WINDOW,
    ) -> None:
        """Make a convolution and infer its result type; raises where the kernel does not fit."""
        super().__init__(
            operands=[input, weight, bias],
            properties=window.properties,
            result_types=[convolution_type(input, weight, scale_of(weight), window)],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        expected = convolution_shape(self.input, self.weight, self.window)
        tensors.expect_shape("a result", self.output, expected)
        # C2
        verify_accumulators(self.input, self.weight, scale_of(self.weight), self.bias, self.output)


@irdl_op_definition
class GemmOp(IRDLOperation):
    """A fully connected layer into accumulators.

    Formula: `output[n,m] = bias[m] + sum over k of weight[m,k] * input[n,k]`, modulo 2**32.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? K | i8 or ui8, one scale |
    | weight | M K | i8, scaled, per tensor or per filter |
    | bias | M | i32, scaled |
    | output | ? M | i32, scaled |

    C1: shapes agree.
    C2: the exponents of bias and result are `e_input + e_weight[m]`.

    Example: `%a = int8.gemm %x, %w, %b : tensor<?x64xi8, #int8.pow2<-7>>,
    tensor<10x64xi8, #int8.pow2<-6>>, tensor<10xi32, #int8.pow2<-13>>
    -> tensor<?x10xi32, #int8.pow2<-13>>`
    """

    name = "int8.gemm"

    input = operand_def(ActivationTensorConstraint)
    weight = operand_def(Int8TensorConstraint)
    bias = operand_def(Int32TensorConstraint)
    output = result_def(Int32TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $weight `,` $bias attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(self, input: SSAValue, weight: SSAValue, bias: SSAValue) -> None:
        """Make a fully connected layer and infer its result type."""
        super().__init__(
            operands=[input, weight, bias],
            result_types=[gemm_type(input, weight, scale_of(weight))],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.verify_gemm(self.input, self.weight, self.output)
        # C2
        verify_accumulators(self.input, self.weight, scale_of(self.weight), self.bias, self.output)
