"""Turn layers into jobs of an engine.

A job is a convolution with its requantization, residual, activation and pooling. A fully
connected layer is a convolution whose kernel covers the whole image, so flattening moves nothing.
Max poolings, and means of whole images, are taken on the way of what is computed for nothing else.
What has no weights, and cannot join a layer, becomes a job with weights of one
(`passes/moving_jobs.py`): other poolings, slices and paddings.
Concatenated tensors lie one behind the other; only operands with broken channel vectors, or that
lie in another concatenation already, are copied.

Before:
    %a = shift.conv %x, %w, %b
    %s = int8.requantize %a shift [8] bounds [0, 127]
    %y = int8.max_pool %s kernel [2, 2] strides [2, 2]
After:
    %y = dataflow.job %x, %w, %b multipliers [4194304] bounds [0, 127] pool [2, 2] ...

Requires: one result; no `int8.conv` and no `int8.gemm`: the engine's lanes shift, they do not
    multiply; signed activations; average poolings whose windows have equally many real pixels;
    nothing that computes as only TF2 does.
Ensures: one `dataflow.engine`, and what it is made of; what computes is `dataflow.job`;
    `layout.reshape` and `dataflow.concat` only name what lies in memory.
Contract: exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, i8, i32
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import dce
from xdsl.utils.exceptions import VerifyException

from tf2c.analysis.constants import constant_array
from tf2c.analysis.storage import unflattened
from tf2c.analysis.support import refused_on_engine
from tf2c.dialects import dataflow, int8, layout, shift, tensors
from tf2c.dialects.layers import joint_name, layer_name, name_layer
from tf2c.dialects.scales import scale_of
from tf2c.dialects.windows import (
    UNIT_WINDOW,
    ConvolutionWindow,
    PoolingWindow,
    pooled_shape,
)
from tf2c.engine import Engine
from tf2c.errors import LayerError, UserError
from tf2c.numerics import fixed_point
from tf2c.passes import moving_jobs
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import insert_before, network_function, replace_value

Sums = shift.ConvOp | shift.GemmOp


def _refusal(op: Operation, message: str, hint: str) -> LayerError:
    return LayerError(layer_name(op), message, hint)


def _insert_jobs(op: Operation, ops: Sequence[Operation], layer: Operation) -> SSAValue:
    """Insert ops in front of `op`, the last a job, and return its result.

    Raises:
        UserError: a job is more than its engine can do.
    """
    insert_before(op, ops, layer)
    for job in ops:
        _verify_job(job, layer)
    return ops[-1].results[0]


def _verify_job(job: Operation, layer: Operation) -> None:
    """Refuse a layer whose job is more than its engine can do."""
    try:
        job.verify_()
    except VerifyException as error:
        raise _refusal(
            layer, str(error), "compile for a larger engine (`--engine`), or split the layer"
        ) from error


def _replace_with_stored(op: Operation, stored: SSAValue) -> None:
    """Let what lies in memory, in the shape of an op's result, replace that."""
    result = stored
    if tensors.shape(op.results[0]) != tensors.shape(stored):
        shaped = layout.ReshapeOp(stored, tensors.extents(op.results[0]))
        insert_before(op, [shaped], layer=op)
        result = shaped.output
    replace_value(op.results[0], result)
    Rewriter.erase_op(op)


def _stored_image(op: Operation, value: SSAValue) -> SSAValue:
    """Return an operand as it lies in memory.

    Raises:
        UserError: it lies there as another image than `op` sees.
    """
    image = unflattened(value)
    if tensors.extents(value) not in (
        tensors.extents(image),
        (tensors.flattened(image),),
    ):
        raise _refusal(
            op,
            f"expected an image of {tensors.dimension_text(tensors.extents(image))}, as it lies in "
            f"memory, got it as {tensors.dimension_text(tensors.extents(value))}",
            "cut the network in front of the reshaping layer with `--outputs`",
        )
    return image


