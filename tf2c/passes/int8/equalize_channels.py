"""Let all channels of a tensor use its whole range, by powers of two that the next layers undo.

A tensor has one scale, which its largest channel decides; the others are stored in few steps. Here
each filter of a layer is multiplied by a power of two, so that its largest output on the
calibration images comes near the largest of the tensor, and the weights by which the next layers
multiply that channel are divided by it. Filters have steps of their own, so that weights lose
nothing. (The idea of cross-layer equalization, Nagel et al. 2019, with the ranges of activations
where that looks at weights, and with the channel exponents that TF2 has in hardware.)

Only layers without a residual operand whose results nobody but other layers uses, through poolings
and concatenations, are touched: elsewhere channels have a common unit with other tensors.

Before:
    %y = graph.conv %x, %w bias %b then relu     // channels reach 8.0 and 0.9
    %z = graph.conv %y, %v
After:
    %y = graph.conv %x, %w' bias %b' then relu   // channels reach 8.0 and 7.2
    %z = graph.conv %y, %v'

Requires: calibration images in the context, or their path (.npy) as an option; activations are
    parts of layers.
Ensures: nothing but weights and biases changes. Without an upper bound on activations (ReLU6), the
    results are the same; with one, they are while activations stay within what the images showed.
Contract: approximate; metric: signal-to-quantization-noise ratio of the network's result.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from tf2c.analysis.constants import constant_array
from tf2c.analysis.storage import ScaleClasses, keeps_channels
from tf2c.dialects import graph, layout, tensors
from tf2c.dialects.blob import BlobAttr
from tf2c.interpreters import run_all
from tf2c.passes.calibration import calibration_images
from tf2c.passes.contract import CompilerPass, Contract
from tf2c.passes.rewriting import network_function, network_input

BATCH = 8
"""Images per run."""

LARGEST_EXPONENT = 6
"""Of a factor: channels that are almost never used are not worth more."""


class _Consumer(NamedTuple):
    """A layer that multiplies a tensor's channels."""

    layer: graph.LayerOp
    first: int
    """Which of the layer's input channels is the tensor's first."""


def _consumers(value: SSAValue, first: int = 0) -> Iterator[_Consumer | None]:
    """Yield the layers that use a tensor's channels one by one; None for any other use."""
    for use in value.uses:
        op = use.operation
        match op:
            case graph.ConvOp() | graph.GemmOp() if use.index == 0 and op.residual is not value:
                yield _Consumer(op, first)
            case graph.MaxPoolOp() | graph.AveragePoolOp():
                yield from _consumers(op.output, first)
            case layout.ConcatOp() if op.axis.value.data == 1:
                before = sum(tensors.extents(each)[0] for each in op.operands[: use.index])
                yield from _consumers(op.output, first + before)
            case layout.ReshapeOp() if keeps_channels(op):
                yield from _consumers(op.output, first)
            case _:
                yield None


class _Ranges(Interpreter.Listener):
    """Keeps the largest magnitude of each channel of some tensors."""

    def __init__(self) -> None:
        self.largest: dict[SSAValue, npt.NDArray[np.float32]] = {}

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        if isinstance(op, graph.LayerOp):
            values: npt.NDArray[np.float32] = results[0]
            axes = (0, *range(2, values.ndim))
            found = np.abs(values).max(axis=axes)
            known = self.largest.get(op.output)
            self.largest[op.output] = found if known is None else np.maximum(known, found)


def _factors(largest: npt.NDArray[np.float32], range_of_tensor: float) -> npt.NDArray[np.float32]:
    """Return the largest power of two by which each channel stays within the tensor's range."""
    with np.errstate(divide="ignore"):
        exponents = np.floor(np.log2(range_of_tensor / largest))
    return np.exp2(np.clip(exponents, 0, LARGEST_EXPONENT)).astype(np.float32)


def _headroom(layer: graph.LayerOp) -> npt.NDArray[np.float32]:
    """Return by what power of two filters can grow and have no larger weights than the others."""
    weight = np.abs(constant_array(layer.weight))
    largest = weight.reshape(len(weight), -1).max(axis=1)
    return _factors(largest, float(largest.max()))


def _set_weight(layer: graph.LayerOp, index: int, value: npt.NDArray[np.float32]) -> None:
    """Give a layer another constant operand."""
    constant = graph.ConstantOp(BlobAttr.of(value))
    constant.location = layer.location
    Rewriter.insert_op(constant, InsertPoint.before(layer))
    constant.output.name_hint = layer.operands[index].name_hint
    layer.operands[index] = constant.output


def _scale_filters(layer: graph.LayerOp, factors: npt.NDArray[np.float32]) -> None:
    weight = constant_array(layer.weight)
    _set_weight(layer, 1, weight * factors.reshape(-1, *[1] * (weight.ndim - 1)))
    if layer.bias is not None:
        _set_weight(layer, 2, constant_array(layer.bias) * factors)


def _scale_inputs(consumer: _Consumer, factors: npt.NDArray[np.float32]) -> None:
    """Multiply the weights by which a layer multiplies some channels."""
    layer = consumer.layer
    weight = constant_array(layer.weight).copy()
    group = layer.window.numbers[3] if isinstance(layer, graph.ConvOp) else 1
    own = weight.reshape(group, len(weight) // group, weight.shape[1], -1)
    inputs = np.ones(group * weight.shape[1], np.float32)
    inputs[consumer.first : consumer.first + factors.size] = factors
    own *= inputs.reshape(group, 1, -1, 1)
    _set_weight(layer, 1, weight)


@dataclass(frozen=True)
class EqualizeChannelsPass(CompilerPass):
    """Let all channels of a tensor use its whole range."""

    name = "equalize-channels"
    contract: ClassVar[Contract] = Contract.APPROXIMATE

    images: str | None = None
    """Path of an .npy file of calibration images; by default the context's."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Look at the ranges of activations, then scale layer by layer."""
        function = network_function(op)
        images = calibration_images(ctx, self.images, tensors.extents(network_input(op)))
        ranges = _Ranges()
        for batch in images.batches(BATCH):
            run_all(op, batch, listener=ranges)
        classes = ScaleClasses(function)
        widest: dict[SSAValue, float] = {}
        for value, largest in ranges.largest.items():
            key = classes.representative(value)
            widest[key] = max(widest.get(key, 0.0), float(largest.max()))
        for layer in _layers(function):
            consumers = list(_consumers(layer.output))
            known = [each for each in consumers if each is not None]
            if layer.residual is not None or not known or len(known) < len(consumers):
                continue
            factors = np.minimum(
                _factors(
                    ranges.largest[layer.output], widest[classes.representative(layer.output)]
                ),
                _headroom(layer),
            )
            _scale_filters(layer, factors)
            for consumer in known:
                _scale_inputs(consumer, np.reciprocal(factors))
        for constant in list(function.body.block.ops):
            if isinstance(constant, graph.ConstantOp) and not constant.output.uses:
                Rewriter.erase_op(constant)


def _layers(function: FuncOp) -> list[graph.LayerOp]:
    return [op for op in function.body.block.ops if isinstance(op, graph.LayerOp)]
