"""ONNX model to `graph`: the walk over the model; what each op becomes is in `onnx_ops.py`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from xdsl.builder import Builder
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import graph
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.layers import name_layer
from tf2c.errors import UserError
from tf2c.frontends.onnx_ops import CONVERTERS
from tf2c.interpreters import ENTRY

OPSETS = range(7, 22)
"""Versions of the default operator set whose meaning of the supported ops is implemented."""


def load_onnx(path: str | Path) -> ModuleOp:
    """Read an ONNX model into `graph`.

    Args:
        path: the `.onnx` file.

    Returns:
        a verified module with one function, whose ops carry the layer names as locations.

    Raises:
        UserError: the file cannot be read, or a layer is not supported.
    """
    path = Path(path)
    model = _read(path)
    opset = _default_opset(model)
    if opset not in OPSETS:
        raise UserError(
            f"{path}: expected an opset in {OPSETS.start}..{OPSETS.stop - 1}, got {opset}",
            hint="convert the model with `onnx.version_converter`",
        )
    return Importer(path, model).run()


def _read(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise UserError(f"{path}: expected an ONNX model, got {got}")
    try:
        # onnx annotates its path parameters only partially.
        model = onnx.load(path)  # pyright: ignore[reportUnknownMemberType]
        onnx.checker.check_model(model)  # pyright: ignore[reportUnknownMemberType]
    except (DecodeError, onnx.checker.ValidationError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "damaged contents"
        raise UserError(
            f"{path}: expected an ONNX model, got a file that does not load ({reason})",
            hint="`onnx.checker.check_model` refuses it: is the file complete, and of this kind?",
        ) from error
    return model


def _default_opset(model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return versions[0] if versions else 0


class Importer:
    """The state of one import: what each ONNX name stands for so far."""

    def __init__(self, path: Path, model: onnx.ModelProto) -> None:
        """Take a checked model."""
        self._path = path
        self._model = model
        self._values: dict[str, SSAValue] = {}
        self._weights: dict[str, npt.NDArray[Any]] = {}

    def run(self) -> ModuleOp:
        """Convert the whole model."""
        network = self._model.graph
        self._weights = {
            initializer.name: numpy_helper.to_array(initializer)
            for initializer in network.initializer
        }
        input_name, extents = self._input(network.input)
        function = FuncOp(ENTRY, ([graph.images_type(extents)], [graph.images_type(extents)]))
        (argument,) = function.args
        self._values[input_name] = argument
        self._builder = Builder(InsertPoint.at_end(function.body.block))
        for node in network.node:
            self._convert(node)
        if len(network.output) != 1:
            names = ", ".join(output.name for output in network.output)
            raise UserError(f"{self._path}: expected one output, got {names}")
        output = self._values.get(network.output[0].name)
        if output is None:
            raise UserError(
                f"{self._path}: expected a computed output, got {network.output[0].name}"
            )
        self._builder.insert(ReturnOp(output))
        function.update_function_type()
        module = ModuleOp([function])
        module.verify()
        return module

    def activation(self, node: onnx.NodeProto, index: int) -> SSAValue:
        """Return the tensor that a node's input stands for."""
        name = node.input[index]
        if name not in self._values:
            raise self.refusal(
                node,
                f"expected a computed tensor as input {index}, got the constant `{name}`",
                "only weights, biases and normalization parameters may be constants",
            )
        return self._values[name]

    def weight(
        self, node: onnx.NodeProto, index: int, rank: int, factor: float = 1.0
    ) -> npt.NDArray[np.float32]:
        """Return a node's constant input times a factor, as finite float32 numbers of a rank."""
        name = node.input[index]
        if name not in self._weights:
            raise self.refusal(
                node,
                f"expected a constant as input {index}, got the computed tensor `{name}`",
                "weights must be initializers of the model",
            )
        array = self._weights[name]
        if array.dtype.kind != "f":
            raise self.refusal(node, f"expected float weights in `{name}`, got {array.dtype}")
        if array.ndim != rank or array.size == 0:
            shape = "x".join(map(str, array.shape)) or "a scalar"
            raise self.refusal(node, f"expected `{name}` of rank {rank} and not empty, got {shape}")
        # What is too large for float32 is as bad as infinity.
        with np.errstate(over="ignore"):
            array = (factor * array.astype(np.float64)).astype(np.float32)
        if not np.isfinite(array).all():
            raise self.refusal(
                node,
                f"expected finite weights in `{name}`, got NaN or infinity",
                "train or export the model again",
            )
        return array

    def has_input(self, node: onnx.NodeProto, index: int) -> bool:
        """Whether a node's optional input is given."""
        return index < len(node.input) and node.input[index] != ""

    def constant_rank(self, node: onnx.NodeProto, index: int) -> int:
        """Return the rank of a node's constant input; 0 where it is none."""
        array = self._weights.get(node.input[index])
        return 0 if array is None else array.ndim

    def constant(self, array: npt.NDArray[np.float32]) -> SSAValue:
        """Insert a weight tensor in front of the op that is being built."""
        op = graph.ConstantOp(BlobAttr.of(array))
        self._name(op)
        return self._builder.insert(op).output

    def insert(self, op: Operation) -> SSAValue:
        """Insert an op of the layer that is being converted and return its result.

        Raises:
            VerifyException: the layer's operands or attributes do not fit each other.
        """
        self._name(op)
        op.verify_()
        return self._builder.insert(op).results[0]

    def refusal(self, node: onnx.NodeProto, message: str, hint: str | None = None) -> UserError:
        """Return the error that names the user's layer."""
        return UserError(f"{self._path}: layer `{layer(node)}`: {message}", hint)

    def _name(self, op: Operation) -> None:
        name_layer(op, self._layer)

    def _input(self, inputs: Iterable[onnx.ValueInfoProto]) -> tuple[str, tuple[int, ...]]:
        """Return the name and the `(C, H, W)` of the one image input."""
        images = [entry for entry in inputs if entry.name not in self._weights]
        if len(images) != 1:
            names = ", ".join(f"`{entry.name}`" for entry in images) or "none"
            raise UserError(f"{self._path}: expected one input, got {names}")
        (image,) = images
        tensor = image.type.tensor_type
        dimensions = [
            dimension.dim_value if dimension.HasField("dim_value") else 0
            for dimension in tensor.shape.dim
        ]
        if len(dimensions) != 4 or min(dimensions[1:], default=0) < 1:
            shape = "x".join(str(extent) if extent else "?" for extent in dimensions)
            raise UserError(
                f"{self._path}: expected input `{image.name}` of shape NxCxHxW with only the batch "
                f"symbolic, got {shape or 'a scalar'}",
                hint="export the model for a fixed image size",
            )
        if tensor.elem_type != onnx.TensorProto.FLOAT:
            kind = onnx.TensorProto.DataType.Name(tensor.elem_type)
            raise UserError(f"{self._path}: expected a FLOAT input, got {kind}")
        return image.name, tuple(dimensions[1:])

    def _convert(self, node: onnx.NodeProto) -> None:
        self._layer = layer(node)
        converter = CONVERTERS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
        if converter is None:
            raise self.refusal(
                node,
                f"op `{node.op_type}` is not supported",
                f"supported are {', '.join(sorted(CONVERTERS))}",
            )
        try:
            result = converter(self, node)
        except VerifyException as error:
            raise self.refusal(node, str(error)) from error
        if len([name for name in node.output if name]) != 1:
            raise self.refusal(node, f"expected one output of `{node.op_type}`")
        # Result names help to read the IR; the true name is the location.
        if isinstance(result, SSAValue):
            result.name_hint = readable(self._layer)
            self._values[node.output[0]] = result
        else:
            self._weights[node.output[0]] = result


def layer(node: onnx.NodeProto) -> str:
    """Return the user's name of a node: its own, or its first output's."""
    return node.name or node.output[0]


def readable(name: str) -> str | None:
    """Turn a layer name into an identifier, or None where nothing sensible is left."""
    identifier = "".join(letter if letter.isalnum() else "_" for letter in name).strip("_")
    return (
        identifier if identifier and not identifier[0].isdigit() and identifier.isascii() else None
    )
