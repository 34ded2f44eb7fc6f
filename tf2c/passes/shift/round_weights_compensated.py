"""Round weights so that each one's error is made up for by the others: accuracy without retraining.

Walks the float network and the integer one side by side over the calibration images. At each layer
it has the inputs of both, and so the outputs that the layer ought to have and the rounded inputs
that it has to make them of. The layer's rows are rounded to the grid one weight after the other,
the errors carried to the weights that are left (`numerics.compensated_rounding`); the bias makes up
for what is left on average. Then the integer network runs on through the rounded layer.

A filter's step is a power of two times a 16-bit multiplier of its requantization, where the layer
has one and `multiplier` allows it; otherwise a power of two.

Before:
    %w = int8.constant <1x3xi8, [100, 3, -30]> from ... : tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>
    %y = int8.requantize %a shift [8] bounds [0, 127]
After:
    %w = int8.constant <1x3xi8, [64, 4, -32]> from ... : tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>
    %y = int8.requantize %a multiplier [46341] shift [23] bounds [0, 127]

Requires: `convert-graph-to-int8` has run with the same context, where it left the float network;
    calibration images in the context, or their path (.npy) as an option.
Ensures: every weight is a number of the form asked for, in steps of its filter.
Contract: approximate; metric: signal-to-quantization-noise ratio of the network's result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.transforms.dead_code_elimination import dce

from tf2c.analysis.constants import constant_array, constant_blob
from tf2c.context import CompilerContext
from tf2c.dialects import graph, int8, layout, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import Pow2Attr, accumulator_scale, scale_of
from tf2c.dialects.tensors import i64_array
from tf2c.errors import LayerError, UserError
from tf2c.numerics import exponents, fixed_point, windows
from tf2c.numerics.compensated_rounding import Grid, Moments, RoundedRows, round_compensated
from tf2c.passes.biases import bias_constant
from tf2c.passes.calibration import calibration_images
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function, network_input, replace_layer
from tf2c.passes.walk import Walk

BATCH = 8
"""Images per run."""

MEMORY = 2 << 30
"""Bytes that tensors may take; of many or large images, as many are used as fit."""

LIVE_TENSORS = 3
"""As large as the largest, that are in memory at once, as float32 and as int8."""

POSITIONS = 16384
"""Pixels of a layer's output that are looked at, or as many times its row's length."""

POSITIONS_PER_COLUMN = 6

MULTIPLIER_BITS = 15
"""Multipliers of 1 to 2 have this many bits behind the binary point."""

GRIDS = {"int8": Grid(None), "shift1": Grid(1), "shift2": Grid(2)}
"""By the form of weights."""

Sums = int8.ConvOp | int8.GemmOp


@dataclass(frozen=True)
class _Layer:
    """A layer in both networks."""

    real: graph.LayerOp
    sums: Sums
    stored: int8.RequantizeOp | None
    """None where the accumulators are the result."""

    @property
    def input_exponent(self) -> int:
        return int(scale_of(self.sums.input).values[0])

    @property
    def window(self) -> tuple[Sequence[int], Sequence[int], Sequence[int], int]:
        if isinstance(self.sums, int8.ConvOp):
            return self.sums.window.numbers
        return windows.UNIT, (0, 0, 0, 0), windows.UNIT, 1

    @property
    def kernel(self) -> tuple[int, ...]:
        return tensors.shape(self.sums.weight)[2:] or (1, 1)


def _requantization(sums: Sums) -> int8.RequantizeOp | None:
    users = [use.operation for use in sums.output.uses]
    if len(users) == 1 and isinstance(users[0], int8.RequantizeOp):
        return users[0]
    return None


def _pixels(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a tensor as images: a fully connected layer's are one pixel each."""
    return array if array.ndim == 4 else array[:, :, None, None]


