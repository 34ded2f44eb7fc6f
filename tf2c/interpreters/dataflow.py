"""Interpreter of `dataflow`: what each job computes, on whole tensors.

It looks at operands and formulas, not at addresses; the runtime's simulator executes the emitted
program on a feature cache, and tests compare the two.
"""

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, PythonValues, impl, register_impls

from tf2c.dialects import dataflow, shift, tensors
from tf2c.dialects.scales import storage_dtype
from tf2c.numerics import fixed_point, pow2, windows


@register_impls
class DataflowInterpreter(InterpreterFunctions):
    """The meaning of jobs."""

    @impl(dataflow.InputOp)
    def input(
        self, interpreter: Interpreter, op: dataflow.InputOp, args: PythonValues
    ) -> PythonValues:
        """`fold(input)`."""
        return (windows.fold(args[0], *op.fold.numbers),)

    @impl(dataflow.JobOp)
    def job(self, interpreter: Interpreter, op: dataflow.JobOp, args: PythonValues) -> PythonValues:
        """`max_pool(requantize(conv))`, or the raw accumulators."""
        image, codes, bias = args[:3]
        weights = pow2.decode(codes, shift.code_terms(op.weight))
        accumulators = windows.convolve_integers(image, weights, bias, *op.window.numbers)
        if op.is_raw:
            return (accumulators,)
        low, high = op.bounds.get_values()
        stored = fixed_point.requantize(
            accumulators,
            op.filter_multipliers,
            low,
            high,
            args[3] if op.residual is not None else None,
            op.residual_shift,
            storage_dtype(op.output),
        )
        return (windows.max_pool(stored, *op.pooling.numbers),)

    @impl(dataflow.AverageOp)
    def average(
        self, interpreter: Interpreter, op: dataflow.AverageOp, args: PythonValues
    ) -> PythonValues:
        """`requantize(sum over all pixels)`."""
        dtype = storage_dtype(op.output)
        return (fixed_point.mean_of_image(args[0], op.multiplier.value.data, *op.bounds, dtype),)

    @impl(dataflow.StoreOp)
    def store(
        self, interpreter: Interpreter, op: dataflow.StoreOp, args: PythonValues
    ) -> PythonValues:
        """The operand."""
        return args

    @impl(dataflow.LoadOp)
    def load(
        self, interpreter: Interpreter, op: dataflow.LoadOp, args: PythonValues
    ) -> PythonValues:
        """The operand."""
        return args

    @impl(dataflow.ConcatOp)
    def concat(
        self, interpreter: Interpreter, op: dataflow.ConcatOp, args: PythonValues
    ) -> PythonValues:
        """One operand's channels behind the other's."""
        return (np.concatenate(args, axis=1),)

    @impl(dataflow.ChannelsOp)
    def channels(
        self, interpreter: Interpreter, op: dataflow.ChannelsOp, args: PythonValues
    ) -> PythonValues:
        """The operand's channels from the first one on."""
        first = op.first.value.data
        return (args[0][:, first : first + tensors.extents(op.output)[0]],)
