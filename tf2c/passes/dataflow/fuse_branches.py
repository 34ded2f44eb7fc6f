"""Compute 1 x 1 layers of one input in one job.

Where a network branches, several layers read the same tensor. Their filters together fill an
engine's filter lanes better than one layer's after the other, and the input is read once. What the
job computes is stored in a place for each layer.

Before:
    %a = dataflow.job %x, %v, %c multipliers [16777216] bounds [0, 127] ...  // 16 filters
    %b = dataflow.job %x, %w, %d multipliers [33554432] bounds [0, 127] ...  // 24 filters
After:
    %y = dataflow.job %x, %vw, %cd multipliers [16777216, ..., 33554432, ...] bounds [0, 127] ...
    %a = dataflow.channels %y ...
    %b = dataflow.channels %y first 16 ...

Requires: a `dataflow.engine`. Layers are fused that have windows of one pixel, the same bounds and
    as many terms per weight, and neither residual nor pooling; all but the last have filters for
    whole channel vectors. Where they would take more iterations together, they stay as they are.
Ensures: `dataflow.channels` have the names of the layers.
Contract: exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import dce

from tf2c.analysis.constants import constant_array
from tf2c.analysis.cost.lanes import best_split, lane_iterations
from tf2c.dialects import dataflow, int8, shift, tensors
from tf2c.dialects.layers import joint_name, layer_name, name_layer
from tf2c.dialects.scales import Pow2Attr, scale_of
from tf2c.dialects.shift import code_scale, code_terms
from tf2c.dialects.windows import UNIT_WINDOW
from tf2c.engine import Engine
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function, replace_value
from tf2c.passes.stated_engine import stated_engine


def _filters(job: dataflow.JobOp) -> int:
    return tensors.shape(job.weight)[0]


def _can_fuse(op: Operation) -> bool:
    """Whether an op is a job whose lanes may be shared."""
    return (
        isinstance(op, dataflow.JobOp)
        and op.window == UNIT_WINDOW
        and tensors.shape(op.weight)[2:] == (1, 1)
        and op.residual is None
        and op.stored_windows == dataflow.NO_POOLING
        and not op.is_raw
        and not op.is_returned
        and not op.layer_channels
    )


def _branches(first: dataflow.JobOp, engine: Engine) -> list[dataflow.JobOp]:
    """Return the jobs to compute with one, itself included, in the order of their filters."""
    users = [use.operation for use in first.input.uses]
    jobs = [
        user
        for user in users
        if isinstance(user, dataflow.JobOp)
        and _can_fuse(user)
        and user.bounds == first.bounds
        and code_terms(user.weight) == code_terms(first.weight)
    ]
    # What is read soon is computed first. Behind a channel vector that is not full, none begins.
    jobs.sort(key=lambda job: (_filters(job) % engine.channel_vector > 0, _first_use(job)))
    chosen = jobs[:1]
    for job in jobs[1:]:
        filters = sum(map(_filters, chosen))
        apart = _iterations(first, engine, filters) + _iterations(first, engine, _filters(job))
        together = _iterations(first, engine, filters + _filters(job))
        if filters % engine.channel_vector == 0 and together <= apart:
            chosen.append(job)
    return chosen


def _first_use(job: dataflow.JobOp) -> int:
    """Return where in the block something reads a job's result first."""
    block = job.parent
    assert block is not None
    return min((block.get_operation_index(use.operation) for use in job.output.uses), default=0)


def _iterations(job: dataflow.JobOp, engine: Engine, filters: int) -> int:
    return best_split(job, engine, filters, lane_iterations)[0]


def _joined_scale(scales: Sequence[Pow2Attr], filters: Sequence[int], axis: int) -> Pow2Attr:
    """Return the scale of tensors behind each other along an axis."""
    exponents = [np.broadcast_to(each.values, n) for each, n in zip(scales, filters, strict=True)]
    return Pow2Attr(np.concatenate(exponents).tolist(), axis)


def _fused(jobs: Sequence[dataflow.JobOp]) -> list[Operation]:
    """Return the job that computes several, behind its constants."""
    filters = [_filters(job) for job in jobs]
    codes = np.concatenate([constant_array(job.weight) for job in jobs])
    scale = _joined_scale([code_scale(job.weight) for job in jobs], filters, axis=0)
    weight = shift.ConstantOp(codes, scale, code_terms(jobs[0].weight))
    biases = np.concatenate([constant_array(job.bias) for job in jobs])
    scale = _joined_scale([scale_of(job.bias) for job in jobs], filters, axis=0)
    bias = int8.ConstantOp(biases, scale)
    multipliers = np.concatenate([job.filter_multipliers for job in jobs])
    scale = _joined_scale([scale_of(job.output) for job in jobs], filters, axis=1)
    requantization = dataflow.Requantization(multipliers.tolist(), jobs[0].bounds, scale)
    job = dataflow.JobOp(jobs[0].input, weight.output, bias.output, requantization=requantization)
    return [weight, bias, job]


@dataclass(frozen=True)
class FuseBranchesPass(CompilerPass):
    """Compute 1 x 1 layers of one input in one job."""

    name = "fuse-branches"
    contract: ClassVar[Contract] = Contract.EXACT

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Fuse at the first layer of each input."""
        function = network_function(op)
        engine = stated_engine(function)
        for first in list(function.body.block.ops):
            # A layer that has been fused is gone by the time its turn comes.
            if first.parent is None or not isinstance(first, dataflow.JobOp):
                continue
            jobs = _branches(first, engine) if _can_fuse(first) else []
            if len(jobs) < 2:
                continue
            *constants, fused = _fused(jobs)
            assert isinstance(fused, dataflow.JobOp)
            name_layer(fused, joint_name(*map(layer_name, jobs)))
            for new in (*constants, fused):
                new.location = fused.location
                Rewriter.insert_op(new, InsertPoint.before(first))
            begin = 0
            for job in jobs:
                channels = dataflow.ChannelsOp(fused.output, begin, job.output.type)
                channels.location = job.location
                Rewriter.insert_op(channels, InsertPoint.before(first))
                replace_value(job.output, channels.output)
                begin += _filters(job)
            for job in jobs:
                Rewriter.erase_op(job)
        dce(op)