def _image_and_weight(sums: Sums) -> tuple[SSAValue, SSAValue]:
    """Return a layer's image as it lies in memory, and its weight for that image."""
    image = _stored_image(sums, sums.input)
    if isinstance(sums, shift.ConvOp):
        return image, sums.weight
    codes = constant_array(sums.weight)
    kernels = codes.reshape(len(codes), *tensors.extents(image))
    weight = shift.ConstantOp(kernels, shift.code_scale(sums.weight), shift.code_terms(sums.weight))
    insert_before(sums, [weight], layer=sums)
    return image, weight.output


def _convolution_window(sums: Sums) -> ConvolutionWindow:
    return sums.window if isinstance(sums, shift.ConvOp) else UNIT_WINDOW


def _one_pixel(op: Operation, image: SSAValue) -> SSAValue:
    """Return an image as one pixel of many channels, which is how rows lie in memory."""
    if tensors.extents(image)[1:] == (1, 1):
        return image
    return _insert_jobs(op, moving_jobs.flattening_job(image), layer=op)


def _moved_image(op: layout.SliceOp | layout.PadOp) -> SSAValue:
    """Return an operand as it lies in memory; of flattened images, a copy with one pixel each."""
    image = _stored_image(op, op.input)
    return _one_pixel(op, image) if len(tensors.shape(op.input)) == 2 else image


def _residual_image(requantize: int8.RequantizeOp) -> SSAValue | None:
    """Return the residual as the job's pixels lie in memory.

    A fully connected layer has one pixel of many channels. An image that is flattened to join it
    lies otherwise, and is copied.
    """
    if requantize.residual is None:
        return None
    image = _stored_image(requantize, requantize.residual)
    return _one_pixel(requantize, image) if len(tensors.shape(requantize.input)) == 2 else image


def _joining_pooling(requantize: int8.RequantizeOp) -> int8.MaxPoolOp | None:
    """Return the pooling that the job can do on its way out: the only user of what it stores."""
    users = [use.operation for use in requantize.output.uses]
    if len(users) == 1 and isinstance(users[0], int8.MaxPoolOp):
        # One that is refused stays to be refused by its own name.
        return users[0] if refused_on_engine(users[0]) is None else None
    return None


def _windows(pooling: int8.MaxPoolOp | None) -> PoolingWindow:
    return dataflow.NO_POOLING if pooling is None else pooling.window


def _convert_requantization(requantize: int8.RequantizeOp) -> None:
    sums = requantize.input.owner
    if not isinstance(sums, Sums):
        raise _refusal(
            requantize,
            "expected sums of shifted inputs to requantize",
            "compile with `--weights shift1`: the engine has no lanes that multiply",
        )
    image, weight = _image_and_weight(sums)
    pooling = _joining_pooling(requantize)
    job = dataflow.JobOp(
        image,
        weight,
        sums.bias,
        _residual_image(requantize),
        window=_convolution_window(sums),
        requantization=dataflow.Requantization(
            requantize.multipliers.tolist(), requantize.bounds, scale_of(requantize.output)
        ),
        pooling=_windows(pooling),
    )
    stored = _insert_jobs(requantize, [job], layer=sums)
    if pooling is None:
        _replace_with_stored(requantize, stored)
    else:
        _replace_with_stored(pooling, stored)
        Rewriter.erase_op(requantize)


def _convert_raw(sums: Sums) -> None:
    """Convert accumulators that are used as they are, as the network's result."""
    image, weight = _image_and_weight(sums)
    job = dataflow.JobOp(image, weight, sums.bias, window=_convolution_window(sums))
    _replace_with_stored(sums, _insert_jobs(sums, [job], layer=sums))


def _jobs_to_join(image: SSAValue) -> list[SSAValue]:
    """Return what jobs compute for nothing but an image, or what is concatenated there.

    None, unless all of it is stored as it is computed: then windows may be taken on the way.
    """
    owner = image.owner
    parts = list(owner.inputs) if isinstance(owner, dataflow.ConcatOp) else [image]
    is_joined = image.has_one_use() and all(
        isinstance(part.owner, dataflow.JobOp)
        and part.has_one_use()
        and part.owner.stored_windows == dataflow.NO_POOLING
        and not part.owner.is_wide
        for part in parts
    )
    return parts if is_joined else []


