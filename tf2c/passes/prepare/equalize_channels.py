"""Let every channel of a tensor use its whole range, by factors that the next layers undo.

A tensor has one scale, which its largest channels decide; the others are stored in few steps. Here
each channel gets the step in which rounding and saturation cost it least on the calibration images
(`rule` `mse`), or which saturates nothing, rounded up to a power of two as TF2's tables of Q are
(`ceiling`). The filter that makes the channel is multiplied by what turns that step into the
tensor's, and the weights by which the next layers multiply the channel are divided by it. Weights
lose nothing, because they are rounded later, by filters that have steps of their own. (Cross-layer
equalization, Nagel et al. 2019, with the ranges of activations where that looks at weights.)

Tensors that residual additions and poolings tie together share their channels' factors
(`analysis.channel_groups`); where anything but a layer makes or uses one of them, all stay as they
are. A filter whose weights are too large for the engine's requantizing shift gets a coarser step.

Before:
    %y = graph.conv %x, %w bias %b then relu     // channels reach 8.0 and 0.9
    %z = graph.conv %y, %v
After:
    %y = graph.conv %x, %w' bias %b' then relu   // channels reach 8.0 and 8.0
    %z = graph.conv %y, %v'

Requires: calibration images in the context, or their path (.npy) as an option; activations are
    parts of layers.
Ensures: nothing but weights, biases and upper bounds of activations changes. Without an upper bound
    (ReLU6), the results are the same; with one, they are while activations stay within what is not
    saturated anyway.
Contract: approximate; metric: signal-to-quantization-noise ratio of the network's result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import PythonValues
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.channel_groups import ChannelGroup, channel_groups
from tf2c.analysis.constants import constant_array
from tf2c.analysis.storage import ScaleClasses, StoringOp
from tf2c.dialects import graph, tensors
from tf2c.errors import UserError
from tf2c.image_source import ImageSource
from tf2c.numerics import exponents, fixed_point
from tf2c.passes.calibration import BATCH, calibration_images, run_on_images
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.layer_constants import (
    drop_unused_constants,
    input_factors,
    set_bias,
    set_weight,
)
from tf2c.passes.rewriting import network_function, network_input

SAMPLES = 8192
"""Of each channel, over all images; its largest number is known besides."""

LARGEST_FACTOR = 64.0
"""Or its reciprocal; channels that are almost never used are not worth more."""

RULES = ("mse", "ceiling")

STEPS_PER_OCTAVE = 4

OCTAVES = 1
"""Below the step that saturates nothing, in which the best is looked for."""

Reals = npt.NDArray[np.float64]


class _Samples:
    """Keeps some numbers and the largest magnitude of each channel of every stored tensor."""

    def __init__(self, images: int, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._pixels = max(SAMPLES // images, 1)
        self.largest: dict[SSAValue, npt.NDArray[np.float32]] = {}
        self.samples: dict[SSAValue, list[npt.NDArray[np.float32]]] = {}

    def observe_op(self, op: Operation, results: PythonValues) -> None:
        """Take a batch of what an op results in."""
        if isinstance(op, StoringOp):
            self.observe(op.output, results[0])

    def observe(self, value: SSAValue, array: npt.NDArray[np.float32]) -> None:
        """Take a batch of a tensor."""
        rows = array.reshape(*array.shape[:2], -1)
        found = np.abs(rows).max(axis=(0, 2))
        known = self.largest.get(value)
        self.largest[value] = found if known is None else np.maximum(known, found)
        pixels = self._generator.integers(0, rows.shape[2], min(self._pixels, rows.shape[2]))
        chosen = rows[:, :, pixels].transpose(1, 0, 2).reshape(rows.shape[1], -1)
        self.samples.setdefault(value, []).append(chosen)

    def of(self, values: Sequence[SSAValue]) -> tuple[Reals, npt.NDArray[np.float32]]:
        """Return the largest magnitudes `[C]` and samples `[C, n]` of tensors together."""
        largest = np.max([self.largest[value] for value in values], axis=0)
        samples = np.concatenate([part for value in values for part in self.samples[value]], axis=1)
        return largest.astype(np.float64), samples


def _least_error_steps(largest: Reals, samples: npt.NDArray[np.float32]) -> Reals:
    """Return the step `[C]` in which rounding and saturation cost each channel least."""
    covering = largest / fixed_point.INT8_MAX
    best, least = covering, np.full(len(covering), np.inf)
    for index in range(int(STEPS_PER_OCTAVE * OCTAVES) + 1):
        steps = covering * 2.0 ** (-index / STEPS_PER_OCTAVE)
        scaled = samples / np.maximum(steps, np.finfo(np.float32).tiny)[:, None].astype(np.float32)
        stored = np.clip(np.rint(scaled), fixed_point.INT8_MIN, fixed_point.INT8_MAX)
        errors = np.square((stored - scaled).astype(np.float64)).mean(axis=1) * np.square(steps)
        best = np.where(errors < least, steps, best)
        least = np.minimum(errors, least)
    return best


@dataclass(frozen=True)
class EqualizeChannelsPass(CompilerPass):
    """Let every channel of a tensor use its whole range."""

    name = "equalize-channels"
    contract: ClassVar[Contract] = Contract.APPROXIMATE
    looks_at_images: ClassVar[bool] = True

    images: str | None = None
    """Path of an .npy file of calibration images; by default the context's."""
    rule: str = RULES[0]
    """`mse`: the step of least error; `ceiling`: TF2's, a power of two that saturates nothing."""
    smallest_shift: int = exponents.SMALLEST_SHIFT
    """Least requantizing shift that the layers will have."""
    seed: int = 0
    """Of the choice of samples."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Look at the activations, then scale group by group."""
        if self.rule not in RULES:
            raise UserError(f"expected a rule of {', '.join(RULES)}, got `{self.rule}`")
        images = calibration_images(ctx, self.images, tensors.extents(network_input(op)))
        _Equalization(op, images, self).scale()
        drop_unused_constants(op)


