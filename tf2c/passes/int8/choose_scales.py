"""Choose the power-of-two scale of every stored tensor from calibration images.

Runs the network in floating point over the images, twice: first for each tensor's largest
magnitude, then for the squared int8 rounding error of the exponents that come into question, the
one that saturates nothing and finer ones. The least error wins. An exponent is raised where the
requantizing shift or the residual's would not be legal (`numerics.exponents`); that is noted in the
context, because it costs accuracy.

Before:
    %y = graph.conv %x, %w then relu
After:
    %y = graph.conv %x, %w then relu {int8.scale = #int8.pow2<-5>}

Requires: calibration images in the context, or their path (.npy, float32, NxCxHxW) as an option.
Ensures: the function's argument and every layer whose result is stored carry `int8.scale`.
Contract: analysis; the scales are attributes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.constants import constant_array
from tf2c.analysis.storage import stored_layers, stored_source
from tf2c.context import CompilerContext
from tf2c.dialects import graph, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import SCALE, Pow2Attr
from tf2c.errors import UserError
from tf2c.image_source import ArrayImages, ImageSource
from tf2c.interpreters import run
from tf2c.numerics import exponents, fixed_point
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function, network_input

BATCH = 32
"""Images per run: bounds the memory that activations take."""

CANDIDATES = 5
"""Exponents tried per tensor; each finer one saturates half of the range."""


@dataclass
class _Observed:
    """What is known of one tensor's values."""

    largest: float = 0.0
    candidates: npt.NDArray[np.int64] | None = None
    errors: npt.NDArray[np.float64] | None = None

    def observe(self, values: npt.NDArray[np.floating]) -> None:
        """Take note of a batch: magnitudes first, rounding errors once candidates are known."""
        if self.candidates is None or self.errors is None:
            self.largest = max(self.largest, float(np.abs(values).max()))
        else:
            self.errors += exponents.squared_errors(values, self.candidates)

    def settle_magnitude(self) -> None:
        """Go over from the first run to the second."""
        if self.largest > 0:
            self.candidates = exponents.activation_candidates(self.largest, CANDIDATES)
            self.errors = np.zeros(CANDIDATES)

    def best_exponent(self) -> int | None:
        """Return the candidate of least error, ties to the one that saturates less.

        None for a tensor that was zero on every image, which says nothing about its scale.
        """
        if self.candidates is None or self.errors is None:
            return None
        return int(self.candidates[np.argmin(self.errors)])


class _Observer(Interpreter.Listener):
    """Passes layer results on to what observes them."""

    def __init__(self, observed: dict[SSAValue, _Observed]) -> None:
        self._observed = observed

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        for result, values in zip(op.results, results, strict=True):
            if result in self._observed:
                if not np.isfinite(values).all():
                    raise UserError(
                        f"layer `{layer_name(op)}`: expected finite activations on the calibration "
                        "images, got NaN or infinity",
                        hint="check the images and their preprocessing",
                    )
                self._observed[result].observe(values)


def _calibration_images(ctx: Context, path: str | None, extents: tuple[int, ...]) -> ImageSource:
    """Return the images of the option or of the context.

    Raises:
        UserError: there are none, or not of the network's shape and kind.
    """
    if path is None:
        if isinstance(ctx, CompilerContext) and ctx.calibration is not None:
            return ctx.calibration
        raise UserError(
            "expected calibration images, got none",
            hint="give `choose-scales{images=FILE.npy}`, or `--calib` to `tf2c compile`",
        )
    try:
        loaded: object = np.load(Path(path), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) else "damaged contents"
        raise UserError(f"{path}: expected a .npy file, got {reason}") from error
    images = cast(npt.NDArray[Any], loaded)
    if not isinstance(loaded, np.ndarray) or images.dtype.kind != "f":
        raise UserError(f"{path}: expected an array of real numbers, got something else")
    if images.shape[1:] != extents or len(images) == 0:
        raise UserError(
            f"{path}: expected images of shape {tensors.dimension_text(extents)}, "
            f"got {tensors.dimension_text(images.shape[1:])}, {len(images)} of them"
        )
    return ArrayImages(images)


