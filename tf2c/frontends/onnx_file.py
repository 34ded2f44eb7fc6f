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

SMALL_TENSOR = 1024
"""Bytes of an initializer that may be a shape, which shape inference wants to look at."""


@dataclass(frozen=True)
class OnnxFile:
    """A model that ONNX's checker accepts."""

    path: Path
    opset: int
    """Version of the default operator set."""
    skeleton: onnx.ModelProto
    """The model, with large initializers as mere inputs."""
    weights: dict[str, npt.NDArray[Any]]
    """The initializers by name; float32 ones are not copied."""

    @property
    def inputs(self) -> list[onnx.ValueInfoProto]:
        """The inputs that no initializer gives a value to."""
        return [entry for entry in self.skeleton.graph.input if entry.name not in self.weights]


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
    return OnnxFile(path, opset, _skeleton(model, weights), weights)


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


def _skeleton(model: onnx.ModelProto, weights: dict[str, npt.NDArray[Any]]) -> onnx.ModelProto:
    """Copy all but the large initializers, so that the model's memory can be freed."""
    network = model.graph
    small = [each for each in network.initializer if weights[each.name].nbytes <= SMALL_TENSOR]
    left_out = [each for each in network.initializer if weights[each.name].nbytes > SMALL_TENSOR]
    named = {entry.name for entry in network.input}
    skeleton = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    skeleton.functions.extend(model.functions)
    skeleton.graph.name = network.name
    skeleton.graph.node.extend(network.node)
    skeleton.graph.initializer.extend(small)
    skeleton.graph.input.extend(network.input)
    skeleton.graph.input.extend(
        onnx.helper.make_tensor_value_info(each.name, each.data_type, each.dims)
        for each in left_out
        if each.name not in named
    )
    skeleton.graph.output.extend(network.output)
    skeleton.graph.value_info.extend(network.value_info)
    return skeleton


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
