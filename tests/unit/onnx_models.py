"""Small ONNX models for tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

OPSET = 17
IR_VERSION = 8
IMAGE = (2, 6, 6)
"""Extents of the models' input by default."""


def build_model(
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, npt.NDArray[Any]] | None = None,
    *,
    inputs: Sequence[tuple[str, Sequence[int | str]]] = (("x", ("batch", *IMAGE)),),
    outputs: Sequence[str] = ("y",),
    opset: int = OPSET,
    element: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Make a model of nodes and initializers; the outputs' shapes are inferred where possible."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, element, shape) for name, shape in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    model = shape_inference.infer_shapes(model)
    for output in model.graph.output:
        if not output.type.tensor_type.HasField("shape"):
            output.CopyFrom(
                helper.make_tensor_value_info(output.name, TensorProto.FLOAT, list("nchw"))
            )
    return model


def save_model(path: Path, model: onnx.ModelProto) -> Path:
    """Write a model and return its path."""
    path.write_bytes(model.SerializeToString())
    return path


def random_weights(seed: int, *shape: int) -> npt.NDArray[np.float32]:
    """Return seeded normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def conv_model(
    weight: npt.NDArray[Any] | None = None, *, opset: int = OPSET, **attributes: Any
) -> onnx.ModelProto:
    """Make a model of one convolution with the layer name `layer1`."""
    weight = random_weights(1, 3, 2, 3, 3) if weight is None else weight
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="layer1", **attributes)
    return build_model([node], {"w": weight}, opset=opset)


def pool_model(**attributes: Any) -> onnx.ModelProto:
    """Make a model of one max pooling with the layer name `layer1`."""
    return build_model([helper.make_node("MaxPool", ["x"], ["y"], name="layer1", **attributes)])


def gemm_model(
    weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32] | None = None, **attributes: Any
) -> onnx.ModelProto:
    """Make a model that flattens its input and multiplies it, with the layer name `layer1`."""
    flatten = helper.make_node("Flatten", ["x"], ["rows"], name="flatten")
    operands = ["rows", "w"] if bias is None else ["rows", "w", "b"]
    gemm = helper.make_node("Gemm", operands, ["y"], name="layer1", **attributes)
    return build_model([flatten, gemm], {"w": weight} | ({} if bias is None else {"b": bias}))


def classifier_model(seed: int = 0) -> onnx.ModelProto:
    """Make a network unlike the bundled one: 3 channels, 5x5 kernel, stride 2, padded pooling.

    With 20 and 27 filters, no channel count is a multiple of the engine's vectors; there is a
    residual addition, and two fully connected layers.
    """
    nodes = [
        helper.make_node(
            "Conv", ["x", "w1", "b1"], ["c1"], name="stem", strides=[2, 1], pads=[2, 1, 1, 2]
        ),
        helper.make_node("Relu", ["c1"], ["r1"], name="stem_relu"),
        helper.make_node(
            "MaxPool",
            ["r1"],
            ["p1"],
            name="pool",
            kernel_shape=[3, 3],
            strides=[2, 2],
            pads=[1, 1, 1, 1],
        ),
        helper.make_node("Conv", ["p1", "w2"], ["c2"], name="branch", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c2", "p1"], ["a2"], name="join"),
        helper.make_node("Flatten", ["a2"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["g1"], name="hidden", transB=1),
        helper.make_node("Relu", ["g1"], ["r2"], name="hidden_relu"),
        helper.make_node("Gemm", ["r2", "w4", "b4"], ["y"], name="scores"),
    ]
    weights = {
        "w1": random_weights(seed, 20, 3, 5, 5) / 8,
        "b1": random_weights(seed + 1, 20),
        "w2": random_weights(seed + 2, 20, 20, 3, 3) / 16,
        "w3": random_weights(seed + 3, 27, 20 * 3 * 5) / 16,
        "b3": random_weights(seed + 4, 27),
        "w4": random_weights(seed + 5, 27, 6) / 4,
        "b4": random_weights(seed + 6, 6),
    }
    return build_model(nodes, weights, inputs=[("x", ("batch", 3, 11, 10))])


def one_layer(
    op_type: str,
    *constants: npt.NDArray[Any] | None,
    opset: int = OPSET,
    extents: Sequence[int] = IMAGE,
    batch: int | str = "batch",
    **attributes: Any,
) -> onnx.ModelProto:
    """Make a model of one layer `layer1` of `x` and constants, None for an input left out."""
    names = ["" if array is None else f"c{index}" for index, array in enumerate(constants)]
    node = helper.make_node(op_type, ["x", *names], ["y"], name="layer1", **attributes)
    weights = {
        name: array for name, array in zip(names, constants, strict=True) if array is not None
    }
    return build_model([node], weights, inputs=[("x", (batch, *extents))], opset=opset)
