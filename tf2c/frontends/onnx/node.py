"""A node of the model as its converter sees it: attributes, inputs, and how to insert ops."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
from xdsl.builder import Builder
from xdsl.dialects.builtin import UnrealizedConversionCastOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from tf2c.dialects import graph, tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.layers import name_layer
from tf2c.errors import UserError

REFERENCE = "docs/reference/onnx.md lists what is imported"


class SymbolicBatch:
    """The batch among the extents of a shape, where the model leaves it open.

    Shape arithmetic may move it, which arrays of objects can, but not compute with it.
    """

    def __repr__(self) -> str:
        """Say it as a message needs it."""
        return "batch"


BATCH = SymbolicBatch()


@dataclass(frozen=True)
class Merged:
    """A computed tensor whose first dimension is the batch times an extent.

    ONNX's `[N * k, ...]`, held as `[N, k, ...]`, so that images stay apart: whatever works on
    single elements, or along another axis than the first, works on it.
    """

    tensor: SSAValue


@dataclass(frozen=True)
class Unknown:
    """What a refused layer would have computed, where not even the shape is known."""

    layer: str


Value = SSAValue | Merged | Unknown | npt.NDArray[Any]
"""What a name of the model stands for: a computed tensor, or a constant."""


class LayerRefusedError(UserError):
    """A layer that is not imported, and why."""

    def __init__(self, path: Path, layer: str, reason: str, remedy: str | None) -> None:
        """Name the user's file and layer."""
        super().__init__(f"{path}: layer `{layer}`: {reason}", remedy)
        self.reason = reason


class DependsOnRefusedLayerError(Exception):
    """A layer cannot be looked at, as the shape of its input is unknown."""

    def __init__(self, layer: str) -> None:
        """Name the refused layer."""
        super().__init__(f"depends on the refused layer `{layer}`")
        self.layer = layer


@dataclass
class Import:
    """What the layers of one import share."""

    path: Path
    opset: int
    batch: int | None
    """The images per batch that the model is exported for, or None where it is open."""
    values: dict[str, Value]
    builder: Builder


