"""Choose which layers' weights have two power-of-two terms, where the second ones gain most.

A second term costs a layer as many additions as it has multiplications. What it gains is measured:
all layers are rounded to two terms (`round-weights-compensated`, on a copy), then one layer at a
time gets one term instead, and the noise that this adds to the network's results on calibration
images is its need. The layers that get two terms are those which together save the most noise
within the budget (`numerics.term_mixture`), as if their noises were independent. The results are
compared as they are, without labels.

Before:
    %a = int8.conv %x, %w, %b
After:
    %a = int8.conv %x, %w, %b {shift.terms = 2 : i64}

Requires: `convert-graph-to-int8` has run with the same context, where it left the float network;
    calibration images in the context, or their path (.npy) as an option.
Ensures: every layer carries `shift.terms`, 1 or 2; the mean over all multiplications is at most
    `terms_per_mac`. The context has the mixture.
Contract: analysis; the choice is attributes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from tf2c.context import CompilerContext
from tf2c.dialects import int8, tensors
from tf2c.dialects.scales import scale_of
from tf2c.dialects.tensors import i64_array
from tf2c.errors import UserError
from tf2c.interpreters import run_all
from tf2c.numerics import exponents
from tf2c.numerics.compensated_rounding import Grid
from tf2c.numerics.term_mixture import LayerTerms, Mixture, best_two_term_layers
from tf2c.passes.calibration import calibration_images
from tf2c.passes.check import real_results
from tf2c.passes.compensation import (
    MULTIPLIER_BITS,
    LayerPair,
    Limits,
    RoundedLayer,
    Rows,
    affordable_images,
    round_layers,
    rounded_layer,
)
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.replay import Replay, Results, result_noise
from tf2c.passes.rewriting import network_function, network_input
from tf2c.passes.terms import choose_terms

IMAGES = 32
"""On which the noise is measured, if memory allows."""

Sums = int8.ConvOp | int8.GemmOp


@dataclass(frozen=True)
class ChooseTermsPass(CompilerPass):
    """Choose which layers' weights have two power-of-two terms."""

    name = "choose-terms"
    contract: ClassVar[Contract] = Contract.ANALYSIS
    looks_at_images: ClassVar[bool] = True

    images: str | None = None
    """Path of an .npy file of calibration images; by default the context's."""
    terms_per_mac: float = 1.3
    """Terms per multiplication that the network may have on average, 1 to 2."""
    multiplier_bits: int = MULTIPLIER_BITS
    """As `round-weights-compensated` has it."""
    smallest_shift: int = exponents.SMALLEST_SHIFT
    """Least requantizing shift."""
    seed: int = 0
    """Of the choice of pixels."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Measure on a copy, choose, annotate."""
        if not 1 <= self.terms_per_mac <= 2:
            raise UserError(f"expected 1 to 2 terms per multiplication, got {self.terms_per_mac}")
        mixture = ctx.mixture if isinstance(ctx, CompilerContext) else None
        if mixture is None:
            mixture = self._measured(ctx, op)
        two_terms = best_two_term_layers(mixture.layers, self.terms_per_mac)
        mixture = Mixture(mixture.layers, two_terms, mixture.base_noise)
        if isinstance(ctx, CompilerContext):
            ctx.mixture = mixture
        for layer, two in zip(_layers(op), two_terms, strict=True):
            choose_terms(layer, 2 if two else 1)

    def _measured(self, ctx: Context, op: ModuleOp) -> Mixture:
        """Return the mixture of two terms everywhere, with each layer's need."""
        module = op.clone()
        limits = Limits(self.smallest_shift, self.multiplier_bits)
        pairs: list[LayerPair] = []
        others: list[RoundedLayer] = []

        def choose(layer: LayerPair, groups: Sequence[Rows]) -> RoundedLayer:
            pairs.append(layer)
            others.append(rounded_layer(layer, groups, Grid(1), limits))
            return rounded_layer(layer, groups, Grid(2), limits)

        round_layers(ctx, module, self.images, self.seed, choose)
        source = calibration_images(ctx, self.images, tensors.extents(network_input(op)))
        images = next(source.batches(min(affordable_images(op), IMAGES)))
        assert isinstance(ctx, CompilerContext)
        assert ctx.float_network is not None
        wanted = real_results(ctx.float_network, run_all(ctx.float_network, images))
        replay = Replay(module, images)
        base = result_noise(wanted, replay.results)
        layers: list[LayerTerms] = []
        for sums, pair, other in zip(_layers(module), pairs, others, strict=True):
            noise = max(result_noise(wanted, _results_with(replay, sums, pair, other)) - base, 0.0)
            layers.append(LayerTerms(pair.name, pair.multiplications, noise))
            ctx.report("choosing terms", len(layers), len(pairs))
        return Mixture(tuple(layers), (True,) * len(layers), base)


def _layers(module: ModuleOp) -> list[Sums]:
    return [op for op in network_function(module).body.block.ops if isinstance(op, Sums)]


def _results_with(replay: Replay, sums: Sums, pair: LayerPair, other: RoundedLayer) -> Results:
    replaced = {sums.weight: other.weight.value.array, sums.bias: other.bias.value.array}
    if pair.stored is None:
        finer = scale_of(other.weight.output).values - scale_of(sums.weight).values
        return replay.results_with(
            replaced, factors={sums.output: np.exp2(finer.astype(np.float64))}
        )
    changes = [
        (pair.stored, "multiplier", i64_array(other.multipliers.tolist())),
        (pair.stored, "shift", i64_array(other.shifts.tolist())),
    ]
    return replay.results_with(replaced, changes)
