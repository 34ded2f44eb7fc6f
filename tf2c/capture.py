"""What every layer of a network leaves, whoever executes it.

A runner is a network at any stage with whatever runs it: the interpreters, which are the
definition, or for the stages `int8` and `shift` one of the executors.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.layer_tensors import layer_tensors
from tf2c.errors import UserError
from tf2c.executors import ENGINES, open_executor
from tf2c.executors.executor import Assignment, Listener
from tf2c.interpreters import run_all
from tf2c.passes.rewriting import network_function, network_input

INTERPRETER = "interpreter"

RUNNERS = (INTERPRETER, *ENGINES)
"""Who can run a stage's IR."""

EXECUTED_DIALECTS = frozenset({"builtin", "func", "int8", "shift", "layout"})
"""What executors take: the stages `int8` and `shift`."""

Array = npt.NDArray[Any]


class Runner:
    """A network at some stage, ready to run."""

    def __init__(self, module: ModuleOp, runner: str = INTERPRETER, seed: int = 0) -> None:
        """Prepare a network.

        Args:
            module: any stage's IR, verified.
            runner: one of `RUNNERS`.
            seed: of an executor's self-test.

        Raises:
            UserError: no such runner, or it does not run this stage.
            ExecutorMismatchError: the executor computes other integers than the interpreter.
        """
        if runner not in RUNNERS:
            raise UserError(f"expected an executor of {', '.join(RUNNERS)}, got `{runner}`")
        self.input = network_input(module)
        self.module = module
        self.layers = layer_tensors(network_function(module))
        self._executor = None
        if runner != INTERPRETER:
            _expect_executable(module, runner)
            self._executor = open_executor(runner, module, seed=seed)

    @property
    def assignments(self) -> Sequence[Assignment]:
        """Who does each step; nothing for the interpreters."""
        return () if self._executor is None else self._executor.assignments

    def run(self, images: npt.NDArray[np.float32]) -> tuple[Array, ...]:
        """Run the network; return its results, as stored."""
        return self._run(images, None)

    def captured(
        self, images: npt.NDArray[np.float32]
    ) -> tuple[tuple[Array, ...], dict[str, Array]]:
        """Run the network; return its results and what each layer leaves, as stored."""
        # An executor tells a tensor in parts, which are the batches that it runs at once.
        parts: dict[SSAValue, list[Array]] = {each.value: [] for each in self.layers.values()}
        if self.input in parts:
            parts[self.input].append(images)

        def listen(value: SSAValue, array: Array) -> None:
            if value in parts:
                parts[value].append(array)

        results = self._run(images, listen)
        return results, {
            layer: np.concatenate(parts[each.value]) for layer, each in self.layers.items()
        }

    def _run(self, images: npt.NDArray[np.float32], listener: Listener | None) -> tuple[Array, ...]:
        if self._executor is not None:
            return self._executor.run(images, listener)
        return run_all(self.module, images, None if listener is None else _Recorder(listener))


class _Recorder(Interpreter.Listener):
    """Tells a listener of executors what the interpreters compute."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def did_interpret_op(self, op: Operation, results: Sequence[Any]) -> None:
        for value, array in zip(op.results, results, strict=True):
            self._listener(value, array)


def _expect_executable(module: ModuleOp, runner: str) -> None:
    for op in module.walk():
        if op.name.split(".")[0] not in EXECUTED_DIALECTS:
            raise UserError(
                f"executor `{runner}` runs the stages int8 and shift, got `{op.name}`",
                hint=f"executor `{INTERPRETER}` runs every stage",
            )
