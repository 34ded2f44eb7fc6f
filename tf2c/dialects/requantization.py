"""What ops have in common that scale accumulators to stored numbers (`int8`, `dataflow`)."""

from xdsl.ir import SSAValue
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import tensors
from tf2c.dialects.scales import (
    scale_of,
    storage_bounds,
    verify_scale,
    verify_stored_per_tensor,
)
from tf2c.dialects.tensors import I64Array
from tf2c.numerics import fixed_point


def residual_shift(residual: SSAValue | None, output: SSAValue) -> int:
    """Return `t = 30 + e_residual - e_output`; 0 without a residual."""
    if residual is None:
        return 0
    difference = scale_of(residual).values[0] - scale_of(output).values[0]
    return fixed_point.REQUANTIZE_SHIFT + int(difference)


def verify_residual(residual: SSAValue | None, output: SSAValue) -> None:
    """Raise unless a residual has one scale, and a shift that keeps the sum within int64."""
    if residual is None:
        return
    verify_scale(residual)
    verify_stored_per_tensor(residual)
    shift = residual_shift(residual, output)
    if not 0 <= shift <= fixed_point.RESIDUAL_SHIFT_LIMIT:
        raise VerifyException(
            f"expected a residual shift in 0..{fixed_point.RESIDUAL_SHIFT_LIMIT}, got {shift}"
        )


def verify_bounds(bounds: I64Array, output: SSAValue) -> None:
    """Raise unless there are two numbers in order that the result's elements can be."""
    values = bounds.get_values()
    element_type = tensors.tensor_type(output).element_type
    low, high = storage_bounds(element_type)
    if len(values) != 2 or not low <= values[0] <= values[1] <= high:
        raise VerifyException(f"expected two ordered {element_type} `bounds`, got {list(values)}")


def verify_factor(what: str, factor: I64Array, channels: int, low: int, high: int) -> None:
    """Raise unless there is one factor in `low..high`, or one per channel."""
    values = tensors.integers(factor)
    if values.size not in (1, channels):
        raise VerifyException(f"expected 1 or {channels} of `{what}`, got {values.size}")
    if values.min() < low or values.max() > high:
        raise VerifyException(
            f"expected `{what}` in {low}..{high}, got {values.min()}..{values.max()}"
        )
