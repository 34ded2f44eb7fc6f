"""ONNX Runtime's QLinearConv as an exact engine (`pip install 'tf2c[fast]'`).

QLinearConv computes `clamp(round(float32(acc) * float32(scale)) + zero)` with round half to even,
fast only for unsigned inputs. So an int8 tensor is kept as `q + 128` in uint8, with 128 as its zero
point where it is read; where it is written, `128 * 2**r` in the bias puts it there, which leaves no
negative sums; and a scale of `2**-r * (1 + 2**-21)` tips ties upward. Sums in float32 are rounded
where they are large and the scale is a little too large, so this is not obviously right: but it is
monotonic in `acc`, as is the true requantization, so that looking at both sides of each of its 255
steps, in every channel, proves it for every sum (`_is_exact`).

An op that adds a residual to sums before they are rounded does not exist; those layers are left to
NumPy.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.onnx_ml_pb2 import NodeProto
from xdsl.ir import SSAValue

from tf2c.dialects import int8, layout, tensors
from tf2c.dialects.scales import storage_bounds
from tf2c.executors.executor import Array, Compiled, Segment
from tf2c.executors.steps import Layer, Step
from tf2c.numerics import fixed_point, parallel

OPSET = 21
IR_VERSION = 10

ZERO = 128
"""Stands for 0 where an int8 tensor is kept in uint8."""

TIE_BREAKER = np.float32(1 + 2.0**-21)


class OnnxRuntimeEngine:
    """Takes layers that scale by powers of two and add nothing, max pooling and concatenation."""

    name = "onnxruntime"

    def objection(self, step: Step) -> str | None:
        """Return why a step is left to NumPy."""
        match step:
            case Layer():
                if step.stored.residual is not None:
                    return "QLinearConv cannot add a residual before it rounds"
                if step.shifts is None:
                    return "its multipliers are not powers of two"
                if not _is_exact(step):
                    return "QLinearConv rounds some of its sums differently"
                return None
            case int8.MaxPoolOp() if step.zero_padded is not None:
                return "its padding counts as 0"
            case int8.MaxPoolOp() | layout.ConcatOp():
                return None
            case _:
                return "no exact form in ONNX Runtime"

    def compile(self, segment: Segment, batch: int) -> Compiled:
        """Build a model and open a session, for batches of any size."""
        builder = _Builder()
        for step in segment.steps:
            builder.add(step)
        model = helper.make_model(
            helper.make_graph(
                builder.nodes,
                "network",
                [_described(value) for value in segment.inputs],
                [_described(value) for value in segment.outputs],
                builder.constants,
            ),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        library: Any = onnxruntime  # has no types
        options = library.SessionOptions()
        options.intra_op_num_threads = parallel.thread_count()
        options.inter_op_num_threads = 1
        session = library.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        names = [_name(value) for value in segment.inputs]

        def run(arrays: Sequence[Array]) -> Sequence[Array]:
            kept = map(_kept, arrays)
            results: list[npt.NDArray[np.uint8]] = session.run(
                None, dict(zip(names, kept, strict=True))
            )
            return [
                _stored(array) if _zero(value) else array
                for value, array in zip(segment.outputs, results, strict=True)
            ]

        return run


def _bias(layer: Layer, shifts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the bias of the sums that a layer has here."""
    return layer.bias + (_zero(layer.stored.output) << shifts)


def _is_exact(layer: Layer) -> bool:
    """Whether QLinearConv rounds every sum that a layer can have as its requantization does."""
    shifts = layer.shifts
    assert shifts is not None
    requantization = layer.requantization
    zero, largest = _zero(layer.stored.output), requantization.largest_sums[:, None]
    if np.abs(_bias(layer, shifts)).max() + largest.max() > fixed_point.INT32_MAX:
        return False
    # The least sum that is stored as each number, and the greatest that is not, if it can occur.
    numbers = np.arange(requantization.low, requantization.high + 1)
    steps = (2 * numbers - 1 << shifts[:, None]) + 1 >> 1
    sums = np.clip(np.concatenate([steps, steps - 1, -largest, largest], 1), -largest, largest)
    expected = fixed_point.requantize(
        sums.T, requantization.multipliers, requantization.low, requantization.high
    ).T
    scales = np.ldexp(TIE_BREAKER, -shifts)[:, None]
    shifted = (sums + (zero << shifts[:, None])).astype(np.float32)
    found = np.clip(np.rint(shifted * scales), 0, 255).astype(np.int64) - zero
    return bool((np.clip(found, requantization.low, requantization.high) == expected).all())


