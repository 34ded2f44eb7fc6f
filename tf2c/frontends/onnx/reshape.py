"""ONNX's ops that give a tensor another shape; what matters is where the batch goes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.ir import SSAValue

from tf2c.dialects import layout, tensors
from tf2c.dialects.tensors import dimension_text
from tf2c.frontends.onnx.node import BATCH, Layer, Merged

BATCH_FIRST = "keep the batch as the first dimension: reshape to [0, ...] or [batch, ...]"


def shape(layer: Layer) -> npt.NDArray[Any]:
    """`Shape`: the extents as numbers, the batch as a number where the model says it."""
    value = layer.value(0)
    dimensions: list[Any]
    if isinstance(value, np.ndarray):
        dimensions = list(value.shape)
    else:
        batch = layer.shared.batch
        if isinstance(value, Merged):
            if batch is None:
                raise layer.refusal(
                    "expected a shape of known extents, got the symbolic batch times an extent",
                    "export the model with a static batch",
                )
            most, *rest = tensors.extents(value.tensor)
            dimensions = [batch * most, *rest]
        else:
            dimensions = [BATCH if batch is None else batch, *tensors.extents(value)]
    # From opset 15 on, a part of the shape.
    part = slice(layer.integer("start", 0), layer.attributes.get("end"))
    dimensions = dimensions[part]
    kind = np.object_ if BATCH in dimensions else np.int64
    return np.array(dimensions, kind)


def flatten(layer: Layer) -> SSAValue | Merged:
    """`Flatten`, which merges the batch with extents if `axis` is above 1."""
    value = layer.maybe_merged(0)
    outer = _merged_extents(value)
    extents = _rest(value)
    rank = len(extents) + 1
    axis = layer.integer("axis", 1)
    # The rank itself is an axis here: everything in front of it is merged.
    axis = rank if axis == rank else layer.axis(axis, rank)
    if axis == 0:
        raise layer.refusal("expected `axis` >= 1 of `Flatten`, got 0", BATCH_FIRST)
    outer *= math.prod(extents[: axis - 1])
    return _reshaped(layer, value, outer, [math.prod(extents[axis - 1 :])])


def squeeze(layer: Layer) -> SSAValue:
    """`Squeeze`."""
    tensor = layer.tensor(0)
    dimensions = tensors.shape(tensor)
    axes = layer.parameter("axes", 1, since=13)
    if axes is None:
        if layer.shared.batch == 1:
            raise layer.refusal(
                "expected `axes` of `Squeeze`, got none, which removes the batch of 1",
                "name the axes",
            )
        axes = [axis for axis, extent in enumerate(dimensions) if extent == 1]
    removed = {layer.axis(axis, len(dimensions)) for axis in axes}
    if 0 in removed:
        raise layer.refusal("expected `axes` behind the batch, got 0", BATCH_FIRST)
    if any(dimensions[axis] != 1 for axis in removed):
        raise layer.refusal(
            f"expected `axes` of extent 1 of {dimension_text(dimensions)}, got {axes}"
        )
    rest = [extent for axis, extent in enumerate(dimensions) if axis not in removed]
    return layer.insert(layout.ReshapeOp(tensor, rest[1:])) if removed else tensor


def unsqueeze(layer: Layer) -> SSAValue:
    """`Unsqueeze`."""
    tensor = layer.tensor(0)
    axes = layer.parameter("axes", 1, since=13) or []
    rank = len(tensors.shape(tensor)) + len(axes)
    added = {layer.axis(axis, rank) for axis in axes}
    if 0 in added:
        raise layer.refusal("expected `axes` behind the batch, got 0", BATCH_FIRST)
    if len(added) != len(axes):
        raise layer.refusal(f"expected different `axes`, got {axes}")
    extents = iter(tensors.extents(tensor))
    wider = [1 if axis in added else next(extents) for axis in range(1, rank)]
    return layer.insert(layout.ReshapeOp(tensor, wider)) if added else tensor


def reshape(layer: Layer) -> SSAValue | Merged:
    """`Reshape` to a shape that is known at import but for the batch."""
    value = layer.maybe_merged(0)
    target = layer.movable(1)
    if target.dtype.kind not in "iuO" or target.ndim != 1:
        raise layer.refusal(
            f"expected a list of integers as shape, got {target.dtype} of rank {target.ndim}"
        )
    if not len(target):
        raise layer.refusal("expected a batch as the first dimension, got a scalar", BATCH_FIRST)
    dimensions: list[Any] = target.tolist()
    if any(each is not BATCH and each < -1 for each in dimensions):
        raise layer.refusal(f"expected dimensions >= -1, got {dimensions}")
    if dimensions.count(-1) > 1:
        raise layer.refusal(f"expected at most one -1, got {dimensions}")
    rest = _known_rest(layer, value, dimensions)
    outer = _outer_extent(layer, value, dimensions, rest)
    per_image = math.prod(tensors.extents(value.tensor if isinstance(value, Merged) else value))
    if -1 in rest:
        others = outer * -math.prod(rest)
        rest[rest.index(-1)] = per_image // others if per_image % others == 0 else 0
    if outer * math.prod(rest) != per_image:
        raise layer.refusal(
            f"expected a shape with {per_image} elements per image, got {dimensions}", BATCH_FIRST
        )
    return _reshaped(layer, value, outer, rest)


def _known_rest(layer: Layer, value: SSAValue | Merged, dimensions: Sequence[Any]) -> list[int]:
    """Return the dimensions behind the first, those that are copied filled in."""
    extents = _rest(value)
    copies = not layer.integer("allowzero", 0)
    rest: list[int] = []
    for index, dimension in enumerate(dimensions[1:]):
        if dimension is BATCH:
            raise layer.refusal(
                f"expected the batch as the first dimension, got {list(dimensions)}", BATCH_FIRST
            )
        if dimension == 0 and (not copies or index >= len(extents)):
            raise layer.refusal(f"expected dimensions with elements, got {list(dimensions)}")
        rest.append(int(dimension) or extents[index])
    return rest


def _outer_extent(
    layer: Layer, value: SSAValue | Merged, dimensions: Sequence[Any], rest: Sequence[int]
) -> int:
    """Return what the first dimension is besides the batch: 1, or the extent merged with it."""
    first = dimensions[0]
    per_image = _merged_extents(value) * math.prod(_rest(value))
    if first is BATCH:
        return 1
    if first == 0:
        if layer.integer("allowzero", 0):
            raise layer.refusal(f"expected dimensions with elements, got {list(dimensions)}")
        return _merged_extents(value)
    if first == -1:
        if per_image % math.prod(rest):
            raise layer.refusal(
                f"expected a shape that keeps images of {per_image} elements apart, got "
                f"{list(dimensions)}",
                BATCH_FIRST,
            )
        return per_image // math.prod(rest)
    batch = layer.shared.batch
    if batch is None:
        raise layer.refusal(
            f"expected the symbolic batch as the first dimension, got {list(dimensions)}",
            f"{BATCH_FIRST}, or export the model with a static batch",
        )
    if first % batch:
        raise layer.refusal(
            f"expected the batch of {batch} as the first dimension, got {list(dimensions)}",
            BATCH_FIRST,
        )
    return int(first) // batch


def _merged_extents(value: SSAValue | Merged) -> int:
    return tensors.extents(value.tensor)[0] if isinstance(value, Merged) else 1


def _rest(value: SSAValue | Merged) -> tuple[int, ...]:
    """Return ONNX's dimensions behind the first."""
    if isinstance(value, Merged):
        return tensors.extents(value.tensor)[1:]
    return tensors.extents(value)


def _reshaped(
    layer: Layer, value: SSAValue | Merged, outer: int, rest: Sequence[int]
) -> SSAValue | Merged:
    """Return a value in ONNX's shape `[N * outer, *rest]`."""
    tensor = value.tensor if isinstance(value, Merged) else value
    extents = tuple(rest) if outer == 1 and rest else (outer, *rest)
    if extents != tensors.extents(tensor):
        tensor = layer.insert(layout.ReshapeOp(tensor, extents))
    return tensor if outer == 1 and rest else Merged(tensor)
