"""Measure activations from the middle of their range, so that signed storage uses all its numbers.

What ReLU leaves is never negative, and half of the numbers of 8 signed bits are. Here a constant is
taken from the bias of the layer that makes such a tensor, which ReLU then limits to minus that
constant, and the biases of the layers that use the tensor make up for it: `W x = W (x - c) + W c`.
The constant is 127 steps of the scale that unsigned storage would choose. (Nagel et al. 2019
absorb high biases in this way.)

A tensor is left as it is where padding takes part, whose zeros would have to move, too; where the
network returns it; and where anything but layers, poolings and concatenations uses it. Tensors that
residual additions tie together (`analysis.channel_groups`) move together, if ReLU made all of them.

Before:
    %y = graph.conv %x, %w bias %b then relu
    %z = graph.conv %y, %v bias %d
After:
    %y = graph.conv %x, %w bias %b' then clip<-4.0, _>       // b - 4
    %z = graph.conv %y, %v bias %d'                          // d + 4 * sum of v

Requires: calibration images in the context, or their path (.npy) as an option; activations are
    parts of layers.
Ensures: nothing but biases and bounds of activations changes.
Contract: equivalent.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import PythonValues
from xdsl.ir import Operation, SSAValue

from tf2c.analysis.channel_groups import ChannelGroup, channel_groups
from tf2c.analysis.constants import constant_array
from tf2c.analysis.storage import ScaleClasses, storing_ops
from tf2c.dialects import graph, tensors
from tf2c.numerics import exponents, fixed_point
from tf2c.numerics.histograms import MagnitudeHistogram
from tf2c.passes.calibration import calibration_images, run_on_images
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.layer_constants import add_bias, drop_unused_constants, lost_sums, set_bias
from tf2c.passes.rewriting import network_function, network_input

CANDIDATES = 5
"""Exponents tried per tensor; each finer one saturates half of the range."""


def _can_move(group: ChannelGroup) -> bool:
    """Whether ReLU made all of a group's tensors, and nobody pads them."""
    windows = [
        each.layer.window.numbers
        for each in group.consumers
        if isinstance(each.layer, graph.ConvOp)
    ]
    return all(layer.activation.data.lower == 0 for layer in group.producers) and not any(
        any(pads) for _, pads, _, _ in windows
    )


def _moving_groups(function: FuncOp) -> list[ChannelGroup]:
    """Return the groups that can move with all others whose scale they share."""
    classes = ScaleClasses(function)
    groups = [group for group in channel_groups(function) if _can_move(group)]
    moving = {layer.output for group in groups for layer in group.producers}
    sources = [function.args[0], *(op.output for op in storing_ops(function))]
    fixed = {classes.representative(each) for each in sources if each not in moving}
    return [
        group
        for group in groups
        if all(classes.representative(each.output) not in fixed for each in group.producers)
    ]


def _layers(group: ChannelGroup) -> list[graph.LayerOp]:
    return [*group.producers, *(consumer.layer for consumer in group.consumers)]


def _constant(histogram: MagnitudeHistogram) -> float:
    """Return 127 steps of the best scale for unsigned storage; 0 for a tensor of zeros."""
    if histogram.largest == 0:
        return 0.0
    candidates = exponents.activation_candidates(
        histogram.largest, CANDIDATES, fixed_point.UINT8_MAX
    )
    best = int(np.argmin(histogram.squared_errors(candidates, fixed_point.UINT8_MAX)))
    return fixed_point.INT8_MAX * 2.0 ** int(candidates[best])


def _move(group: ChannelGroup, constant: float) -> None:
    for layer in group.producers:
        lower, upper = (bound - constant for bound in layer.activation.data)
        layer.activation = graph.ActivationAttr(graph.ActivationBounds(lower, upper))
        # What a residual brings has moved already.
        if layer.residual is None:
            assert layer.bias is not None
            set_bias(layer, constant_array(layer.bias) - constant)
    for consumer in group.consumers:
        assert consumer.layer.bias is not None
        lost = lost_sums(consumer, np.full(group.channels, constant))
        set_bias(consumer.layer, constant_array(consumer.layer.bias) + lost)


@dataclass(frozen=True)
class AbsorbBiasesPass(CompilerPass):
    """Measure activations from the middle of their range, so that signed storage uses it all."""

    name = "absorb-biases"
    contract: ClassVar[Contract] = Contract.EQUIVALENT
    looks_at_images: ClassVar[bool] = True

    images: str | None = None
    """Path of an .npy file of calibration images; by default the context's."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Look at the activations, then move group by group."""
        function = network_function(op)
        # In program order, so that the same network always becomes the same text.
        touched = [layer for group in _moving_groups(function) for layer in _layers(group)]
        for layer in dict.fromkeys(touched):
            if layer.bias is None:
                add_bias(layer)
        groups = _moving_groups(function)
        classes = ScaleClasses(function)
        by_class: dict[SSAValue, MagnitudeHistogram] = {}
        histograms: dict[SSAValue, MagnitudeHistogram] = {
            layer.output: by_class.setdefault(
                classes.representative(layer.output), MagnitudeHistogram()
            )
            for group in groups
            for layer in group.producers
        }
        images = calibration_images(ctx, self.images, tensors.extents(network_input(op)))

        def observe(each: Operation, results: PythonValues) -> None:
            for value, array in zip(each.results, results, strict=True):
                if value in histograms:
                    histograms[value].observe(array)

        run_on_images(op, images, observe)
        for group in groups:
            _move(group, _constant(histograms[group.producers[0].output]))
        drop_unused_constants(op)
