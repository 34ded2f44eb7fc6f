"""Put other jobs between one and those that read its result.

A job that reads what the job before it computes has to wait until that is stored. Where a network
branches, there is something else to do meanwhile: of all jobs whose operands have been issued, the
pass takes the one whose operands were issued first, and of equals the first in the order before.

Before:
    %a = dataflow.job %x ...
    %b = dataflow.job %a ...
    %c = dataflow.job %x ...
After:
    %a = dataflow.job %x ...
    %c = dataflow.job %x ...
    %b = dataflow.job %a ...

Requires: nothing.
Ensures: what is not a job stands where its operands are there.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from tf2c.dialects import dataflow
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function


def _ordered(ops: list[Operation], arguments: tuple[SSAValue, ...]) -> list[Operation]:
    """Return the ops of a block in their new order."""
    issued = dict.fromkeys(arguments, 0)  # by value: how many jobs have been issued when it has
    ordered: list[Operation] = []
    jobs = 0
    waiting = list(ops)
    while waiting:
        ready = [op for op in waiting if all(operand in issued for operand in op.operands)]
        names = [op for op in ready if not isinstance(op, dataflow.JobOp)]

        def latest(op: Operation) -> int:
            return max((issued[operand] for operand in op.operands), default=0)

        for op in names or [min(ready, key=latest)]:
            jobs += isinstance(op, dataflow.JobOp)
            for result in op.results:
                issued[result] = jobs if isinstance(op, dataflow.JobOp) else latest(op)
            ordered.append(op)
            waiting.remove(op)
    return ordered


@dataclass(frozen=True)
class OrderJobsPass(CompilerPass):
    """Put other jobs between one and those that read its result."""

    name = "order-jobs"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Order the ops of the network, its return last."""
        block = network_function(op).body.block
        *ops, returned = block.ops
        for each in ops:
            each.detach()
        block.insert_ops_before(_ordered(ops, block.args), returned)
