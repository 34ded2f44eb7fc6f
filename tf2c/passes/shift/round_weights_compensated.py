"""Round weights so that each one's error is made up for by the others: accuracy without retraining.

Walks the float network and the integer one side by side over the calibration images. At each layer
it has the inputs of both, and so the outputs that the layer ought to have and the rounded inputs
that it has to make them of. The layer's rows are rounded to the grid one weight after the other,
the errors carried to the weights that are left (`numerics.compensated_rounding`); the bias makes up
for what is left on average. Then the integer network runs on through the rounded layer.

A filter's step is a power of two times a multiplier of its requantization, where the layer has one
and `multiplier_bits` allows it; otherwise a power of two.

Before:
    %w = int8.constant <1x3xi8, [100, 3, -30]> from ... : tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>
    %y = int8.requantize %a shift [8] bounds [0, 127]
After:
    %w = int8.constant <1x3xi8, [64, 4, -32]> from ... : tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>
    %y = int8.requantize %a multiplier [11] shift [11] bounds [0, 127]

Requires: `convert-graph-to-int8` has run with the same context, where it left the float network;
    calibration images in the context, or their path (.npy) as an option.
Ensures: every weight is a number of the form asked for, or of as many terms as `choose-terms` gave
    its layer, in steps of its filter.
Contract: approximate; metric: signal-to-quantization-noise ratio of the network's result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from tf2c.errors import UserError
from tf2c.numerics import exponents
from tf2c.numerics.compensated_rounding import Grid
from tf2c.passes.compensation import (
    MULTIPLIER_BITS,
    LayerPair,
    Limits,
    RoundedLayer,
    Rows,
    round_layers,
    rounded_layer,
)
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.terms import chosen_terms

GRIDS = {"int8": Grid(None), "shift1": Grid(1), "shift2": Grid(2)}
"""By the form of weights."""


@dataclass(frozen=True)
class RoundWeightsCompensatedPass(CompilerPass):
    """Round weights so that each one's error is made up for by the others."""

    name = "round-weights-compensated"
    contract: ClassVar[Contract] = Contract.APPROXIMATE
    looks_at_images: ClassVar[bool] = True

    images: str | None = None
    """Path of an .npy file of calibration images; by default the context's."""
    weights: str = "shift1"
    """`int8`, `shift1` or `shift2`."""
    multiplier_bits: int = MULTIPLIER_BITS
    """Of the number that a requantization multiplies by; with 1, steps are powers of two."""
    smallest_shift: int = exponents.SMALLEST_SHIFT
    """Least requantizing shift."""
    seed: int = 0
    """Of the choice of pixels."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Walk both networks."""
        if self.weights not in GRIDS:
            raise UserError(f"expected weights of {', '.join(GRIDS)}, got `{self.weights}`")
        limits = Limits(self.smallest_shift, self.multiplier_bits)

        def choose(layer: LayerPair, groups: Sequence[Rows]) -> RoundedLayer:
            terms = chosen_terms(layer.sums)
            grid = GRIDS[self.weights] if terms is None else Grid(terms)
            return rounded_layer(layer, groups, grid, limits)

        round_layers(ctx, op, self.images, self.seed, choose)
