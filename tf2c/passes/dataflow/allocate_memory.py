"""Give the input and every job's output a place in the engine's memories.

Stored tensors follow each other in the feature memory, 32-bit results in the output memory; what
is concatenated gets one place, its operands one behind the other.
Nothing is reused, so that after a run every tensor of the network can be looked at and compared.

Before:
    %y = dataflow.job %x, %w, %b ...
After:
    %y = dataflow.job %x, %w, %b ... at 512

Requires: a `dataflow.engine`.
Ensures: every `dataflow.input` and `dataflow.job` has an offset, or its `dataflow.channels` have;
    no two outputs overlap.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import SSAValue

from tf2c.dialects import dataflow, tensors
from tf2c.engine import Engine
from tf2c.errors import UserError
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function
from tf2c.passes.stated_engine import stated_engine

PlacedOp = dataflow.InputOp | dataflow.JobOp | dataflow.ChannelsOp

ADDRESS_LIMIT = 1 << 31
"""Offsets are int32 in the job table."""


def _outermost(value: SSAValue) -> SSAValue:
    """Return the concatenation of concatenations that a tensor lies in, or the tensor itself."""
    while True:
        joining = [use.operation for use in value.uses]
        outer = next((each for each in joining if isinstance(each, dataflow.ConcatOp)), None)
        if outer is None:
            return value
        value = outer.output


def _place(value: SSAValue, offset: int, engine: Engine) -> int:
    """Give a tensor, or each operand of a concatenation, its place; return where it ends."""
    owner = value.owner
    if isinstance(owner, dataflow.ConcatOp):
        for operand in owner.inputs:
            offset = _place(operand, offset, engine)
        return offset
    assert isinstance(owner, PlacedOp)
    owner.offset = IntegerAttr(offset, i64)
    return offset + engine.feature_elements(*tensors.extents(value))


@dataclass(frozen=True)
class AllocateMemoryPass(CompilerPass):
    """Give the input and every job's output a place in the engine's memories."""

    name = "allocate-memory"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Place one tensor after the other."""
        function = network_function(op)
        engine = stated_engine(function)
        for placed in function.body.block.ops:
            if isinstance(placed, PlacedOp):
                placed.offset = None
        feature_bytes = output_words = 0
        for placed in function.body.block.ops:
            if not isinstance(placed, PlacedOp):
                continue
            if isinstance(placed, dataflow.JobOp) and placed.layer_channels:
                continue
            if isinstance(placed, dataflow.JobOp) and placed.is_wide:
                placed.offset = IntegerAttr(output_words, i64)
                output_words += engine.feature_elements(*tensors.extents(placed.output))
            elif placed.offset is None:
                feature_bytes = _place(_outermost(placed.output), feature_bytes, engine)
        if max(feature_bytes, output_words) >= ADDRESS_LIMIT:
            raise UserError(
                f"expected less than {ADDRESS_LIMIT} bytes of features, got {feature_bytes}",
                hint="use smaller images",
            )
