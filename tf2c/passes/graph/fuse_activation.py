"""Let a ReLU join the layer in front of it.

Below `graph`, a ReLU is only the lower bound of the clamp that every stored number passes anyway.

Before:
    %c = graph.conv %x, %w
    %y = graph.relu %c
After:
    %y = graph.conv %x, %w then relu

Requires: nothing.
Ensures: no `graph.relu` behind a layer without activation whose result nothing else uses.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.rewriter import Rewriter

from tf2c.dialects import graph
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import replace_value


@dataclass(frozen=True)
class FuseActivationPass(CompilerPass):
    """Let a ReLU join the layer in front of it."""

    name = "fuse-activation"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fuse every ReLU that has a layer to join."""
        for relu in list(op.walk()):
            if not isinstance(relu, graph.ReluOp):
                continue
            layer = relu.input.owner
            if not isinstance(layer, graph.LayerOp) or not relu.input.has_one_use():
                continue
            if layer.activation != graph.NO_ACTIVATION:
                continue
            layer.activation = graph.RELU
            replace_value(relu.output, layer.output)
            Rewriter.erase_op(relu)
