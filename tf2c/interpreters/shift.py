"""Interpreter of `shift`: each op's formula on integer arrays, bit for bit.

A shift by `m` is computed as a product with `2**m`, which is the same integer and lets a matrix
product do the work; `tests/unit/numerics` shows the identity for every operand and code.
"""

from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from tf2c.dialects import shift
from tf2c.numerics import pow2, windows


@register_impls
class ShiftInterpreter(InterpreterFunctions):
    """The meaning of weight codes."""

    @impl(shift.ConstantOp)
    def constant(
        self, interpreter: Interpreter, op: shift.ConstantOp, args: PythonValues
    ) -> PythonValues:
        """`value`."""
        return (op.value.array,)

    @impl(shift.ConvOp)
    def conv(self, interpreter: Interpreter, op: shift.ConvOp, args: PythonValues) -> PythonValues:
        """`bias + sum of shifted inputs`."""
        image, codes, bias = args
        return (
            windows.convolve_integers(
                image, pow2.decode(codes, shift.code_terms(op.weight)), bias, *op.window.numbers
            ),
        )

    @impl(shift.GemmOp)
    def gemm(self, interpreter: Interpreter, op: shift.GemmOp, args: PythonValues) -> PythonValues:
        """`bias + sum of shifted inputs`."""
        rows, codes, bias = args
        weights = pow2.decode(codes, shift.code_terms(op.weight))
        return (windows.multiply_integers(rows, weights, bias),)
