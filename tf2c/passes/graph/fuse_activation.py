"""Let ReLUs and clips join the layer in front of them.

Below `graph`, they are only the bounds of the clamp that every stored number passes anyway. Bounds
behind bounds are bounds: `clip(clip(x, a, b), c, d) = clip(x, clip(a, c, d), clip(b, c, d))`.

Before:
    %c = graph.conv %x, %w
    %y = graph.relu %c
After:
    %y = graph.conv %x, %w then relu

Requires: nothing.
Ensures: no `graph.relu` and no `graph.clip` behind a layer whose result nothing else uses.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.rewriter import Rewriter

from tf2c.dialects import graph
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import replace_value


def _combined(first: graph.ActivationAttr, second: graph.ActivationAttr) -> graph.ActivationAttr:
    """Return the one activation that does what two do, one behind the other."""
    bounds = np.clip(first.data, second.data.lower, second.data.upper)
    return graph.ActivationAttr(graph.ActivationBounds(*map(float, bounds)))


@dataclass(frozen=True)
class FuseActivationPass(CompilerPass):
    """Let ReLUs and clips join the layer in front of them."""

    name = "fuse-activation"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fuse every activation that has a layer to join."""
        for activation in list(op.walk()):
            if not isinstance(activation, graph.ReluOp | graph.ClipOp):
                continue
            layer = activation.input.owner
            if not isinstance(layer, graph.LayerOp) or not activation.input.has_one_use():
                continue
            own = graph.RELU if isinstance(activation, graph.ReluOp) else activation.activation
            layer.activation = _combined(layer.activation, own)
            replace_value(activation.output, layer.output)
            Rewriter.erase_op(activation)
