"""What layers have in common that sum products into 32-bit accumulators (`int8`, `shift`)."""

import numpy as np
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    IntegerType,
    TensorType,
    i32,
)
from xdsl.ir import SSAValue
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.scales import (
    PER_TENSOR,
    Pow2Attr,
    accumulator_scale,
    scale_of,
    scaled_type,
    verify_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.windows import ConvolutionWindow, convolution_shape


def verify_bias(
    input: SSAValue, weight: SSAValue, weight_scale: Pow2Attr, bias: SSAValue
) -> Pow2Attr:
    """Check that a bias has one element per filter, and the exponents `e_x + e_w[n]`.

    Args:
        input: stored numbers with one scale.
        weight: one row, or kernel, per filter.
        weight_scale: per tensor or per filter.
        bias: `[M]`.

    Returns:
        the scale of the accumulators, which is also the bias's.
    """
    verify_stored_per_tensor(input)
    weight_scale.verify_fits(tensors.shape(weight), channel_axis=0)
    expected = _accumulator_scale(input, weight_scale)
    tensors.expect_shape("a bias", bias, tensors.shape(weight)[:1])
    verify_scale(bias, channel_axis=0)
    _expect_exponents("a bias", scale_of(bias), expected)
    return expected


def verify_accumulators(
    input: SSAValue, weight: SSAValue, weight_scale: Pow2Attr, bias: SSAValue, output: SSAValue
) -> None:
    """Check the scales of a layer: bias and result have the exponents `e_x + e_w[n]`."""
    expected = verify_bias(input, weight, weight_scale, bias)
    verify_scale(output, channel_axis=1)
    _expect_exponents("a result", scale_of(output), expected)


def verify_biased_accumulators(
    input: SSAValue, weight: SSAValue, bias: SSAValue, output: SSAValue
) -> None:
    """Check the scales of a layer whose weights have none: the result has the bias's exponents.

    The input's may be one per channel.
    """
    verify_scale(input, channel_axis=1)
    tensors.expect_shape("a bias", bias, tensors.shape(weight)[:1])
    verify_scale(bias, channel_axis=0)
    verify_scale(output, channel_axis=1)
    _expect_exponents("a result", scale_of(output), scale_of(bias))


def scale_of_biased(bias: SSAValue) -> Pow2Attr:
    """Return the scale of accumulators of which only the bias has one."""
    scale = scale_of(bias)
    axis = PER_TENSOR if scale.axis.data == PER_TENSOR else 1
    return Pow2Attr([int(exponent) for exponent in scale.values], axis)


def _accumulator_scale(input: SSAValue, weight_scale: Pow2Attr) -> Pow2Attr:
    return accumulator_scale(int(scale_of(input).values[0]), weight_scale.values)


def _expect_exponents(what: str, scale: Pow2Attr, expected: Pow2Attr) -> None:
    if not np.array_equal(scale.values, expected.values):
        raise VerifyException(
            f"expected {what} with exponents {expected.values.tolist()}, "
            f"got {scale.values.tolist()}"
        )


def convolution_type(
    input: SSAValue, weight: SSAValue, weight_scale: Pow2Attr, window: ConvolutionWindow
) -> TensorType[IntegerType]:
    """Infer the type of a convolution's accumulators.

    Raises:
        VerifyException: the operands do not fit each other.
    """
    shape = convolution_shape(input, weight, window)
    return scaled_type(i32, shape, _accumulator_scale(input, weight_scale))


def gemm_type(input: SSAValue, weight: SSAValue, weight_scale: Pow2Attr) -> TensorType[IntegerType]:
    """Infer the type of a fully connected layer's accumulators."""
    shape = (DYNAMIC_INDEX, tensors.shape(weight)[0])
    return scaled_type(i32, shape, _accumulator_scale(input, weight_scale))
