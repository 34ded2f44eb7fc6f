"""The tensor that each of the user's layers leaves, at any level, and which of two levels match.

A layer's tensor is the result of the last op with the layer's name: behind its activation, its
residual and its requantization. Another shape of the same elements is not another tensor. What is
quantized first is the layer `(input)`. Ops without a layer's name, as in IR that was written by
hand, are numbered: `int8.conv 1`.

Layers match by their names. Where one level has a layer that the other has not, such as a pooling
that became a part of the job of the convolution in front of it, the layer that it became a part of
leaves its tensor. A layer of which another level has only what it became together with others, as
with the pooling of its concatenation, matches nothing. Only tensors with as many elements per image
match.
"""

from typing import NamedTuple

from xdsl.dialects.builtin import NameLoc, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.constants import ConstantOp
from tf2c.dialects import dataflow, int8, layout, tensors
from tf2c.dialects.layers import is_joint, layer_name, names_within

INPUT = "(input)"
"""The layer that is the network's input, as it is stored."""


class LayerTensor(NamedTuple):
    """A layer and what it leaves."""

    layer: str
    value: SSAValue
    source: str | None
    """The last layer that it reads; None for the input."""


def layer_tensors(function: FuncOp) -> dict[str, LayerTensor]:
    """Return what each layer of a network leaves, by its name, in running order."""
    argument = function.args[0]
    found = {INPUT: LayerTensor(INPUT, argument, None)}
    layers: dict[SSAValue, str] = {argument: INPUT}
    counts: dict[str, int] = {}
    for op in function.body.block.ops:
        if isinstance(op, ConstantOp | ReturnOp) or not op.results:
            continue
        value = op.results[0]
        if isinstance(op, layout.ReshapeOp) or (isinstance(op, dataflow.InputOp) and op.is_folded):
            layers[value] = layers[op.input]
            continue
        if not isinstance(value.type, TensorType):
            continue
        layer = _name(op, counts)
        read = {layers[each] for each in op.operands if each in layers} - {layer}
        layers[value] = layer
        previous = found.get(layer)
        if previous is not None and previous.source is not None:
            read.add(previous.source)
        source = max(read, key=list(found).index, default=None)
        if layer != INPUT:
            found.pop(layer, None)  # in the order of the layers' last ops
        found[layer] = LayerTensor(layer, value, source)
    return found


def _name(op: Operation, counts: dict[str, int]) -> str:
    if isinstance(op.location, NameLoc):
        return layer_name(op)
    if isinstance(op, int8.QuantizeOp | dataflow.InputOp):
        return INPUT
    counts[op.name] = counts.get(op.name, 0) + 1
    return f"{op.name} {counts[op.name]}"


def matching_layers(
    first: dict[str, LayerTensor], second: dict[str, LayerTensor]
) -> list[tuple[LayerTensor, LayerTensor]]:
    """Return the tensors of two levels of a network that stand for the same, in running order."""
    matching: list[tuple[LayerTensor, LayerTensor]] = []
    left, right = _parts(first, second), _parts(second, first)
    for layer in first:
        if layer in second:
            pairs = (
                *((one, second[layer]) for one in left[layer]),
                *((first[layer], other) for other in right[layer]),
                (first[layer], second[layer]),
            )
            pair = next((pair for pair in pairs if _have_equal_sizes(*pair)), None)
            if pair is not None:
                matching.append(pair)
    return matching


def _parts(
    own: dict[str, LayerTensor], others: dict[str, LayerTensor]
) -> dict[str, list[LayerTensor]]:
    """Return for each layer that both have which others became a part of it, the last first."""
    found: dict[str, list[LayerTensor]] = {}
    part_of: dict[str, str] = {}
    joint = {name for other in others for name in names_within(other)}
    for layer, tensor in own.items():
        if layer in others:
            found[layer] = []
            if layer != INPUT:  # it computes nothing
                part_of[layer] = layer
        elif tensor.source in part_of and layer not in joint and not is_joint(layer):
            part_of[layer] = part_of[tensor.source]
            found[part_of[layer]].insert(0, tensor)
    return found


def _have_equal_sizes(one: LayerTensor, other: LayerTensor) -> bool:
    return tensors.flattened(one.value) == tensors.flattened(other.value)
