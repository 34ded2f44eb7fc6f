"""Translation validation: does a pass keep its contract on seeded images?

The network is executed before and after a pass by the interpreters. Exact passes and analyses
must give the same bits, equivalent ones nearly the same reals, approximate ones only report how
far the result moved.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from tf2c.dialects import tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import real_numbers
from tf2c.image_source import ImageSource
from tf2c.interpreters import run_all
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
    if calibration is not None:
        return next(calibration.batches(IMAGES))
    generator = np.random.default_rng(seed)
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
        before, real_before, layers_before = self._results, self._reals, self._layers
        self._execute(module)
        # Upstream's passes have no contract of their own; what we use of them is exact.
        contract = applied.contract if isinstance(applied, CompilerPass) else Contract.EXACT
        shapes_before, shapes = (
            [each.shape for each in each_run] for each_run in (before, self._results)
        )
        if shapes != shapes_before:
            raise ContractError(
                f"pass `{applied.name}` changed the shape of the result: expected "
                f"{shapes_before}, got {shapes}"
            )
        if contract in (Contract.EXACT, Contract.ANALYSIS):
            # The same bits must also stand for the same numbers, or a lost scale would pass.
            same = all(
                result.dtype == old.dtype and np.array_equal(result, old)
                for result, old in zip(
                    (*self._results, *self._reals), (*before, *real_before), strict=True
                )
            )
            if not same:
                layer = self._first_difference(layers_before)
                raise ContractError(
                    f"pass `{applied.name}` changed the result (seed {self._seed}), "
                    f"first in layer `{layer}`: expected the same numbers, got a difference of "
                    f"{_largest_difference(self._reals, real_before):g}"
                )
            return f"{contract}: {sum(each.size for each in before)} elements equal"
        if contract is Contract.EQUIVALENT:
            relative = _largest_difference(self._reals, real_before, relative=True)
            if not relative <= EQUIVALENT_TOLERANCE:
                layer = self._first_difference(layers_before, EQUIVALENT_TOLERANCE)
                raise ContractError(
                    f"pass `{applied.name}` changed the result (seed {self._seed}), "
                    f"first in layer `{layer}`: expected a relative difference of at most "
                    f"{EQUIVALENT_TOLERANCE:g}, got {relative:g}"
                )
            return f"{contract}: relative difference {relative:.1e}"
        if not all(np.isfinite(each).all() for each in self._reals):
            raise ContractError(f"pass `{applied.name}` made the result infinite or NaN")
        return f"{contract}: {_signal_to_noise(real_before, self._reals)}"

    def _execute(self, module: ModuleOp) -> None:
        recorder = _LayerRecorder()
        self._results = run_all(module, self._images, listener=recorder)
        self._reals = real_results(module, self._results)
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


def _largest_difference(
    reals: Sequence[npt.NDArray[np.float64]],
    before: Sequence[npt.NDArray[np.float64]],
    *,
    relative: bool = False,
) -> float:
    """Return the largest difference of all results, or that relative to the largest number."""
    largest = 0.0
    for values, old in zip(reals, before, strict=True):
        difference = float(np.abs(values - old).max())
        reference = max(float(np.abs(old).max()), np.finfo(np.float32).tiny)
        # Not `max`, which loses NaN.
        largest = float(np.fmax(largest, difference / reference if relative else difference))
        if np.isnan(difference):
            return difference
    return largest


def real_result(module: ModuleOp, result: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the real numbers that a network's one result stands for, by its function's type."""
    (real,) = real_results(module, (result,))
    return real


def real_results(
    module: ModuleOp, results: Sequence[npt.NDArray[Any]]
) -> tuple[npt.NDArray[np.float64], ...]:
    """Return the real numbers that a network's results stand for, by its function's types."""
    kinds = network_function(module).function_type.outputs.data
    return tuple(real_numbers(kind, result) for kind, result in zip(kinds, results, strict=True))


def _signal_to_noise(
    reference: Sequence[npt.NDArray[np.float64]], results: Sequence[npt.NDArray[np.float64]]
) -> str:
    pairs = list(zip(reference, results, strict=True))
    noise = sum(float(np.square(result - old).sum()) for old, result in pairs)
    if noise == 0:
        return "no quantization noise"
    signal = sum(float(np.square(old).sum()) for old, _ in pairs)
    return f"{10 * np.log10(signal / noise):.1f} dB SQNR"
