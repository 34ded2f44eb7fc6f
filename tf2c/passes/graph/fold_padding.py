"""Let a convolution pad its image itself.

Before:
    %p = layout.pad %x low [0, 1, 1] high [0, 1, 1]
    %y = graph.conv %p, %w
After:
    %y = graph.conv %x, %w pads [1, 1, 1, 1]

Requires: nothing.
Ensures: no `layout.pad` of rows and columns alone in front of a `graph.conv`.
Contract: exact; both pad with zeros.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.transforms.dead_code_elimination import dce

from tf2c.dialects import graph, layout
from tf2c.dialects.tensors import i64_array
from tf2c.passes.contract import CompilerPass, Contract


@dataclass(frozen=True)
class FoldPaddingPass(CompilerPass):
    """Let a convolution pad its image itself."""

    name = "fold-padding"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fold every padding that has a convolution behind it."""
        for convolution in op.walk():
            if not isinstance(convolution, graph.ConvOp):
                continue
            while isinstance(pad := convolution.input.owner, layout.PadOp):
                (channels_low, *begin), (channels_high, *end) = (
                    pad.low.get_values(),
                    pad.high.get_values(),
                )
                if channels_low or channels_high:
                    break
                pads = zip(convolution.pads.get_values(), (*begin, *end), strict=True)
                convolution.pads = i64_array([own + folded for own, folded in pads])
                convolution.operands[0] = pad.input
        dce(op)
