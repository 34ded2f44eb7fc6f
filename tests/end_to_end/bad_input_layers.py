"""Layers that cannot be imported or lowered: each is refused by its name."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from end_to_end.bad_input import COMPILE, Case, Prepare, replace_model
from onnx import TensorProto, helper
from unit.onnx_models import build_model, one_layer, random_weights

LAYER = "layer `layer1`: "

GRAY = [("x", ("batch", 1, 6, 6))]

Array = npt.NDArray[Any]


def layer(op_type: str, *constants: Array | None, **attributes: Any) -> Prepare:
    """A model of one layer, whose input has 1x6x6 elements."""
    return replace_model(one_layer(op_type, *constants, extents=(1, 6, 6), **attributes))


def nodes(*made: onnx.NodeProto, **weights: Array) -> Prepare:
    """A model of some layers, the last with the output `y`."""
    return replace_model(build_model(made, weights, inputs=GRAY))


def node(op_type: str, inputs: str, output: str, name: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op_type, inputs.split(), output.split(), name=name, **attributes)


def integers(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def reals(*values: float) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


def conv(weight: Array | None = None, bias: Array | None = None, **attributes: Any) -> Prepare:
    weight = random_weights(1, 4, 1, 3, 3) if weight is None else weight
    return layer("Conv", weight, *([] if bias is None else [bias]), **attributes)


def foreign(domain: str, op_type: str) -> Prepare:
    """A model of one layer of another domain."""
    # Renamed afterwards, because no shape is inferred of an op that nobody knows.
    model = build_model([node("Relu", "x", "y", "layer1")], inputs=GRAY)
    model.graph.node[0].op_type, model.graph.node[0].domain = op_type, domain
    model.opset_import.append(helper.make_opsetid(domain, 1))
    return replace_model(model)


def branch() -> Prepare:
    """A layer that chooses by a number in the image."""
    output = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    inner = helper.make_graph([node("Relu", "x", "z", "inner")], "branch", [], [output])
    return nodes(
        node("If", "condition", "y", "layer1", then_branch=inner, else_branch=inner),
        condition=np.array(True),
    )


def computed_shape(*shape_nodes: onnx.NodeProto, **weights: Array) -> Prepare:
    """A model that reshapes its input to a shape that it computes from the input's."""
    return nodes(
        node("Shape", "x", "s", "shape"),
        *shape_nodes,
        node("Reshape", "x t", "y", "reshape"),
        **weights,
    )


def rows(*made: onnx.NodeProto, **weights: Array) -> Prepare:
    """A model that flattens its input first."""
    return nodes(node("Flatten", "x", "f", "flatten"), *made, **weights)


def convolved(*made: onnx.NodeProto, **weights: Array) -> Prepare:
    """A model that convolves its input with four filters first."""
    first = node("Conv", "x w", "c", "conv")
    return nodes(first, *made, w=random_weights(0, 4, 1, 3, 3), **weights)


def with_weight(value: float, kind: str = "f4") -> Prepare:
    weight = np.ones((3, 1, 3, 3), kind)
    weight[1, 0, 1, 1] = value
    return conv(weight)


