"""Types of `graph`: tensors of real numbers."""

from collections.abc import Sequence

from xdsl.dialects.builtin import DYNAMIC_INDEX, Float32Type, FloatAttr, TensorType, f32
from xdsl.irdl import base

FloatTensorConstraint = TensorType.constr(base(Float32Type))

FloatConstraint = FloatAttr.constr(type=base(Float32Type))


def images_type(extents: Sequence[int]) -> TensorType[Float32Type]:
    """Return the type of a float tensor with these extents behind the batch."""
    return TensorType(f32, [DYNAMIC_INDEX, *extents])


def real(value: float) -> FloatAttr[Float32Type]:
    """Return a real number as an attribute."""
    return FloatAttr(value, f32)
