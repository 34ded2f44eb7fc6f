"""Let one operand of an addition join the sums of the layer that computes the other.

Adding inside the layer is cheaper than adding stored tensors, and more accurate: the engine
rounds the sum once, instead of both operands and the sum.

Before:
    %c = graph.conv %x, %w
    %y = graph.add %c, %shortcut
After:
    %y = graph.conv %x, %w residual %shortcut

Requires: nothing.
Ensures: no `graph.add` with an operand that a layer without residual and activation computes for
    it alone. Where both operands qualify, the layer that comes later takes the other one.
Contract: equivalent; the order of float additions changes.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import Rewriter

from tf2c.dialects import graph
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import replace_layer


def _can_take_residual(value: SSAValue) -> bool:
    layer = value.owner
    return (
        isinstance(layer, graph.LayerOp)
        and value.has_one_use()
        and layer.residual is None
        and layer.activation == graph.NO_ACTIVATION
    )


def _with_residual(layer: graph.LayerOp, residual: SSAValue) -> graph.LayerOp:
    if isinstance(layer, graph.ConvOp):
        return graph.ConvOp(layer.input, layer.weight, layer.bias, residual, window=layer.window)
    return graph.GemmOp(layer.input, layer.weight, layer.bias, residual)


@dataclass(frozen=True)
class FuseResidualAddPass(CompilerPass):
    """Let one operand of an addition join the sums of the layer that computes the other."""

    name = "fuse-residual-add"
    contract: ClassVar[Contract] = Contract.EQUIVALENT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fuse every addition that has a layer to join."""
        position: dict[Operation | Block, int] = {
            candidate: index for index, candidate in enumerate(op.walk())
        }
        for addition in list(position):
            if not isinstance(addition, graph.AddOp):
                continue
            candidates = [
                (value, other)
                for value, other in (
                    (addition.lhs, addition.rhs),
                    (addition.rhs, addition.lhs),
                )
                if _can_take_residual(value)
            ]
            if not candidates:
                continue
            value, residual = max(
                candidates, key=lambda pair: position.get(pair[0].owner, len(position))
            )
            layer = value.owner
            assert isinstance(layer, graph.LayerOp)
            # The sum keeps the layer's name: it is still that layer's weights that compute it.
            fused = _with_residual(layer, residual)
            location = layer.location
            replace_layer(addition, [fused], fused.output)
            fused.location = location
            Rewriter.erase_op(layer)