OPS = (
    Case("PRelu", COMPILE, LAYER, layer("PRelu", reals(0.1))),
    Case("unsupported op", COMPILE, LAYER, layer("Sigmoid")),
    Case("HardSwish", COMPILE, LAYER, layer("HardSwish")),
    Case("Resize", COMPILE, LAYER, layer("Resize", None, reals(1, 1, 2, 2))),
    Case("ConvTranspose", COMPILE, LAYER, layer("ConvTranspose", random_weights(0, 1, 4, 3, 3))),
    Case("If", COMPILE, LAYER, branch()),
    Case("op of a custom domain", COMPILE, "`com.example`", foreign("com.example", "FusedConv")),
    Case("quantized op of ONNX Runtime", COMPILE, LAYER, foreign("com.microsoft", "QLinearAdd")),
    Case("quantized model", COMPILE, "`quantize`", nodes(
        node("QuantizeLinear", "x s", "q", "quantize"),
        node("DequantizeLinear", "q s", "y", "dequantize"), s=np.array(0.1, np.float32))),
    Case("QLinearConv", COMPILE, "`quantize`", nodes(
        node("QuantizeLinear", "x s z", "q", "quantize"),
        node("QLinearConv", "q s z v s z s z", "r", "layer1"),
        node("DequantizeLinear", "r s z", "y", "dequantize"),
        s=np.array(0.1, np.float32), z=np.array(0, np.int8), v=np.ones((4, 1, 3, 3), np.int8))),
    Case("post-processing", COMPILE, LAYER, convolved(node("Exp", "c", "y", "layer1"))),
    Case("Split", COMPILE, LAYER, layer("Split", integers(3, 3), axis=2)),
    Case("LogSoftmax", COMPILE, LAYER, layer("LogSoftmax")),
    Case("InstanceNormalization", COMPILE, LAYER, layer(
        "InstanceNormalization", reals(1), reals(0))),
    Case("SpaceToDepth", COMPILE, LAYER, layer("SpaceToDepth", blocksize=2)),
    Case("ArgMax", COMPILE, LAYER, layer("ArgMax", axis=1)),
    Case("product of two tensors", COMPILE, LAYER, nodes(
        node("Relu", "x", "r", "relu"), node("Mul", "x r", "y", "layer1"))),
    Case("quotient of two tensors", COMPILE, LAYER, nodes(
        node("Relu", "x", "r", "relu"), node("Div", "x r", "y", "layer1"))),
    Case("quotient of a constant", COMPILE, LAYER, nodes(
        node("Div", "one x", "y", "layer1"), one=reals(1))),
    Case("matrix product of two tensors", COMPILE, LAYER, nodes(
        node("Transpose", "x", "t", "turn", perm=[0, 1, 3, 2]),
        node("MatMul", "x t", "y", "layer1"))),
    Case("convolution with computed weights", COMPILE, LAYER, nodes(
        node("Conv", "x x", "y", "layer1"))),
    Case("indices of a pooling", COMPILE, LAYER, nodes(
        node("MaxPool", "x", "p i", "layer1", kernel_shape=[2, 2]),
        node("Cast", "i", "y", "cast", to=TensorProto.FLOAT))),
    Case("Dropout in training", COMPILE, LAYER, layer(
        "Dropout", reals(0.5).reshape(()), np.array(True))),
    Case("cast to integers", COMPILE, LAYER, layer("Cast", to=TensorProto.INT64)),
    Case("normalization by local response", COMPILE, LAYER, nodes(
        node("Conv", "x w", "c", "conv"),
        node("LRN", "c", "n", "layer1", size=3),
        node("Conv", "n v", "y", "last"),
        w=random_weights(0, 4, 1, 3, 3), v=random_weights(1, 2, 4, 3, 3))),
    Case("softmax inside the network", COMPILE, LAYER, convolved(
        node("Softmax", "c", "s", "layer1", axis=1), node("Conv", "s v", "y", "last"),
        v=random_weights(1, 2, 4, 3, 3))),
)  # fmt: skip

WINDOWS = (
    Case("group that does not divide", COMPILE, LAYER, conv(
        random_weights(1, 3, 1, 3, 3), group=2)),
    Case("group of zero", COMPILE, LAYER, conv(group=0)),
    Case("stride zero", COMPILE, LAYER, conv(strides=[0, 0])),
    Case("negative pads", COMPILE, LAYER, conv(pads=[-1, 0, 0, 0])),
    Case("two pads", COMPILE, LAYER, conv(pads=[1, 1])),
    Case("dilation zero", COMPILE, LAYER, conv(dilations=[0, 1])),
    Case("dilation beyond the image", COMPILE, LAYER, conv(dilations=[3, 3])),
    Case("unknown auto_pad", COMPILE, LAYER, conv(auto_pad="SAME")),
    Case("auto_pad with wide strides", COMPILE, LAYER, conv(
        auto_pad="SAME_UPPER", strides=[6, 6])),
    Case("kernel_shape of other weights", COMPILE, LAYER, conv(kernel_shape=[5, 5])),
    Case("weight for other channels", COMPILE, LAYER, conv(random_weights(1, 3, 5, 3, 3))),
    Case("kernel larger than image", COMPILE, LAYER, conv(random_weights(1, 3, 1, 7, 7))),
    Case("kernel of volumes", COMPILE, LAYER, conv(random_weights(1, 3, 1, 3, 3, 3))),
    Case("bias of other filters", COMPILE, LAYER, conv(bias=reals(1, 2, 3))),
    Case("dilated pooling", COMPILE, LAYER, layer(
        "MaxPool", kernel_shape=[2, 2], dilations=[2, 2])),
    Case("window of padding", COMPILE, LAYER, layer(
        "MaxPool", kernel_shape=[2, 2], pads=[2, 2, 2, 2])),
    Case("pooling larger than image", COMPILE, LAYER, layer("MaxPool", kernel_shape=[7, 6])),
    Case("pooling of volumes", COMPILE, LAYER, layer("MaxPool", kernel_shape=[2, 2, 2])),
    Case("pooling without kernel_shape", COMPILE, "net.onnx", layer("MaxPool")),
    Case("average of padding", COMPILE, LAYER, layer(
        "AveragePool", kernel_shape=[2, 2], pads=[2, 0, 0, 0])),
    Case("average that counts padding only", COMPILE, LAYER, layer(
        "AveragePool", kernel_shape=[2, 2], pads=[2, 0, 0, 0], count_include_pad=1)),
    Case("mean over channels", COMPILE, LAYER, layer("ReduceMean", axes=[1])),
    Case("mean over everything", COMPILE, LAYER, layer("ReduceMean")),
    Case("mean of rows", COMPILE, LAYER, rows(node("ReduceMean", "f", "y", "layer1", axes=[1]))),
    Case("normalization over no channels", COMPILE, LAYER, layer("LRN", size=0)),
)  # fmt: skip

