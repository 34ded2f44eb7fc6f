"""Rounding biases to the steps of the accumulators that they start."""

import numpy as np
import numpy.typing as npt

from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.int8 import ConstantOp
from tf2c.dialects.scales import PER_TENSOR, Pow2Attr
from tf2c.numerics import fixed_point

BIAS_CLAMP = 1 << 30
"""Largest magnitude of a stored bias."""


def bias_constant(bias: npt.NDArray[np.floating], scale: Pow2Attr) -> ConstantOp:
    """Round a bias `[M]` to accumulator steps: `clamp(floor(b / 2**e[m] + 1/2), -2**30, 2**30)`.

    Where `numerics.exponents` could not make the step coarse enough, the requantizing shift is at
    its least, and a bias beyond the clamp saturates the result many times over either way; clamped,
    it leaves the products room not to wrap around.
    """
    stored = fixed_point.quantize(bias, scale.values, -BIAS_CLAMP, BIAS_CLAMP)
    bias_scale = scale if scale.axis.data == PER_TENSOR else Pow2Attr(scale.values.tolist(), 0)
    return ConstantOp(stored.astype(np.int32), bias_scale, BlobAttr.of(bias.astype(np.float32)))
