"""Turn layers into jobs of an engine.

A job is a convolution with its requantization, residual, activation and pooling. A fully
connected layer is a convolution whose kernel covers the whole image, so flattening moves nothing.
A pooling that cannot join a layer gets an identity job: the code of 64 on the diagonal, and a
shift by 6 back.

Before:
    %a = shift.conv %x, %w, %b
    %s = int8.requantize %a shift [8] bounds [0, 127]
    %y = int8.max_pool %s kernel [2, 2] strides [2, 2]
After:
    %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] pool [2, 2] ...

Requires: no `int8.conv` and no `int8.gemm`: the engine's lanes shift, they do not multiply.
Ensures: one `dataflow.engine`; what computes is `dataflow.job`; `int8.flatten` only renames shapes.
Contract: exact.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import dce
from xdsl.utils.exceptions import VerifyException

from tf2c.analysis.constants import constant_array
from tf2c.analysis.storage import unflattened
from tf2c.dialects import dataflow, int8, shift, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import Pow2Attr, scale_of
from tf2c.dialects.tensors import NO_PADS, UNIT_STRIDES, I64Array, i64_array
from tf2c.engine import Engine
from tf2c.errors import UserError
from tf2c.numerics import fixed_point, pow2
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import insert_before, network_function, replace_value

IDENTITY_SHIFT = pow2.LARGEST_SHIFT
"""Multiplied by 2**6 and shifted back by 6, a number is itself, with a legal multiplier."""

Sums = shift.ConvOp | shift.GemmOp


def _refusal(op: Operation, message: str, hint: str) -> UserError:
    return UserError(f"layer `{layer_name(op)}`: {message}", hint=hint)


def _insert_job(op: Operation, job: dataflow.JobOp, layer: Operation) -> SSAValue:
    """Insert a job in front of `op`, refusing what its engine cannot do, and return its result."""
    insert_before(op, [job], layer)
    try:
        job.verify_()
    except VerifyException as error:
        raise _refusal(
            layer, str(error), "compile for a larger engine (`--engine`), or split the layer"
        ) from error
    return job.output


def _replace_with_job(op: Operation, job_output: SSAValue) -> None:
    """Let a job's result, flattened where it stands for rows, replace an op's."""
    result = job_output
    if len(tensors.shape(op.results[0])) != len(tensors.shape(job_output)):
        flat = int8.FlattenOp(job_output)
        insert_before(op, [flat], layer=op)
        result = flat.output
    replace_value(op.results[0], result)
    Rewriter.erase_op(op)


def _image_and_weight(sums: Sums) -> tuple[SSAValue, SSAValue]:
    """Return a layer's image as it lies in memory, and its weight for that image."""
    image = unflattened(sums.input)
    if isinstance(sums, shift.ConvOp):
        return image, sums.weight
    codes = constant_array(sums.weight)
    kernels = codes.reshape(len(codes), *tensors.extents(image))
    weight = shift.ConstantOp(kernels, shift.code_scale(sums.weight))
    insert_before(sums, [weight], layer=sums)
    return image, weight.output


def _convolution_window(sums: Sums) -> tuple[I64Array, I64Array]:
    """Return strides and pads."""
    if isinstance(sums, shift.ConvOp):
        return sums.strides, sums.pads
    return UNIT_STRIDES, NO_PADS


def _insert_identity_job(
    op: Operation, image: SSAValue, kernel: tuple[int, int], pooling: dataflow.Pooling
) -> SSAValue:
    """Insert a job in front of `op` that copies an image, and return its result.

    Args:
        op: the op that needs the copy.
        image: `[?, C, H, W]`.
        kernel: `(1, 1)` to keep the pixels; `(H, W)` to make every element a channel of its own.
        pooling: of the copy.
    """
    channels = tensors.extents(image)[0]
    filters = channels * kernel[0] * kernel[1]
    diagonal = np.full((filters, filters), pow2.ZERO_CODE, np.uint8)
    np.fill_diagonal(diagonal, IDENTITY_SHIFT)
    codes = diagonal.reshape(filters, channels, *kernel)
    weight = shift.ConstantOp(codes, Pow2Attr([-IDENTITY_SHIFT]))
    exponent = int(scale_of(image).values[0]) - IDENTITY_SHIFT
    bias = int8.ConstantOp(np.zeros(filters, np.int32), Pow2Attr([exponent]))
    insert_before(op, [weight, bias], layer=op)
    job = dataflow.JobOp(
        image,
        weight.output,
        bias.output,
        requantization=dataflow.Requantization(
            [1 << (fixed_point.REQUANTIZE_SHIFT - IDENTITY_SHIFT)],
            i64_array([fixed_point.INT8_MIN, fixed_point.INT8_MAX]),
            scale_of(image),
        ),
        pooling=pooling,
    )
    return _insert_job(op, job, layer=op)


