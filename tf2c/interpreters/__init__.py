"""The meaning of every level, executable: one interpreter per dialect.

`run` executes a network at any stage on the same float images, so that stages can be compared.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter

from tf2c.interpreters.dataflow import DataflowInterpreter
from tf2c.interpreters.function import FunctionInterpreter
from tf2c.interpreters.graph import GraphInterpreter
from tf2c.interpreters.int8 import Int8Interpreter
from tf2c.interpreters.layout import LayoutInterpreter
from tf2c.interpreters.shift import ShiftInterpreter

INTERPRETERS = (
    FunctionInterpreter,
    GraphInterpreter,
    LayoutInterpreter,
    Int8Interpreter,
    ShiftInterpreter,
    DataflowInterpreter,
)

ENTRY = "main"
"""The function that is the network."""


def run(
    module: ModuleOp,
    images: npt.NDArray[np.float32],
    listener: Interpreter.Listener | None = None,
) -> npt.NDArray[Any]:
    """Run a network with one result on a batch.

    Args:
        module: any stage's IR, verified.
        images: float32 `[N, C, H, W]`.
        listener: told every op's results, as numpy arrays.

    Returns:
        what the network returns: float32 in `graph`; below, int8 or int32 with the scale that the
        function's result type states.
    """
    (result,) = run_all(module, images, listener)
    return result


def run_all(
    module: ModuleOp,
    images: npt.NDArray[np.float32] | npt.NDArray[np.int8],
    listener: Interpreter.Listener | None = None,
) -> tuple[npt.NDArray[Any], ...]:
    """Run a network on a batch, as `run` does, and return all its results.

    A network that takes stored numbers itself, such as one of TF2's, is given int8.
    """
    return new_interpreter(listener, module).call_op(ENTRY, (images,))


def new_interpreter(
    listener: Interpreter.Listener | None = None, module: ModuleOp | None = None
) -> Interpreter:
    """Return an interpreter of every dialect, of a module or for single ops."""
    interpreter = Interpreter(
        ModuleOp([]) if module is None else module,
        listeners=() if listener is None else (listener,),
    )
    for functions in INTERPRETERS:
        interpreter.register_implementations(functions())
    return interpreter
