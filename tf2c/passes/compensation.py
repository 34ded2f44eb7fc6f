"""Walking a float network and its integer one side by side, and rounding layer by layer.

At each layer both networks have run up to it on the calibration images: the float one gives the
outputs that the layer ought to have, the integer one the rounded inputs that it has to make them
of. Whoever walks says how to round the layer; then the integer network runs on through it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.transforms.dead_code_elimination import dce

from tf2c.analysis.constants import constant_array, constant_blob
from tf2c.analysis.units import requantization_of
from tf2c.context import CompilerContext, report_progress
from tf2c.dialects import graph, int8, layout, tensors
from tf2c.dialects.layers import layer_name
from tf2c.dialects.scales import Pow2Attr, accumulator_scale, scale_of
from tf2c.dialects.tensors import i64_array
from tf2c.errors import LayerError, UserError
from tf2c.numerics import exponents, fixed_point, windows
from tf2c.numerics.compensated_rounding import Grid, RoundedRows, round_compensated, with_bits
from tf2c.numerics.long_rows import LONGEST, LongRows, Samples, round_in_blocks
from tf2c.numerics.moments import Moments
from tf2c.passes.biases import bias_constant
from tf2c.passes.calibration import calibration_images
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

VALUES_AT_ONCE = 1 << 24
"""Of what filters see at those pixels."""

MULTIPLIER_BITS = 4
"""Of the requantization, where nothing else is asked for: eight steps per octave are as good as any
number for the weights, and so few bits keep `sums * multiplier` exact in float32."""

Sums = int8.ConvOp | int8.GemmOp


@dataclass(frozen=True)
class LayerPair:
    """A layer in both networks."""

    real: graph.LayerOp
    sums: Sums
    stored: int8.RequantizeOp | None
    """None where the accumulators are the result."""

    @property
    def name(self) -> str:
        """The user's name of the layer."""
        return layer_name(self.sums)

    @property
    def multiplications(self) -> int:
        """Per image: weights times the pixels that each is used at."""
        pixels = tensors.flattened(self.sums.output) // tensors.extents(self.sums.output)[0]
        return pixels * int(np.prod(tensors.shape(self.sums.weight)))

    @property
    def input_exponent(self) -> int:
        """Of the stored input's scale."""
        return int(scale_of(self.sums.input).values[0])

    @property
    def window(self) -> tuple[Sequence[int], Sequence[int], Sequence[int], int]:
        """Strides, pads, dilations and group."""
        if isinstance(self.sums, int8.ConvOp):
            return self.sums.window.numbers
        return windows.UNIT, (0, 0, 0, 0), windows.UNIT, 1

    @property
    def kernel(self) -> tuple[int, ...]:
        """Height and width."""
        return tensors.shape(self.sums.weight)[2:] or (1, 1)


