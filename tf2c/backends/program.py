"""Emit a `dataflow` module as `program.bin` and `weights.bin`.

Accepts what the dataflow stage leaves: one engine, one function of placed jobs. The same module
gives the same bytes.
"""

from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp, i32
from xdsl.dialects.func import ReturnOp
from xdsl.ir import SSAValue
from xdsl.utils.exceptions import DiagnosticException

from tf2c.analysis.constants import constant_array
from tf2c.analysis.storage import unflattened
from tf2c.dialects import dataflow, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import scale_of
from tf2c.dialects.shift import code_terms
from tf2c.engine import Engine, Share
from tf2c.job_table import Job, Transfer
from tf2c.numerics import pow2
from tf2c.passes.rewriting import network_function
from tf2c.program import Fold, Port, Program

NO_RESIDUAL = -1


class EmittedProgram(NamedTuple):
    """A network as an engine runs it."""

    program: Program
    weights: bytes
    layers: tuple[str, ...]
    """The user's name of each job's layer, for each row of the job table."""


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
        self._output_words = 0
        self._touched: list[list[tuple[int, int]]] = []  # by each job: cells from and to
        self._transfers: list[Transfer] = []
        self._input: tuple[Port, Fold, int] | None = None

    def emit(self, ops: list[object]) -> EmittedProgram:
        layers: list[str] = []
        for op in ops:
            match op:
                case dataflow.InputOp():
                    place, size = _offset(op.output), dataflow.cells(op.output, self._engine)
                    self._transfers.append(Transfer(0, place, 0, size, 0))
                    port = self._port(op.output, flat=False)._replace(offset=0)
                    exponent = int(scale_of(op.output).values[0])
                    kernel, strides, pads = op.fold.numbers
                    fold = Fold(*tensors.extents(op.input), *kernel, *strides, *pads)
                    self._input = port, fold, exponent
                case dataflow.JobOp():
                    self._emit_job(op)
                    layers += [layer_name(op)] * len(op.shares(self._engine))
                case dataflow.ChannelsOp() | dataflow.AverageOp() if not isinstance(
                    op.input.owner, dataflow.JobOp
                ):
                    raise DiagnosticException(f"expected `{op.name}` of what a job computes")
                case dataflow.StoreOp():
                    self._transfer(1, near=_offset(op.input), far=_own_offset(op), value=op.input)
                case dataflow.LoadOp():
                    stored = op.input.owner
                    assert isinstance(stored, dataflow.StoreOp)
                    self._transfer(0, near=_own_offset(op), far=_own_offset(stored), value=op.input)
                case _:
                    pass
        returned = ops[-1]
        if not isinstance(returned, ReturnOp) or self._input is None:
            raise DiagnosticException("expected a function with an input and a return")
        result = returned.arguments[0]
        input_port, fold, input_exponent = self._input
        transfers, jobs = self._scheduled_transfers()
        program = Program(
            engine=self._engine,
            cache_vectors=max(
                [end for spans in self._touched for _, end in spans]
                + [each.cache_place + each.vectors for each in transfers]
            ),
            memory_vectors=max(each.memory_place + each.vectors for each in transfers),
            output_words=self._output_words,
            input=input_port,
            fold=fold,
            input_exponent=input_exponent,
            output=self._port(unflattened(result), flat=len(tensors.shape(result)) == 2),
            output_exponents=scale_of(result).values.astype(np.int32),
            jobs=tuple(jobs),
            parameters=np.concatenate(self._parameters)
            if self._parameters
            else np.zeros((0, 2, self._engine.filter_vector), np.int32),
            places=np.array(self._places, np.int32),
            transfers=tuple(transfers),
        )
        return EmittedProgram(program, b"".join(self._weights), tuple(layers))

    def _emit_job(self, op: dataflow.JobOp) -> None:
        values = [op.input] if op.residual is None else [op.input, op.residual]
        values += [] if op.is_returned else op.stored
        spans = [(_offset(each), dataflow.cells(each, self._engine)) for each in values]
        places = [self._group_places(each, returned=op.is_returned) for each in op.stored]
        for share in op.shares(self._engine):
            self._emit_share(op, share)
            # Each row as if it touched what the whole job does: no transfer comes between them.
            self._touched.append([(place, place + size) for place, size in spans])
        self._places += chain.from_iterable(places)

    def _emit_share(self, op: dataflow.JobOp, share: Share) -> None:
        """Add the row of some filters of a job."""
        engine = self._engine.split(share.parts)
        filters = slice(share.first, share.first + share.filters)
        codes = constant_array(op.weight)[filters]
        kernel_height, kernel_width = codes.shape[2:]
        channels, image_height, image_width = tensors.extents(op.input)
        group, terms = op.group.value.data, code_terms(op.weight)
        tiling = engine.tiling(share.filters, channels, group)
        height, width = op.convolution_extents
        _, output_height, output_width = tensors.extents(op.stored[0])
        output_layout = dataflow.layout_of(op.stored[0])
        pool_kernel, pool_strides, pool_pads = op.stored_windows.numbers
        lower, upper = op.bounds.get_values()
        tiles = weight_tiles = engine.filter_tiles(share.filters)
        weights = engine.store_weights(codes, group, terms)
        if _repeats(engine, weights, share.filters):
            weight_tiles, weights = 1, weights[: len(weights) // tiles]
        input_layout, residual_layout = dataflow.layout_of(op.input), output_layout
        first_group = engine.channel_groups(share.first)
        residual_place = NO_RESIDUAL
        if op.residual is not None:
            residual_layout = dataflow.layout_of(op.residual)
            residual_place = _offset(op.residual) + first_group * residual_layout.cells
        job = Job(
            input_place=_offset(op.input),
            input_groups=engine.channel_groups(channels),
            input_height=image_height,
            input_width=image_width,
            input_row_planes=input_layout.row_planes,
            input_column_planes=input_layout.column_planes,
            kernel_height=kernel_height,
            kernel_width=kernel_width,
            stride_height=op.strides.get_values()[0],
            stride_width=op.strides.get_values()[1],
            dilation_height=op.dilations.get_values()[0],
            dilation_width=op.dilations.get_values()[1],
            pad_top=op.pads.get_values()[0],
            pad_left=op.pads.get_values()[1],
            split=share.parts,
            tile_groups=tiling.groups,
            tile_step=tiling.step,
            weight_terms=terms,
            filter_tiles=tiles,
            convolution_height=height,
            convolution_width=width,
            order_row_planes=op.pixel_order.row_planes,
            order_column_planes=op.pixel_order.column_planes,
            residual_place=residual_place,
            residual_row_planes=residual_layout.row_planes,
            residual_column_planes=residual_layout.column_planes,
            residual_shift=op.residual_shift,
            lower_bound=lower,
            upper_bound=upper,
            pool_height=pool_kernel[0],
            pool_width=pool_kernel[1],
            pool_stride_height=pool_strides[0],
            pool_stride_width=pool_strides[1],
            pool_pad_top=pool_pads[0],
            pool_pad_left=pool_pads[1],
            average_multiplier=0 if op.average is None else op.average.multiplier.value.data,
            average_lower_bound=0 if op.average is None else op.average.bounds[0],
            average_upper_bound=0 if op.average is None else op.average.bounds[1],
            output_row=len(self._places) + first_group,
            output_groups=engine.channel_groups(share.filters),
            output_height=output_height,
            output_width=output_width,
            output_row_planes=output_layout.row_planes,
            output_column_planes=output_layout.column_planes,
            raw=int(op.is_raw),
            returned=int(op.is_returned),
            transfers=0,
            weight_tiles=weight_tiles,
            weight_offset=self._weight_parts,
            parameter_offset=self._parameter_rows,
        )
        self._jobs.append(job)
        self._weights.append(weights)
        self._weight_parts += weight_tiles * job.weight_words * share.parts
        self._parameter_rows += tiles * share.parts
        signs = pow2.negative_terms(codes, terms).sum(axis=(1, 2, 3))
        bias = constant_array(op.bias)[filters] + signs.astype(np.int32)
        rows = _parameter_rows(engine, bias, op.filter_multipliers[filters])
        rows = rows.reshape(tiles, 2, share.parts, -1).transpose(0, 2, 1, 3)
        self._parameters.append(rows.reshape(tiles * share.parts, 2, -1))

    def _port(self, value: SSAValue, *, flat: bool) -> Port:
        channels, height, width = tensors.extents(value)
        planes = dataflow.layout_of(value)[2:]
        wide = tensors.tensor_type(value).element_type == i32
        return Port(_offset(value), channels, height, width, *planes, int(wide), int(flat))

    def _group_places(self, value: SSAValue, *, returned: bool) -> list[int]:
        """Return where each channel vector of a tensor begins."""
        channels, height, width = tensors.extents(value)
        step = dataflow.layout_of(value).cells
        if returned:
            step = self._engine.feature_elements(1, height, width)
            end = _offset(value) + self._engine.feature_elements(channels, height, width)
            self._output_words = max(self._output_words, end)
        groups = self._engine.channel_groups(channels)
        return [_offset(value) + group * step for group in range(groups)]

    def _transfer(self, stores: int, *, near: int, far: int, value: SSAValue) -> None:
        """Add a transfer that comes behind the jobs so far."""
        size = dataflow.cells(value, self._engine)
        self._transfers.append(Transfer(stores, near, far, size, len(self._jobs)))

    def _scheduled_transfers(self) -> tuple[list[Transfer], list[Job]]:
        """Return the transfers and the jobs, each knowing which of the others it waits for."""
        transfers: list[Transfer] = []
        jobs = list(self._jobs)
        for index, transfer in enumerate(self._transfers):
            begin, end = transfer.cache_place, transfer.cache_place + transfer.vectors
            touching = [
                job
                for job, spans in enumerate(self._touched)
                if any(first < end and begin < last for first, last in spans)
            ]
            for job in touching:
                if job >= transfer.after_jobs:
                    jobs[job] = jobs[job]._replace(transfers=index + 1)
            # It begins as soon as nobody stores or reads there what came before it.
            before = [job for job in touching if job < transfer.after_jobs]
            if before or transfer.after_jobs > 0:
                after = max(before, default=-1) + 1
            else:
                # The next frame's image, while this frame does without that place.
                after = max(touching, default=-1) + 1 - len(jobs)
            transfers.append(transfer._replace(after_jobs=after))
        return transfers, jobs


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


def _own_offset(op: dataflow.StoreOp | dataflow.LoadOp) -> int:
    if op.offset is None:
        raise DiagnosticException("expected a transfer placed by `allocate-memory`")
    return op.offset.value.data


def _offset(value: SSAValue) -> int:
    place = dataflow.place_of(value)
    if place is None:
        raise DiagnosticException("expected a tensor placed by `allocate-memory`")
    return place
