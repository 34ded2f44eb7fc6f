"""Models that cannot be used as a whole: the file, its opset, its input, where it is cut."""

from collections.abc import Callable

import numpy as np
import onnx
from end_to_end.bad_input import (
    COMPILE,
    MEASURE,
    Case,
    Prepare,
    cut_off,
    folder_in_place_of,
    replace_model,
    write,
)
from onnx import TensorProto, helper, numpy_helper
from unit.onnx_models import build_model, conv_model, random_weights

GRAY = [("x", ("batch", 1, 6, 6))]
"""An input that image files of the workspace fit."""


def with_opset(version: int) -> Prepare:
    model = conv_model()
    model.opset_import[0].version = version
    return replace_model(model)


def with_input(*extents: int | str, element: int = TensorProto.FLOAT) -> Prepare:
    relu = helper.make_node("Relu", ["x"], ["y"], name="layer1")
    return replace_model(build_model([relu], inputs=[("x", extents)], element=element))


def two_inputs() -> onnx.ModelProto:
    inputs = [("x", (1, 2, 6, 6)), ("z", (1, 2, 6, 6))]
    return build_model([helper.make_node("Add", ["x", "z"], ["y"])], inputs=inputs)


def two_outputs() -> onnx.ModelProto:
    """Two convolutions of one image."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], [name], name=f"conv_{name}") for name in ("y", "z")
    ]
    weights = {"w": random_weights(0, 3, 1, 6, 6)}
    return build_model(nodes, weights, inputs=GRAY, outputs=("y", "z"))


def split_outputs() -> onnx.ModelProto:
    """A pooling with its indices."""
    node = helper.make_node("MaxPool", ["x"], ["y", "i"], name="layer1", kernel_shape=[2, 2])
    return build_model([node], inputs=GRAY)


def changed(change: Callable[[onnx.ModelProto], object]) -> Prepare:
    """A model of one convolution with something wrong about it."""
    model = conv_model(random_weights(1, 3, 1, 3, 3))
    change(model)
    return replace_model(model)


def no_outputs(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def output_of(name: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        model.graph.output[0].name = name

    return change


def no_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def foreign_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].domain = "ai.onnx.ml"


def no_ir_version(model: onnx.ModelProto) -> None:
    model.ClearField("ir_version")


def input_without_shape(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.ClearField("shape")


def sequence_as_input(model: onnx.ModelProto) -> None:
    kind = model.graph.input[0].type
    kind.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT


def unknown_reading(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "nowhere"


def twice_written(model: onnx.ModelProto) -> None:
    model.graph.node.append(model.graph.node[0])


def unknown_attribute(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("flavor", 1))


def wrong_attribute(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("strides", "two"))


def external_weights(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights.bin")


def short_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].raw_data = b"\x00" * 8


def sparse_weights(model: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    places = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4]))


def named_outputs(names: str) -> str:
    return f"{COMPILE} --outputs {names}"


MODELS = (
    Case("missing model", "compile absent.onnx --calib calib -o out.tf2c", "absent.onnx"),
    Case("truncated model", COMPILE, "net.onnx", cut_off("net.onnx", 200)),
    Case("text as model", COMPILE, "net.onnx", write("net.onnx", b"I am not a model.\n")),
    Case("empty model", COMPILE, "net.onnx", write("net.onnx", b"")),
    Case("folder as model", COMPILE, "net.onnx", folder_in_place_of("net.onnx")),
    Case("artifact as model", "compile net.tf2c --calib calib -o out.tf2c", "net.tf2c"),
    Case("model without an opset", COMPILE, "net.onnx", changed(no_opset)),
    Case("model of another domain only", COMPILE, "net.onnx", changed(foreign_opset)),
    Case("model without a version", COMPILE, "net.onnx", changed(no_ir_version)),
    Case("opset too old", COMPILE, "net.onnx", with_opset(6)),
    Case("opset too new", COMPILE, "net.onnx", with_opset(22)),
    Case("opset of the future", COMPILE, "net.onnx", with_opset(999)),
    Case("two inputs", COMPILE, "net.onnx", replace_model(two_inputs())),
    Case("symbolic height", COMPILE, "net.onnx", with_input("batch", 2, "height", 6)),
    Case("symbolic width", COMPILE, "`width`", with_input("batch", 1, 6, "width")),
    Case("symbolic channels", COMPILE, "`channels`", with_input(1, "channels", 6, 6)),
    Case("image without pixels", COMPILE, "net.onnx", with_input(1, 1, 0, 6)),
    Case("rank-2 input", COMPILE, "net.onnx", with_input("batch", 72)),
    Case("rank-5 input", COMPILE, "net.onnx", with_input("batch", 1, 2, 6, 6)),
    Case("input without a shape", COMPILE, "shape", changed(input_without_shape)),
    Case("sequence as input", COMPILE, "`x`", changed(sequence_as_input)),
    Case("double input", COMPILE, "net.onnx", with_input(
        1, 2, 6, 6, element=TensorProto.DOUBLE)),
    Case("input of bytes", COMPILE, "UINT8", with_input(1, 1, 6, 6, element=TensorProto.UINT8)),
    Case("layer that reads nothing", COMPILE, "nowhere", changed(unknown_reading)),
    Case("tensor written twice", COMPILE, "net.onnx", changed(twice_written)),
    Case("unknown attribute", COMPILE, "flavor", changed(unknown_attribute)),
    Case("attribute of another kind", COMPILE, "strides", changed(wrong_attribute)),
    Case("missing external weights", COMPILE, "weights.bin", changed(external_weights)),
    Case("too few weights", COMPILE, "net.onnx", changed(short_weights)),
    Case("sparse weights", COMPILE, "`s`", changed(sparse_weights)),
)  # fmt: skip

OUTPUTS = (
    Case("two outputs", COMPILE, "one result", replace_model(two_outputs())),
    Case("two outputs with labels", f"{MEASURE} --to shift", "net.onnx", replace_model(
        two_outputs())),
    Case("no outputs", COMPILE, "net.onnx", changed(no_outputs)),
    Case("input as output", COMPILE, "`x`", changed(output_of("x"))),
    Case("weight as output", COMPILE, "`w`", changed(output_of("w"))),
    Case("output that no layer computes", COMPILE, "nowhere", changed(output_of("nowhere"))),
    Case("further output in use", f"{COMPILE} --outputs y,i", "`layer1`", replace_model(
        split_outputs())),
    Case("layer of two outputs as output", f"{COMPILE} --outputs layer1", "`layer1`",
         replace_model(split_outputs())),
    Case("mistyped output", f"{COMPILE} --outputs flaten", "`flaten`"),
    Case("unknown output", f"{COMPILE} --outputs boxes", "`boxes`"),
    Case("empty output", f"{COMPILE} --outputs ''", "--outputs"),
    Case("output of commas", f"{COMPILE} --outputs ' , '", "--outputs"),
    Case("cut at the input", f"{COMPILE} --outputs x", "`x`"),
    Case("cut at a weight", f"{COMPILE} --outputs w", "`w`"),
    Case("the same output twice", f"{COMPILE} --outputs y,scores", "one result"),
    Case("evaluating at an unknown output", "eval net.onnx --images calib --labels labels.csv "
         "--outputs boxes", "`boxes`"),
    Case("cutting an artifact", "eval net.tf2c --images calib --labels labels.csv --outputs conv",
         "net.tf2c"),
    Case("evaluating images as scores", "eval net.onnx --images calib --labels labels.csv "
         "--outputs conv", "net.onnx"),
)  # fmt: skip
