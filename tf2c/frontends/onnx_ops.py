"""What each ONNX op becomes in `graph`: one converter per op, and the table of them.

A converter reads a node's inputs through the importer and returns the value that the node's
output stands for: an SSA value, or an array for a constant. What it does not support it refuses
by the layer's name, with a remedy.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from xdsl.ir import SSAValue

from tf2c.dialects import graph, tensors

if TYPE_CHECKING:
    from tf2c.frontends.onnx import Importer

Converter = Callable[["Importer", onnx.NodeProto], "SSAValue | npt.NDArray[Any]"]


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}


def _expect(
    importer: "Importer", node: onnx.NodeProto, attribute: str, default: Any, supported: Any
) -> None:
    """Refuse a node whose attribute has another value than the supported one."""
    value = _attributes(node).get(attribute, default)
    value = value.decode() if isinstance(value, bytes) else value
    if value != supported:
        raise importer.refusal(
            node,
            f"expected `{attribute}` {supported} of `{node.op_type}`, got {value}",
            "docs/reference/onnx.md lists what is imported",
        )


def _window(
    importer: "Importer", node: onnx.NodeProto, kernel: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Return `(strides, pads)` of a 2-d window op, with ONNX's defaults."""
    attributes = _attributes(node)
    if len(kernel) != 2:
        raise importer.refusal(node, f"expected a 2-d kernel, got {len(kernel)}-d")
    _expect(importer, node, "auto_pad", "NOTSET", "NOTSET")
    _expect(importer, node, "dilations", [1, 1], [1, 1])
    return attributes.get("strides", [1, 1]), attributes.get("pads", [0, 0, 0, 0])


def _conv(importer: "Importer", node: onnx.NodeProto) -> SSAValue:
    image, weight = importer.activation(node, 0), importer.weight(node, 1, rank=4)
    kernel = [*weight.shape[2:]]
    strides, pads = _window(importer, node, kernel)
    _expect(importer, node, "group", 1, 1)
    _expect(importer, node, "kernel_shape", kernel, kernel)
    bias = None
    if importer.has_input(node, 2):
        bias = importer.constant(importer.weight(node, 2, rank=1))
    return importer.insert(
        graph.ConvOp(
            image,
            importer.constant(weight),
            bias,
            strides=tensors.i64_array(strides),
            pads=tensors.i64_array(pads),
        )
    )


def _gemm(importer: "Importer", node: onnx.NodeProto) -> SSAValue:
    """Fold `alpha`, `beta` and a transposition into the weights."""
    attributes = _attributes(node)
    _expect(importer, node, "transA", 0, 0)
    rows = importer.activation(node, 0)
    weight = importer.weight(node, 1, rank=2, factor=attributes.get("alpha", 1.0))
    if not attributes.get("transB", 0):
        weight = weight.T
    bias = None
    if importer.has_input(node, 2):
        bias = importer.constant(_gemm_bias(importer, node, filters=len(weight)))
    return importer.insert(graph.GemmOp(rows, importer.constant(weight), bias))


def _gemm_bias(importer: "Importer", node: onnx.NodeProto, filters: int) -> npt.NDArray[np.float32]:
    """Return the bias `[M]`, which ONNX lets broadcast from a scalar, `[1]`, `[M]` or `[1, M]`."""
    factor = _attributes(node).get("beta", 1.0)
    rank = importer.constant_rank(node, 2)
    bias = importer.weight(node, 2, rank=rank, factor=factor)
    if rank > 2 or bias.shape[:-1] not in ((), (1,)) or bias.size not in (1, filters):
        raise importer.refusal(
            node, f"expected a bias of {filters} elements, got {'x'.join(map(str, bias.shape))}"
        )
    return np.array(np.broadcast_to(bias.reshape(-1), (filters,)))


def _batch_normalization(importer: "Importer", node: onnx.NodeProto) -> SSAValue:
    _expect(importer, node, "training_mode", 0, 0)
    _expect(importer, node, "spatial", 1, 1)
    epsilon = _attributes(node).get("epsilon", 1e-5)
    image = importer.activation(node, 0)
    scale, bias, mean, variance = (importer.weight(node, index, rank=1) for index in range(1, 5))
    if (variance + epsilon).min() <= 0:
        raise importer.refusal(
            node, f"expected positive variances, got {variance.min():g}", "export the model again"
        )
    return importer.insert(
        graph.BatchNormalizationOp(
            image,
            importer.constant(scale),
            importer.constant(bias),
            importer.constant(mean),
            importer.constant(variance),
            epsilon,
        )
    )


def _relu(importer: "Importer", node: onnx.NodeProto) -> SSAValue:
    return importer.insert(graph.ReluOp(importer.activation(node, 0)))


def _max_pool(importer: "Importer", node: onnx.NodeProto) -> SSAValue:
    kernel = _attributes(node)["kernel_shape"]
    strides, pads = _window(importer, node, kernel)
    _expect(importer, node, "ceil_mode", 0, 0)
    return importer.insert(
        graph.MaxPoolOp(
            importer.activation(node, 0),
            tensors.i64_array(kernel),
            tensors.i64_array(strides),
            tensors.i64_array(pads),
        )
    )


def _add(importer: "Importer", node: onnx.NodeProto) -> SSAValue:
    lhs, rhs = importer.activation(node, 0), importer.activation(node, 1)
    if tensors.shape(lhs) != tensors.shape(rhs):
        raise importer.refusal(
            node,
            f"expected operands of one shape, got {tensors.dimension_text(tensors.shape(lhs))} and "
            f"{tensors.dimension_text(tensors.shape(rhs))}",
            "broadcasting additions are not supported",
        )
    return importer.insert(graph.AddOp(lhs, rhs))


def _flatten(importer: "Importer", node: onnx.NodeProto) -> SSAValue:
    _expect(importer, node, "axis", 1, 1)
    return importer.insert(graph.FlattenOp(importer.activation(node, 0)))


def _constant(importer: "Importer", node: onnx.NodeProto) -> npt.NDArray[Any]:
    attributes = _attributes(node)
    if "value" not in attributes:
        raise importer.refusal(node, f"expected a tensor `value`, got {', '.join(attributes)}")
    return numpy_helper.to_array(attributes["value"])


CONVERTERS: dict[str, Converter] = {
    "Add": _add,
    "BatchNormalization": _batch_normalization,
    "Constant": _constant,
    "Conv": _conv,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "MaxPool": _max_pool,
    "Relu": _relu,
}
"""By ONNX op type; whatever is missing is refused by its layer's name."""
