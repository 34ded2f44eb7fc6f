"""A network in TF2's terms to one function of `shift`, layer by layer."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.builder import Builder
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp, i8
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint
from xdsl.utils.exceptions import VerifyException

from tf2c.dialects import int8, layout, shift, tensors
from tf2c.dialects.layers import name_layer
from tf2c.dialects.scales import PER_TENSOR, Pow2Attr, scale_of, scaled_type
from tf2c.dialects.tensors import i64_array
from tf2c.dialects.windows import NO_PADS, ConvolutionWindow, PoolingWindow
from tf2c.errors import LayerError, UserError
from tf2c.frontends.tf2.layer import AVERAGE_KERNEL, POOLING_KERNEL, Layer, Pooling
from tf2c.frontends.tf2.pages import FeatureCache, Run
from tf2c.interpreters import ENTRY
from tf2c.numerics import fixed_point
from tf2c.numerics.fixed_point import AverageFactor

INPUT_PAGE = 1
"""Of the feature cache: where the network's input is."""

AVERAGE_FACTOR = AverageFactor(669, 15)
"""By which TF2 divides by 49: 0.020416 instead of 0.020408."""


class ScaleConflictError(LayerError):
    """A residual addition whose operands have other exponents; TF2 adds their integers anyway."""


def scale_of_channels(exponents: npt.NDArray[np.integer], axis: int = 1) -> Pow2Attr:
    """Return the scale of channels with these exponents, as one number where they are equal."""
    numbers = [int(exponent) for exponent in exponents]
    if len(set(numbers)) == 1:
        return Pow2Attr(numbers[:1])
    return Pow2Attr(numbers, axis)


def build_module(
    layers: Sequence[Layer],
    extents: tuple[int, int, int],
    exponents: npt.NDArray[np.integer] | None = None,
) -> ModuleOp:
    """Build the function that takes an int8 image and returns the map of every layer, in order.

    Args:
        layers: of the network; their names are `layer 0` and so on.
        extents: channels, height and width of the input, which lies on page 1.
        exponents: of the input, one per channel; None: integers stand for themselves.

    Raises:
        UserError: a layer does not fit its arrays, the layers in front of it, or TF2.
    """
    if not layers:
        raise UserError("expected a network with layers, got none")
    if exponents is None:
        exponents = np.zeros(extents[0], np.int64)
    if exponents.shape != extents[:1]:
        raise UserError(f"expected {extents[0]} exponents of the input, got {exponents.size}")
    image = scaled_type(i8, (DYNAMIC_INDEX, *extents), scale_of_channels(exponents))
    function = FuncOp(ENTRY, ([image], []))
    builder = Builder(InsertPoint.at_end(function.body.block))
    cache = FeatureCache()
    cache.write(INPUT_PAGE, 0, function.args[0])
    maps: list[SSAValue] = []
    for index, layer in enumerate(layers):
        growth = _Growth(builder, f"layer {index}", layer)
        try:
            layer.check(growth.name)
            maps.append(growth.map(cache, maps))
        except VerifyException as error:
            raise LayerError(growth.name, str(error)) from error
        maps[-1].name_hint = f"y{index}"
        if layer.is_written:
            written = growth.average(maps[-1]) if layer.averages else maps[-1]
            cache.write(layer.write_page, layer.first_channel, written)
    builder.insert(ReturnOp(*maps))
    function.update_function_type()
    module = ModuleOp([function])
    module.verify()
    return module


