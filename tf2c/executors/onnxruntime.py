"""ONNX Runtime's QLinearConv as an exact engine (`pip install 'tf2c[fast]'`).

QLinearConv computes `clamp(round(float32(acc) * float32(scale)) + zero)` with round half to even,
fast only for unsigned inputs. So an int8 tensor is kept as `q + 128` in uint8, with 128 as its zero
point where it is read; where it is written, `128 / scale` in the bias puts it there, if that is an
integer, which leaves no negative sums; and a scale too large by `2**-21` tips ties upward. Sums in
float32 are rounded where they are large and the scale is a little too large, so this is not
obviously right: but it is monotonic in `acc`, as is the true requantization, so that looking at
both sides of each of its 255 steps, in every channel, proves it for every sum (`rounds_exactly`).

An op that adds a residual to sums before they are rounded does not exist. Those layers, and those
that QLinearConv would round differently, become float32 before they are rounded: as integer matrix
products where they are pixel by pixel, as convolutions in float32 elsewhere. That is exact where
the sums fit float32 with one bit more: half a step in the bias, which leaves no ties. So are layers
whose products would saturate, on processors without VNNI.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.onnx_ml_pb2 import NodeProto
from xdsl.dialects.builtin import f32, i32
from xdsl.ir import Attribute, SSAValue

from tf2c.analysis.constants import constant_array
from tf2c.dialects import int8, layout, shift, tensors
from tf2c.dialects.scales import scale_of, storage_bounds, storage_dtype
from tf2c.executors.executor import Array, Compiled, Segment
from tf2c.executors.steps import Layer, Step, is_plain, kernel_weights
from tf2c.numerics import fixed_point, parallel
from tf2c.numerics.fixed_point import REQUANTIZE_SHIFT
from tf2c.numerics.fused_layers import SIGNIFICAND_BITS

OPSET = 21
IR_VERSION = 10

ZERO = 128
"""Stands for 0 where an int8 tensor is kept in uint8."""

UNSATURATED = 64
"""Weights up to here cannot saturate a sum of two products with uint8 in 16 bits."""

SATURATING = "products of its weights saturate on this processor"

EXTENSIONS = "com.microsoft"
"""Domain of ONNX Runtime's own ops."""

Bounds = tuple[int, int]
"""The least and the greatest number that a tensor's elements can be."""

TIE_BREAKER = np.float32(1 + 2.0**-21)


class OnnxRuntimeEngine:
    """Takes the input's quantization, layers, sums of rows, pooling and concatenation."""

    name = "onnxruntime"

    def objection(self, step: Step) -> str | None:
        """Return why a step is left to NumPy."""
        match step:
            case Layer():
                if _form(step) is not None:
                    return None
                if _saturates(step.weights):
                    return SATURATING
                return "neither QLinearConv nor float32 gets all its sums right"
            case int8.MaxPoolOp() if step.zero_padded is not None:
                return "its padding counts as 0"
            case int8.GemmOp() | shift.GemmOp() if is_plain(step):
                return SATURATING if _saturates(kernel_weights(step)) else None
            case int8.AveragePoolOp() if not step.covers_image:
                return "its windows are not whole images"
            case int8.QuantizeOp() if abs(_exponent(step) - 1) >= fixed_point.FLOAT32_RANGE:
                return "its scale is too near the ends of float32"
            case int8.QuantizeOp() | int8.MaxPoolOp() | int8.AveragePoolOp():
                return None
            case layout.ConcatOp() | layout.ReshapeOp():
                return None
            case _:
                return "no exact form in ONNX Runtime"

    def compile(self, segment: Segment, batch: int) -> Compiled:
        """Build a model and open a session, for batches of any size."""
        builder = _Builder(_applied_bounds(segment))
        for step in segment.steps:
            builder.add(step)
        session = _session(
            helper.make_graph(
                builder.nodes,
                "network",
                [_described(value) for value in segment.inputs],
                [_described(value) for value in segment.outputs],
                builder.constants,
            ),
            segment.is_alone,
        )
        names = [_name(value) for value in segment.inputs]

        def run(arrays: Sequence[Array]) -> Sequence[Array]:
            kept = map(_kept, arrays)
            results: list[Array] = session.run(None, dict(zip(names, kept, strict=True)))
            return [
                _stored(array) if array.dtype == np.uint8 and _zero(value) else array
                for value, array in zip(segment.outputs, results, strict=True)
            ]

        return run