def _join_average(op: int8.AveragePoolOp, image: SSAValue) -> SSAValue | None:
    """Let the jobs that compute an image take its mean on the way; return where that lies.

    None where it is no mean of an image, or jobs or window unit cannot.
    """
    parts = _jobs_to_join(image)
    _, height, width = tensors.extents(image)
    engine = dataflow.engine_of(op)
    element_type = i32 if tensors.tensor_type(op.output).element_type == i32 else i8
    if not parts or not op.covers_image or height * width == 1:
        return None
    if element_type == i32 and len(parts) > 1:
        return None  # wide numbers do not lie in the cache
    factor = fixed_point.average_factor(height * width, op.exponent_difference)
    if factor is None or factor.shift > fixed_point.REQUANTIZE_SHIFT or width > engine.window_width:
        return None
    multiplier = factor.multiplier << (fixed_point.REQUANTIZE_SHIFT - factor.shift)
    if multiplier >= fixed_point.MULTIPLIER_LIMIT:
        return None
    scale = scale_of(op.output)
    means = [dataflow.AverageOp(part, multiplier, scale, element_type) for part in parts]
    insert_before(op, means, layer=op)
    return _concatenated(op, [mean.output for mean in means])


def _join_pooling(op: int8.MaxPoolOp, image: SSAValue) -> SSAValue | None:
    """Let the jobs that compute an image pool on the way; return where that lies.

    None where an image that is not pooled is needed as well.
    """
    pooled: list[SSAValue] = []
    for part in _jobs_to_join(image):
        job = part.owner
        assert isinstance(job, dataflow.JobOp)
        job.pool_kernel, job.pool_strides, job.pool_pads = op.window
        name_layer(job, joint_name(layer_name(job), layer_name(op)))
        shape = pooled_shape(tensors.shape(part), op.window)
        pooled.append(Rewriter.replace_value_with_new_type(part, layout.same_elements(part, shape)))
        _verify_job(job, layer=op)
    return _concatenated(op, pooled) if pooled else None


def _concatenated(op: Operation, parts: list[SSAValue]) -> SSAValue:
    """Return parts of channels as one image; a concatenation of what they were is left to die."""
    if len(parts) == 1:
        return parts[0]
    channels = sum(tensors.extents(part)[0] for part in parts)
    shape = (tensors.shape(parts[0])[0], channels, *tensors.extents(parts[0])[1:])
    concat = dataflow.ConcatOp(parts, layout.same_elements(parts[0], shape))
    insert_before(op, [concat], layer=op)
    return concat.output


def _convert_average(op: int8.AveragePoolOp) -> None:
    image = _stored_image(op, op.input)
    joined = _join_average(op, image)
    if joined is not None:
        _replace_with_stored(op, joined)
        return
    ops = moving_jobs.averaging_job(image, op)
    if ops is None:
        raise _refusal(
            op,
            f"expected an average that a multiplier of {Engine.multiplier_bits} bits can divide",
            "store its result in coarser steps: calibrate with other images",
        )
    _replace_with_stored(op, _insert_jobs(op, ops, layer=op))


def _convert_pooling(op: int8.MaxPoolOp) -> None:
    image = _stored_image(op, op.input)
    joined = _join_pooling(op, image)
    if joined is None:
        joined = _insert_jobs(op, moving_jobs.copying_job(image, op.window), layer=op)
    _replace_with_stored(op, joined)


def _is_concatenated(value: SSAValue) -> bool:
    return any(isinstance(use.operation, dataflow.ConcatOp) for use in value.uses)


def _convert_concat(op: layout.ConcatOp) -> None:
    rank = len(tensors.shape(op.output))
    if op.axis.value.data != 1 or rank not in (2, 4):
        raise _refusal(
            op,
            "expected a concatenation of channels, got one along axis "
            f"{op.axis.value.data} of {rank} dimensions",
            "cut the network in front of it with `--outputs`",
        )
    images = [_stored_image(op, each) for each in op.inputs]
    if rank == 2:
        images = [_one_pixel(op, image) for image in images]
    vector = dataflow.engine_of(op).channel_vector
    if any(tensors.extents(image)[0] % vector for image in images[:-1]):
        joined = _insert_jobs(op, moving_jobs.joining_jobs(images), layer=op)
        _replace_with_stored(op, joined)
        return
    places: list[SSAValue] = []
    for image in images:
        # A tensor lies in one place only.
        if image in places or _is_concatenated(image):
            image = _insert_jobs(op, moving_jobs.copying_job(image), layer=op)
        places.append(image)
    _replace_with_stored(op, _concatenated(op, places))


