"""Bounds of accumulators, proven from the real weights and the real bounds of the inputs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.ir import SSAValue

from tf2c.analysis.constants import constant_array
from tf2c.dialects import dataflow, int8, layout, shift, tensors
from tf2c.dialects.scales import storage_bounds
from tf2c.numerics import fixed_point, pow2, weight_bytes

AccumulatingOp = int8.ConvOp | int8.GemmOp | shift.ConvOp | shift.GemmOp | dataflow.JobOp


KeepingOp = (
    int8.MaxPoolOp | layout.MovingOp | dataflow.InputOp | dataflow.ConcatOp | dataflow.ChannelsOp
)
"""An op whose results are elements of its operands, or padding."""


class Interval(NamedTuple):
    """Every value lies in `low..high`."""

    low: int
    high: int


def stored_interval(value: SSAValue) -> Interval:
    """Return the bounds of a stored tensor's elements, 0 included because padding is 0."""
    owner = value.owner
    match owner:
        case int8.RequantizeOp() | int8.AddOp() | shift.RescaleOp():
            low, high = owner.bounds.get_values()
        case dataflow.JobOp() if not owner.is_raw:
            low, high = owner.bounds.get_values()
        case int8.AveragePoolOp() | dataflow.AverageOp() if stored_interval(owner.input).low == 0:
            low, high = 0, storage_bounds(tensors.tensor_type(value).element_type)[1]
        case _ if isinstance(owner, KeepingOp):
            intervals = [stored_interval(operand) for operand in owner.operands]
            low = min(interval.low for interval in intervals)
            high = max(interval.high for interval in intervals)
        case _:
            low, high = storage_bounds(tensors.tensor_type(value).element_type)
    return Interval(min(low, 0), max(high, 0))


def integer_weights(op: AccumulatingOp) -> npt.NDArray[np.int8] | npt.NDArray[np.int64]:
    """Return a layer's weights as integers `[M, ...]`, decoded if they are codes or bytes."""
    elements = constant_array(op.weight)
    if isinstance(op, int8.ConvOp | int8.GemmOp):
        return elements
    if shift.has_bytes(op.weight):
        return weight_bytes.decode(elements)
    return pow2.decode(elements, shift.code_terms(op.weight))


def accumulator_bounds(
    op: AccumulatingOp,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the least and greatest final accumulator of each filter, `[M]` each.

    `bias + sum of min(w * low, w * high)` and the same with `max`, over the filter's weights and
    the input's bounds: what inputs anywhere within those bounds, and padding, can reach.
    """
    weights = integer_weights(op)
    rows = weights.reshape(len(weights), -1)
    bias = constant_array(op.bias).astype(np.int64)
    interval = stored_interval(op.input)
    negated = interval
    if isinstance(op, shift.ConvOp | shift.GemmOp) and op.negates_in_8_bits is not None:
        # To a negative weight, -128 is as good as 128.
        lowest = fixed_point.INT8_MIN
        high = -lowest if interval.low == lowest else interval.high
        negated = Interval(max(interval.low, lowest + 1), high)
    positive, negative = (
        bound(rows, 0).sum(axis=1, dtype=np.int64) for bound in (np.maximum, np.minimum)
    )
    least = bias + positive * interval.low + negative * negated.high
    greatest = bias + positive * interval.high + negative * negated.low
    return least, greatest


def accumulator_bits(op: AccumulatingOp) -> int:
    """Return the width of the signed integers that hold every final accumulator of a layer."""
    least, greatest = accumulator_bounds(op)
    magnitude = max(int(greatest.max()), -int(least.min()) - 1, 0)
    return magnitude.bit_length() + 1