class Layer:
    """One node, its inputs looked up."""

    def __init__(self, shared: Import, node: onnx.NodeProto, name: str) -> None:
        """Take a node of a checked model, and its unique name."""
        self.shared = shared
        self.node = node
        self.opset = shared.opset
        self.name = name
        self.op_type = node.op_type
        self.domain = node.domain
        self.inputs: Sequence[str] = node.input
        self.outputs: Sequence[str] = node.output
        self.attributes: dict[str, Any] = {
            entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute
        }
        self.is_empty = True
        """Whether nothing of it is left in the network so far."""

    def refusal(self, reason: str, remedy: str | None = None) -> LayerRefusedError:
        """Return the error that names the user's layer."""
        return LayerRefusedError(self.shared.path, self.name, reason, remedy)

    # Attributes: the checker has seen to their types.

    def integer(self, name: str, default: int) -> int:
        """Return an attribute."""
        return int(self.attributes.get(name, default))

    def real(self, name: str, default: float) -> float:
        """Return an attribute, which may be infinite."""
        value = float(self.attributes.get(name, default))
        if math.isnan(value):
            raise self.refusal(f"expected a number as `{name}`, got NaN")
        return value

    def text(self, name: str, default: str) -> str:
        """Return an attribute."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else str(value)

    def integers(self, name: str, default: Sequence[int]) -> list[int]:
        """Return an attribute."""
        return [int(each) for each in self.attributes.get(name, default)]

    def parameter(self, name: str, index: int, since: int) -> list[int] | None:
        """Return integers that are an attribute, and an input from an opset on; None if absent."""
        if self.opset < since:
            return self.integers(name, ()) if name in self.attributes else None
        if not self.has_input(index):
            return None
        array = self.array(index)
        if array.dtype.kind not in "iu":
            raise self.refusal(f"expected integers as `{name}`, got {array.dtype}")
        return [int(each) for each in array.reshape(-1)]

    def expect(self, attribute: str, default: Any, supported: Any) -> None:
        """Refuse the layer if an attribute has another value than the supported one."""
        value = self.attributes.get(attribute, default)
        value = value.decode() if isinstance(value, bytes) else value
        if value != supported:
            raise self.refusal(
                f"expected `{attribute}` {supported} of `{self.op_type}`, got {value}", REFERENCE
            )

    def axis(self, value: int, rank: int) -> int:
        """Return an axis counted from the front.

        Raises:
            LayerRefusedError: there is no such axis.
        """
        if not -rank <= value < rank:
            raise self.refusal(f"expected an axis in {-rank}..{rank - 1}, got {value}")
        return value % rank

    # Inputs

    def has_input(self, index: int) -> bool:
        """Whether an optional input is given."""
        return index < len(self.inputs) and self.inputs[index] != ""

    def value(self, index: int) -> SSAValue | Merged | npt.NDArray[Any]:
        """Return what an input stands for.

        Raises:
            DependsOnRefusedLayerError: nothing is known about it.
        """
        if not self.has_input(index):
            raise self.refusal(f"expected an input {index}, got none")
        value = self.shared.values[self.inputs[index]]
        if isinstance(value, Unknown):
            raise DependsOnRefusedLayerError(value.layer)
        return value

    def is_constant(self, index: int) -> bool:
        """Whether an input is known at import."""
        return isinstance(self.value(index), np.ndarray)

    def can_end(self, name: str) -> bool:
        """Whether the network could return an input of this layer."""
        value = self.shared.values[name]
        if not isinstance(value, SSAValue) or isinstance(value, BlockArgument):
            return False
        return not isinstance(value.owner, UnrealizedConversionCastOp)  # of a refused layer

    def maybe_merged(self, index: int) -> SSAValue | Merged:
        """Return a computed tensor, whose batch may be merged with an extent."""
        value = self.value(index)
        if isinstance(value, np.ndarray):
            raise self.refusal(
                f"expected a computed tensor as input {index}, got the constant "
                f"`{self.inputs[index]}`",
                "only weights, biases and other parameters may be constants",
            )
        return value

    def tensor(self, index: int) -> SSAValue:
        """Return a computed tensor with the batch as its first dimension."""
        value = self.maybe_merged(index)
        if isinstance(value, Merged):
            extents = tensors.dimension_text(tensors.extents(value.tensor))
            raise self.refusal(
                f"expected the batch as the first dimension of `{self.inputs[index]}`, got the "
                f"batch times {extents}",
                "keep the batch apart: reshape to [batch, ...]",
            )
        return value

    def movable(self, index: int) -> npt.NDArray[Any]:
        """Return a constant, which may contain `BATCH`."""
        value = self.value(index)
        if not isinstance(value, np.ndarray):
            raise self.refusal(
                f"expected a constant as input {index}, got the computed tensor "
                f"`{self.inputs[index]}`",
                "it must be an initializer, or computed from initializers",
            )
        return value

    def array(self, index: int) -> npt.NDArray[Any]:
        """Return a constant of numbers."""
        array = self.movable(index)
        if array.dtype == np.object_:
            raise self.refusal(
                f"expected numbers in `{self.inputs[index]}`, got the symbolic batch",
                "export the model with a static batch",
            )
        return array

    def weight(self, index: int, rank: int, factor: float = 1.0) -> npt.NDArray[np.float32]:
        """Return a constant times a factor, as finite float32 numbers of a rank."""
        array, name = self.array(index), self.inputs[index]
        if array.dtype.kind != "f":
            raise self.refusal(f"expected float weights in `{name}`, got {array.dtype}")
        if array.ndim != rank or array.size == 0:
            shape = "x".join(map(str, array.shape)) or "a scalar"
            raise self.refusal(f"expected `{name}` of rank {rank} and not empty, got {shape}")
        if factor != 1 or array.dtype != np.float32:
            # What is too large for float32 is as bad as infinity.
            with np.errstate(over="ignore"):
                array = (factor * array.astype(np.float64)).astype(np.float32)
        if not np.isfinite(array).all():
            raise self.refusal(
                f"expected finite weights in `{name}`, got NaN or infinity",
                "train or export the model again",
            )
        return cast(npt.NDArray[np.float32], array)

    def filters(self, index: int, rank: int, factor: float = 1.0) -> npt.NDArray[np.float32]:
        """Return the weights that a layer multiplies by, which are not all zero."""
        array = self.weight(index, rank, factor)
        if not array.any():
            raise self.refusal(
                f"expected weights in `{self.inputs[index]}`, got only zeros",
                "the export has lost them: export the model again",
            )
        return array

    # Ops

    def constant(self, array: npt.NDArray[np.float32]) -> SSAValue:
        """Insert a weight tensor in front of the op that is being built."""
        op = graph.ConstantOp(BlobAttr.of(array))
        name_layer(op, self.name)
        return self.shared.builder.insert(op).output

    def insert(self, op: Operation) -> SSAValue:
        """Insert an op and return its result.

        Raises:
            VerifyException: the layer's operands or attributes do not fit each other.
        """
        name_layer(op, self.name)
        op.verify_()
        self.is_empty = False
        return self.shared.builder.insert(op).results[0]