def _store_result(op: ReturnOp, result: SSAValue) -> None:
    """Let a job of its own store what is returned, unless a job stores it for nothing else."""
    image = unflattened(result)
    job = image.owner
    if isinstance(job, dataflow.AverageOp):
        job = job.input.owner
    if isinstance(job, dataflow.JobOp) and job.is_returned and image.has_one_use():
        return
    layer = image.owner if isinstance(image.owner, Operation) else op
    stored = _insert_jobs(op, moving_jobs.copying_job(image), layer=layer)
    if tensors.shape(result) != tensors.shape(stored):
        shaped = layout.ReshapeOp(stored, tensors.extents(result))
        insert_before(op, [shaped], layer=layer)
        stored = shaped.output
    op.operands[list(op.operands).index(result)] = stored


def _convert(op: Operation) -> None:
    refusal = refused_on_engine(op)
    if refusal is not None:
        raise refusal
    match op:
        case int8.QuantizeOp():
            placed = dataflow.InputOp(op.output)
            placed.location = op.location
            Rewriter.insert_op(placed, InsertPoint.after(op))
            op.output.replace_uses_with_if(placed.output, lambda use: use.operation is not placed)
        case int8.RequantizeOp():
            _convert_requantization(op)
        case int8.MaxPoolOp():
            _convert_pooling(op)
        case int8.AveragePoolOp():
            _convert_average(op)
        case layout.ConcatOp():
            _convert_concat(op)
        case layout.SliceOp():
            ops = moving_jobs.slicing_job(_moved_image(op), op)
            _replace_with_stored(op, _insert_jobs(op, ops, layer=op))
        case layout.PadOp():
            ops = moving_jobs.padding_job(_moved_image(op), op)
            _replace_with_stored(op, _insert_jobs(op, ops, layer=op))
        case shift.ConvOp() | shift.GemmOp():
            users = [use.operation for use in op.output.uses]
            if any(not isinstance(user, int8.RequantizeOp) for user in users):
                _convert_raw(op)
        case ReturnOp():
            for result in op.arguments:
                # The host takes it from there.
                if isinstance(result.owner, layout.ReshapeOp):
                    _stored_image(result.owner, result)
                _store_result(op, result)
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
    pixel_vector: int = Engine.pixel_vector
    """Output pixels per iteration."""
    largest_split: int = Engine.largest_split
    """Parts of a vector of pixels, at most, that compute different filters."""
    weight_depth: int = Engine.weight_depth
    """Weight words on chip."""
    channel_depth: int = Engine.channel_depth
    """Words that a channel between kernels holds."""
    latency: int = Engine.latency
    """Iterations from the last issue of a vector of pixels until its first result is stored."""
    memory_bytes: int = Engine.memory_bytes
    """Bytes that the card's memory delivers per iteration."""
    cache_depth: int = Engine.cache_depth
    """Channel vectors that each bank of the feature cache holds."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """State the engine, then convert in program order."""
        try:
            engine = Engine(**{each.name: getattr(self, each.name) for each in fields(Engine)})
        except ValueError as error:
            raise UserError(str(error)) from error
        function = network_function(op)
        if any(isinstance(each, dataflow.EngineOp) for each in op.ops):
            raise UserError("expected a module without an engine, got one that has been lowered")
        made_of = [dataflow.EngineOp(engine), *dataflow.structure(engine)]
        Rewriter.insert_op(made_of, InsertPoint.before(function))
        for layer in list(function.body.block.ops):
            # A pooling that a job has taken along is gone by the time its turn comes.
            if layer.parent is not None:
                _convert(layer)
        dce(op)
        function.update_function_type()
