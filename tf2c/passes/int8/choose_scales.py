"""Choose the power-of-two scale of every stored tensor from calibration images.

Runs the network in floating point over the images, once, and keeps a histogram of magnitudes of
each tensor that rounding will make (`numerics.histograms`). Tensors that meet in a concatenation
share a scale, and so count together. Of the exponents that come into question, the one that
saturates nothing and finer ones, `mse` takes the one of least squared rounding error, `entropy` the
one that changes the distribution least (Migacz 2017), `percentile` the finest that holds 99.99 % of
the numbers, and `minmax` the first. Where a layer's largest weights would need a
smaller requantizing shift than is legal, its exponent is raised, but not for a few of them: beyond
two steps, some may saturate. Where a residual's shift would not be legal, it is raised as far as it
must be. Both are noted in the context, because they cost accuracy.

Before:
    %y = graph.conv %x, %w then relu
After:
    %y = graph.conv %x, %w then relu {int8.scale = #int8.pow2<-5>}

Requires: calibration images in the context, or their path (.npy, float32, NxCxHxW) as an option;
    only ops that have an int8 form.
Ensures: the function's argument and every op whose result is stored carry `int8.scale`; with
    `unsigned`, those that are never negative also carry `int8.element = ui8`.
Contract: analysis; the scales are attributes.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import PythonValues
from xdsl.ir import BlockArgument, Operation, SSAValue

from tf2c.analysis.constants import constant_array
from tf2c.analysis.storage import ScaleClasses, StoringOp, storing_ops
from tf2c.context import notes_of
from tf2c.dialects import graph, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import ELEMENT, SCALE, Pow2Attr, ui8
from tf2c.errors import UserError
from tf2c.image_source import ImageSource
from tf2c.numerics import exponents, fixed_point
from tf2c.numerics.histograms import MagnitudeHistogram
from tf2c.passes.calibration import BATCH, calibration_images, run_on_images
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function, network_input

CANDIDATES = 5
"""Exponents tried per tensor; each finer one saturates half of the range."""

METHODS = ("mse", "minmax", "percentile", "entropy")

PERCENTILE = 0.9999
"""Of the magnitudes, what `percentile` does not saturate."""

CHEAP_RAISE = 2
"""Steps by which large weights may raise the exponent of a layer's result without further ado."""

LARGEST_LOSS = 0.25
"""Part of their squares that filters may lose on average before it is raised further. Without
tolerance, one large filter coarsens all tensors behind it: MobileNet-v2's scores become noise."""


@dataclass
class _ScaleClass:
    """Tensors that share a scale, and what is known of their values."""

    sources: list[SSAValue] = field(default_factory=list[SSAValue])
    histogram: MagnitudeHistogram = field(default_factory=MagnitudeHistogram)
    is_unsigned: bool = False

    @property
    def largest_stored(self) -> int:
        return fixed_point.UINT8_MAX if self.is_unsigned else fixed_point.INT8_MAX

    def best_exponent(self, method: str) -> int | None:
        """Return the wanted exponent; None for tensors that were zero on every image."""
        if self.histogram.largest == 0:
            return None
        largest = self.histogram.largest
        if method == "percentile":
            # Tensors that are zero nearly everywhere have nothing else to go by.
            largest = self.histogram.quantile(PERCENTILE) or largest
        count = 1 if method in ("minmax", "percentile") else CANDIDATES
        candidates = exponents.activation_candidates(largest, count, self.largest_stored)
        measure = self.histogram.squared_errors
        if method == "entropy":
            measure = self.histogram.divergences
        # Ties go to the first, which saturates least.
        return int(candidates[np.argmin(measure(candidates, self.largest_stored))])


@dataclass(frozen=True)
class ChooseScalesPass(CompilerPass):
    """Choose the power-of-two scale of every stored tensor from calibration images."""

    name = "choose-scales"
    contract: ClassVar[Contract] = Contract.ANALYSIS
    looks_at_images: ClassVar[bool] = True

    images: str | None = None
    """Path of an .npy file of calibration images; by default the context's."""
    method: str = METHODS[0]
    """`mse`: least squared error; `minmax`: nothing saturates; `percentile`; `entropy`."""
    unsigned: bool = False
    """Store what is never negative as ui8; not for engines whose lanes are signed."""
    smallest_shift: int = exponents.ENGINE_SHIFT
    """Least requantizing shift: the engine's, or 0 where int8 weights are multiplied."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Observe, choose, annotate."""
        if self.method not in METHODS:
            raise UserError(f"expected a method of {', '.join(METHODS)}, got `{self.method}`")
        function, argument = network_function(op), network_input(op)
        images = calibration_images(ctx, self.images, tensors.extents(argument))
        choice = _Choice(function, argument, self)
        choice.observe(op, images)
        choice.choose()
        choice.annotate(ctx)


