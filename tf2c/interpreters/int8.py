"""Interpreter of `int8`: each op's formula on integer arrays, bit for bit."""

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from tf2c.dialects import int8, tensors
from tf2c.dialects.scales import scale_of, storage_bounds, storage_dtype
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
        return (fixed_point.quantize(args[0], exponent, dtype=np.int8),)

    @impl(int8.ConvOp)
    def conv(self, interpreter: Interpreter, op: int8.ConvOp, args: PythonValues) -> PythonValues:
        """`bias + weight * input`."""
        image, weight, bias = args
        return (windows.convolve_integers(image, weight, bias, *op.window.numbers),)

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
            fixed_point.requantize(
                args[0],
                op.multipliers,
                low,
                high,
                residual,
                op.residual_shift,
                storage_dtype(op.output),
            ),
        )

    @impl(int8.AddOp)
    def add(self, interpreter: Interpreter, op: int8.AddOp, args: PythonValues) -> PythonValues:
        """`clamp(round(((left << s0) + (right << s1)) / 2**r))`."""
        left, right = args
        low, high = op.bounds.get_values()
        shifts, rounding_shift = op.shifts.get_values(), op.rounding_shift.value.data
        dtype = storage_dtype(op.output)
        return (fixed_point.add(left, right, shifts, rounding_shift, low, high, dtype),)

    @impl(int8.MaxPoolOp)
    def max_pool(
        self, interpreter: Interpreter, op: int8.MaxPoolOp, args: PythonValues
    ) -> PythonValues:
        """Maximum over real pixels, or with padding as zeros."""
        return (windows.max_pool(args[0], *op.window.numbers, op.zero_padded is not None),)

    @impl(int8.AveragePoolOp)
    def average_pool(
        self, interpreter: Interpreter, op: int8.AveragePoolOp, args: PythonValues
    ) -> PythonValues:
        """`clamp((sum * k + 2**(s - 1)) >> s)`."""
        sums = windows.window_sums(args[0], *op.window.numbers, np.int64)
        counts = windows.window_counts(args[0].shape[2:], *op.window.numbers)
        low, high = storage_bounds(tensors.tensor_type(op.output).element_type)
        averages = np.empty(sums.shape, storage_dtype(op.output))
        for count in op.pixel_counts:
            factor = op.factor_of(count)
            assert factor is not None  # the verifier sees to it
            where = np.broadcast_to(counts == count, sums.shape)
            averages[where] = fixed_point.average(sums[where], factor, low, high, averages.dtype)
        return (averages,)
