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
        sums = windows.convolve(image, weight, *op.window.numbers)
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

    @impl(graph.ClipOp)
    def clip(self, interpreter: Interpreter, op: graph.ClipOp, args: PythonValues) -> PythonValues:
        """`min(max(input, minimum), maximum)`."""
        return (_bounded(args[0], op.activation.data),)

    @impl(graph.SoftmaxOp)
    def softmax(
        self, interpreter: Interpreter, op: graph.SoftmaxOp, args: PythonValues
    ) -> PythonValues:
        """`exp(input - m) / sum of exp(input - m)`."""
        axis = op.axis.value.data
        powers = np.exp(args[0] - args[0].max(axis=axis, keepdims=True))
        return (powers / powers.sum(axis=axis, keepdims=True),)

    @impl(graph.LrnOp)
    def lrn(self, interpreter: Interpreter, op: graph.LrnOp, args: PythonValues) -> PythonValues:
        """`input / (bias + alpha / size * energy)**beta`."""
        size = op.size.value.data
        squares = np.square(args[0])
        around = ((size - 1) // 2, size // 2)
        padded = np.pad(squares, ((0, 0), around, (0, 0), (0, 0)))
        energy = sum(padded[:, shift : shift + squares.shape[1]] for shift in range(size))
        alpha, beta, bias = (np.float32(each.value.data) for each in (op.alpha, op.beta, op.bias))
        return (args[0] / (bias + alpha / np.float32(size) * energy) ** beta,)

    @impl(graph.MaxPoolOp)
    def max_pool(
        self, interpreter: Interpreter, op: graph.MaxPoolOp, args: PythonValues
    ) -> PythonValues:
        """Maximum over real pixels."""
        return (windows.max_pool(args[0], *op.window.numbers),)

    @impl(graph.AveragePoolOp)
    def average_pool(
        self, interpreter: Interpreter, op: graph.AveragePoolOp, args: PythonValues
    ) -> PythonValues:
        """Mean over real pixels."""
        return (windows.average_pool(args[0], *op.window.numbers),)

    @impl(graph.AddOp)
    def add(self, interpreter: Interpreter, op: graph.AddOp, args: PythonValues) -> PythonValues:
        """`lhs + rhs`."""
        return (args[0] + args[1],)


def _finish_layer(
    op: graph.LayerOp, sums: npt.NDArray[np.float32], args: PythonValues
) -> npt.NDArray[np.float32]:
    """Add bias and residual to the sums, then apply the activation."""
    operands = iter(args[2:])
    if op.bias is not None:
        sums = sums + next(operands).reshape(-1, *[1] * (sums.ndim - 2))
    if op.residual is not None:
        sums = sums + next(operands)
    return _bounded(sums, op.activation.data)


def _bounded(
    values: npt.NDArray[np.float32], bounds: graph.ActivationBounds
) -> npt.NDArray[np.float32]:
    if bounds.lower > -np.inf:
        values = np.maximum(values, np.float32(bounds.lower))
    if bounds.upper < np.inf:
        values = np.minimum(values, np.float32(bounds.upper))
    return values
