"""Let each job split its vectors of pixels where that takes fewer iterations.

An engine computes `pixel_vector` pixels of `filter_vector` filters at once. Small maps leave pixel
lanes without work, and few filters leave filter lanes; a job may take half of the pixels and twice
as many filters instead, or a quarter and four times as many. Filters that fill no tile of so many
may be computed in fewer parts: such a job has two rows in the job table. The pass takes what needs
the fewest iterations for one image, in which the lanes work and the cache's banks read and store;
of equals, what has one row, then the fewest parts.

Before:
    %y = dataflow.job %x, %w, %b ...                // 48 filters, each with 4 vectors of 14
After:
    %y = dataflow.job %x, %w, %b ... split 2 rest 1 // 32 with 7 vectors of 7, 16 with 4 of 14

Requires: a `dataflow.engine`; planes have been chosen.
Ensures: the weights of a filter tile fit the engine's memory in the split chosen.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64

from tf2c.analysis.cost.lanes import best_split, cache_iterations
from tf2c.dialects import dataflow, tensors
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function
from tf2c.passes.stated_engine import stated_engine


@dataclass(frozen=True)
class ChooseSplitsPass(CompilerPass):
    """Let each job split its vectors of pixels where that takes fewer iterations."""

    name = "choose-splits"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Choose job by job."""
        function = network_function(op)
        engine = stated_engine(function)
        for job in function.body.block.ops:
            if isinstance(job, dataflow.JobOp):
                filters = tensors.shape(job.weight)[0]
                _, (parts, rest_parts) = best_split(job, engine, filters, cache_iterations)
                job.parts = IntegerAttr(parts, i64)
                job.rest_parts = IntegerAttr(rest_parts, i64) if rest_parts != parts else None