class _Choice:
    """The scales of one network as they are found."""

    def __init__(
        self, function: FuncOp, argument: BlockArgument, options: ChooseScalesPass
    ) -> None:
        self._function = function
        self._argument = argument
        self._options = options
        self._ops = list(storing_ops(function))
        sets = ScaleClasses(function)
        classes: dict[SSAValue, _ScaleClass] = {}
        for source in (argument, *(op.output for op in self._ops)):
            members = classes.setdefault(sets.representative(source), _ScaleClass())
            members.sources.append(source)
        self._sets = sets
        self._classes = classes
        if options.unsigned:
            self._find_unsigned()
        self._exponents: dict[SSAValue, int] = {}

    def _class_of(self, value: SSAValue) -> _ScaleClass:
        return self._classes[self._sets.representative(value)]

    def exponent_of(self, value: SSAValue) -> int:
        """Return what has been chosen for a tensor."""
        return self._exponents[self._sets.representative(value)]

    def _find_unsigned(self) -> None:
        """Find the tensors that are never negative, in program order."""
        for members in self._classes.values():
            members.is_unsigned = all(
                self._is_never_negative(source.owner) for source in members.sources
            )

    def _is_never_negative(self, op: object) -> bool:
        if isinstance(op, graph.AveragePoolOp):
            return self._class_of(op.input).is_unsigned
        return isinstance(op, graph.LayerOp) and op.activation.data.lower >= 0

    def observe(self, module: ModuleOp, images: ImageSource) -> None:
        """Run the network on the images."""
        histograms = {
            source: members.histogram
            for members in self._classes.values()
            for source in members.sources
        }

        def observe(op: Operation, results: PythonValues) -> None:
            for result, values in zip(op.results, results, strict=True):
                if result in histograms:
                    histograms[result].observe(values)

        for batch in images.batches(BATCH):
            histograms[self._argument].observe(batch)
        run_on_images(module, images, observe)
        if self._class_of(self._argument).histogram.largest == 0:
            raise UserError(
                "expected calibration images with something on them, got only zeros",
                hint="check the images and their preprocessing",
            )

    def choose(self) -> None:
        """Choose the least legal exponents that are not below the wanted ones."""
        self._wanted = {
            key: each.best_exponent(self._options.method) for key, each in self._classes.items()
        }
        self._exponents = {
            key: exponents.LOWEST_EXPONENT if exponent is None else exponent
            for key, exponent in self._wanted.items()
        }
        # A sweep in program order settles all that do not share scales with what is behind. Only
        # tensors of zeros that share a scale with their own input could ask for ever more.
        for _ in range(len(self._classes) + 1):
            raised = [self._raise_for(op) for op in self._ops]
            if not any(raised):
                return

    def _raise_for(self, op: StoringOp) -> bool:
        """Raise exponents for the sake of one op; say whether any had to be."""
        source = self.exponent_of(op.input)
        if isinstance(op, graph.AveragePoolOp):
            # Finer steps than the sum's own would say nothing.
            return self._raise(op.output, source - (op.pixel_counts[0].bit_length() - 1))
        wanted = self._wanted[self._sets.representative(op.output)]
        least = self._least_exponent(op)
        if wanted is not None:
            raised = self._raise(op.output, self._tolerable(op, wanted, least))
        elif least == exponents.LOWEST_EXPONENT:
            raised = self._raise(op.output, source)  # no weights, and a tensor of zeros
        else:
            raised = self._raise(op.output, least)
        if op.residual is not None:
            residual = self.exponent_of(op.residual)
            raised |= self._raise(op.output, residual - _LARGEST_DIFFERENCE)
            sum_exponent = self.exponent_of(op.output)
            raised |= self._raise(op.residual, sum_exponent - fixed_point.REQUANTIZE_SHIFT)
        return raised

    def _tolerable(self, layer: graph.LayerOp, wanted: int, least: int) -> int:
        """Return an exponent under which few weights saturate, `least` being that of none."""
        if self._class_of(layer.input) is self._class_of(layer.output):
            return wanted  # raising both helps nobody
        source, weight = self.exponent_of(layer.input), constant_array(layer.weight)
        exponent = min(least, wanted + CHEAP_RAISE)
        while exponent < least:
            loss = exponents.saturation_loss(weight, source, exponent, self._options.smallest_shift)
            if loss <= LARGEST_LOSS:
                break
            exponent += 1
        return exponent

    def _least_exponent(self, layer: graph.LayerOp) -> int:
        """Return the least exponent of a layer's result under which no weight saturates."""
        source = self.exponent_of(layer.input)
        return exponents.smallest_output_exponent(
            constant_array(layer.weight), source, self._options.smallest_shift
        )

    def _raise(self, value: SSAValue, least: int) -> bool:
        key = self._sets.representative(value)
        if least <= self._exponents[key]:
            return False
        self._exponents[key] = least
        return True

    def annotate(self, ctx: Context) -> None:
        """Write the choice into the IR, and what it costs into the context's notes."""
        for op in self._ops:
            exponent = self.exponent_of(op.output)
            op.attributes[SCALE] = Pow2Attr([exponent])
            if self._class_of(op.output).is_unsigned:
                op.attributes[ELEMENT] = ui8
            wanted = self._wanted[self._sets.representative(op.output)]
            if wanted is not None and exponent != wanted and isinstance(op, graph.LayerOp):
                notes_of(ctx).append(
                    f"layer `{layer_name(op)}`: stored in steps of 2**{exponent} instead of "
                    f"2**{wanted}, so that its requantizing shifts are legal"
                )
            if isinstance(op, graph.LayerOp) and self._least_exponent(op) > exponent:
                notes_of(ctx).append(
                    f"layer `{layer_name(op)}`: its largest weights saturate, because its "
                    "requantizing shift would not be legal"
                )
        scale = Pow2Attr([self.exponent_of(self._argument)])
        self._function.arg_attrs = ArrayAttr([DictionaryAttr({SCALE: scale})])


_LARGEST_DIFFERENCE = fixed_point.RESIDUAL_SHIFT_LIMIT - fixed_point.REQUANTIZE_SHIFT
"""How much coarser than its sum a residual may be stored."""
