"""ONNX's ops that move elements along their axes: Concat, Pad, Slice, Transpose, and no-ops."""

from collections.abc import Sequence

import numpy as np
import onnx
from xdsl.ir import SSAValue

from tf2c.dialects import layout, tensors
from tf2c.frontends.onnx.node import REFERENCE, Layer, Merged

BATCH_STAYS = "each image is computed on its own"


def identity(layer: Layer) -> SSAValue | Merged:
    """`Identity`, and what is one at inference."""
    return layer.maybe_merged(0)


def dropout(layer: Layer) -> SSAValue | Merged:
    """`Dropout`, which vanishes at inference."""
    if layer.has_input(2) and layer.array(2).any():
        raise layer.refusal(
            "expected `training_mode` false of `Dropout`, got true",
            "export the model for inference",
        )
    return identity(layer)


def cast(layer: Layer) -> SSAValue | Merged:
    """`Cast` of a computed tensor to what it is already."""
    target = layer.integer("to", 0)
    if target != onnx.TensorProto.FLOAT:
        kind = onnx.TensorProto.DataType.Name(target)
        raise layer.refusal(
            f"expected a cast to FLOAT, got {kind}", "computed tensors are float32: export as such"
        )
    return identity(layer)


def concat(layer: Layer) -> SSAValue:
    """`Concat` along an axis behind the batch."""
    inputs = [layer.tensor(index) for index in range(len(layer.inputs))]
    axis = layer.axis(layer.integer("axis", 1), len(tensors.shape(inputs[0])))
    if axis == 0:
        raise layer.refusal("expected an axis behind the batch, got 0", BATCH_STAYS)
    return inputs[0] if len(inputs) == 1 else layer.insert(layout.ConcatOp(inputs, axis))


def transpose(layer: Layer) -> SSAValue:
    """`Transpose` that keeps the batch first."""
    tensor = layer.tensor(0)
    rank = len(tensors.shape(tensor))
    permutation = layer.integers("perm", range(rank)[::-1])
    if permutation == list(range(rank)):
        return tensor
    if sorted(permutation) == list(range(rank)) and permutation[0] != 0:
        raise layer.refusal(f"expected `perm` with the batch first, got {permutation}", BATCH_STAYS)
    return layer.insert(layout.TransposeOp(tensor, permutation))


def pad(layer: Layer) -> SSAValue:
    """`Pad` with zeros; negative pads cut off."""
    tensor = layer.tensor(0)
    layer.expect("mode", "constant", "constant")
    value = layer.real("value", 0.0)
    if layer.opset >= 11 and layer.has_input(2):
        value = float(np.asarray(layer.array(2)).reshape(-1)[0])
    if value != 0:
        raise layer.refusal(f"expected a Pad with 0, got {value:g}", REFERENCE)
    low, high = _pads_per_axis(layer, len(tensors.shape(tensor)))
    if low[0] or high[0]:
        raise layer.refusal(f"expected no pads of the batch, got {low[0]} and {high[0]}")
    extents = tensors.extents(tensor)
    starts = [max(-each, 0) for each in low[1:]]
    ends = [extent + min(each, 0) for extent, each in zip(extents, high[1:], strict=True)]
    tensor = _part(layer, tensor, starts, ends, [1] * len(extents))
    low, high = [max(each, 0) for each in low[1:]], [max(each, 0) for each in high[1:]]
    return layer.insert(layout.PadOp(tensor, low, high)) if any(low + high) else tensor


def _pads_per_axis(layer: Layer, rank: int) -> tuple[list[int], list[int]]:
    """Return the pads in front of and behind each axis."""
    pads = layer.parameter("pads", 1, since=11) or []
    axes = (layer.parameter("axes", 3, since=18) if layer.opset >= 18 else None) or range(rank)
    if len(pads) != 2 * len(axes):
        raise layer.refusal(f"expected {2 * len(axes)} `pads`, got {pads}")
    low, high = [0] * rank, [0] * rank
    for index, axis in enumerate(axes):
        low[layer.axis(axis, rank)] = pads[index]
        high[layer.axis(axis, rank)] = pads[index + len(axes)]
    return low, high


def slice_(layer: Layer) -> SSAValue:
    """`Slice` with positive steps that takes every image."""
    tensor = layer.tensor(0)
    rank = len(tensors.shape(tensor))
    starts, ends = layer.parameter("starts", 1, since=10), layer.parameter("ends", 2, since=10)
    if starts is None or ends is None:
        raise layer.refusal("expected `starts` and `ends`, got none")
    axes = layer.parameter("axes", 3, since=10) or list(range(len(starts)))
    strides = (layer.parameter("steps", 4, since=10) if layer.opset >= 10 else None) or (
        [1] * len(starts)
    )
    if not len(starts) == len(ends) == len(axes) == len(strides):
        raise layer.refusal("expected as many `starts` as `ends`, `axes` and `steps`, got others")
    taken = [range(extent) for extent in (0, *tensors.extents(tensor))]
    for start, end, axis, step in zip(starts, ends, axes, strides, strict=True):
        axis = layer.axis(axis, rank)
        if step < 1:
            raise layer.refusal(
                f"expected `steps` >= 1, got {step}", "reversed slices are not supported"
            )
        if axis == 0:
            _expect_whole_batch(layer, start, end, step)
            continue
        extent = tensors.shape(tensor)[axis]
        taken[axis] = range(*slice(start, end, step).indices(extent))
        if not taken[axis]:
            raise layer.refusal(
                f"expected a slice with elements along axis {axis} of extent {extent}, got none"
            )
    parts = taken[1:]
    return _part(
        layer,
        tensor,
        [part.start for part in parts],
        [part.stop for part in parts],
        [part.step for part in parts],
    )


def _expect_whole_batch(layer: Layer, start: int, end: int, step: int) -> None:
    """Refuse a slice that leaves images out; an end beyond any batch takes all."""
    most = layer.shared.batch or np.iinfo(np.int32).max
    if start != 0 or end < most or step != 1:
        raise layer.refusal(
            f"expected a slice with the whole batch, got {start}..{end} by {step}", BATCH_STAYS
        )


def _part(
    layer: Layer,
    tensor: SSAValue,
    starts: Sequence[int],
    ends: Sequence[int],
    strides: Sequence[int],
) -> SSAValue:
    """Slice a tensor, unless everything is taken."""
    extents = tensors.extents(tensor)
    if not any(starts) and tuple(ends) == extents and set(strides) <= {1}:
        return tensor
    return layer.insert(layout.SliceOp(tensor, starts, ends, strides))
