"""Move activations in front of what only moves or selects elements, towards a layer to join.

A maximum of rectified pixels is the rectified maximum. Bounds that keep zero also commute with
padding by zeros.

Before:
    %p = graph.max_pool %c kernel [2, 2] strides [2, 2]
    %y = graph.relu %p
After:
    %r = graph.relu %c
    %y = graph.max_pool %r kernel [2, 2] strides [2, 2]

Requires: nothing.
Ensures: no `graph.relu` and `graph.clip` behind a max pooling or `layout` op whose result nothing
    else uses, but for a clip that does not keep zero behind a padding.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import Rewriter

from tf2c.dialects import graph, layout
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import insert_before, replace_value

Activation = graph.ReluOp | graph.ClipOp


def _commutes(mover: object, activation: Activation) -> bool:
    if isinstance(mover, layout.PadOp) and isinstance(activation, graph.ClipOp):
        lower, upper = activation.activation.data
        return lower <= 0 <= upper
    return isinstance(mover, graph.MaxPoolOp | layout.MovingOp)


def _activated(value: SSAValue, activation: Activation) -> Activation:
    if isinstance(activation, graph.ReluOp):
        return graph.ReluOp(value)
    bounds = activation.activation.data
    return graph.ClipOp(value, bounds.lower, bounds.upper)


@dataclass(frozen=True)
class HoistActivationsPass(CompilerPass):
    """Move activations in front of what only moves or selects elements."""

    name = "hoist-activations"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Move each activation as far as it goes."""
        waiting: list[Operation] = [each for each in op.walk() if isinstance(each, Activation)]
        while waiting:
            activation = waiting.pop()
            assert isinstance(activation, Activation)
            mover = activation.input.owner
            if not isinstance(mover, Operation) or not activation.input.has_one_use():
                continue
            if not _commutes(mover, activation):
                continue
            for index, operand in enumerate(mover.operands):
                hoisted = _activated(operand, activation)
                insert_before(mover, [hoisted], layer=activation)
                mover.operands[index] = hoisted.output
                waiting.append(hoisted)
            replace_value(activation.output, mover.results[0])
            Rewriter.erase_op(activation)