class _Growth:
    """A layer whose ops are inserted one by one."""

    def __init__(self, builder: Builder, name: str, layer: Layer) -> None:
        self.name = name
        self._builder = builder
        self._layer = layer

    def map(self, cache: FeatureCache, maps: Sequence[SSAValue]) -> SSAValue:
        """Insert the layer and return its map, which an average does not change.

        Raises:
            LayerError: the layers in front do not provide what it needs.
        """
        layer = self._layer
        runs = cache.read(layer.read_page, (layer.channels, *layer.extents), self.name)
        value = self._joined(runs)
        if layer.weight_bytes is not None:
            value = self._rescaled(self._convolved(value, layer.weight_bytes))
        if layer.pooling is not None:
            value = self._pooled(value, layer.pooling)
        if layer.residual is not None:
            value = self._added(value, layer.residual, maps)
        return value

    def average(self, value: SSAValue) -> SSAValue:
        """Insert the average of 7x7 pixels."""
        window = PoolingWindow(i64_array([AVERAGE_KERNEL] * 2))
        return self._insert(int8.AveragePoolOp(value, window, i8, scale_of(value), AVERAGE_FACTOR))

    def _insert(self, op: Operation) -> SSAValue:
        name_layer(op, self.name)
        op.verify()
        return self._builder.insert(op).results[0]

    def _joined(self, runs: Sequence[Run]) -> SSAValue:
        parts = [self._part(run) for run in runs]
        return parts[0] if len(parts) == 1 else self._insert(layout.ConcatOp(parts, axis=1))

    def _part(self, run: Run) -> SSAValue:
        channels, *image = tensors.extents(run.value)
        if run.length == channels:
            return run.value
        starts, ends = [run.first, 0, 0], [run.first + run.length, *image]
        return self._insert(layout.SliceOp(run.value, starts, ends, [1, 1, 1]))

    def _exponents(self) -> npt.NDArray[np.int64]:
        if self._layer.exponents is None:
            return np.zeros(self._layer.filters, np.int64)
        return self._layer.exponents.astype(np.int64)

    def _constant(self, array: npt.NDArray[np.int32] | None, scale: Pow2Attr) -> SSAValue:
        assert array is not None  # `Layer.check` sees to it
        return self._insert(int8.ConstantOp(array, scale))

    def _accumulator_scale(self) -> Pow2Attr:
        return scale_of_channels(self._exponents() - fixed_point.RESCALE_SHIFT, axis=0)

    def _convolved(self, value: SSAValue, weight_bytes: npt.NDArray[np.uint8]) -> SSAValue:
        weight = self._insert(shift.ConstantOp(weight_bytes, scale=None))
        bias = self._constant(self._layer.bias, self._accumulator_scale())
        window = ConvolutionWindow(
            i64_array([self._layer.stride] * 2), i64_array([self._layer.pad] * 4)
        )
        return self._insert(shift.ConvOp(value, weight, bias, window, negates_in_8_bits=True))

    def _rescaled(self, sums: SSAValue) -> SSAValue:
        alpha = self._constant(self._layer.alpha, Pow2Attr([-fixed_point.ALPHA_SHIFT]))
        beta = self._constant(self._layer.beta, self._accumulator_scale())
        return self._insert(shift.RescaleOp(sums, alpha, beta, _bounds(self._layer.relu)))

    def _pooled(self, value: SSAValue, pooling: Pooling) -> SSAValue:
        image = tensors.extents(value)[1:]
        # Where the windows end in front of the image's end, no pad is needed either.
        bottom, right = (
            max(Layer.overhang(pooling, extent, pooled), 0)
            for extent, pooled in zip(image, self._layer.output_extents, strict=True)
        )
        pads = i64_array([pooling.pad, pooling.pad, bottom, right])
        window = PoolingWindow(
            i64_array([POOLING_KERNEL] * 2),
            i64_array([pooling.stride] * 2),
            pads if any(pads.get_values()) else NO_PADS,
        )
        return self._insert(int8.MaxPoolOp(value, window, zero_padded=True))

    def _added(self, value: SSAValue, residual: int, maps: Sequence[SSAValue]) -> SSAValue:
        if not 0 <= residual < len(maps):
            raise LayerError(
                self.name, f"expected a layer in front of it to add, got layer {residual}"
            )
        other = maps[residual]
        mine, theirs = tensors.extents(value), tensors.extents(other)
        if mine != theirs:
            raise LayerError(
                self.name,
                f"expected layer {residual} to have a map of {tensors.dimension_text(mine)} to "
                f"add, got {tensors.dimension_text(theirs)}",
            )
        exponents = [_exponents_by_channel(each) for each in (value, other)]
        differing = np.flatnonzero(exponents[0] != exponents[1])
        if differing.size:
            channel = int(differing[0])
            raise ScaleConflictError(
                self.name,
                f"expected the exponents of layer {residual}, which it adds, "
                f"{exponents[1][channel]} of channel {channel}, got {exponents[0][channel]}",
                "give both layers the same Q: their integers are added as they are",
            )
        return self._insert(int8.AddOp(value, other, _bounds(self._layer.residual_relu)))


def _exponents_by_channel(value: SSAValue) -> npt.NDArray[np.int64]:
    scale = scale_of(value)
    assert scale.axis.data in (PER_TENSOR, 1)
    return np.broadcast_to(scale.values, tensors.extents(value)[:1])


def _bounds(relu: bool) -> tensors.I64Array:
    return i64_array([0 if relu else fixed_point.INT8_MIN, fixed_point.INT8_MAX])
