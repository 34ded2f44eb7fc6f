"""Emit a `dataflow` module as `program.bin` and `weights.bin`.

Accepts what the dataflow stage leaves: one engine, one function of placed jobs. The same module
gives the same bytes.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import SSAValue
from xdsl.utils.exceptions import DiagnosticException

from tf2c.analysis.constants import constant_array
from tf2c.analysis.storage import unflattened
from tf2c.dialects import dataflow, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import scale_of
from tf2c.dialects.shift import code_terms
from tf2c.engine import Engine
from tf2c.passes.rewriting import network_function
from tf2c.program import Fold, Job, Port, Program

NO_RESIDUAL = -1


class EmittedProgram(NamedTuple):
    """A network as an engine runs it."""

    program: Program
    weights: bytes
    layers: tuple[str, ...]
    """The user's name of each job's layer."""


def emit_program(module: ModuleOp) -> EmittedProgram:
    """Emit a module that the dataflow stage has left.

    Raises:
        DiagnosticException: an op is not what `allocate-memory` leaves: a bug of tf2c.
    """
    function = network_function(module)
    return _Emitter(dataflow.engine_of(function)).emit(list(function.body.block.ops))


class _Emitter:
    """The tables as they grow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: list[Job] = []
        self._parameters: list[npt.NDArray[np.int32]] = []
        self._places: list[int] = []
        self._weights: list[bytes] = []
        self._weight_parts = self._parameter_rows = 0
        self._feature_bytes = self._output_words = 0
        self._input: tuple[Port, Fold, int] | None = None

    def emit(self, ops: list[object]) -> EmittedProgram:
        layers: list[str] = []
        for op in ops:
            match op:
                case dataflow.InputOp():
                    port = self._port(op.output, flat=False)
                    exponent = int(scale_of(op.output).values[0])
                    kernel, strides, pads = op.fold.numbers
                    fold = Fold(*tensors.extents(op.input), *kernel, *strides, *pads)
                    self._input = port, fold, exponent
                    self._occupy(op)
                case dataflow.JobOp():
                    self._emit_job(op)
                    for stored in op.layer_channels or [op]:
                        self._occupy(stored)
                    layers.append(layer_name(op))
                case _:
                    pass
        returned = ops[-1]
        if not isinstance(returned, ReturnOp) or self._input is None:
            raise DiagnosticException("expected a function with an input and a return")
        result = returned.arguments[0]
        input_port, fold, input_exponent = self._input
        program = Program(
            engine=self._engine,
            feature_bytes=self._feature_bytes,
            output_words=self._output_words,
            input=input_port,
            fold=fold,
            input_exponent=input_exponent,
            output=self._port(unflattened(result), flat=len(tensors.shape(result)) == 2),
            output_exponents=scale_of(result).values.astype(np.int32),
            jobs=tuple(self._jobs),
            parameters=np.concatenate(self._parameters)
            if self._parameters
            else np.zeros((0, 2, self._engine.filter_vector), np.int32),
            places=np.array(self._places, np.int32),
        )
        return EmittedProgram(program, b"".join(self._weights), tuple(layers))

    def _emit_job(self, op: dataflow.JobOp) -> None:
        split = op.parts.value.data
        engine = self._engine.split(split)
        codes = constant_array(op.weight)
        filters, _, kernel_height, kernel_width = codes.shape
        channels, image_height, image_width = tensors.extents(op.input)
        group, terms = op.group.value.data, code_terms(op.weight)
        tiling = engine.tiling(filters, channels, group)
        height, width = op.convolution_extents
        output_channels, output_height, output_width = tensors.extents(op.output)
        pool_kernel = op.pool_kernel.get_values()
        pool_strides, pool_pads = op.pool_strides.get_values(), op.pool_pads.get_values()
        lower, upper = op.bounds.get_values()
        tiles = weight_tiles = engine.filter_tiles(filters)
        weights = engine.store_weights(codes, group, terms)
        if _repeats(engine, weights, filters):
            weight_tiles, weights = 1, weights[: len(weights) // tiles]
        job = Job(
            input_offset=_offset(op.input),
            input_groups=engine.channel_groups(channels),
            input_height=image_height,
            input_width=image_width,
            kernel_height=kernel_height,
            kernel_width=kernel_width,
            stride_height=op.strides.get_values()[0],
            stride_width=op.strides.get_values()[1],
            dilation_height=op.dilations.get_values()[0],
            dilation_width=op.dilations.get_values()[1],
            pad_top=op.pads.get_values()[0],
            pad_left=op.pads.get_values()[1],
            split=split,
            tile_groups=tiling.groups,
            tile_step=tiling.step,
            weight_terms=terms,
            filter_tiles=tiles,
            convolution_height=height,
            convolution_width=width,
            residual_offset=NO_RESIDUAL if op.residual is None else _offset(op.residual),
            residual_shift=op.residual_shift,
            lower_bound=lower,
            upper_bound=upper,
            pool_height=pool_kernel[0],
            pool_width=pool_kernel[1],
            pool_stride_height=pool_strides[0],
            pool_stride_width=pool_strides[1],
            pool_pad_top=pool_pads[0],
            pool_pad_left=pool_pads[1],
            output_row=len(self._places),
            output_groups=engine.channel_groups(output_channels),
            output_height=output_height,
            output_width=output_width,
            raw=int(op.is_raw),
            wide=int(op.is_wide),
            weight_tiles=weight_tiles,
            weight_offset=self._weight_parts,
            parameter_offset=self._parameter_rows,
        )
        self._jobs.append(job)
        for stored in op.layer_channels or [op]:
            self._places += self._group_places(stored.output)
        self._weights.append(weights)
        self._weight_parts += weight_tiles * job.weight_words * split
        self._parameter_rows += tiles * split
        rows = _parameter_rows(engine, constant_array(op.bias), op.filter_multipliers)
        self._parameters.append(
            rows.reshape(tiles, 2, split, -1).transpose(0, 2, 1, 3).reshape(tiles * split, 2, -1)
        )

    def _port(self, value: SSAValue, *, flat: bool) -> Port:
        channels, height, width = tensors.extents(value)
        wide = isinstance(value.owner, dataflow.JobOp) and value.owner.is_wide
        return Port(_offset(value), channels, height, width, int(wide), int(flat))

    def _group_places(self, value: SSAValue) -> list[int]:
        """Return where each channel vector of a tensor begins."""
        channels, height, width = tensors.extents(value)
        step = self._engine.feature_elements(1, height, width)
        groups = self._engine.channel_groups(channels)
        return [_offset(value) + group * step for group in range(groups)]

    def _occupy(self, op: dataflow.InputOp | dataflow.JobOp | dataflow.ChannelsOp) -> None:
        """Grow the memory that an op's output lies in."""
        channels, height, width = tensors.extents(op.output)
        end = _offset(op.output) + self._engine.feature_elements(channels, height, width)
        if isinstance(op, dataflow.JobOp) and op.is_wide:
            self._output_words = max(self._output_words, end)
        else:
            self._feature_bytes = max(self._feature_bytes, end)


def _repeats(engine: Engine, weights: bytes, filters: int) -> bool:
    """Whether all filter tiles have the same weights, as those of jobs that move or average have.

    Lanes beyond the last filter may have any: their multipliers are 0.
    """
    tiles = engine.filter_tiles(filters)
    lanes = np.frombuffer(weights, np.uint8)
    lanes = lanes.reshape(tiles, -1, engine.filter_vector, engine.channel_vector // 2)
    last = filters - (tiles - 1) * engine.filter_vector
    whole, rest = lanes[1:-1] == lanes[0], lanes[-1, :, :last] == lanes[0, :, :last]
    return bool(whole.all() and rest.all())


def _parameter_rows(
    engine: Engine, bias: npt.NDArray[np.int32], multipliers: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Return `[tiles, 2, filter_vector]`; lanes beyond the filters get zeros."""
    tiles = engine.filter_tiles(len(bias))
    rows = np.zeros((2, tiles * engine.filter_vector), np.int32)
    rows[0, : len(bias)] = bias
    rows[1, : len(bias)] = multipliers
    return rows.reshape(2, tiles, engine.filter_vector).transpose(1, 0, 2)


def _offset(value: SSAValue) -> int:
    place = dataflow.place_of(value)
    if place is None:
        raise DiagnosticException("expected a tensor placed by `allocate-memory`")
    return place