def _bias(layer: Layer) -> npt.NDArray[np.int64] | None:
    """Return the bias of the sums that a layer has here; None where the zero is none of them."""
    zero = _zero(layer.stored.output) << REQUANTIZE_SHIFT
    sums, remainders = np.divmod(zero, layer.requantization.multipliers)
    return None if remainders.any() else layer.bias.astype(np.int64) + sums


def rounds_exactly(layer: Layer, tie_breaker: np.float32 = TIE_BREAKER) -> bool:
    """Whether QLinearConv rounds every sum that a layer can have as its requantization does."""
    bias = _bias(layer)
    if layer.stored.residual is not None or bias is None:
        return False
    requantization = layer.requantization
    zero, largest = _zero(layer.stored.output), requantization.largest_sums[:, None]
    if np.abs(bias).max() + largest.max() > fixed_point.INT32_MAX:
        return False
    # The least sum that is stored as each number, and the greatest that is not, if it can occur.
    numbers = np.arange(requantization.low, requantization.high + 1)
    halves = 2 * numbers - 1 << REQUANTIZE_SHIFT - 1
    steps = -(-halves // requantization.multipliers[:, None])
    sums = np.clip(np.concatenate([steps, steps - 1, -largest, largest], 1), -largest, largest)
    expected = fixed_point.requantize(
        sums.T,
        requantization.multipliers,
        requantization.low,
        requantization.high,
        dtype=np.int64,
    ).T
    scales = (tie_breaker * layer.factors).astype(np.float32)[:, None]
    shifted = (sums + (bias - layer.bias)[:, None]).astype(np.float32)
    found = np.clip(np.rint(shifted * scales), 0, 255).astype(np.int64) - zero
    return bool((np.clip(found, requantization.low, requantization.high) == expected).all())


def _applied_bounds(segment: Segment) -> dict[SSAValue, Bounds | None]:
    """Return where bounds are applied: as late as possible, to fewer numbers or fewer tensors.

    That is behind a max pooling instead of before it, because the greatest of bounded numbers is
    the bounded greatest number, and behind a concatenation of tensors that have the same bounds.

    Returns:
        the bounds of tensors; None for those whose bounds are applied later.
    """
    bounds: dict[SSAValue, Bounds | None] = {}
    for step in segment.steps:
        if isinstance(step, Layer):
            bounds[step.stored.output] = step.requantization.low, step.requantization.high
        elif isinstance(step, int8.MaxPoolOp | layout.ConcatOp):
            sources = step.operands
            found = {bounds.get(source) for source in sources}
            are_inside = all(each.has_one_use() and each not in segment.outputs for each in sources)
            if are_inside and len(found) == 1 and found != {None}:
                bounds.update(dict.fromkeys(sources))
                bounds[step.results[0]] = found.pop()
    return bounds


def _is_product(layer: Layer) -> bool:
    """Whether a layer is a matrix product over channels, pixel by pixel."""
    strides, pads, _, group = layer.window
    return layer.weights.shape[2:] == (1, 1) and max(strides) == 1 == group and not any(pads)


class _Form(Enum):
    """What a layer is here."""

    QUANTIZED = auto()
    """A QLinearConv."""
    PRODUCT = auto()
    """Products of matrices of integers, summed in int32 and rounded in float32."""
    CONVOLUTION = auto()
    """In float32."""


def _form(layer: Layer) -> _Form | None:
    """Return the fastest form that is exact; None if there is none."""
    if not _saturates(layer.weights):
        if rounds_exactly(layer):
            return _Form.QUANTIZED
        limits = layer.requantization.undecided_sums(layer.bias)
        if _is_product(layer) and _is_exact_in_float32(layer, limits):
            return _Form.PRODUCT
    return _Form.CONVOLUTION if _is_exact_in_float32(layer, None) else None


def _is_exact_in_float32(layer: Layer, limits: npt.NDArray[np.int64] | None) -> bool:
    """Whether float32 holds sums within limits, or all, with one bit more for the half step."""
    bits = layer.requantization.significand_bits(limits) + 1
    return bits <= SIGNIFICAND_BITS[np.dtype(np.float32)]


def _saturates(weights: npt.NDArray[np.int8]) -> bool:
    return products_saturate() and bool(np.abs(weights.astype(int)).max() > UNSATURATED)


@cache
def products_saturate() -> bool:
    """Whether pairs of products saturate in 16 bits here, as on processors without VNNI."""
    channels = 64
    node = helper.make_node("MatMulInteger", ["a", "b"], ["c"])
    a = helper.make_tensor_value_info("a", TensorProto.UINT8, [1, channels])
    c = helper.make_tensor_value_info("c", TensorProto.INT32, [1, channels])
    weights = np.full((channels, channels), fixed_point.INT8_MAX, np.int8)
    graph = helper.make_graph([node], "probe", [a], [c], [numpy_helper.from_array(weights, "b")])
    image = np.full((1, channels), fixed_point.UINT8_MAX, np.uint8)
    (found,) = _session(graph).run(None, {"a": image})
    return bool((found != image.astype(np.int64) @ weights).any())


def _session(graph: Any, spins: bool = False) -> Any:
    """Open a session of a graph.

    Args:
        graph: of an ONNX model.
        spins: whether its threads may wait for work busily, which is fast, but takes the processor
            from threads of others between two calls.
    """
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(EXTENSIONS, 1)],
        ir_version=IR_VERSION,
    )
    library: Any = onnxruntime  # has no types
    options = library.SessionOptions()
    options.intra_op_num_threads = parallel.thread_count()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spins)))
    # Otherwise a float32 convolution between quantized tensors gets rounded weights (seen in 1.32).
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return library.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _exponent(op: int8.QuantizeOp) -> int:
    return int(scale_of(op.output).values[0])