class _Equalization:
    """The steps of one network's channels as they are found."""

    def __init__(
        self, module: ModuleOp, images: ImageSource, options: EqualizeChannelsPass
    ) -> None:
        self._options = options
        function = network_function(module)
        self._groups = channel_groups(function)
        self._observed = _Samples(len(images), options.seed)
        for batch in images.batches(BATCH):
            self._observed.observe(function.args[0], batch)
        run_on_images(module, images, self._observed.observe_op)
        self._classes = ScaleClasses(function)
        self._largest: dict[SSAValue, float] = {}
        for value, found in self._observed.largest.items():
            key = self._classes.representative(value)
            self._largest[key] = max(self._largest.get(key, 0.0), float(found.max()))

    def _unit(self, value: SSAValue) -> float:
        """Return the step that a tensor would have if nothing of it saturated."""
        largest = np.array(self._largest[self._classes.representative(value)])
        return 2.0 ** int(exponents.covering_exponent(largest, fixed_point.INT8_MAX))

    def scale(self) -> None:
        """Choose and apply factors, in program order: what a layer reads limits what it makes."""
        for group in self._groups:
            bounds = {layer.activation.data for layer in group.producers}
            if any(np.isfinite(lower) and lower != 0 for lower, _ in bounds):
                continue  # a bound that is one number for all channels
            unit = self._unit(group.producers[0].output)
            # An upper bound must not come to lie within what is stored of a channel.
            saturating = fixed_point.INT8_MAX * unit
            least = saturating / min(upper for _, upper in bounds)
            factors = unit / self._steps(group, unit)
            factors = np.clip(factors, max(least, 1 / LARGEST_FACTOR), LARGEST_FACTOR)
            if self._options.rule == "ceiling":
                factors = np.exp2(np.floor(np.log2(factors)))
            self._apply(group, factors)
            for layer in group.producers:
                lower, upper = layer.activation.data
                if np.isfinite(upper):
                    limits = graph.ActivationBounds(lower, saturating)
                    layer.activation = graph.ActivationAttr(limits)

    def _steps(self, group: ChannelGroup, unit: float) -> Reals:
        """Return the steps `[C]` wanted for a group's channels, or more where they must be."""
        largest, samples = self._observed.of([layer.output for layer in group.producers])
        if self._options.rule == "ceiling":
            steps = largest / fixed_point.INT8_MAX
        else:
            steps = _least_error_steps(largest, samples)
        steps = np.where(largest > 0, steps, unit)
        for layer in group.producers:
            steps = np.maximum(steps, self._least_steps(layer))
        return steps

    def _least_steps(self, layer: graph.LayerOp) -> Reals:
        """Return the least steps `[M]` of a layer's results under which its shifts are legal."""
        weight = np.abs(constant_array(layer.weight).astype(np.float64))
        largest = weight.reshape(len(weight), -1).max(axis=1)
        # What is stored moves by a unit, whatever factor has been taken from the weights.
        moved = largest * self._unit(layer.input)
        return moved / fixed_point.INT8_MAX * 2.0**self._options.smallest_shift

    def _apply(self, group: ChannelGroup, factors: Reals) -> None:
        for consumer in group.consumers:
            weight = constant_array(consumer.layer.weight)
            set_weight(consumer.layer, weight / input_factors(consumer, factors))
        for layer in group.producers:
            weight = constant_array(layer.weight)
            set_weight(layer, weight * factors.reshape(-1, *[1] * (weight.ndim - 1)))
            if layer.bias is not None:
                set_bias(layer, constant_array(layer.bias) * factors)