@dataclass(frozen=True)
class ChooseScalesPass(CompilerPass):
    """Choose the power-of-two scale of every stored tensor from calibration images."""

    name = "choose-scales"
    contract: ClassVar[Contract] = Contract.ANALYSIS

    images: str | None = None
    """Path of an .npy file of calibration images; by default the context's."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Observe, choose, annotate."""
        function, argument = network_function(op), network_input(op)
        images = _calibration_images(ctx, self.images, tensors.extents(argument))
        layers = list(stored_layers(function))
        observed: dict[SSAValue, _Observed] = {
            value: _Observed() for value in (argument, *(each.output for each in layers))
        }
        for settle in (True, False):
            for batch in images.batches(BATCH):
                observed[argument].observe(batch)
                # Overflow is refused below, by the layer that overflows.
                with np.errstate(over="ignore", invalid="ignore"):
                    run(op, batch, listener=_Observer(observed))
            if settle:
                for tensor in observed.values():
                    tensor.settle_magnitude()
        best = {value: tensor.best_exponent() for value, tensor in observed.items()}
        chosen = _legal_exponents(argument, layers, best)
        for layer in layers:
            layer.attributes[SCALE] = Pow2Attr([chosen[layer.output]])
            wanted = best[layer.output]
            if wanted is not None and chosen[layer.output] != wanted:
                _notes(ctx).append(
                    f"layer `{layer_name(layer)}`: stored in steps of 2**{chosen[layer.output]} "
                    f"instead of 2**{wanted}, so that its requantizing shifts are legal"
                )
        _annotate_argument(function, Pow2Attr([chosen[argument]]))


def _notes(ctx: Context) -> list[str]:
    """Return where to leave what people should know; upstream's context forgets it."""
    return ctx.notes if isinstance(ctx, CompilerContext) else []


def _legal_exponents(
    argument: SSAValue, layers: list[graph.LayerOp], best: dict[SSAValue, int | None]
) -> dict[SSAValue, int]:
    """Choose exponents in program order, raised where what follows would not be legal.

    A residual must not be stored in steps finer than 2**-30 of its sum's. One that would be is
    raised, and everything behind it chosen again; exponents only rise, so this ends.
    """
    input_exponent = best[argument]
    if input_exponent is None:
        raise UserError(
            "expected calibration images with something on them, got only zeros",
            hint="check the images and their preprocessing",
        )
    least: dict[SSAValue, int] = {}
    while True:
        chosen = {argument: max(input_exponent, least.get(argument, input_exponent))}
        for layer in layers:
            source_exponent = chosen[stored_source(layer.input)]
            weight = constant_array(layer.weight)
            finest = exponents.smallest_output_exponent(weight, source_exponent)
            wanted = best[layer.output]
            if wanted is None:
                # Zero on every image: as fine as the layer's own weights allow.
                wanted = source_exponent if finest == exponents.LOWEST_EXPONENT else finest
            exponent = max(wanted, finest, least.get(layer.output, wanted))
            chosen[layer.output] = exponent
            if layer.residual is not None:
                source = stored_source(layer.residual)
                chosen[layer.output] = max(exponent, chosen[source] - _LARGEST_DIFFERENCE)
                if chosen[source] < chosen[layer.output] - fixed_point.REQUANTIZE_SHIFT:
                    least[source] = chosen[layer.output] - fixed_point.REQUANTIZE_SHIFT
                    break
        else:
            return chosen


_LARGEST_DIFFERENCE = fixed_point.RESIDUAL_SHIFT_LIMIT - fixed_point.REQUANTIZE_SHIFT
"""How much coarser than its sum a residual may be stored."""


def _annotate_argument(function: FuncOp, scale: Pow2Attr) -> None:
    function.arg_attrs = ArrayAttr([DictionaryAttr({SCALE: scale})])