def _zero(value: SSAValue) -> int:
    """Return what stands for 0 in the uint8 that a tensor is kept in."""
    low, _ = storage_bounds(tensors.tensor_type(value).element_type)
    return ZERO if low else 0


def _kept(array: Array) -> npt.NDArray[np.uint8]:
    """Return a stored tensor as it is kept here: `q + 128` flips a bit of `q`."""
    if array.dtype == np.uint8:
        return array
    return np.ascontiguousarray(array).view(np.uint8) ^ np.uint8(ZERO)


def _stored(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    return (array ^ np.uint8(ZERO)).view(np.int8)


def _name(value: SSAValue) -> str:
    return f"t{id(value)}"


def _described(value: SSAValue) -> Any:
    extents = tensors.extents(value)
    return helper.make_tensor_value_info(_name(value), TensorProto.UINT8, ["N", *extents])


class _Builder:
    """Collects the nodes and constants of a model."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, step: Step) -> None:
        builders: dict[type[Any], Callable[[Any], None]] = {
            Layer: self._layer,
            int8.MaxPoolOp: self._max_pool,
            layout.ConcatOp: self._concat,
        }
        builders[type(step)](step)

    def _constant(self, value: npt.ArrayLike) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def _layer(self, layer: Layer) -> None:
        shifts = layer.shifts
        assert shifts is not None
        strides, pads, dilations, group = layer.window
        one, none = self._constant(np.float32(1)), self._constant(np.uint8(0))
        image, output = _name(layer.sums.input), _name(layer.stored.output)
        is_matrix = len(tensors.shape(layer.stored.output)) == 2
        if is_matrix:
            axes = self._constant(np.array([2, 3]))
            self._node("Unsqueeze", [image, axes], f"{output}_image")
            image = f"{output}_image"
        inputs = [
            image,
            one,
            self._constant(np.uint8(_zero(layer.sums.input))),
            self._constant(layer.weights),
            self._constant(np.ldexp(TIE_BREAKER, -shifts)),
            self._constant(np.zeros(len(shifts), np.int8)),
            one,
            none,
            self._constant(_bias(layer, shifts).astype(np.int32)),
        ]
        self._node(
            "QLinearConv",
            inputs,
            f"{output}_sums",
            strides=list(strides),
            pads=list(pads),
            dilations=list(dilations),
            group=group,
        )
        stored = f"{output}_sums"
        zero, requantization = _zero(layer.stored.output), layer.requantization
        low, high = requantization.low + zero, requantization.high + zero
        if (low, high) != (0, 255):
            bounds = [self._constant(np.uint8(bound)) for bound in (low, high)]
            self._node("Clip", [stored, *bounds], f"{output}_bounded")
            stored = f"{output}_bounded"
        if is_matrix:
            self._node("Squeeze", [stored, self._constant(np.array([2, 3]))], output)
        else:
            self.nodes[-1].output[0] = output

    def _max_pool(self, op: int8.MaxPoolOp) -> None:
        kernel, strides, pads = op.window.numbers
        self._node(
            "MaxPool",
            [_name(op.input)],
            _name(op.output),
            kernel_shape=list(kernel),
            strides=list(strides),
            pads=list(pads),
        )

    def _concat(self, op: layout.ConcatOp) -> None:
        names = [_name(operand) for operand in op.operands]
        self._node("Concat", names, _name(op.results[0]), axis=op.axis.value.data)
