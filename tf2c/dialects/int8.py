"""`int8`: every rounding, saturation and scale, explicitly.

Comes from `graph` by `convert-graph-to-int8`; goes to `shift` by `convert-int8-to-shift`, which
replaces the ops that multiply and keeps the others. A stored integer `q` of a tensor
`tensor<..., #int8.pow2<e>>` stands for `q * 2**e`. It cannot say how a product is formed.

    int8.constant    weights (i8) and biases (i32), with the real numbers they were rounded from
    int8.quantize    real numbers to stored ones: the network's input
    int8.conv        convolution into accumulators
    int8.gemm        fully connected layer into accumulators
    int8.requantize  accumulators to stored numbers; residual, activation and saturation join here
    int8.max_pool    maximum over windows of real pixels
    int8.flatten     one row per image
"""

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    TensorType,
    i8,
    i32,
)
from xdsl.ir import Dialect, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.accumulators import convolution_type, gemm_type, verify_accumulators
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.graph import FloatTensorConstraint
from tf2c.dialects.requantization import (
    residual_shift,
    verify_bounds,
    verify_factor,
    verify_residual,
)
from tf2c.dialects.scales import (
    Int8TensorConstraint,
    Int32TensorConstraint,
    Pow2Attr,
    StoredTensorConstraint,
    scale_of,
    scaled_type,
    verify_same_scale,
    verify_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.tensors import NO_PADS, UNIT_STRIDES, I64Array, I64ArrayConstraint, i64_array
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

    def real_values(self) -> npt.NDArray[np.float64]:
        """Return what the constant stands for: its origin if kept, else `value * 2**e`."""
        if self.origin is not None:
            return self.origin.array.astype(np.float64)
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
class ConvOp(IRDLOperation):
    """A 2-d convolution into accumulators.

    Formula: `output[n,m,i,j] = bias[m] + sum over c,r,s of weight[m,c,r,s] * input[n,c,i',j']`,
    modulo 2**32 (`numerics.windows.convolve_integers`); zero outside the image.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, one scale |
    | weight | M C R S | i8, scaled, per tensor or per filter |
    | bias | M | i32, scaled |
    | output | ? M OH OW | i32, scaled |

    C1: shapes agree, with the extents of `numerics.windows.output_extent`.
    C2: the exponents of bias and result are `e_input + e_weight[m]`.

    Example: `%a = int8.conv %x, %w, %b pads [1, 1, 1, 1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>,
    tensor<4x1x3x3xi8, #int8.pow2<-6>>, tensor<4xi32, #int8.pow2<-13>>
    -> tensor<?x4x8x8xi32, #int8.pow2<-13>>`
    """

    name = "int8.conv"

    input = operand_def(Int8TensorConstraint)
    weight = operand_def(Int8TensorConstraint)
    bias = operand_def(Int32TensorConstraint)
    strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    output = result_def(Int32TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `,` $weight `,` $bias (`strides` $strides^)? (`pads` $pads^)? attr-dict "
        "`:` type($input) `,` type($weight) `,` type($bias) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        weight: SSAValue,
        bias: SSAValue,
        strides: I64Array = UNIT_STRIDES,
        pads: I64Array = NO_PADS,
    ) -> None:
        """Make a convolution and infer its result type; raises where the kernel does not fit."""
        super().__init__(
            operands=[input, weight, bias],
            properties={"strides": strides, "pads": pads},
            result_types=[convolution_type(input, weight, scale_of(weight), strides, pads)],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        expected = tensors.convolution_shape(self.input, self.weight, self.strides, self.pads)
        tensors.expect_shape("a result", self.output, expected)
        # C2
        verify_accumulators(self.input, self.weight, scale_of(self.weight), self.bias, self.output)


@irdl_op_definition
class GemmOp(IRDLOperation):
    """A fully connected layer into accumulators.

    Formula: `output[n,m] = bias[m] + sum over k of weight[m,k] * input[n,k]`, modulo 2**32.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? K | i8, one scale |
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

    input = operand_def(Int8TensorConstraint)
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


@irdl_op_definition
class RequantizeOp(IRDLOperation):
    """Scale accumulators to stored numbers; residual, activation and saturation join here.

    Formula: `output = clamp((input * M[c] + (residual << t) + 2**29) >> 30, low, high)` in int64
    with an arithmetic shift, `M = multiplier << (30 - shift)` and `t = 30 + e_residual - e_output`
    (`numerics.fixed_point.requantize`): the sum of both operands is rounded once, half up.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C ... | i32, scaled |
    | residual | ? C ... | i8, one scale |
    | output | ? C ... | i8, one scale |

    C1: shapes agree.
    C2: there is one shift of 0..30 and one multiplier of 1..65535, or one of each per channel.
    C3: where the multiplier is 1, the shift is `e_output - e_input`.
    C4: `M` is below 2**31, so that its product with an accumulator fits int64.
    C5: the residual shift `t` is in 0..48.
    C6: the bounds are int8 numbers in order.

    Example: `%y = int8.requantize %a residual %r : tensor<?x4x8x8xi8, #int8.pow2<-5>> shift [8]
    bounds [0, 127] : tensor<?x4x8x8xi32, #int8.pow2<-13>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>`
    """

    name = "int8.requantize"

    input = operand_def(Int32TensorConstraint)
    residual = opt_operand_def(Int8TensorConstraint)
    multiplier = prop_def(I64ArrayConstraint, default_value=i64_array([1]))
    shift = prop_def(I64ArrayConstraint)
    bounds = prop_def(I64ArrayConstraint)
    """Smallest and largest result: ReLU and saturation."""
    output = result_def(Int8TensorConstraint)

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
    ) -> None:
        """Make a requantization to a scale by pure shifts."""
        shifts = scale.values - scale_of(input).values
        super().__init__(
            operands=[input, residual],
            properties={"shift": i64_array([int(shift) for shift in shifts]), "bounds": bounds},
            result_types=[scaled_type(i8, tensors.shape(input), scale)],
        )

    @property
    def multipliers(self) -> npt.NDArray[np.int64]:
        """`M`, one or one per channel."""
        return fixed_point.requantize_multipliers(
            np.array(self.multiplier.get_values()), np.array(self.shift.get_values())
        )

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
        verify_factor("multiplier", self.multiplier, channels, 1, 65535)
        verify_factor("shift", self.shift, channels, 0, fixed_point.REQUANTIZE_SHIFT)
        # C3
        multiplier, shift = map(np.array, (self.multiplier.get_values(), self.shift.get_values()))
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
        verify_bounds(self.bounds)


@irdl_op_definition
class MaxPoolOp(IRDLOperation):
    """Maximum over windows; padding does not take part.

    Formula: `output[n,c,i,j] = max over real pixels of the window of input[n,c,...]`
    (`numerics.windows.max_pool`).

    | operand | shape | dtype |
    |---|---|---|
    | input | ? C H W | i8, scaled |
    | output | ? C OH OW | i8, the same scale |

    C1: shapes agree, and pads are smaller than the kernel, so no window is wholly padding.
    C2: the scales agree.

    Example: `%y = int8.max_pool %x kernel [2, 2] strides [2, 2]
    : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x4x4xi8, #int8.pow2<-5>>`
    """

    name = "int8.max_pool"

    input = operand_def(Int8TensorConstraint)
    kernel_shape = prop_def(I64ArrayConstraint)
    strides = prop_def(I64ArrayConstraint, default_value=UNIT_STRIDES)
    pads = prop_def(I64ArrayConstraint, default_value=NO_PADS)
    output = result_def(Int8TensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = (
        "$input `kernel` $kernel_shape (`strides` $strides^)? (`pads` $pads^)? attr-dict "
        "`:` type($input) `->` type($output)"
    )

    def __init__(
        self,
        input: SSAValue,
        kernel_shape: I64Array,
        strides: I64Array = UNIT_STRIDES,
        pads: I64Array = NO_PADS,
    ) -> None:
        """Make a pooling and infer its result type; raises where the window does not fit."""
        output = tensors.pooled_shape(tensors.shape(input), kernel_shape, strides, pads)
        super().__init__(
            operands=[input],
            properties={"kernel_shape": kernel_shape, "strides": strides, "pads": pads},
            result_types=[scaled_type(i8, output, scale_of(input))],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.expect_batched("an image", self.input, rank=4)
        expected = tensors.pooled_shape(
            tensors.shape(self.input), self.kernel_shape, self.strides, self.pads
        )
        tensors.expect_shape("a result", self.output, expected)
        # C2
        verify_same_scale(self.input, self.output)


@irdl_op_definition
class FlattenOp(IRDLOperation):
    """One row per image, in the order of channels, rows, columns.

    Formula: `output[n, (c*H + h)*W + w] = input[n,c,h,w]`.

    | operand | shape | dtype |
    |---|---|---|
    | input | ? and any extents | i8 or i32, one scale |
    | output | ? K, the product of the extents | the same |

    C1: the result has one row per image, of all its elements.
    C2: element types and scales agree; a scale per channel needs extents of 1 behind the channels.

    Example: `%y = int8.flatten %x : tensor<?x4x2x2xi8, #int8.pow2<-5>>
    -> tensor<?x16xi8, #int8.pow2<-5>>`
    """

    name = "int8.flatten"

    input = operand_def(StoredTensorConstraint)
    output = result_def(StoredTensorConstraint)

    traits = traits_def(Pure())
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$input attr-dict `:` type($input) `->` type($output)"

    def __init__(self, input: SSAValue) -> None:
        """Make a flattening and infer its result type."""
        kind = tensors.tensor_type(input)
        shape = (DYNAMIC_INDEX, tensors.flattened(input))
        super().__init__(
            operands=[input],
            result_types=[TensorType(kind.element_type, shape, kind.encoding)],
        )

    def verify_(self) -> None:
        """Check C1 and C2."""
        # C1
        tensors.expect_channels("an input", self.input)
        tensors.expect_shape(
            "a result", self.output, (DYNAMIC_INDEX, tensors.flattened(self.input))
        )
        # C2
        verify_same_scale(self.input, self.output)
        verify_scale(self.output)
        input_type, output_type = map(tensors.tensor_type, (self.input, self.output))
        if input_type.element_type != output_type.element_type:
            raise VerifyException(
                f"expected elements {input_type.element_type}, got {output_type.element_type}"
            )


INT8 = Dialect(
    "int8",
    [ConstantOp, QuantizeOp, ConvOp, GemmOp, RequantizeOp, MaxPoolOp, FlattenOp],
    [Pow2Attr],
)