def _pixels(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a tensor as images: a fully connected layer's are one pixel each."""
    return array if array.ndim == 4 else array[:, :, None, None]


def _columns(
    layer: LayerPair, image: npt.NDArray[Any], places: tuple[npt.NDArray[np.intp], ...]
) -> npt.NDArray[np.float32]:
    """Return what the layer's filters see at some pixels of its output, `[n, C * KH * KW]`."""
    strides, pads, dilations, _ = layer.window
    view = windows.windows(_pixels(image), layer.kernel, strides, pads, 0, dilations)
    index, row, column = places
    return view[index, :, row, column].reshape(len(index), -1).astype(np.float32)


Rows = Moments | LongRows
"""What is known of a group's inputs and wanted outputs, in real numbers."""


def _known_rows(layer: LayerPair, real: Walk, stored: Walk, seed: int) -> list[Rows]:
    """Return what is known of each group of a layer, at which both walks have arrived."""
    group = layer.window[3]
    filters, *window = tensors.shape(layer.sums.weight)
    rows, length = filters // group, int(np.prod(window))

    def samples() -> Iterator[list[Samples]]:
        return _samples(layer, real, stored, seed)

    if length > LONGEST:
        return [
            LongRows(lambda part=part: (each[part] for each in samples())) for part in range(group)
        ]
    moments = [Moments(rows, length) for _ in range(group)]
    for groups in samples():
        for own, each in zip(moments, groups, strict=True):
            own.add(*each)
    return [*moments]


def _samples(layer: LayerPair, real: Walk, stored: Walk, seed: int) -> Iterator[list[Samples]]:
    """Go through what each of the groups sees and ought to make of it, at some pixels."""
    generator = np.random.default_rng(seed)
    weights = constant_array(layer.real.weight)
    group = layer.window[3]
    rows = weights.reshape(group, len(weights) // group, -1)
    length = rows.shape[2]
    step = np.float32(2.0**layer.input_exponent)
    extent = (*tensors.extents(layer.sums.output)[1:], 1, 1)[:2]
    wanted = max(POSITIONS, POSITIONS_PER_COLUMN * min(length, LONGEST))
    at_once = max(VALUES_AT_ONCE // (group * length), 1)
    for index in range(real.batches):
        shape = (len(real.batch(layer.real.input, index)), *extent)
        pixels = int(np.prod(shape))
        count = min(max(wanted // real.batches, 1), pixels)
        chosen = np.sort(generator.choice(pixels, count, replace=False))
        for first in range(0, count, at_once):
            places = np.unravel_index(chosen[first : first + at_once], shape)
            form = (len(places[0]), group, length)
            seen = _columns(layer, real.batch(layer.real.input, index), places).reshape(form)
            rounded = _columns(layer, stored.batch(layer.sums.input, index), places)
            rounded = rounded.reshape(form) * step
            missing = _missing_residual(layer, real, stored, index, places)
            groups: list[Samples] = []
            for part in range(group):
                outputs = rows[part] @ seen[:, part].T
                if missing is not None:
                    first_row = part * rows.shape[1]
                    outputs += missing[:, first_row : first_row + rows.shape[1]].T
                inputs = np.ascontiguousarray(rounded[:, part].T)
                # What is seen again of the same images says as much as they do once.
                groups.append(Samples(inputs, outputs, shape[0] if first == 0 else 0))
            yield groups


def _missing_residual(
    layer: LayerPair,
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


@dataclass(frozen=True)
class Limits:
    """What steps may be."""

    smallest_shift: int
    """Least requantizing shift."""
    multiplier_bits: int
    """Of the number that a requantization multiplies by; with 1, steps are powers of two."""


def _legal_steps(
    layer: LayerPair, bias: npt.NDArray[np.float64], limits: Limits
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the least and the greatest step `[M]` that bias and requantization can express."""
    lowest = np.abs(bias) / (exponents.BIAS_LIMIT * 2.0**layer.input_exponent)
    highest = np.full(len(bias), np.inf)
    lowest = np.maximum(lowest, 2.0**exponents.LOWEST_EXPONENT)
    if layer.stored is not None:
        difference = int(scale_of(layer.stored.output).values[0]) - layer.input_exponent
        lowest = np.maximum(lowest, 2.0 ** (difference - fixed_point.REQUANTIZE_SHIFT))
        widest = 2 - 2.0 ** (1 - limits.multiplier_bits)
        highest = np.full(len(bias), widest * 2.0 ** (difference - limits.smallest_shift))
    return np.minimum(np.exp2(np.ceil(np.log2(lowest))), highest), highest


def _factors(
    steps: npt.NDArray[np.float64], difference: int, bits: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return exponents, odd multipliers and shifts `[M]` of steps.

    Args:
        steps: real numbers `[M]`.
        difference: the output's exponent minus the input's.
        bits: that multipliers may have; fewer, where the shift would be larger than the largest.
    """
    _, exponent = np.frexp(steps)
    available = fixed_point.REQUANTIZE_SHIFT - difference + exponent.astype(np.int64)
    fraction, exponent = np.frexp(with_bits(steps, np.clip(available, 1, bits)))
    chosen = exponent.astype(np.int64) - 1
    multipliers = np.ldexp(fraction, bits).astype(np.int64)
    shifts = difference - chosen + bits - 1
    _, zeros = np.frexp((multipliers & -multipliers).astype(np.float64))
    return chosen, multipliers >> (zeros - 1), shifts - (zeros - 1)


@dataclass(frozen=True, eq=False)
class RoundedLayer:
    """What a layer becomes in the integer network."""

    weight: int8.ConstantOp
    bias: int8.ConstantOp
    multipliers: npt.NDArray[np.int64]
    """Of the requantization, if there is one, `[M]`."""
    shifts: npt.NDArray[np.int64]


def rounded_layer(
    layer: LayerPair, groups: Sequence[Rows], grid: Grid, limits: Limits
) -> RoundedLayer:
    """Round a layer to a grid; the bias makes up for what is left on average."""
    rows = _rounded(layer, groups, grid, limits)
    origin = layer.sums.weight.owner
    assert isinstance(origin, int8.ConstantOp)
    steps = rows.steps
    if layer.stored is None:
        window = np.rint(np.log2(steps)).astype(np.int64)
        multipliers, shifts = np.ones_like(window), np.zeros_like(window)
    else:
        difference = int(scale_of(layer.stored.output).values[0]) - layer.input_exponent
        window, multipliers, shifts = _factors(steps, difference, limits.multiplier_bits)
        steps = np.ldexp(multipliers.astype(np.float64), difference - shifts)
    levels = rows.levels.astype(np.float64)
    per_group = len(levels) // len(groups)
    wanted = np.concatenate([own.output_means for own in groups])
    found = np.concatenate(
        [
            levels[index * per_group : (index + 1) * per_group] @ own.input_means
            for index, own in enumerate(groups)
        ]
    )
    # In units of the accumulators' scale, which does not know the multiplier.
    bias = (_real_bias(layer) + wanted - found * steps) * np.exp2(window) / steps
    scale = Pow2Attr(window.tolist(), axis=0)
    weight = int8.ConstantOp(
        rows.levels.reshape(tensors.shape(layer.sums.weight)), scale, origin.origin
    )
    constant = bias_constant(bias, accumulator_scale(layer.input_exponent, window))
    return RoundedLayer(weight, constant, multipliers, shifts)


def _rounded(layer: LayerPair, groups: Sequence[Rows], grid: Grid, limits: Limits) -> RoundedRows:
    """Round a layer's rows, group by group."""
    weights = constant_array(layer.real.weight)
    bias = _real_bias(layer)
    lowest, highest = _legal_steps(layer, bias, limits)
    nearest = _nearest_steps(layer, grid)
    step_bits = 1 if layer.stored is None else limits.multiplier_bits
    per_group = len(weights) // len(groups)
    parts: list[RoundedRows] = []
    for index, own in enumerate(groups):
        part = slice(index * per_group, (index + 1) * per_group)
        filters = weights[part].reshape(per_group, -1)
        steps = nearest[part], lowest[part], highest[part], step_bits
        if isinstance(own, LongRows):
            parts.append(round_in_blocks(own, filters, grid, *steps))
        else:
            parts.append(round_compensated(own, filters, grid, *steps))
    return RoundedRows(
        np.concatenate([part.levels for part in parts]),
        np.concatenate([part.steps for part in parts]),
    )


def _nearest_steps(layer: LayerPair, grid: Grid) -> npt.NDArray[np.float64]:
    """Return the steps `[M]` that rounding each weight by itself would take."""
    weights = constant_array(layer.real.weight)
    window = np.broadcast_to(scale_of(layer.sums.weight).values, len(weights))
    if grid.terms is not None:
        unlimited = np.full(len(weights), -exponents.LOWEST_EXPONENT)
        window = exponents.pow2_exponents(weights, -unlimited, unlimited)
    return np.exp2(window.astype(np.float64))


def _real_bias(layer: LayerPair) -> npt.NDArray[np.float64]:
    filters = tensors.shape(layer.real.weight)[0]
    if layer.real.bias is None:
        return np.zeros(filters)
    return constant_array(layer.real.bias).astype(np.float64)


def replace_rounded(layer: LayerPair, rounded: RoundedLayer) -> Sums:
    """Put a rounded layer into the integer network; return its sums."""
    weight, bias = rounded.weight, rounded.bias
    if layer.stored is not None:
        layer.stored.multiplier = i64_array(rounded.multipliers.tolist())
        layer.stored.shift = i64_array(rounded.shifts.tolist())
    sums: Sums
    if isinstance(layer.sums, int8.ConvOp):
        sums = int8.ConvOp(layer.sums.input, weight.output, bias.output, layer.sums.window)
    else:
        sums = int8.GemmOp(layer.sums.input, weight.output, bias.output)
    replace_layer(layer.sums, [weight, bias, sums], sums.output)
    layout.retype_movers(sums.output)  # of accumulators that are the network's result
    return sums


def affordable_images(module: ModuleOp) -> int:
    """Return how many images may be used, by the memory that their tensors take."""
    largest = max(
        tensors.flattened(result)
        for op in network_function(module).body.block.ops
        if not isinstance(op, int8.ConstantOp)
        for result in op.results
    )
    per_image = LIVE_TENSORS * largest * (np.dtype(np.float32).itemsize + 1)
    return max(MEMORY // per_image, BATCH)


def affordable_batches(
    ctx: Context, module: ModuleOp, images_path: str | None
) -> list[npt.NDArray[np.float32]]:
    """Return as many calibration images as may be used, in batches.

    Raises:
        UserError: there are none, or they do not fit the network.
    """
    source = calibration_images(ctx, images_path, tensors.extents(network_input(module)))
    batches = -(-min(affordable_images(module), len(source)) // BATCH)
    return list(islice(source.batches(BATCH), batches))


def float_network_of(ctx: Context) -> ModuleOp:
    """Return the float network that the integer one was made from.

    Raises:
        UserError: the context has none.
    """
    if not isinstance(ctx, CompilerContext) or ctx.float_network is None:
        raise UserError(
            "expected the float network to compare with, got none",
            hint="run `convert-graph-to-int8` in the same pipeline",
        )
    return ctx.float_network


def round_layers(
    ctx: Context,
    module: ModuleOp,
    images_path: str | None,
    seed: int,
    choose: Callable[[LayerPair, Sequence[Rows]], RoundedLayer],
) -> None:
    """Round every layer of an integer network, in network order.

    Args:
        ctx: with the float network, and calibration images if there is no path.
        module: the integer network, changed in place.
        images_path: of calibration images.
        seed: of the choice of pixels.
        choose: returns what a layer becomes, from its inputs and wanted outputs.

    Raises:
        UserError: float network or images are missing, or do not fit.
    """
    float_network = float_network_of(ctx)
    images = affordable_batches(ctx, module, images_path)
    real_function = network_function(float_network)
    real, stored = Walk(real_function, images), Walk(network_function(module), images)
    real_ops = iter(list(real_function.body.block.ops))
    ops = list(network_function(module).body.block.ops)
    layers = sum(isinstance(each, Sums) for each in ops)
    done = 0
    pending: Sums | None = None
    for each in ops:
        if isinstance(each, Sums):
            layer = LayerPair(_next_layer(real, real_ops, each), each, requantization_of(each))
            sums = replace_rounded(layer, choose(layer, _known_rows(layer, real, stored, seed)))
            real.run([layer.real])
            if layer.stored is None:
                stored.run([sums])
            else:
                pending = sums
            done += 1
            report_progress(ctx, "rounding layers", done, layers)
        elif pending is not None and each is requantization_of(pending):
            stored.run([pending, each])
            pending = None
        else:
            stored.run([each])
    dce(module)
    network_function(module).update_function_type()


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
