"""Give every addition and ReLU a layer to join, an identity where there is none.

The engine adds and rectifies only behind a sum of products. An identity layer, 1x1 with ones on
the diagonal, costs no accuracy in its weights at any level, because a one is a power of two.

Before:
    %y = graph.relu %pooled
After:
    %i = graph.conv %pooled, %identity
    %y = graph.relu %i

Requires: `fuse-residual-add` has run, so that what is left has no layer of its own.
Ensures: no `graph.add`; every `graph.relu` follows a layer whose result nothing else uses.
Contract: equivalent; on finite numbers every bit is the same, but for the sign of zero.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from tf2c.dialects import graph, tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import insert_before, replace_layer


def identity_layer(
    value: SSAValue, residual: SSAValue | None = None
) -> tuple[graph.ConstantOp, graph.LayerOp]:
    """Return the weight and the layer that compute `value`, plus `residual` if given."""
    channels = tensors.extents(value)[0]
    diagonal = np.eye(channels, dtype=np.float32)
    if len(tensors.extents(value)) == 1:
        weight = graph.ConstantOp(BlobAttr.of(diagonal))
        return weight, graph.GemmOp(value, weight.output, residual=residual)
    weight = graph.ConstantOp(BlobAttr.of(diagonal[:, :, None, None]))
    return weight, graph.ConvOp(value, weight.output, residual=residual)


def _follows_own_layer(op: graph.ReluOp) -> bool:
    layer = op.input.owner
    return (
        isinstance(layer, graph.LayerOp)
        and op.input.has_one_use()
        and layer.activation == graph.NO_ACTIVATION
    )


@dataclass(frozen=True)
class InsertIdentityConvolutionsPass(CompilerPass):
    """Give every addition and ReLU a layer to join, an identity where there is none."""

    name = "insert-identity-convolutions"
    contract: ClassVar[Contract] = Contract.EQUIVALENT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite what stands alone."""
        for standing in list(op.walk()):
            if isinstance(standing, graph.AddOp):
                weight, layer = identity_layer(standing.lhs, residual=standing.rhs)
                replace_layer(standing, [weight, layer], layer.output)
            elif isinstance(standing, graph.ReluOp) and not _follows_own_layer(standing):
                weight, layer = identity_layer(standing.input)
                insert_before(standing, [weight, layer], layer=standing)
                standing.operands[0] = layer.output
