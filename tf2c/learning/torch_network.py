"""A float network whose weights and biases can be trained."""

import hashlib
import math
from typing import NamedTuple

from torch import nn
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from tf2c.analysis.constants import constant_blob
from tf2c.dialects import graph, tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.dialects.layers import layer_name
from tf2c.errors import UserError
from tf2c.learning.torch_ops import Tensor, constant_tensor, run_ops


class LayerWeights(NamedTuple):
    """The weights of a layer, where they are trained."""

    layer: str
    """The user's name of the layer; of the first one, where several share their weights."""
    weight: nn.Parameter
    """float32, `[M, C / group, R, S]` or `[M, K]`."""


class TorchNetwork(nn.Module):
    """A module of `graph` as a module of PyTorch.

    Constants that are a layer's weights or biases are parameters, all others are buffers. Each is a
    copy: the IR changes only in `write_back`.
    """

    def __init__(self, module: ModuleOp) -> None:
        """Take verified IR of one function with one result.

        Raises:
            UserError: there are several functions, arguments or results, or weights that are
                computed.
        """
        super().__init__()
        function = _function(module)
        self.extents = tensors.extents(function.args[0])
        """Of one image."""
        self.digest = hashlib.sha256(str(module).encode()).hexdigest()
        """Of the IR that it was made from, its weights included."""
        self.classes = math.prod(tensors.extents(_result(function)))
        """Numbers in the result of one image."""
        self.layers: list[LayerWeights] = []
        """In running order."""
        self._module = module
        self._function = function
        self._parameters_of: dict[graph.ConstantOp, nn.Parameter] = {}
        self._buffers_of: dict[graph.ConstantOp, str] = {}
        for op in function.body.block.ops:
            if isinstance(op, graph.LayerOp):
                self._add_layer(op)
        for op in function.body.block.ops:
            if isinstance(op, graph.ConstantOp) and op not in self._parameters_of:
                name = f"constant{len(self._buffers_of)}"
                self.register_buffer(name, constant_tensor(op))
                self._buffers_of[op] = name

    def forward(self, images: Tensor) -> Tensor:
        """Return the result for float32 images `[N, C, H, W]`."""
        values: dict[SSAValue, Tensor] = {self._function.args[0]: images}
        for op, parameter in self._parameters_of.items():
            values[op.output] = parameter
        for op, name in self._buffers_of.items():
            values[op.output] = self.get_buffer(name)
        (result,) = run_ops(self._function, values)
        return result

    def original(self) -> "TorchNetwork":
        """Return a network of the weights that the IR has, independent of this one."""
        return TorchNetwork(self._module)

    def write_back(self) -> None:
        """Replace the IR's weights and biases by what they are now."""
        for op, parameter in self._parameters_of.items():
            op.value = BlobAttr.of(parameter.detach().numpy().copy())

    def _add_layer(self, layer: graph.LayerOp) -> None:
        is_new = self._add_parameter(layer.weight)
        if is_new:
            weight = self._parameters_of[_constant(layer.weight)]
            self.layers.append(LayerWeights(layer_name(layer), weight))
        if layer.bias is not None:
            self._add_parameter(layer.bias)

    def _add_parameter(self, value: SSAValue) -> bool:
        """Make a parameter of a constant; say whether it was none yet."""
        op = _constant(value)
        if op in self._parameters_of:
            return False
        parameter = nn.Parameter(constant_tensor(op))
        self.register_parameter(f"parameter{len(self._parameters_of)}", parameter)
        self._parameters_of[op] = parameter
        return True


def _function(module: ModuleOp) -> FuncOp:
    functions = [op for op in module.ops if isinstance(op, FuncOp)]
    shapes = [(len(each.args), len(each.function_type.outputs.data)) for each in functions]
    if shapes != [(1, 1)]:
        got = ", ".join(f"{inputs} and {results}" for inputs, results in shapes)
        raise UserError(
            "expected a network with one input and one result to train, got "
            + (got or "no function"),
            hint="choose one result with `--outputs`",
        )
    return functions[0]


def _result(function: FuncOp) -> SSAValue:
    last = function.body.block.last_op
    assert isinstance(last, ReturnOp)
    return last.operands[0]


def _constant(value: SSAValue) -> graph.ConstantOp:
    constant_blob(value)  # raises where it is computed
    assert isinstance(value.owner, graph.ConstantOp)
    return value.owner