NUMBERS = (
    Case("NaN weight", COMPILE, LAYER, with_weight(np.nan)),
    Case("infinite weight", COMPILE, LAYER, with_weight(-np.inf)),
    Case("double weight too large", COMPILE, LAYER, with_weight(1e300, "f8")),
    Case("integer weights", COMPILE, LAYER, with_weight(1, "i1")),
    Case("weights of zero", COMPILE, LAYER, conv(np.zeros((4, 1, 3, 3), np.float32))),
    Case("no filters", COMPILE, LAYER, conv(np.zeros((0, 1, 3, 3), np.float32))),
    Case("NaN bias", COMPILE, LAYER, conv(bias=reals(1, 2, np.nan, 3))),
    Case("scores of zero weights", COMPILE, LAYER, rows(
        node("Gemm", "f w", "y", "layer1"), w=np.zeros((36, 3), np.float32))),
    Case("rows of another length", COMPILE, LAYER, rows(
        node("Gemm", "f w", "y", "layer1"), w=random_weights(0, 35, 3))),
    Case("bias of another length", COMPILE, LAYER, rows(
        node("Gemm", "f w b", "y", "layer1"), w=random_weights(0, 36, 3), b=reals(1, 2))),
    Case("transA", COMPILE, LAYER, rows(
        node("Gemm", "f w", "y", "layer1", transA=1), w=random_weights(0, 1, 3))),
    Case("Gemm of images", COMPILE, LAYER, nodes(
        node("MatMul", "x w", "y", "layer1"), w=random_weights(0, 6, 3))),
    Case("alpha that is NaN", COMPILE, LAYER, rows(
        node("Gemm", "f w", "y", "layer1", alpha=float("nan")), w=random_weights(0, 36, 3))),
    Case("negative variance", COMPILE, LAYER, layer(
        "BatchNormalization", reals(1), reals(0), reals(0), reals(-2))),
    Case("statistics of other channels", COMPILE, LAYER, layer(
        "BatchNormalization", *[reals(1, 1)] * 4)),
    Case("training mode", COMPILE, LAYER, layer(
        "BatchNormalization", *[reals(1)] * 4, training_mode=1)),
    Case("bounds in the wrong order", COMPILE, LAYER, layer(
        "Clip", reals(6).reshape(()), reals(0).reshape(()))),
    Case("bound of NaN", COMPILE, LAYER, layer("Clip", reals(np.nan).reshape(()))),
    Case("bound per channel", COMPILE, LAYER, convolved(
        node("Clip", "c low", "y", "layer1"), low=reals(0, 0, 0, 0))),
    Case("constant per pixel", COMPILE, LAYER, layer("Add", random_weights(0, 6, 6))),
    Case("factor of another rank", COMPILE, LAYER, layer("Mul", random_weights(0, 2, 1, 1, 1, 1))),
    Case("division by zero", COMPILE, LAYER, layer("Div", reals(0))),
    Case("broadcast addition", COMPILE, LAYER, convolved(
        node("GlobalAveragePool", "c", "g", "squeeze"), node("Add", "c g", "y", "layer1"))),
)  # fmt: skip