def _columns(
    layer: _Layer, image: npt.NDArray[Any], places: tuple[npt.NDArray[np.intp], ...]
) -> npt.NDArray[np.float32]:
    """Return what the layer's filters see at some pixels of its output, `[n, C * KH * KW]`."""
    strides, pads, dilations, _ = layer.window
    view = windows.windows(_pixels(image), layer.kernel, strides, pads, 0, dilations)
    index, row, column = places
    return view[index, :, row, column].reshape(len(index), -1).astype(np.float32)


def _moments(layer: _Layer, real: Walk, stored: Walk, seed: int) -> list[Moments]:
    """Return the moments of each group's inputs and wanted outputs, in real numbers."""
    generator = np.random.default_rng(seed)
    weights = constant_array(layer.real.weight)
    group = layer.window[3]
    rows = weights.reshape(group, len(weights) // group, -1)
    length = rows.shape[2]
    moments = [Moments(rows.shape[1], length) for _ in range(group)]
    step = np.float32(2.0**layer.input_exponent)
    extent = (*tensors.extents(layer.sums.output)[1:], 1, 1)[:2]
    wanted = max(POSITIONS, POSITIONS_PER_COLUMN * length)
    for index in range(real.batches):
        image = real.batch(layer.real.input, index)
        shape = (len(image), *extent)
        pixels = int(np.prod(shape))
        count = min(max(wanted // real.batches, 1), pixels)
        chosen = np.sort(generator.choice(pixels, count, replace=False))
        places = np.unravel_index(chosen, shape)
        seen = _columns(layer, image, places).reshape(count, group, length)
        rounded = _columns(layer, stored.batch(layer.sums.input, index), places)
        rounded = rounded.reshape(count, group, length) * step
        missing = _missing_residual(layer, real, stored, index, places)
        for part in range(group):
            outputs = rows[part] @ seen[:, part].T
            if missing is not None:
                first = part * rows.shape[1]
                outputs += missing[:, first : first + rows.shape[1]].T
            moments[part].add(np.ascontiguousarray(rounded[:, part].T), outputs)
    return moments


def _missing_residual(
    layer: _Layer,
    real: Walk,
    stored: Walk,
    index: int,
    places: tuple[npt.NDArray[np.intp], ...],
) -> npt.NDArray[np.float32] | None:
    """Return what rounding took from the other operand of the layer's sum, `[n, M]`."""
    if layer.real.residual is None or layer.stored is None or layer.stored.residual is None:
        return None
    image, row, column = places
    exact = _pixels(real.batch(layer.real.residual, index))[image, :, row, column]
    rounded = _pixels(stored.batch(layer.stored.residual, index))[image, :, row, column]
    step = np.float32(2.0 ** int(scale_of(layer.stored.residual).values[0]))
    return exact - rounded * step


def _legal_steps(
    layer: _Layer, bias: npt.NDArray[np.float64], smallest_shift: int, powers_of_two: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the least and the greatest step `[M]` that bias and requantization can express."""
    lowest = np.abs(bias) / (exponents.BIAS_LIMIT * 2.0**layer.input_exponent)
    highest = np.full(len(bias), np.inf)
    lowest = np.maximum(lowest, 2.0**exponents.LOWEST_EXPONENT)
    if layer.stored is not None:
        difference = int(scale_of(layer.stored.output).values[0]) - layer.input_exponent
        lowest = np.maximum(lowest, 2.0 ** (difference - fixed_point.REQUANTIZE_SHIFT))
        highest = np.full(len(bias), 2.0 ** (difference - smallest_shift))
        if not powers_of_two:
            # One multiplier below the next power of two, which would have one bit more.
            highest *= fixed_point.LARGEST_MULTIPLIER / 2.0**MULTIPLIER_BITS
    return np.minimum(np.exp2(np.ceil(np.log2(lowest))), highest), highest


def _factors(
    steps: npt.NDArray[np.float64], difference: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return exponents, multipliers and shifts `[M]` of steps.

    Args:
        steps: real numbers `[M]`.
        difference: the output's exponent minus the input's.
    """
    fraction, exponent = np.frexp(steps)
    chosen = exponent.astype(np.int64) - 1
    shifts = difference - chosen + MULTIPLIER_BITS
    # Beyond the largest shift, multipliers have fewer bits.
    excess = np.maximum(shifts - fixed_point.REQUANTIZE_SHIFT, 0)
    multipliers = np.rint(np.ldexp(fraction, 1 + MULTIPLIER_BITS - excess)).astype(np.int64)
    multipliers = np.minimum(multipliers, fixed_point.LARGEST_MULTIPLIER)
    shifts -= excess
    # A power of two needs no multiplier.
    is_power = fraction == 0.5
    multipliers[is_power] = 1
    shifts[is_power] = difference - chosen[is_power]
    return chosen, multipliers, shifts


def _rounded(
    layer: _Layer, moments: Sequence[Moments], grid: Grid, smallest_shift: int, multiplier: bool
) -> RoundedRows:
    """Round a layer's rows, group by group."""
    weights = constant_array(layer.real.weight)
    bias = _real_bias(layer)
    powers_of_two = not multiplier or layer.stored is None
    lowest, highest = _legal_steps(layer, bias, smallest_shift, powers_of_two)
    nearest = _nearest_steps(layer, grid)
    per_group = len(weights) // len(moments)
    parts: list[RoundedRows] = []
    for index, own in enumerate(moments):
        part = slice(index * per_group, (index + 1) * per_group)
        parts.append(
            round_compensated(
                own,
                weights[part].reshape(per_group, -1),
                grid,
                nearest[part],
                lowest[part],
                highest[part],
                powers_of_two,
            )
        )
    return RoundedRows(
        np.concatenate([part.levels for part in parts]),
        np.concatenate([part.steps for part in parts]),
    )


def _nearest_steps(layer: _Layer, grid: Grid) -> npt.NDArray[np.float64]:
    """Return the steps `[M]` that rounding each weight by itself would take."""
    weights = constant_array(layer.real.weight)
    window = np.broadcast_to(scale_of(layer.sums.weight).values, len(weights))
    if grid.terms is not None:
        unlimited = np.full(len(weights), -exponents.LOWEST_EXPONENT)
        window = exponents.pow2_exponents(weights, -unlimited, unlimited)
    return np.exp2(window.astype(np.float64))


def _real_bias(layer: _Layer) -> npt.NDArray[np.float64]:
    filters = tensors.shape(layer.real.weight)[0]
    if layer.real.bias is None:
        return np.zeros(filters)
    return constant_array(layer.real.bias).astype(np.float64)


def _replace(layer: _Layer, rounded: RoundedRows, moments: Sequence[Moments]) -> Sums:
    """Put a rounded layer into the integer network; return its sums."""
    origin = layer.sums.weight.owner
    assert isinstance(origin, int8.ConstantOp)
    steps = rounded.steps
    if layer.stored is None:
        window = np.rint(np.log2(steps)).astype(np.int64)
    else:
        difference = int(scale_of(layer.stored.output).values[0]) - layer.input_exponent
        window, multipliers, shifts = _factors(steps, difference)
        steps = np.ldexp(multipliers.astype(np.float64), difference - shifts)
        layer.stored.multiplier = i64_array(multipliers.tolist())
        layer.stored.shift = i64_array(shifts.tolist())
    levels = rounded.levels.astype(np.float64)
    per_group = len(levels) // len(moments)
    wanted = np.concatenate([own.output_means for own in moments])
    found = np.concatenate(
        [
            levels[index * per_group : (index + 1) * per_group] @ own.input_means
            for index, own in enumerate(moments)
        ]
    )
    # In units of the accumulators' scale, which does not know the multiplier.
    bias = (_real_bias(layer) + wanted - found * steps) * np.exp2(window) / steps
    scale = Pow2Attr(window.tolist(), axis=0)
    weight = int8.ConstantOp(
        rounded.levels.reshape(tensors.shape(layer.sums.weight)), scale, origin.origin
    )
    constant = bias_constant(bias, accumulator_scale(layer.input_exponent, window))
    sums: Sums
    if isinstance(layer.sums, int8.ConvOp):
        sums = int8.ConvOp(layer.sums.input, weight.output, constant.output, layer.sums.window)
    else:
        sums = int8.GemmOp(layer.sums.input, weight.output, constant.output)
    replace_layer(layer.sums, [weight, constant, sums], sums.output)
    layout.retype_movers(sums.output)  # of accumulators that are the network's result
    return sums


def _image_count(module: ModuleOp) -> int:
    """Return how many images may be used, by the memory that their tensors take."""
    largest = max(
        tensors.flattened(result)
        for op in network_function(module).body.block.ops
        if not isinstance(op, int8.ConstantOp)
        for result in op.results
    )
    per_image = LIVE_TENSORS * largest * (np.dtype(np.float32).itemsize + 1)
    return max(MEMORY // per_image, BATCH)


@dataclass(frozen=True)
class RoundWeightsCompensatedPass(CompilerPass):
    """Round weights so that each one's error is made up for by the others."""

    name = "round-weights-compensated"
    contract: ClassVar[Contract] = Contract.APPROXIMATE

    images: str | None = None
    """Path of an .npy file of calibration images; by default the context's."""
    weights: str = "shift1"
    """`int8`, `shift1` or `shift2`."""
    two_terms: tuple[str, ...] = ()
    """Layers that have two terms per weight, whatever the others have."""
    multiplier: bool = True
    """Whether a filter's step may be any number, which its requantization multiplies by."""
    smallest_shift: int = exponents.SMALLEST_SHIFT
    """Least requantizing shift."""
    seed: int = 0
    """Of the choice of pixels."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Walk both networks."""
        if self.weights not in GRIDS:
            raise UserError(f"expected weights of {', '.join(GRIDS)}, got `{self.weights}`")
        if not isinstance(ctx, CompilerContext) or ctx.float_network is None:
            raise UserError(
                "expected the float network to compare with, got none",
                hint="run `convert-graph-to-int8` in the same pipeline",
            )
        source = calibration_images(ctx, self.images, tensors.extents(network_input(op)))
        batches = -(-min(_image_count(op), len(source)) // BATCH)
        images = list(islice(source.batches(BATCH), batches))
        real_function = network_function(ctx.float_network)
        real, stored = Walk(real_function, images), Walk(network_function(op), images)
        real_ops = iter(list(real_function.body.block.ops))
        pending: Sums | None = None
        for each in list(network_function(op).body.block.ops):
            if isinstance(each, int8.ConvOp | int8.GemmOp):
                layer = _Layer(_next_layer(real, real_ops, each), each, _requantization(each))
                moments = _moments(layer, real, stored, self.seed)
                rounded = _rounded(
                    layer, moments, self._grid(each), self.smallest_shift, self.multiplier
                )
                sums = _replace(layer, rounded, moments)
                real.run([layer.real])
                if layer.stored is None:
                    stored.run([sums])
                else:
                    pending = sums
            elif pending is not None and each is _requantization(pending):
                stored.run([pending, each])
                pending = None
            else:
                stored.run([each])
        dce(op)
        network_function(op).update_function_type()

    def _grid(self, layer: Operation) -> Grid:
        if layer_name(layer) in self.two_terms:
            return GRIDS["shift2"]
        return GRIDS[self.weights]


def _next_layer(walk: Walk, ops: Iterator[Operation], layer: Sums) -> graph.LayerOp:
    """Run the float network up to its next layer, which is the given one's origin."""
    weight = layer.weight.owner
    for op in ops:
        if isinstance(op, graph.LayerOp):
            if isinstance(weight, int8.ConstantOp) and weight.origin == constant_blob(op.weight):
                return op
            break
        walk.run([op])
    raise LayerError(layer_name(layer), "expected the float network to have the same layers")
