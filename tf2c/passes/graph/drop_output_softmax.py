"""Leave the softmax that computes the network's result to the host.

It changes no order of classes, and needs exponentials and a division, which no level below `graph`
has. The network then returns the scores that the softmax would see.

Before:
    %y = graph.softmax %scores axis 1
    func.return %y
After:
    func.return %scores

Requires: nothing.
Ensures: no `graph.softmax` whose result is only returned.
Contract: approximate; the result is another number with the same order along the axis. Metric:
    signal-to-noise ratio, which says little here.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.rewriter import Rewriter

from tf2c.analysis.storage import is_result
from tf2c.context import notes_of
from tf2c.dialects import graph
from tf2c.dialects.layers import layer_name
from tf2c.passes.contract import CompilerPass, Contract


@dataclass(frozen=True)
class DropOutputSoftmaxPass(CompilerPass):
    """Leave the softmax that computes the network's result to the host."""

    name = "drop-output-softmax"
    contract: ClassVar[Contract] = Contract.APPROXIMATE

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Return what the softmax would see."""
        for softmax in list(op.walk()):
            if isinstance(softmax, graph.SoftmaxOp) and is_result(softmax.output):
                softmax.output.replace_all_uses_with(softmax.input)
                notes_of(ctx).append(
                    f"layer `{layer_name(softmax)}`: its softmax is left to the host; the network "
                    "returns the scores in front of it"
                )
                Rewriter.erase_op(softmax)