SHAPES = (
    Case("flatten axis", COMPILE, LAYER, layer("Flatten", axis=0)),
    Case("flattened batch", COMPILE, "`y`", convolved(node("Flatten", "c", "y", "layer1", axis=2))),
    Case("softmax over the batch", COMPILE, LAYER, layer("Softmax", axis=0)),
    Case("softmax over no axis", COMPILE, LAYER, layer("Softmax", axis=4)),
    Case("reshape to other elements", COMPILE, LAYER, layer("Reshape", integers(0, 35))),
    Case("reshape that mixes images", COMPILE, LAYER, layer("Reshape", integers(1, -1))),
    Case("reshape to two unknowns", COMPILE, LAYER, layer("Reshape", integers(0, -1, -1))),
    Case("reshape to a scalar", COMPILE, LAYER, layer("Reshape", np.zeros(0, np.int64))),
    Case("reshape to reals", COMPILE, "net.onnx", layer("Reshape", reals(0, 36))),
    Case("reshape to a computed tensor", COMPILE, LAYER, nodes(
        node("Cast", "x", "i", "layer1", to=TensorProto.INT64),
        node("Reshape", "x i", "y", "reshape"))),
    Case("transposed batch", COMPILE, LAYER, layer("Transpose", perm=[1, 0, 2, 3])),
    Case("transposition of an axis twice", COMPILE, LAYER, layer("Transpose", perm=[0, 1, 1, 3])),
    Case("squeezed batch", COMPILE, LAYER, layer("Squeeze", integers(0))),
    Case("squeezed pixels", COMPILE, LAYER, layer("Squeeze", integers(2))),
    Case("batch in the middle", COMPILE, LAYER, layer("Unsqueeze", integers(0))),
    Case("concatenated batch", COMPILE, LAYER, nodes(
        node("Concat", "x x", "y", "layer1", axis=0))),
    Case("concatenation of other extents", COMPILE, LAYER, convolved(
        node("Concat", "x c", "y", "layer1", axis=1))),
    Case("concatenation with a constant", COMPILE, LAYER, nodes(
        node("Concat", "x k", "y", "layer1", axis=1), k=random_weights(0, 1, 1, 6, 6))),
    Case("slice of the batch", COMPILE, LAYER, layer(
        "Slice", integers(0), integers(1), integers(0))),
    Case("empty slice", COMPILE, LAYER, layer("Slice", integers(4), integers(2), integers(2))),
    Case("reversed slice", COMPILE, LAYER, layer(
        "Slice", integers(5), integers(-7), integers(2), integers(-1))),
    Case("slice of an absent axis", COMPILE, LAYER, layer(
        "Slice", integers(0), integers(1), integers(7))),
    Case("pads by reflection", COMPILE, LAYER, layer(
        "Pad", integers(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")),
    Case("pads of one", COMPILE, LAYER, layer(
        "Pad", integers(0, 0, 1, 1, 0, 0, 1, 1), reals(1).reshape(()))),
    Case("padded batch", COMPILE, LAYER, layer("Pad", integers(1, 0, 0, 0, 0, 0, 0, 0))),
    Case("too few pads", COMPILE, LAYER, layer("Pad", integers(1, 1))),
    Case("arithmetic with the batch", COMPILE, "`double`", computed_shape(
        node("Mul", "s two", "t", "double"), two=integers(2))),
    Case("shape of no batch", COMPILE, "`reshape`", computed_shape(
        node("Slice", "s one end", "t", "behind"), one=integers(1), end=integers(4))),
    Case("shape arithmetic that divides by zero", COMPILE, "`ratio`", nodes(
        node("Div", "one zero", "t", "ratio"), node("Reshape", "x t", "y", "reshape"),
        one=integers(1, 36), zero=integers(0, 0))),
    Case("constants that do not fit", COMPILE, "`join`", nodes(
        node("Concat", "a b", "t", "join", axis=0), node("Reshape", "x t", "y", "reshape"),
        a=integers(1), b=integers(1).reshape(1, 1))),
)  # fmt: skip
