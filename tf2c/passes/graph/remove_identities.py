"""Remove ops that change nothing, and merge reshapes that follow each other.

Before:
    %a = layout.reshape %x : (tensor<?x4x2x2xf32>) -> tensor<?x16xf32>
    %b = layout.reshape %a : (tensor<?x16xf32>) -> tensor<?x4x2x2xf32>
    %y = graph.max_pool %b kernel [1, 1]
After:
    the uses of %y use %x

Requires: nothing.
Ensures: no `layout` op, pooling or clip whose result is its operand.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.rewriter import Rewriter
from xdsl.transforms.dead_code_elimination import dce

from tf2c.dialects import graph, layout, tensors
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import replace_layer


def _is_identity(op: Operation) -> bool:
    match op:
        case layout.ConcatOp():
            return len(op.inputs) == 1
        case layout.TransposeOp():
            order = op.permutation.get_values()
            return list(order) == sorted(order)
        case layout.ReshapeOp() | layout.PadOp() | layout.SliceOp():
            # Of one shape, they have left every element where it was.
            return tensors.shape(op.input) == tensors.shape(op.output)
        case graph.MaxPoolOp() | graph.AveragePoolOp():
            window = (*op.kernel_shape.get_values(), *op.strides.get_values())
            return set(window) == {1}
        case graph.ClipOp():
            return op.activation.data == (-np.inf, np.inf)
        case _:
            return False


@dataclass(frozen=True)
class RemoveIdentitiesPass(CompilerPass):
    """Remove ops that change nothing, and merge reshapes that follow each other."""

    name = "remove-identities"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Go through in program order, so that what is merged can turn out to be an identity."""
        for each in list(op.walk()):
            if isinstance(each, layout.ReshapeOp) and isinstance(
                each.input.owner, layout.ReshapeOp
            ):
                merged = layout.ReshapeOp(each.input.owner.input, tensors.extents(each.output))
                replace_layer(each, [merged], merged.output)
                each = merged
            if _is_identity(each):
                each.results[0].replace_all_uses_with(each.operands[0])
                Rewriter.erase_op(each)
        dce(op)
