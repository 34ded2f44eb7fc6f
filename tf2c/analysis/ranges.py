"""Bounds of accumulators, proven from the real weights and the real bounds of the inputs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.ir import SSAValue

from tf2c.analysis.constants import constant_array
from tf2c.dialects import dataflow, int8, shift
from tf2c.numerics import fixed_point, pow2

AccumulatingOp = int8.ConvOp | int8.GemmOp | shift.ConvOp | shift.GemmOp | dataflow.JobOp


class Interval(NamedTuple):
    """Every value lies in `low..high`."""

    low: int
    high: int


def stored_interval(value: SSAValue) -> Interval:
    """Return the bounds of a stored tensor's elements, 0 included because padding is 0."""
    owner = value.owner
    while isinstance(owner, int8.MaxPoolOp | int8.FlattenOp | dataflow.InputOp):
        owner = owner.input.owner
    if isinstance(owner, int8.RequantizeOp) or (
        isinstance(owner, dataflow.JobOp) and not owner.is_raw
    ):
        low, high = owner.bounds.get_values()
        return Interval(min(low, 0), max(high, 0))
    return Interval(fixed_point.INT8_MIN, fixed_point.INT8_MAX)


def integer_weights(op: AccumulatingOp) -> npt.NDArray[np.int8]:
    """Return a layer's weights as integers `[M, ...]`, decoded if they are codes."""
    elements = constant_array(op.weight)
    return elements if isinstance(op, int8.ConvOp | int8.GemmOp) else pow2.decode(elements)


def accumulator_bounds(
    op: AccumulatingOp,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the least and greatest final accumulator of each filter, `[M]` each.

    `bias + sum of min(w * low, w * high)` and the same with `max`, over the filter's weights and
    the input's bounds: what inputs anywhere within those bounds, and padding, can reach.
    """
    weights = integer_weights(op).astype(np.int64)
    rows = weights.reshape(len(weights), -1)
    bias = constant_array(op.bias).astype(np.int64)
    interval = stored_interval(op.input)
    positive, negative = np.maximum(rows, 0).sum(axis=1), np.minimum(rows, 0).sum(axis=1)
    least = bias + positive * interval.low + negative * interval.high
    greatest = bias + positive * interval.high + negative * interval.low
    return least, greatest


def accumulator_bits(op: AccumulatingOp) -> int:
    """Return the width of the signed integers that hold every final accumulator of a layer."""
    least, greatest = accumulator_bounds(op)
    magnitude = max(int(greatest.max()), -int(least.min()) - 1, 0)
    return magnitude.bit_length() + 1
