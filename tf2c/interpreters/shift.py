"""Interpreter of `shift`: each op's formula on integer arrays, bit for bit.

A shift by `m` is computed as a product with `2**m`, which is the same integer and lets a matrix
product do the work; `tests/unit/numerics` shows the identity for every operand and code.
"""

from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from tf2c.dialects import shift
from tf2c.dialects.scales import storage_dtype
from tf2c.numerics import fixed_point, pow2, weight_bytes, windows


@register_impls
class ShiftInterpreter(InterpreterFunctions):
    """The meaning of weight codes and weight bytes."""

    @impl(shift.ConstantOp)
    def constant(
        self, interpreter: Interpreter, op: shift.ConstantOp, args: PythonValues
    ) -> PythonValues:
        """`value`."""
        return (op.value.array,)

    @impl(shift.ConvOp)
    def conv(self, interpreter: Interpreter, op: shift.ConvOp, args: PythonValues) -> PythonValues:
        """`bias + sum of shifted inputs`."""
        image, elements, bias = args
        if shift.has_bytes(op.weight):
            negates = op.negates_in_8_bits is not None
            return (weight_bytes.convolve(image, elements, bias, *op.window.numbers, negates),)
        weights = pow2.decode(elements, shift.code_terms(op.weight))
        return (windows.convolve_integers(image, weights, bias, *op.window.numbers),)

    @impl(shift.GemmOp)
    def gemm(self, interpreter: Interpreter, op: shift.GemmOp, args: PythonValues) -> PythonValues:
        """`bias + sum of shifted inputs`."""
        rows, elements, bias = args
        if shift.has_bytes(op.weight):
            negates = op.negates_in_8_bits is not None
            return (weight_bytes.multiply(rows, elements, bias, negates),)
        weights = pow2.decode(elements, shift.code_terms(op.weight))
        return (windows.multiply_integers(rows, weights, bias),)

    @impl(shift.RescaleOp)
    def rescale(
        self, interpreter: Interpreter, op: shift.RescaleOp, args: PythonValues
    ) -> PythonValues:
        """`clamp(((v >> 14) + 1) >> 1)` with `v = (input * alpha >> 20) + beta`."""
        sums, alpha, beta = args
        low, high = op.bounds.get_values()
        return (fixed_point.rescale(sums, alpha, beta, low, high, storage_dtype(op.output)),)
