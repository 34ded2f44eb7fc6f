"""Prove that no accumulator overflows, from the real weights and the real bounds of the inputs.

Partial sums may wrap around; only the final value counts, because addition modulo 2**n is
associative.

Before and after: the same IR.

Requires: constant weights.
Ensures: every final accumulator fits `bits` bits; otherwise compilation stops with the layer, the
    channel and the bound.
Contract: analysis.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from tf2c.analysis.ranges import AccumulatingOp, accumulator_bounds
from tf2c.dialects.layers import layer_name
from tf2c.engine import Engine
from tf2c.errors import LayerError
from tf2c.passes.contract import CompilerPass, Contract


def _prove(op: AccumulatingOp, bits: int) -> None:
    limit = 1 << (bits - 1)
    for bound in accumulator_bounds(op):
        overflowing = np.flatnonzero((bound < -limit) | (bound >= limit))
        if overflowing.size:
            channel = int(overflowing[0])
            raise LayerError(
                layer_name(op),
                f"channel {channel} may reach {bound[channel]}, which does not fit {bits} bits",
                "split the layer: it sums too many products for its accumulators",
            )


@dataclass(frozen=True)
class ProveAccumulatorsPass(CompilerPass):
    """Prove that no accumulator overflows."""

    name = "prove-accumulators"
    contract: ClassVar[Contract] = Contract.ANALYSIS

    bits: int = Engine.accumulator_bits
    """Width of an accumulator."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Prove every layer or stop at the first that fails."""
        for layer in op.walk():
            if isinstance(layer, AccumulatingOp):
                _prove(layer, self.bits)
