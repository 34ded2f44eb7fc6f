"""The walk over a model, layer by layer, in one function of `graph`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from xdsl.builder import Builder
from xdsl.dialects.builtin import ModuleOp, UnrealizedConversionCastOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import BlockArgument, SSAValue
from xdsl.rewriter import InsertPoint
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import graph
from tf2c.errors import UserError
from tf2c.frontends.onnx.constants import FOLDERS, fold
from tf2c.frontends.onnx.converters import CONVERTERS
from tf2c.frontends.onnx.cut import needed_nodes, not_computed, resolve_outputs
from tf2c.frontends.onnx.file import DEFAULT_DOMAINS, OnnxFile, layer_names, read_onnx
from tf2c.frontends.onnx.node import Import, Layer, Merged, Unknown, Value
from tf2c.frontends.onnx.placeholders import inferred_extents
from tf2c.frontends.onnx.refusals import unsupported
from tf2c.interpreters import ENTRY


class Importer:
    """One import: the layers that the outputs need, and what they have become so far."""

    def __init__(self, path: Path, outputs: Sequence[str]) -> None:
        """Read a model and find out which part of it is wanted.

        Raises:
            UserError: the file cannot be read, an output is unknown, or the input is no image.
        """
        self._file = read_onnx(path)
        nodes = self._file.nodes
        # Names of the whole model, so that they do not depend on where it is cut.
        names = layer_names(nodes)
        self._outputs = resolve_outputs(self._file, names, outputs)
        indices, self._needed = needed_nodes(nodes, self._outputs)
        self._layers = [(nodes[index], names[index]) for index in indices]
        name, batch, extents = _image_input(self._file, self._needed)
        self._function = FuncOp(ENTRY, ([graph.images_type(extents)], []))
        (argument,) = self._function.args
        values: dict[str, Value] = {**self._file.weights, name: argument}
        builder = Builder(InsertPoint.at_end(self._function.body.block))
        self._shared = Import(path, self._file.opset, batch, values, builder)

    def layers(self) -> Iterator[Layer]:
        """Yield the layers in order; each is to be converted before the next is asked for."""
        for node, name in self._layers:
            yield Layer(self._shared, node, name)

    def convert(self, layer: Layer) -> None:
        """Insert what a layer becomes.

        Raises:
            LayerRefusedError: it is not supported.
            DependsOnRefusedLayerError: nothing is known about its input.
        """
        result = self._converted(layer)
        if isinstance(result, SSAValue) and not layer.is_empty:
            # Result names help to read the IR; the true name is the location.
            result.name_hint = readable(layer.name)
        self._shared.values[layer.outputs[0]] = result

    def _converted(self, layer: Layer) -> Value:
        is_known = layer.domain in DEFAULT_DOMAINS
        op_type, values = layer.op_type, self._shared.values
        constant = all(isinstance(values[name], np.ndarray) for name in layer.inputs if name)
        if is_known and constant and op_type in FOLDERS:
            self._expect_one_output(layer)
            return fold(layer)
        if not is_known or op_type not in CONVERTERS:
            raise unsupported(layer)
        self._expect_one_output(layer)
        try:
            return CONVERTERS[op_type](layer)
        except VerifyException as error:
            raise layer.refusal(str(error)) from error

    def _expect_one_output(self, layer: Layer) -> None:
        for name in layer.outputs[1:]:
            if name in self._needed:
                raise layer.refusal(
                    f"expected the first output of `{layer.op_type}` to be the only one in use, "
                    f"got `{name}`",
                    "further outputs are not computed",
                )

    def replace(self, layer: Layer, refused: str) -> None:
        """Let placeholders stand for a layer's outputs, so that the next ones can be looked at.

        Args:
            layer: the layer without a result.
            refused: the name of the layer that is refused: this one, or one in front of it.
        """
        known = inferred_extents(layer)
        for name in layer.outputs:
            if name in known:
                cast = UnrealizedConversionCastOp.get([], [graph.images_type(known[name])])
                self._shared.values[name] = self._shared.builder.insert(cast).results[0]
            else:
                self._shared.values[name] = Unknown(refused)

    def finish(self) -> ModuleOp:
        """Return the network.

        Raises:
            UserError: an output is no computed tensor with the batch in front.
        """
        results = [self._output(name) for name in self._outputs]
        self._shared.builder.insert(ReturnOp(*results))
        self._function.update_function_type()
        module = ModuleOp([self._function])
        module.verify()
        return module

    def _output(self, name: str) -> SSAValue:
        value = self._shared.values[name]
        if isinstance(value, Merged):
            raise UserError(
                f"{self._file.path}: expected the batch as the first dimension of output `{name}`, "
                "got the batch times an extent",
                hint="reshape it to [batch, ...], or end the network earlier with `--outputs`",
            )
        if isinstance(value, np.ndarray):
            raise not_computed(self._file, name, "a constant")
        if isinstance(value, BlockArgument):
            raise not_computed(self._file, name, "the input")
        assert isinstance(value, SSAValue)  # of refused layers nothing is asked
        return value


def _image_input(file: OnnxFile, needed: set[str]) -> tuple[str, int | None, tuple[int, ...]]:
    """Return the name, the static batch and the `(C, H, W)` of the one image input."""
    images = [entry for entry in file.inputs if entry.name in needed]
    if len(images) != 1:
        names = ", ".join(f"`{entry.name}`" for entry in images) or "none"
        raise UserError(
            f"{file.path}: expected one input, got {names}",
            hint="further inputs must be initializers, or not needed by the `--outputs`"
            if images
            else "the outputs do not depend on an image",
        )
    (image,) = images
    tensor = image.type.tensor_type
    if not image.type.HasField("tensor_type") or tensor.elem_type != onnx.TensorProto.FLOAT:
        kind = (
            onnx.TensorProto.DataType.Name(tensor.elem_type)
            if image.type.HasField("tensor_type")
            else "no tensor"
        )
        raise UserError(
            f"{file.path}: expected a FLOAT input `{image.name}`, got {kind}",
            hint="export the model in float32",
        )
    dimensions = tensor.shape.dim
    numbers = [each.dim_value if each.HasField("dim_value") else 0 for each in dimensions]
    if len(numbers) != 4:
        shape = "x".join(str(extent or "?") for extent in numbers)
        raise UserError(
            f"{file.path}: expected input `{image.name}` of shape NxCxHxW, got "
            f"{shape or 'no shape'}",
            hint="export the model for images",
        )
    for axis in range(1, 4):
        if numbers[axis] < 1:
            raise UserError(
                f"{file.path}: expected input `{image.name}` of shape NxCxHxW with only the batch "
                f"symbolic, got dimension {axis} `{_extent_text(dimensions[axis])}`",
                hint="export the model for a fixed image size",
            )
    batch, *extents = numbers
    return image.name, batch if batch > 0 else None, tuple(extents)


def _extent_text(dimension: onnx.TensorShapeProto.Dimension) -> str:
    if dimension.HasField("dim_value"):
        return str(dimension.dim_value)
    return dimension.dim_param or "?"


def readable(name: str) -> str | None:
    """Turn a layer name into an identifier, or None where nothing sensible is left."""
    identifier = "".join(letter if letter.isalnum() else "_" for letter in name).strip("_")
    return (
        identifier if identifier and not identifier[0].isdigit() and identifier.isascii() else None
    )
