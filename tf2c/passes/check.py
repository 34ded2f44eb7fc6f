"""Translation validation: does a pass keep its contract on seeded images?

The network is executed before and after a pass by the interpreters. Exact passes and analyses
must give the same bits, equivalent ones nearly the same reals, approximate ones only report how
far the result moved.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from tf2c.dialects import tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import Pow2Attr
from tf2c.image_source import ImageSource
from tf2c.interpreters import run
from tf2c.numerics import fixed_point
from tf2c.passes.contract import EQUIVALENT_TOLERANCE, CompilerPass, Contract
from tf2c.passes.rewriting import network_function, network_input

IMAGES = 4
"""Images per check."""


class ContractError(Exception):
    """A pass broke its contract: a bug of that pass."""


class _LayerRecorder(Interpreter.Listener):
    """Remembers the last result of every layer."""

    def __init__(self) -> None:
        self.results: dict[str, npt.NDArray[Any]] = {}

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        for values in results:
            self.results[layer_name(op)] = values


def check_images(
    module: ModuleOp, calibration: ImageSource | None, seed: int
) -> npt.NDArray[np.float32]:
    """Return images to check a module on: the first calibration images, else random ones."""
    argument = network_input(module)
    generator = np.random.default_rng(seed)
    if calibration is not None:
        return next(calibration.batches(IMAGES))
    return generator.normal(size=(IMAGES, *tensors.extents(argument))).astype(np.float32)


class ContractChecker:
    """Compares a module before and after each pass."""

    def __init__(self, module: ModuleOp, images: npt.NDArray[np.float32], seed: int = 0) -> None:
        """Execute the module as it is before the first pass.

        Args:
            module: verified IR.
            images: float32 `[N, C, H, W]`.
            seed: that the images were made from, for messages.
        """
        self._seed = seed
        self._images = images
        self._execute(module)

    def check(self, applied: ModulePass, module: ModuleOp) -> str:
        """Compare with the module before `applied`, and go on from here.

        Returns:
            what was found, for people.

        Raises:
            ContractError: the pass broke its contract.
        """
        before, real_before, layers_before = self._result, self._real, self._layers
        self._execute(module)
        # Upstream's passes have no contract of their own; what we use of them is exact.
        contract = applied.contract if isinstance(applied, CompilerPass) else Contract.EXACT
        if self._real.shape != real_before.shape:
            raise ContractError(
                f"pass `{applied.name}` changed the shape of the result: expected "
                f"{real_before.shape}, got {self._real.shape}"
            )
        difference = float(np.abs(self._real - real_before).max())
        largest = max(float(np.abs(real_before).max()), np.finfo(np.float32).tiny)
        if contract in (Contract.EXACT, Contract.ANALYSIS):
            # The same bits must also stand for the same numbers, or a lost scale would pass.
            same_bits = self._result.dtype == before.dtype and np.array_equal(self._result, before)
            if not same_bits or not np.array_equal(self._real, real_before):
                layer = self._first_difference(layers_before)
                raise ContractError(
                    f"pass `{applied.name}` changed the result (seed {self._seed}), "
                    f"first in layer `{layer}`: expected the same numbers, got a difference of "
                    f"{difference:g}"
                )
            return f"{contract}: {before.size} elements equal"
        if contract is Contract.EQUIVALENT:
            relative = difference / largest
            if not relative <= EQUIVALENT_TOLERANCE:
                layer = self._first_difference(layers_before, EQUIVALENT_TOLERANCE)
                raise ContractError(
                    f"pass `{applied.name}` changed the result (seed {self._seed}), "
                    f"first in layer `{layer}`: expected a relative difference of at most "
                    f"{EQUIVALENT_TOLERANCE:g}, got {relative:g}"
                )
            return f"{contract}: relative difference {relative:.1e}"
        if not np.isfinite(self._real).all():
            raise ContractError(f"pass `{applied.name}` made the result infinite or NaN")
        return f"{contract}: {_signal_to_noise(real_before, self._real)}"

    def _execute(self, module: ModuleOp) -> None:
        recorder = _LayerRecorder()
        self._result = run(module, self._images, listener=recorder)
        self._real = real_result(module, self._result)
        self._layers = recorder.results

    def _first_difference(self, before: dict[str, npt.NDArray[Any]], tolerance: float = 0.0) -> str:
        """Return the first layer, in program order, whose result is another one than before."""
        for layer, values in self._layers.items():
            old = before.get(layer)
            if old is None or old.shape != values.shape or old.dtype != values.dtype:
                continue
            difference = np.abs(values.astype(np.float64) - old).max(initial=0.0)
            if not difference <= tolerance * np.abs(old.astype(np.float64)).max(initial=0.0):
                return layer
        return "return"


def real_result(module: ModuleOp, result: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the real numbers that a network's result stands for, by its function's type."""
    (kind,) = network_function(module).function_type.outputs.data
    scale = tensors.tensor_type(kind).encoding
    if isinstance(scale, Pow2Attr):
        return fixed_point.dequantize(result, scale.broadcast(result.ndim))
    return result.astype(np.float64)


def _signal_to_noise(reference: npt.NDArray[np.float64], result: npt.NDArray[np.float64]) -> str:
    noise = np.square(result - reference).sum()
    if noise == 0:
        return "no quantization noise"
    return f"{10 * np.log10(np.square(reference).sum() / noise):.1f} dB SQNR"
