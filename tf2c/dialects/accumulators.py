"""What layers have in common that sum products into 32-bit accumulators (`int8`, `shift`)."""

import numpy as np
import numpy.typing as npt
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
    Pow2Attr,
    accumulator_scale,
    scale_of,
    scaled_type,
    verify_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.tensors import I64Array


def verify_bias(
    input: SSAValue, weight_exponents: npt.NDArray[np.int64], bias: SSAValue, filters: int
) -> Pow2Attr:
    """Check that a bias has one element per filter, and the exponents `e_x + e_w[n]`.

    Returns:
        the scale of the accumulators, which is also the bias's.
    """
    verify_stored_per_tensor(input)
    expected = accumulator_scale(int(scale_of(input).values[0]), weight_exponents)
    tensors.expect_shape("a bias", bias, (filters,))
    verify_scale(bias)
    _expect_exponents("a bias", scale_of(bias), expected)
    return expected


def verify_accumulators(
    input: SSAValue, weight_exponents: npt.NDArray[np.int64], bias: SSAValue, output: SSAValue
) -> None:
    """Check the scales of a layer: bias and result have the exponents `e_x + e_w[n]`."""
    filters = tensors.shape(output)[1]
    expected = verify_bias(input, weight_exponents, bias, filters)
    verify_scale(output)
    _expect_exponents("a result", scale_of(output), expected)


def _expect_exponents(what: str, scale: Pow2Attr, expected: Pow2Attr) -> None:
    if not np.array_equal(scale.values, expected.values):
        raise VerifyException(
            f"expected {what} with exponents {expected.values.tolist()}, "
            f"got {scale.values.tolist()}"
        )


def convolution_type(
    input: SSAValue,
    weight: SSAValue,
    weight_exponents: npt.NDArray[np.int64],
    strides: I64Array,
    pads: I64Array,
) -> TensorType[IntegerType]:
    """Infer the type of a convolution's accumulators."""
    filters, _, *kernel = tensors.shape(weight)
    height, width = tensors.convolution_extents(tensors.extents(input)[1:], kernel, strides, pads)
    scale = accumulator_scale(int(scale_of(input).values[0]), weight_exponents)
    return scaled_type(i32, (DYNAMIC_INDEX, filters, height, width), scale)


def gemm_type(
    input: SSAValue, weight: SSAValue, weight_exponents: npt.NDArray[np.int64]
) -> TensorType[IntegerType]:
    """Infer the type of a fully connected layer's accumulators."""
    scale = accumulator_scale(int(scale_of(input).values[0]), weight_exponents)
    return scaled_type(i32, (DYNAMIC_INDEX, tensors.shape(weight)[0]), scale)
