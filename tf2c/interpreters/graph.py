"""Interpreter of `graph`: each op's formula on float32 arrays."""

import numpy as np
import numpy.typing as npt
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from tf2c.dialects import graph
from tf2c.numerics import windows


@register_impls
class GraphInterpreter(InterpreterFunctions):
    """The meaning of the trained network."""

    @impl(graph.ConstantOp)
    def constant(
        self, interpreter: Interpreter, op: graph.ConstantOp, args: PythonValues
    ) -> PythonValues:
        """`value`."""
        return (op.value.array,)

    @impl(graph.ConvOp)
    def conv(self, interpreter: Interpreter, op: graph.ConvOp, args: PythonValues) -> PythonValues:
        """`act(bias + residual + weight * input)`."""
        image, weight, *_ = args
        sums = windows.convolve(image, weight, op.strides.get_values(), op.pads.get_values())
        return (_finish_layer(op, sums, args),)

    @impl(graph.GemmOp)
    def gemm(self, interpreter: Interpreter, op: graph.GemmOp, args: PythonValues) -> PythonValues:
        """`act(bias + residual + weight * input)`."""
        rows, weight, *_ = args
        return (_finish_layer(op, rows @ weight.T, args),)

    @impl(graph.BatchNormalizationOp)
    def batch_normalization(
        self, interpreter: Interpreter, op: graph.BatchNormalizationOp, args: PythonValues
    ) -> PythonValues:
        """`scale * (input - mean) / sqrt(variance + epsilon) + bias`."""
        image, *parameters = args
        scale, bias, mean, variance = (
            parameter.reshape(-1, *[1] * (image.ndim - 2)) for parameter in parameters
        )
        epsilon = np.float32(op.epsilon.value.data)
        return (scale * (image - mean) / np.sqrt(variance + epsilon) + bias,)

    @impl(graph.ReluOp)
    def relu(self, interpreter: Interpreter, op: graph.ReluOp, args: PythonValues) -> PythonValues:
        """`max(input, 0)`."""
        return (np.maximum(args[0], np.float32(0)),)

    @impl(graph.MaxPoolOp)
    def max_pool(
        self, interpreter: Interpreter, op: graph.MaxPoolOp, args: PythonValues
    ) -> PythonValues:
        """Maximum over real pixels."""
        return (
            windows.max_pool(
                args[0],
                op.kernel_shape.get_values(),
                op.strides.get_values(),
                op.pads.get_values(),
            ),
        )

    @impl(graph.AddOp)
    def add(self, interpreter: Interpreter, op: graph.AddOp, args: PythonValues) -> PythonValues:
        """`lhs + rhs`."""
        return (args[0] + args[1],)

    @impl(graph.FlattenOp)
    def flatten(
        self, interpreter: Interpreter, op: graph.FlattenOp, args: PythonValues
    ) -> PythonValues:
        """One row per image."""
        return (args[0].reshape(len(args[0]), -1),)


def _finish_layer(
    op: graph.LayerOp, sums: npt.NDArray[np.float32], args: PythonValues
) -> npt.NDArray[np.float32]:
    """Add bias and residual to the sums, then apply the activation."""
    operands = iter(args[2:])
    if op.bias is not None:
        sums = sums + next(operands).reshape(-1, *[1] * (sums.ndim - 2))
    if op.residual is not None:
        sums = sums + next(operands)
    if op.activation == graph.RELU:
        sums = np.maximum(sums, np.float32(0))
    return sums