def _residual_image(requantize: int8.RequantizeOp) -> SSAValue | None:
    """Return the residual as the job's pixels lie in memory.

    A fully connected layer has one pixel of many channels. An image that is flattened to join it
    lies otherwise, and is copied.
    """
    if requantize.residual is None:
        return None
    image = unflattened(requantize.residual)
    _, height, width = tensors.extents(image)
    if len(tensors.shape(requantize.input)) == 2 and (height, width) != (1, 1):
        return _insert_identity_job(requantize, image, (height, width), dataflow.NO_POOLING)
    return image


def _joining_pooling(requantize: int8.RequantizeOp) -> int8.MaxPoolOp | None:
    """Return the pooling that the job can do on its way out: the only user of what it stores."""
    users = [use.operation for use in requantize.output.uses]
    if len(users) == 1 and isinstance(users[0], int8.MaxPoolOp):
        return users[0]
    return None


def _windows(pooling: int8.MaxPoolOp | None) -> dataflow.Pooling:
    if pooling is None:
        return dataflow.NO_POOLING
    return dataflow.Pooling(pooling.kernel_shape, pooling.strides, pooling.pads)


def _convert_requantization(requantize: int8.RequantizeOp) -> None:
    sums = requantize.input.owner
    if not isinstance(sums, Sums):
        raise _refusal(
            requantize,
            "expected sums of shifted inputs to requantize",
            "compile with `--weights shift1`: the engine has no lanes that multiply",
        )
    image, weight = _image_and_weight(sums)
    strides, pads = _convolution_window(sums)
    pooling = _joining_pooling(requantize)
    job = dataflow.JobOp(
        image,
        weight,
        sums.bias,
        _residual_image(requantize),
        strides=strides,
        pads=pads,
        requantization=dataflow.Requantization(
            requantize.multipliers.tolist(), requantize.bounds, scale_of(requantize.output)
        ),
        pooling=_windows(pooling),
    )
    stored = _insert_job(requantize, job, layer=sums)
    if pooling is None:
        _replace_with_job(requantize, stored)
    else:
        _replace_with_job(pooling, stored)
        Rewriter.erase_op(requantize)


def _convert_raw(sums: Sums) -> None:
    """Convert accumulators that are used as they are, as the network's result."""
    image, weight = _image_and_weight(sums)
    strides, pads = _convolution_window(sums)
    job = dataflow.JobOp(image, weight, sums.bias, strides=strides, pads=pads)
    _replace_with_job(sums, _insert_job(sums, job, layer=sums))


def _convert_standing_pooling(pooling: int8.MaxPoolOp) -> None:
    """Give a pooling that no job can do on its way out a job that copies."""
    image = unflattened(pooling.input)
    _replace_with_job(pooling, _insert_identity_job(pooling, image, (1, 1), _windows(pooling)))


def _convert(op: Operation) -> None:
    match op:
        case int8.QuantizeOp():
            placed = dataflow.InputOp(op.output)
            placed.location = op.location
            Rewriter.insert_op(placed, InsertPoint.after(op))
            op.output.replace_uses_with_if(placed.output, lambda use: use.operation is not placed)
        case int8.RequantizeOp():
            _convert_requantization(op)
        case int8.MaxPoolOp():
            _convert_standing_pooling(op)
        case shift.ConvOp() | shift.GemmOp():
            users = [use.operation for use in op.output.uses]
            if any(not isinstance(user, int8.RequantizeOp) for user in users):
                _convert_raw(op)
        case int8.ConvOp() | int8.GemmOp():
            raise _refusal(
                op,
                "the engine's lanes shift, they do not multiply by int8 weights",
                "compile with `--weights shift1`, or stop before the engine with `--to int8`",
            )
        case _:
            pass


@dataclass(frozen=True)
class ConvertShiftToDataflowPass(CompilerPass):
    """Turn layers into jobs of an engine."""

    name = "convert-shift-to-dataflow"
    contract: ClassVar[Contract] = Contract.EXACT

    filter_vector: int = Engine.filter_vector
    """Output channels per iteration."""
    channel_vector: int = Engine.channel_vector
    """Input channels per iteration."""
    weight_depth: int = Engine.weight_depth
    """Weight words on chip."""
    channel_depth: int = Engine.channel_depth
    """Words that a channel between kernels holds."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """State the engine, then convert in program order."""
        try:
            engine = Engine(
                self.filter_vector, self.channel_vector, self.weight_depth, self.channel_depth
            )
        except ValueError as error:
            raise UserError(str(error)) from error
        function = network_function(op)
        if any(isinstance(each, dataflow.EngineOp) for each in op.ops):
            raise UserError("expected a module without an engine, got one that has been lowered")
        Rewriter.insert_op(dataflow.EngineOp(engine), InsertPoint.before(function))
        for layer in list(function.body.block.ops):
            # A pooling that a job has taken along is gone by the time its turn comes.
            if layer.parent is not None:
                _convert(layer)
        dce(op)
        function.update_function_type()
