"""Interpreter of `func`: a network is one function without control flow.

Upstream has the same in `xdsl.interpreters.func`, but importing anything from that package loads
every upstream interpreter, which takes longer than compiling a small network.
"""

from typing import Any

from xdsl.dialects import func
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    PythonValues,
    ReturnedValues,
    TerminatorValue,
    impl_callable,
    impl_terminator,
    register_impls,
)


@register_impls
class FunctionInterpreter(InterpreterFunctions):
    """Calls a function and returns from it."""

    @impl_callable(func.FuncOp)
    def call(self, interpreter: Interpreter, op: func.FuncOp, args: PythonValues) -> Any:
        """Run the body on the arguments."""
        return interpreter.run_ssacfg_region(op.body, args, op.sym_name.data)

    @impl_terminator(func.ReturnOp)
    def return_(
        self, interpreter: Interpreter, op: func.ReturnOp, args: PythonValues
    ) -> tuple[TerminatorValue, PythonValues]:
        """Return the operands."""
        return ReturnedValues(args), ()
