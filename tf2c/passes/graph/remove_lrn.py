"""Leave local response normalizations out.

They exist in floating point only. Some networks are as good without: TF2's GoogLeNet has none.

Before:
    %n = graph.lrn %x size 5 ...
    %y = graph.conv %n, %w
After:
    %y = graph.conv %x, %w

Requires: the user's request: it is in no stage by itself (`tf2c compile --leave-out lrn`).
Ensures: no `graph.lrn`.
Contract: approximate; metric: signal-to-noise ratio of the network's result.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.rewriter import Rewriter

from tf2c.context import notes_of
from tf2c.dialects import graph
from tf2c.dialects.layers import layer_name
from tf2c.passes.contract import CompilerPass, Contract


@dataclass(frozen=True)
class RemoveLrnPass(CompilerPass):
    """Leave local response normalizations out."""

    name = "remove-lrn"
    contract: ClassVar[Contract] = Contract.APPROXIMATE

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Let what they normalize through."""
        for normalization in list(op.walk()):
            if isinstance(normalization, graph.LrnOp):
                normalization.output.replace_all_uses_with(normalization.input)
                notes_of(ctx).append(
                    f"layer `{layer_name(normalization)}`: its normalization is left out"
                )
                Rewriter.erase_op(normalization)
