"""Interpreter of `int8`: each op's formula on integer arrays, bit for bit."""

from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from tf2c.dialects import int8
from tf2c.dialects.scales import scale_of
from tf2c.numerics import fixed_point, windows


@register_impls
class Int8Interpreter(InterpreterFunctions):
    """The meaning of stored numbers."""

    @impl(int8.ConstantOp)
    def constant(
        self, interpreter: Interpreter, op: int8.ConstantOp, args: PythonValues
    ) -> PythonValues:
        """`value`."""
        return (op.value.array,)

    @impl(int8.QuantizeOp)
    def quantize(
        self, interpreter: Interpreter, op: int8.QuantizeOp, args: PythonValues
    ) -> PythonValues:
        """`clamp(floor(input / 2**e + 1/2))`."""
        exponent = int(scale_of(op.output).values[0])
        return (fixed_point.quantize(args[0], exponent).astype("int8"),)

    @impl(int8.ConvOp)
    def conv(self, interpreter: Interpreter, op: int8.ConvOp, args: PythonValues) -> PythonValues:
        """`bias + weight * input`."""
        image, weight, bias = args
        return (
            windows.convolve_integers(
                image, weight, bias, op.strides.get_values(), op.pads.get_values()
            ),
        )

    @impl(int8.GemmOp)
    def gemm(self, interpreter: Interpreter, op: int8.GemmOp, args: PythonValues) -> PythonValues:
        """`bias + weight * input`."""
        rows, weight, bias = args
        return (windows.multiply_integers(rows, weight, bias),)

    @impl(int8.RequantizeOp)
    def requantize(
        self, interpreter: Interpreter, op: int8.RequantizeOp, args: PythonValues
    ) -> PythonValues:
        """`clamp((input * M + (residual << t) + 2**29) >> 30)`."""
        low, high = op.bounds.get_values()
        residual = args[1] if op.residual is not None else None
        return (
            fixed_point.requantize(args[0], op.multipliers, low, high, residual, op.residual_shift),
        )

    @impl(int8.MaxPoolOp)
    def max_pool(
        self, interpreter: Interpreter, op: int8.MaxPoolOp, args: PythonValues
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

    @impl(int8.FlattenOp)
    def flatten(
        self, interpreter: Interpreter, op: int8.FlattenOp, args: PythonValues
    ) -> PythonValues:
        """One row per image."""
        return (args[0].reshape(len(args[0]), -1),)
