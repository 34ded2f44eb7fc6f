"""OpenVINO's int8 kernels as an exact engine (`pip install 'tf2c[fast]'`).

A layer becomes a convolution of int8 integers by `w * 2**-r`, then `+ bias * 2**-r`, the residual,
and a FakeQuantize to int8. OpenVINO accumulates in int32, converts to float32 and rounds half to
even; half of the finest step more leaves no tie and makes that half up (`Layer.offset`). All of
this is exact in float32 while the sums, with their extra bit, fit 24 bits, and a scale that is a
power of two stays exact wherever OpenVINO's rewriting moves it.

On processors without int8 dot products (VNNI) OpenVINO adds pairs of products in 16 bits, for
which it halves weights, or they saturate. A probe finds out, and layers then multiply in float32,
which is exact where even the sums that saturate fit.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import openvino
from openvino import opset13
from xdsl.ir import SSAValue

from tf2c.dialects import int8, layout, tensors
from tf2c.dialects.scales import scale_of, storage_bounds
from tf2c.executors.executor import Array, Compiled, Segment
from tf2c.executors.steps import Layer, Step
from tf2c.numerics import parallel, windows
from tf2c.numerics.fused_layers import SIGNIFICAND_BITS

# OpenVINO's types are incomplete.
opset: Any = opset13
Node = Any

FLOAT32_BITS = SIGNIFICAND_BITS[np.dtype(np.float32)]


class OpenVinoEngine:
    """Takes layers, max pooling and concatenation."""

    name = "openvino"

    def objection(self, step: Step) -> str | None:
        """Return why a step is left to NumPy."""
        match step:
            case Layer():
                if not _is_ordinary(step):
                    return "OpenVINO is not trusted with such windows"
                undecided = step.requantization.undecided_sums(step.bias)
                limits = undecided if _multiplies_integers() else None
                # One bit more: the half step that replaces ties.
                if step.requantization.significand_bits(limits) + 1 > FLOAT32_BITS:
                    return "float32 does not hold its sums exactly"
                return None
            case int8.MaxPoolOp() if step.zero_padded is not None:
                return "its padding counts as 0"
            case int8.MaxPoolOp() | layout.ConcatOp():
                return None
            case _:
                return "no exact form in OpenVINO"

    def compile(self, segment: Segment, batch: int) -> Compiled:
        """Build and compile a model; smaller batches are filled up with zeros."""
        nodes: dict[SSAValue, Node] = {}
        for value in segment.inputs:
            dtype = _element_type(value)
            nodes[value] = opset.parameter([batch, *tensors.extents(value)], dtype)
        parameters = [nodes[value] for value in segment.inputs]
        for step in segment.steps:
            (result,) = step.results
            nodes[result] = _build(step, nodes)
        model: Any = openvino.Model(  # pyright: ignore[reportGeneralTypeIssues]
            [opset.result(nodes[value]) for value in segment.outputs], parameters, "network"
        )
        request = _compiled(model).create_infer_request()

        def run(arrays: Sequence[Array]) -> Sequence[Array]:
            count = len(arrays[0])
            request.infer([_filled(array, batch) for array in arrays])
            # Copies, because the next batch overwrites the tensors.
            return [
                np.array(request.get_output_tensor(index).data[:count])
                for index in range(len(segment.outputs))
            ]

        return run


@cache
def _core() -> Any:
    return openvino.Core()


def _compiled(model: Any) -> Any:
    options = {
        "INFERENCE_NUM_THREADS": parallel.thread_count(),
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        # bfloat16, the default on some processors, is not exact.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return _core().compile_model(model, "CPU", options)


@cache
def _multiplies_integers() -> bool:
    """Whether convolutions of int8 numbers are exact here, as they are with VNNI."""
    generator = np.random.default_rng(0)
    weights = generator.integers(-127, 128, (16, 64, 3, 3), np.int8)
    extremes = np.array([-128, -127, 1, 127], np.int8)
    image = generator.choice(extremes, (1, 64, 8, 8))
    node = opset.parameter(image.shape, openvino.Type.i8)
    step = np.float32(2.0**-12)
    places = ([1, 1], [0, 0], [0, 0], [1, 1])
    scaled = _scaled_weights(weights, np.full((16, 1, 1, 1), step))
    bounds = [opset.constant(np.float32(bound)) for bound in (-128, 127)]
    sums = opset.convolution(_real(node), scaled, *places)
    stored = opset.convert(opset.fake_quantize(sums, *bounds, *bounds, 256), openvino.Type.i8)
    model: Any = openvino.Model(  # pyright: ignore[reportGeneralTypeIssues]
        [opset.result(stored)], [node], "probe"
    )
    (found,) = _compiled(model)([image]).values()
    none = np.zeros(len(weights), np.int32)
    exact = windows.convolve_integers(image, weights, none, windows.UNIT, (0, 0, 0, 0))
    expected = np.clip(np.rint(exact * step), -128, 127)
    return bool((found == expected).all())


def _is_ordinary(layer: Layer) -> bool:
    """Whether a layer's windows are of the kind that OpenVINO's int8 kernels are made for.

    Random layers of other kinds gave wrong numbers, or ended the process (2026.4): dilated ones,
    and windows that lie in the padding altogether, as those of one pixel do there.
    """
    _, pads, dilations, _ = layer.window
    kernel = layer.weights.shape[2:]
    fits = all(pads[side] < kernel[side % 2] for side in range(4))
    return fits and max(dilations) == 1


def _filled(array: Array, batch: int) -> Array:
    if len(array) == batch:
        return np.ascontiguousarray(array)
    missing = np.zeros((batch - len(array), *array.shape[1:]), array.dtype)
    return np.concatenate([array, missing])


def _element_type(value: SSAValue) -> openvino.Type:
    low, _ = storage_bounds(tensors.tensor_type(value).element_type)
    return openvino.Type.i8 if low else openvino.Type.u8


def _build(step: Step, nodes: dict[SSAValue, Node]) -> Node:
    """Return the node of a step's stored tensor."""
    builders: dict[type[Any], Callable[[Any, dict[SSAValue, Node]], Node]] = {
        Layer: _layer,
        int8.MaxPoolOp: _max_pool,
        layout.ConcatOp: _concat,
    }
    return builders[type(step)](step, nodes)


