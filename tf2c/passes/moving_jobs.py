"""Jobs that move or sum stored numbers: what the engine does without weights of its own.

Multiplied by `2**6` and shifted back by 6, a number is itself, with a multiplier that the engine
has; so a convolution whose weights are the code of `2**6` or zero moves numbers exactly.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import IntegerAttr, i8, i32, i64
from xdsl.ir import Operation, SSAValue

from tf2c.dialects import dataflow, int8, layout, shift, tensors
from tf2c.dialects.scales import Pow2Attr, scale_of, storage_bounds
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import ConvolutionWindow, PoolingWindow
from tf2c.numerics import fixed_point, pow2

IDENTITY_SHIFT = pow2.LARGEST_SHIFT

INT8_BOUNDS = i64_array([fixed_point.INT8_MIN, fixed_point.INT8_MAX])


def _summing_job(
    image: SSAValue,
    weights: npt.NDArray[np.bool_],
    weight_shift: int,
    requantization: dataflow.Requantization,
    window: ConvolutionWindow,
    residual: SSAValue | None = None,
    pooling: PoolingWindow = dataflow.NO_POOLING,
) -> list[Operation]:
    """Return the ops of a job that adds up the pixels where `weights` has ones; the job is last."""
    codes = np.where(weights, weight_shift, pow2.ZERO_CODE).astype(np.uint8)
    weight = shift.ConstantOp(codes, Pow2Attr([-weight_shift]))
    exponent = int(scale_of(image).values[0]) - weight_shift
    bias = int8.ConstantOp(np.zeros(len(codes), np.int32), Pow2Attr([exponent]))
    job = dataflow.JobOp(
        image,
        weight.output,
        bias.output,
        residual,
        window=window,
        requantization=requantization,
        pooling=pooling,
    )
    return [weight, bias, job]


def _moving_job(
    image: SSAValue,
    weights: npt.NDArray[np.bool_],
    window: ConvolutionWindow,
    residual: SSAValue | None = None,
    pooling: PoolingWindow = dataflow.NO_POOLING,
) -> list[Operation]:
    """Return the ops of a job that takes one pixel for each of its results."""
    multiplier = 1 << (fixed_point.REQUANTIZE_SHIFT - IDENTITY_SHIFT)
    requantization = dataflow.Requantization([multiplier], INT8_BOUNDS, scale_of(image))
    return _summing_job(image, weights, IDENTITY_SHIFT, requantization, window, residual, pooling)


def _depthwise(channels: int, strides: Sequence[int] = (1, 1)) -> ConvolutionWindow:
    return ConvolutionWindow(strides=i64_array(strides), group=IntegerAttr(channels, i64))


def copying_job(image: SSAValue, pooling: PoolingWindow = dataflow.NO_POOLING) -> list[Operation]:
    """Return the ops of a job that copies an image, pooled."""
    channels = tensors.extents(image)[0]
    ones = np.ones((channels, 1, 1, 1), np.bool_)
    return _moving_job(image, ones, _depthwise(channels), pooling=pooling)


def flattening_job(image: SSAValue) -> list[Operation]:
    """Return the ops of a job that makes every element of an image a channel of its own."""
    elements = tensors.flattened(image)
    ones = np.eye(elements, dtype=np.bool_).reshape(elements, *tensors.extents(image))
    return _moving_job(image, ones, ConvolutionWindow())


def slicing_job(image: SSAValue, op: layout.SliceOp) -> list[Operation]:
    """Return the ops of a job that takes a part of an image.

    The kernel reaches from the first row and column that are taken to as far behind the last ones
    as the image does, and has its one at its first tap.
    """
    channels, *extents = tensors.extents(image)
    # A row of channels is an image of one pixel.
    taken, *rows_and_columns = [*op.ranges, range(1), range(1)][:3]
    kernel = [
        extent - (part[-1] - part[0])
        for extent, part in zip(extents, rows_and_columns, strict=True)
    ]
    tap = tuple(part.start for part in rows_and_columns)
    strides = [part.step for part in rows_and_columns]
    if taken == range(channels):
        weights = np.zeros((channels, 1, *kernel), np.bool_)
        weights[:, 0, tap[0], tap[1]] = True
        return _moving_job(image, weights, _depthwise(channels, strides))
    weights = np.zeros((len(taken), channels, *kernel), np.bool_)
    weights[np.arange(len(taken)), list(taken), tap[0], tap[1]] = True
    return _moving_job(image, weights, ConvolutionWindow(strides=i64_array(strides)))


def padding_job(image: SSAValue, op: layout.PadOp) -> list[Operation]:
    """Return the ops of a job that puts zeros around an image."""
    channels = tensors.extents(image)[0]
    # A row of channels is an image of one pixel.
    before, *begin = [*op.low.get_values(), 0, 0][:3]
    behind, *end = [*op.high.get_values(), 0, 0][:3]
    weights = np.eye(before + channels + behind, channels, -before, np.bool_)
    window = ConvolutionWindow(pads=i64_array([*begin, *end]))
    return _moving_job(image, weights[:, :, None, None], window)


def joining_jobs(images: Sequence[SSAValue]) -> list[Operation]:
    """Return the ops of jobs that put the channels of images one behind the other.

    Each job adds one image's channels, at their places, to what the job before it has left.
    """
    together = sum(tensors.extents(image)[0] for image in images)
    ops: list[Operation] = []
    joined: SSAValue | None = None
    first = 0
    for image in images:
        channels = tensors.extents(image)[0]
        weights = np.eye(together, channels, -first, np.bool_)
        ops += _moving_job(image, weights[:, :, None, None], ConvolutionWindow(), joined)
        joined = ops[-1].results[0]
        first += channels
    return ops


def averaging_job(image: SSAValue, op: int8.AveragePoolOp) -> list[Operation] | None:
    """Return the ops of a job that averages windows; None if the engine's multiplier is too short.

    The sum of `2**k * x`, times `c << (30 - s - k)`, is the average's `sum * c >> s`, with the
    largest `k` that leaves the shift at most 30.
    """
    (count,) = op.pixel_counts
    factor = fixed_point.average_factor(count, op.exponent_difference)
    if factor is None or factor.shift > fixed_point.REQUANTIZE_SHIFT:
        return None
    weight_shift = min(pow2.LARGEST_SHIFT, fixed_point.REQUANTIZE_SHIFT - factor.shift)
    multiplier = factor.multiplier << (fixed_point.REQUANTIZE_SHIFT - factor.shift - weight_shift)
    element_type = i32 if tensors.tensor_type(op.output).element_type == i32 else i8
    requantization = dataflow.Requantization(
        [multiplier],
        i64_array(storage_bounds(element_type)),
        scale_of(op.output),
        element_type,
    )
    channels = tensors.extents(image)[0]
    weights = np.ones((channels, 1, *op.kernel_shape.get_values()), np.bool_)
    return _summing_job(
        image,
        weights,
        weight_shift,
        requantization,
        _depthwise(channels)._replace(strides=op.strides, pads=op.pads),
    )
