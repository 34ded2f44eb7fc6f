"""Where a network ends: its outputs, or tensors that the user names, and what they need."""

import difflib
from collections.abc import Iterable, Sequence

import onnx

from tf2c.errors import UserError
from tf2c.frontends.onnx.file import OnnxFile

NEAR_MATCHES = 3


def resolve_outputs(
    file: OnnxFile, names: Sequence[str], outputs: Sequence[str]
) -> tuple[str, ...]:
    """Return the tensors at which a network ends.

    Args:
        file: the model.
        names: its layers' names, one per node.
        outputs: tensors, or layers with one output; the model's own outputs if there are none.

    Raises:
        UserError: one of them is unknown, an input or a constant.
    """
    nodes = file.nodes
    by_layer = {
        name: [output for output in node.output if output]
        for name, node in zip(names, nodes, strict=True)
    }
    computed = {name for node in nodes for name in node.output if name}
    inputs = {entry.name for entry in file.inputs}
    found: list[str] = []
    for name in outputs or file.outputs:
        if name in computed:
            found.append(name)
        elif name in inputs or name in file.weights:
            raise not_computed(file, name, "an input" if name in inputs else "a constant")
        elif len(by_layer.get(name, ())) == 1:
            found += by_layer[name]
        elif name in by_layer:
            tensors = ", ".join(f"`{tensor}`" for tensor in by_layer[name])
            raise UserError(
                f"{file.path}: expected a layer with one output, got `{name}` with {tensors}",
                hint="name the tensor",
            )
        else:
            near = difflib.get_close_matches(name, sorted({*computed, *by_layer}), NEAR_MATCHES)
            raise UserError(
                f"{file.path}: expected a tensor or layer of the model as output, got `{name}`",
                hint=f"near matches are {', '.join(f'`{each}`' for each in near)}"
                if near
                else "a viewer such as Netron shows the names",
            )
    if not found:
        raise UserError(f"{file.path}: expected outputs, got none")
    return tuple(found)


def not_computed(file: OnnxFile, name: str, got: str) -> UserError:
    """Return the refusal of an output that no layer computes."""
    return UserError(
        f"{file.path}: expected a computed output, got `{name}`, which is {got}",
        hint="end the network at other tensors with `--outputs`",
    )


def needed_nodes(
    nodes: Sequence[onnx.NodeProto], outputs: Iterable[str]
) -> tuple[list[int], set[str]]:
    """Return the indices of the nodes that outputs need, in order, and all tensors they read."""
    needed = set(outputs)
    indices: list[int] = []
    # ONNX lists every node behind those that it reads.
    for index in reversed(range(len(nodes))):
        if needed.intersection(name for name in nodes[index].output if name):
            indices.append(index)
            needed.update(name for name in nodes[index].input if name)
            needed.update(_captured(nodes[index]))
    return indices[::-1], needed


def _captured(node: onnx.NodeProto) -> set[str]:
    """Return what the subgraphs of a node read from outside."""
    names: set[str] = set()
    for attribute in node.attribute:
        for subgraph in [attribute.g, *attribute.graphs]:
            for inner in subgraph.node:
                names.update(name for name in inner.input if name)
                names.update(_captured(inner))
    return names