def _zero(value: SSAValue) -> int:
    """Return what stands for 0 in the uint8 that a tensor is kept in."""
    low, _ = storage_bounds(tensors.tensor_type(value).element_type)
    return ZERO if low else 0


def _kept(array: Array) -> Array:
    """Return a tensor as it is kept here: `q + 128` flips a bit of `q`."""
    if array.dtype != np.int8:
        return array
    return np.ascontiguousarray(array).view(np.uint8) ^ np.uint8(ZERO)


def _stored(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    return (array ^ np.uint8(ZERO)).view(np.int8)


def _name(value: SSAValue) -> str:
    return f"t{id(value)}"


def _described(value: SSAValue) -> Any:
    wide: dict[Attribute, int] = {i32: TensorProto.INT32, f32: TensorProto.FLOAT}
    element_type = wide.get(tensors.tensor_type(value).element_type, TensorProto.UINT8)
    return helper.make_tensor_value_info(_name(value), element_type, ["N", *tensors.extents(value)])


def _window(layer: Layer) -> dict[str, Any]:
    """Return a layer's window as attributes of an ONNX convolution."""
    strides, pads, dilations, group = layer.window
    return {
        "strides": list(strides),
        "pads": list(pads),
        "dilations": list(dilations),
        "group": group,
    }


class _Builder:
    """Collects the nodes and constants of a model."""

    def __init__(self, bounds: Mapping[SSAValue, Bounds | None]) -> None:
        self._bounds = bounds
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, step: Step) -> None:
        builders: dict[type[Any], Callable[[Any], None]] = {
            int8.QuantizeOp: self._quantize,
            Layer: self._layer,
            int8.GemmOp: self._sums,
            shift.GemmOp: self._sums,
            int8.MaxPoolOp: self._max_pool,
            int8.AveragePoolOp: self._average_pool,
            layout.ConcatOp: self._concat,
            layout.ReshapeOp: self._reshape,
        }
        builders[type(step)](step)

    def _constant(self, value: npt.ArrayLike) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def _quantize(self, op: int8.QuantizeOp) -> None:
        """Add `rint((floor(2 v) + 1/2) / 2)`, which is `floor(v + 1/2)` without any tie."""
        name = _name(op.output)
        double = self._constant(np.ldexp(np.float32(1), 1 - _exponent(op)))
        self._node("Mul", [_name(op.input), double], f"{name}_double")
        self._node("Floor", [f"{name}_double"], f"{name}_halves")
        half, two = self._constant(np.float32(0.5)), self._constant(np.float32(2))
        self._node("Add", [f"{name}_halves", half], f"{name}_between")
        zero = self._constant(np.uint8(_zero(op.output)))
        self._node("QuantizeLinear", [f"{name}_between", two, zero], name)

    def _layer(self, layer: Layer) -> None:
        output = _name(layer.stored.output)
        is_matrix = len(tensors.shape(layer.stored.output)) == 2
        operands = [_name(value) for value in layer.operands]
        if is_matrix:
            axes = self._constant(np.array([2, 3]))
            for index, name in enumerate(operands):
                operands[index] = f"{output}_operand{index}"
                self._node("Unsqueeze", [name, axes], operands[index])
        steps = f"{output}_sums"
        form = _form(layer)
        if form is _Form.QUANTIZED:
            self._quantized_layer(layer, operands[0], steps)
        else:
            self._float_layer(layer, operands, steps, form is _Form.PRODUCT)
        steps = self._bounded(steps, layer.stored.output)
        if is_matrix:
            self._node("Squeeze", [steps, self._constant(np.array([2, 3]))], output)
        else:
            self.nodes[-1].output[0] = output

    def _bounded(self, name: str, value: SSAValue) -> str:
        """Return a tensor within the bounds that apply here, of the numbers that it is kept as."""
        bounds, zero = self._bounds.get(value), _zero(value)
        if bounds is None or (bounds[0] + zero, bounds[1] + zero) == (0, 255):
            return name
        limits = [self._constant(np.uint8(bound + zero)) for bound in bounds]
        self._node("Clip", [name, *limits], f"{name}_bounded")
        return f"{name}_bounded"

    def _quantized_layer(self, layer: Layer, image: str, output: str) -> None:
        bias = _bias(layer)
        assert bias is not None
        scales = (TIE_BREAKER * layer.factors).astype(np.float32)
        one, none = self._constant(np.float32(1)), self._constant(np.uint8(0))
        inputs = [
            image,
            one,
            self._constant(np.uint8(_zero(layer.sums.input))),
            self._constant(layer.weights),
            self._constant(scales),
            self._constant(np.zeros(len(scales), np.int8)),
            one,
            none,
            self._constant(bias.astype(np.int32)),
        ]
        self._node("QLinearConv", inputs, output, **_window(layer))

    def _sums(self, op: int8.GemmOp | shift.GemmOp) -> None:
        """Add a fully connected layer whose int32 sums are kept."""
        weights = kernel_weights(op)[:, :, 0, 0]
        operands = [
            _name(op.input),
            self._constant(np.ascontiguousarray(weights.T)),
            self._constant(np.uint8(_zero(op.input))),
            self._constant(np.int8(0)),
        ]
        output = _name(op.output)
        self._node("MatMulInteger", operands, f"{output}_products")
        bias = self._constant(constant_array(op.bias))
        self._node("Add", [f"{output}_products", bias], output)

    def _float_layer(
        self, layer: Layer, operands: Sequence[str], output: str, is_product: bool
    ) -> None:
        """Add a layer whose sums become float32 before they are rounded."""
        bias = self._constant(layer.offset)
        steps = layer.factors.astype(np.float32)
        total = f"{output}_products"
        if is_product:
            operands = [
                self._channels_last(name, f"{output}_last{index}")
                for index, name in enumerate(operands)
            ]
            inputs = [
                operands[0],
                self._constant(np.ascontiguousarray(layer.weights[:, :, 0, 0].T)),
                self._constant(np.float32(1)),
                self._constant(steps),
                self._constant(np.uint8(_zero(layer.sums.input))),
                "",
                bias,
            ]
            self._node("MatMulIntegerToFloat", inputs, total, domain=EXTENSIONS)
        else:
            image = self._real(operands[0], layer.sums.input, 1.0, f"{output}_image")
            weights = self._constant(layer.weights * steps.reshape(-1, 1, 1, 1))
            self._node("Conv", [image, weights, bias], total, **_window(layer))
        shift, residual = layer.requantization.residual_shift, layer.stored.residual
        if residual is not None and shift is not None:
            factor = 2.0 ** (shift - REQUANTIZE_SHIFT)
            added = self._real(operands[1], residual, factor, f"{output}_residual")
            self._node("Add", [total, added], f"{output}_total")
            total = f"{output}_total"
        zero = self._constant(np.uint8(_zero(layer.stored.output)))
        inputs = [total, self._constant(np.float32(1)), zero]
        if is_product:
            self._node("QuantizeLinear", inputs, f"{output}_rounded")
            self._node("Transpose", [f"{output}_rounded"], output, perm=[0, 3, 1, 2])
        else:
            self._node("QuantizeLinear", inputs, output)

    def _channels_last(self, name: str, output: str) -> str:
        self._node("Transpose", [name], output, perm=[0, 2, 3, 1])
        return output

    def _real(self, name: str, value: SSAValue, factor: float, output: str) -> str:
        """Return a stored tensor times a factor, in float32."""
        scale, zero = self._constant(np.float32(factor)), self._constant(np.uint8(_zero(value)))
        self._node("DequantizeLinear", [name, scale, zero], output)
        return output

    def _max_pool(self, op: int8.MaxPoolOp) -> None:
        kernel, strides, pads = op.window.numbers
        self._node(
            "MaxPool",
            [_name(op.input)],
            f"{_name(op.output)}_greatest",
            kernel_shape=list(kernel),
            strides=list(strides),
            pads=list(pads),
        )
        self._bounded(self.nodes[-1].output[0], op.output)
        self.nodes[-1].output[0] = _name(op.output)

    def _average_pool(self, op: int8.AveragePoolOp) -> None:
        """Add the mean of whole images: sums as integer products, divided in float64, exactly."""
        input, output = _name(op.input), _name(op.output)
        channels, height, width = tensors.extents(op.input)
        rows = self._constant(np.array([0, height * width, channels]))
        self._node(
            "Reshape", [self._channels_last(input, f"{output}_last"), rows], f"{output}_rows"
        )
        ones = self._constant(np.ones((1, height * width), np.uint8))
        no_zero, zero = self._constant(np.uint8(0)), self._constant(np.uint8(_zero(op.input)))
        self._node("MatMulInteger", [ones, f"{output}_rows", no_zero, zero], f"{output}_sums")
        factor = op.factor_of(height * width)
        assert factor is not None  # the verifier sees to it
        low, high = storage_bounds(tensors.tensor_type(op.output).element_type)
        is_wide = storage_dtype(op.output) == np.int32
        self._node("Cast", [f"{output}_sums"], f"{output}_real", to=TensorProto.DOUBLE)
        value = f"{output}_real"
        # `(sum * k + 2**(s - 1)) >> s`, all of whose numbers have fewer than 53 bits.
        chain: Sequence[tuple[str, Sequence[float]]] = (
            ("Mul", [float(np.ldexp(factor.multiplier, -factor.shift))]),
            ("Add", [0.5]),
            ("Floor", []),
            ("Clip", [float(low), float(high)]),
            ("Add", [0.0 if is_wide else float(_zero(op.output))]),
        )
        for index, (kind, operands) in enumerate(chain):
            constants = [self._constant(np.float64(operand)) for operand in operands]
            self._node(kind, [value, *constants], f"{output}_{index}")
            value = f"{output}_{index}"
        element_type = TensorProto.INT32 if is_wide else TensorProto.UINT8
        self._node("Cast", [value], f"{output}_flat", to=element_type)
        shape = self._constant(np.array([0, channels, 1, 1]))
        self._node("Reshape", [f"{output}_flat", shape], output)

    def _concat(self, op: layout.ConcatOp) -> None:
        names, output = [_name(operand) for operand in op.operands], _name(op.results[0])
        self._node("Concat", names, f"{output}_together", axis=op.axis.value.data)
        self._bounded(f"{output}_together", op.results[0])
        self.nodes[-1].output[0] = output

    def _reshape(self, op: layout.ReshapeOp) -> None:
        shape = self._constant(np.array([0, *tensors.extents(op.output)]))
        self._node("Reshape", [_name(op.input), shape], _name(op.output))