def _real(node: Node) -> Node:
    """Return a stored tensor as float32; of each user's own, so that it stays int8 until there."""
    return opset.multiply(opset.convert(node, "f32"), opset.constant(np.float32(1)))


def _scaled_weights(weights: Array, steps: Array) -> Node:
    """Return integers times steps as what OpenVINO's int8 kernels are made from."""
    return opset.multiply(opset.convert(opset.constant(weights), "f32"), opset.constant(steps))


def _stored(node: Node, value: SSAValue) -> Node:
    """Return integers in float32 as a stored tensor, saturated."""
    low, high = storage_bounds(tensors.tensor_type(value).element_type)
    bounds = [opset.constant(np.float32(bound)) for bound in (low, high)]
    return opset.convert(opset.fake_quantize(node, *bounds, *bounds, 256), _element_type(value))


def _layer(layer: Layer, nodes: dict[SSAValue, Node]) -> Node:
    strides, (top, left, bottom, right), dilations, group = layer.window
    steps = layer.factors.astype(np.float32).reshape(-1, 1, 1, 1)
    weights = layer.weights
    is_matrix = len(tensors.shape(layer.stored.output)) == 2
    pixel_axes = opset.constant(np.array([2, 3]))
    image, *residuals = (
        opset.unsqueeze(nodes[value], pixel_axes) if is_matrix else nodes[value]
        for value in layer.operands
    )
    places: tuple[Any, ...] = (list(strides), [top, left], [bottom, right], list(dilations))
    convolution = opset.convolution
    if group > 1:
        convolution = opset.group_convolution
        weights = weights.reshape(group, -1, *weights.shape[1:])
        steps = steps.reshape(group, -1, 1, 1, 1)
    if _multiplies_integers():
        scaled = _scaled_weights(weights, steps)
    else:
        scaled = opset.constant(weights * steps)
    sums = convolution(_real(image), scaled, *places)
    sums = opset.add(sums, opset.constant(layer.offset.reshape(1, -1, 1, 1)))
    residual = layer.stored.residual
    if residual is not None:
        difference = int(scale_of(residual).values[0] - scale_of(layer.stored.output).values[0])
        factor = opset.constant(np.float32(2.0**difference))
        added = opset.multiply(opset.convert(residuals[0], "f32"), factor)
        sums = opset.add(sums, added)
    # Bounds that the saturation does not apply anyway; they are integers, so rounding keeps them.
    low, high = layer.requantization.low, layer.requantization.high
    least, greatest = storage_bounds(tensors.tensor_type(layer.stored.output).element_type)
    if (low, high) == (0, greatest):
        sums = sums if least == 0 else opset.relu(sums)
    elif (low, high) != (least, greatest):
        sums = opset.clamp(sums, float(low), float(high))
    if _is_residual(layer.stored.output):
        # OpenVINO may compute both layers of a residual add in one kernel, and then drops the
        # rounding that it takes to be part of the conversion to int8.
        sums = opset.round(sums, "half_to_even")
    stored = _stored(sums, layer.stored.output)
    return opset.squeeze(stored, pixel_axes) if is_matrix else stored


def _is_residual(value: SSAValue) -> bool:
    operations = (use.operation for use in value.uses)
    return any(isinstance(op, int8.RequantizeOp) and op.residual is value for op in operations)


def _max_pool(op: int8.MaxPoolOp, nodes: dict[SSAValue, Node]) -> Node:
    kernel, strides, (top, left, bottom, right) = op.window.numbers
    pooled = opset.max_pool(
        nodes[op.input],
        list(strides),
        [1, 1],
        [top, left],
        [bottom, right],
        list(kernel),
        index_element_type="i64",
    )
    return pooled.output(0)


def _concat(op: layout.ConcatOp, nodes: dict[SSAValue, Node]) -> Node:
    return opset.concat([nodes[each] for each in op.operands], axis=op.axis.value.data)
