"""Interpreter of `layout`: elements move, whatever their type."""

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from tf2c.dialects import layout, tensors


@register_impls
class LayoutInterpreter(InterpreterFunctions):
    """The meaning of another order of elements."""

    @impl(layout.ConcatOp)
    def concat(
        self, interpreter: Interpreter, op: layout.ConcatOp, args: PythonValues
    ) -> PythonValues:
        """One operand behind the other."""
        return (np.concatenate(args, axis=op.axis.value.data),)

    @impl(layout.PadOp)
    def pad(self, interpreter: Interpreter, op: layout.PadOp, args: PythonValues) -> PythonValues:
        """Zeros around."""
        widths = zip(op.low.get_values(), op.high.get_values(), strict=True)
        return (np.pad(args[0], [(0, 0), *widths]),)

    @impl(layout.ReshapeOp)
    def reshape(
        self, interpreter: Interpreter, op: layout.ReshapeOp, args: PythonValues
    ) -> PythonValues:
        """The same elements of each image."""
        return (args[0].reshape(len(args[0]), *tensors.extents(op.output)),)

    @impl(layout.SliceOp)
    def slice(
        self, interpreter: Interpreter, op: layout.SliceOp, args: PythonValues
    ) -> PythonValues:
        """Every so many elements of a part."""
        parts = [slice(part.start, part.stop, part.step) for part in op.ranges]
        return (args[0][(slice(None), *parts)],)

    @impl(layout.TransposeOp)
    def transpose(
        self, interpreter: Interpreter, op: layout.TransposeOp, args: PythonValues
    ) -> PythonValues:
        """Axes in another order."""
        return (np.ascontiguousarray(args[0].transpose(op.permutation.get_values())),)
