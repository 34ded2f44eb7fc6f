"""What integer weights stand for."""

import numpy as np
import numpy.typing as npt

from tf2c.dialects import int8, shift, tensors
from tf2c.dialects.scales import scale_of
from tf2c.numerics import fixed_point

SumsOp = int8.ConvOp | int8.GemmOp | shift.ConvOp | shift.GemmOp


def requantization_of(sums: SumsOp) -> int8.RequantizeOp | None:
    """Return what a layer's accumulators go into; None where they are kept."""
    users = [use.operation for use in sums.output.uses]
    return next((user for user in users if isinstance(user, int8.RequantizeOp)), None)


def weight_units(sums: SumsOp) -> npt.NDArray[np.float64]:
    """Return the real number that 1 stands for in each filter's weights, `[M]`.

    Where a requantization multiplies, that is a part of it: the filter's results, as they are
    stored, are those of real weights `units * weight`.
    """
    filters = tensors.shape(sums.weight)[0]
    source = int(scale_of(sums.input).values[0])
    stored = requantization_of(sums)
    if stored is None:
        finer = scale_of(sums.output).values - source
        return np.exp2(np.broadcast_to(finer, filters).astype(np.float64))
    # One step of the sums is so many steps of what is stored.
    moved = np.broadcast_to(stored.multipliers, filters) / 2.0**fixed_point.REQUANTIZE_SHIFT
    return moved * 2.0 ** (int(scale_of(stored.output).values[0]) - source)
