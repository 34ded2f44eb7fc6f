"""Give every addition and activation a layer to join, an identity where there is none.

The engine adds and bounds only behind a sum of products. An identity layer, depthwise 1x1 with a
one per channel, costs no accuracy in its weights at any level, because a one is a power of two.

Before:
    %y = graph.relu %pooled
After:
    %i = graph.conv %pooled, %identity group 4
    %y = graph.relu %i

Requires: `fuse-residual-add` has run, so that what is left has no layer of its own.
Ensures: no `graph.add`; every `graph.relu` and `graph.clip` follows a layer whose result nothing
    else uses, or another one.
Contract: equivalent; on finite numbers every bit is the same, but for the sign of zero.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from tf2c.dialects import graph, tensors
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import insert_before, replace_layer
from tf2c.passes.scaling_layers import scaling_layer


def _identity_layer(
    value: SSAValue, residual: SSAValue | None = None
) -> tuple[list[Operation], graph.LayerOp]:
    """Return the ops that compute `value`, plus `residual` if given, and the last of them."""
    ones = np.ones(tensors.extents(value)[0], np.float32)
    return scaling_layer(value, ones, residual=residual)


def _follows_own_layer(op: graph.ReluOp | graph.ClipOp) -> bool:
    joinable = graph.LayerOp | graph.ReluOp | graph.ClipOp
    return isinstance(op.input.owner, joinable) and op.input.has_one_use()


@dataclass(frozen=True)
class InsertIdentityConvolutionsPass(CompilerPass):
    """Give every addition and activation a layer to join, an identity where there is none."""

    name = "insert-identity-convolutions"
    contract: ClassVar[Contract] = Contract.EQUIVALENT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite what stands alone."""
        for standing in list(op.walk()):
            if isinstance(standing, graph.AddOp):
                ops, layer = _identity_layer(standing.lhs, residual=standing.rhs)
                replace_layer(standing, ops, layer.output)
            elif isinstance(standing, graph.ReluOp | graph.ClipOp) and not _follows_own_layer(
                standing
            ):
                ops, layer = _identity_layer(standing.input)
                insert_before(standing, ops, layer=standing)
                standing.operands[0] = layer.output
