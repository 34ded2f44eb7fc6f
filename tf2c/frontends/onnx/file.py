"""The file of an ONNX model: read, checked, and taken apart into nodes and weights."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from tf2c.errors import UserError

OPSETS = range(7, 22)
"""Versions of the default operator set whose meaning of the supported ops is implemented."""

DEFAULT_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class OnnxFile:
    """A model that ONNX's checker accepts."""

    path: Path
    opset: int
    """Version of the default operator set."""
    nodes: list[onnx.NodeProto]
    inputs: list[onnx.ValueInfoProto]
    """Those that no initializer gives a value to."""
    outputs: list[str]
    weights: dict[str, npt.NDArray[Any]]
    """The initializers by name; float32 ones are not copied."""


def read_onnx(path: Path) -> OnnxFile:
    """Read a model and check it.

    Raises:
        UserError: it cannot be read, or its operator set is another one.
    """
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise UserError(f"{path}: expected an ONNX model, got {got}")
    try:
        # By its path, so that the checker needs no second copy of the model in our memory.
        # onnx annotates its path parameters only partially.
        onnx.checker.check_model(path)  # pyright: ignore[reportUnknownMemberType]
        model = onnx.load_model(path, format="protobuf")  # pyright: ignore[reportUnknownMemberType]
    except (DecodeError, onnx.checker.ValidationError, ValueError, OSError) as error:
        _expect_known_opset(path)
        raise _damage(path, error) from error
    opset = _default_opset(path, model)
    try:
        weights = {each.name: tensor_array(each) for each in model.graph.initializer}
    except (TypeError, ValueError) as error:
        raise _damage(path, error) from error
    if model.graph.sparse_initializer:
        name = model.graph.sparse_initializer[0].values.name
        raise UserError(
            f"{path}: expected dense weights, got the sparse initializer `{name}`",
            hint="export the model without sparse tensors",
        )
    # Copies of what is small, so that the model's own memory can be freed.
    small = onnx.GraphProto(node=model.graph.node, input=model.graph.input)
    inputs = [entry for entry in small.input if entry.name not in weights]
    outputs = [entry.name for entry in model.graph.output]
    return OnnxFile(path, opset, list(small.node), inputs, outputs, weights)


def tensor_array(tensor: onnx.TensorProto) -> npt.NDArray[Any]:
    """Return the elements of a tensor in the file, numbers without a copy.

    Raises:
        TypeError: NumPy does not have its elements.
        ValueError: there are not as many elements as its shape says.
    """
    array = numpy_helper.to_array(tensor)
    # Arrays of objects are shapes with a symbolic batch; texts are nothing of that kind.
    return array.astype(str) if array.dtype == np.object_ else array


def _damage(path: Path, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else "damaged contents"
    return UserError(
        f"{path}: expected an ONNX model, got a file that does not load ({reason})",
        hint="`onnx.checker.check_model` refuses it: is the file complete, with all its parts "
        "beside it, and of this kind?",
    )


def _expect_known_opset(path: Path) -> None:
    """Refuse the operator set of a model that the checker refuses, if that is the reason."""
    try:
        model = onnx.load_model(  # pyright: ignore[reportUnknownMemberType]
            path, format="protobuf", load_external_data=False
        )
    except (DecodeError, ValueError, OSError):
        return
    if model.opset_import:
        _default_opset(path, model)


def _default_opset(path: Path, model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS]
    opset = versions[0] if versions else 0
    if opset not in OPSETS:
        raise UserError(
            f"{path}: expected an opset in {OPSETS.start}..{OPSETS.stop - 1}, got {opset}",
            hint="convert the model with `onnx.version_converter`",
        )
    return opset


def layer_names(nodes: Iterable[onnx.NodeProto]) -> list[str]:
    """Return a unique name for each node: its own, or its first output's.

    Names that nodes have alone or first are kept; whoever comes second is called after its
    output, and with a number if that is taken, too.
    """
    nodes = list(nodes)
    taken: dict[str, int] = {}
    for index, node in enumerate(nodes):
        if node.name:
            taken.setdefault(node.name, index)
    owned = {index: name for name, index in taken.items()}
    names: list[str] = []
    for index, node in enumerate(nodes):
        if index in owned:
            names.append(owned[index])
            continue
        base = next((name for name in node.output if name), node.name or node.op_type)
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken[name] = index
        names.append(name)
    return names
