"""Give the input and every job's output a place in the engine's memories.

Stored tensors follow each other in the feature memory, raw accumulators in the output memory.
Nothing is reused, so that after a run every tensor of the network can be looked at and compared.

Before:
    %y = dataflow.job %x, %w, %b ...
After:
    %y = dataflow.job %x, %w, %b ... at 512

Requires: a `dataflow.engine`.
Ensures: every `dataflow.input` and `dataflow.job` has an offset; no two outputs overlap.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import dataflow, tensors
from tf2c.errors import UserError
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function

ADDRESS_LIMIT = 1 << 31
"""Offsets are int32 in the job table."""


@dataclass(frozen=True)
class AllocateMemoryPass(CompilerPass):
    """Give the input and every job's output a place in the engine's memories."""

    name = "allocate-memory"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Place one tensor after the other."""
        function = network_function(op)
        try:
            engine = dataflow.engine_of(function)
        except VerifyException as error:
            raise UserError(str(error), hint="run `convert-shift-to-dataflow` first") from error
        feature_bytes = output_words = 0
        for placed in function.body.block.ops:
            if not isinstance(placed, dataflow.InputOp | dataflow.JobOp):
                continue
            channels, height, width = tensors.extents(placed.output)
            size = engine.feature_elements(channels, height, width)
            if isinstance(placed, dataflow.JobOp) and placed.is_raw:
                placed.offset = IntegerAttr(output_words, i64)
                output_words += size
            else:
                placed.offset = IntegerAttr(feature_bytes, i64)
                feature_bytes += size
        if max(feature_bytes, output_words) >= ADDRESS_LIMIT:
            raise UserError(
                f"expected less than {ADDRESS_LIMIT} bytes of features, got {feature_bytes}",
                hint="use smaller images",
            )
