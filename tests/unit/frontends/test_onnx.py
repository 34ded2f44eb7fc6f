"""ONNX models as `graph`: files, inputs, outputs, names, and what is refused by name."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper
from unit.onnx_comparison import assert_equals_onnxruntime, operations
from unit.onnx_models import (
    IMAGE,
    build_model,
    classifier_model,
    conv_model,
    one_layer,
    pool_model,
    random_weights,
    save_model,
)
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp

from tf2c.dialects import graph, tensors
from tf2c.dialects.layers import layer_name
from tf2c.errors import UserError
from tf2c.frontends.onnx import load_onnx
from tf2c.frontends.onnx.importer import readable


def imported(tmp_path: Path, model: onnx.ModelProto) -> ModuleOp:
    return load_onnx(save_model(tmp_path / "net.onnx", model))


def test_the_bundled_network_equals_onnxruntime(
    digits: Path, heldout_images: npt.NDArray[np.float32]
) -> None:
    assert_equals_onnxruntime(digits / "digits.onnx", images=heldout_images)


def test_a_whole_network_equals_onnxruntime(tmp_path: Path) -> None:
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", classifier_model()), (3, 11, 10))


@pytest.mark.parametrize("opset", [7, 8, 11, 13, 17, 21])
def test_a_convolution_of_any_supported_opset_is_imported(tmp_path: Path, opset: int) -> None:
    module = imported(tmp_path, conv_model(opset=opset))
    assert [op.name for op in operations(module)] == ["graph.conv"]


def test_constant_nodes_are_weights(tmp_path: Path) -> None:
    tensor = onnx.numpy_helper.from_array(random_weights(1, 3, 2, 3, 3))
    nodes = [
        helper.make_node("Constant", [], ["w"], value=tensor),
        helper.make_node("Conv", ["x", "w"], ["y"], name="layer1"),
    ]
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", build_model(nodes)))


def test_initializers_that_are_also_inputs_are_weights(tmp_path: Path) -> None:
    model = conv_model()
    entry = helper.make_tensor_value_info("w", TensorProto.FLOAT, (3, 2, 3, 3))
    model.graph.input.append(entry)
    assert [op.name for op in operations(imported(tmp_path, model))] == ["graph.conv"]


def test_layer_names_are_kept_as_locations(tmp_path: Path) -> None:
    names = [layer_name(op) for op in operations(imported(tmp_path, classifier_model()))]
    assert names == [
        "stem", "stem_relu", "pool", "branch", "join", "flatten", "hidden", "hidden_relu", "scores",
    ]  # fmt: skip


def test_a_weight_has_its_layers_name(tmp_path: Path) -> None:
    constants = [
        op for op in imported(tmp_path, conv_model()).walk() if isinstance(op, graph.ConstantOp)
    ]
    assert [layer_name(op) for op in constants] == ["layer1"]


def test_a_nameless_layer_is_called_after_its_output(tmp_path: Path) -> None:
    module = imported(tmp_path, build_model([helper.make_node("Relu", ["x"], ["y"])]))
    assert [layer_name(op) for op in operations(module)] == ["y"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("/conv1/Conv", "conv1_Conv"), ("a.b-c", "a_b_c"), ("7", None), ("", None), ("//", None)],
)
def test_readable_makes_an_identifier(name: str, expected: str | None) -> None:
    assert readable(name) == expected


@pytest.mark.parametrize("batch", [1, 4, 0, "N", "batch_size", None])
def test_the_batch_is_always_dynamic(tmp_path: Path, batch: int | str | None) -> None:
    model = one_layer("Relu", batch="n" if batch is None else batch)
    if batch is None:
        model.graph.input[0].type.tensor_type.shape.dim[0].Clear()
    (relu,) = operations(imported(tmp_path, model))
    assert tensors.shape(relu.operands[0]) == (DYNAMIC_INDEX, *IMAGE)


def test_layers_of_one_name_are_told_apart(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="act"),
        helper.make_node("Relu", ["a"], ["b"], name="act"),
        helper.make_node("Relu", ["b"], ["c"], name="b"),
        helper.make_node("Relu", ["c"], ["act"]),
        helper.make_node("Relu", ["act"], ["y"]),
    ]
    names = [layer_name(op) for op in operations(imported(tmp_path, build_model(nodes)))]
    # The second `act` would be called after its output, but that is another layer's own name.
    assert names == ["act", "b_2", "b", "act_2", "y"]


def test_an_import_is_the_same_every_time(tmp_path: Path) -> None:
    first = str(imported(tmp_path, classifier_model()))
    assert str(imported(tmp_path, classifier_model())) == first


def branches() -> onnx.ModelProto:
    """Two branches behind a layer, one of which cannot be imported; two outputs."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["features"], name="stem"),
        helper.make_node("Relu", ["features"], ["scores"], name="scores_relu"),
        helper.make_node("MaxPool", ["features"], ["peaks"], name="pool", kernel_shape=[2, 2]),
        helper.make_node("Exp", ["features"], ["boxes"], name="decode"),
        helper.make_node("TopK", ["features", "k"], ["best", "indices"], name="top"),
    ]
    weights = {"w": random_weights(1, 3, 2, 3, 3), "k": np.array([2], np.int64)}
    return build_model(nodes, weights, outputs=["peaks", "scores"])


def test_several_outputs_are_returned_in_order(tmp_path: Path) -> None:
    path = save_model(tmp_path / "net.onnx", branches())
    assert_equals_onnxruntime(path)
    found = [op.name for op in operations(load_onnx(path))]
    assert found == ["graph.conv", "graph.relu", "graph.max_pool"]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (["features"], ["graph.conv"]),
        (["stem"], ["graph.conv"]),
        (["scores"], ["graph.conv", "graph.relu"]),
        (["scores_relu", "features"], ["graph.conv", "graph.relu"]),
        (["scores", "peaks", "scores"], ["graph.conv", "graph.relu", "graph.max_pool"]),
    ],
)
def test_a_network_ends_where_it_is_told_to(
    tmp_path: Path, outputs: list[str], expected: list[str]
) -> None:
    path = save_model(tmp_path / "net.onnx", branches())
    assert [op.name for op in operations(load_onnx(path, outputs))] == expected
    tensors_by_layer = {"stem": "features", "scores_relu": "scores"}
    names = [tensors_by_layer.get(name, name) for name in outputs]
    if len(set(names)) == len(names):
        assert_equals_onnxruntime(path, outputs=names)


@pytest.mark.parametrize(
    ("outputs", "message", "hint"),
    [
        (["scorse"], "expected a tensor or layer of the model as output, got `scorse`", "`scores`"),
        (["zzzzzz"], "expected a tensor or layer of the model as output, got `zzzzzz`", "Netron"),
        (["x"], "expected a computed output, got `x`, which is an input", "`--outputs`"),
        (["w"], "expected a computed output, got `w`, which is a constant", "`--outputs`"),
        (["top"], "expected a layer with one output, got `top` with `best`, `indices`", "tensor"),
        (["boxes"], "layer `decode`: op `Exp` is not supported", "end the network at `features`"),
        (["indices"], "layer `top`: op `TopK` is not supported", "`--outputs`"),
    ],
)
def test_an_end_that_does_not_exist_is_refused(
    tmp_path: Path, outputs: list[str], message: str, hint: str
) -> None:
    path = save_model(tmp_path / "net.onnx", branches())
    with pytest.raises(UserError, match=message) as refusal:
        load_onnx(path, outputs)
    assert hint in (refusal.value.hint or "")


@pytest.mark.parametrize(
    ("node", "got"),
    [
        (helper.make_node("Identity", ["x"], ["y"]), "the input"),
        (helper.make_node("Shape", ["x"], ["y"]), "a constant"),
    ],
)
def test_an_output_that_no_layer_computes_is_refused(
    tmp_path: Path, node: onnx.NodeProto, got: str
) -> None:
    with pytest.raises(UserError, match=f"expected a computed output, got `y`, which is {got}"):
        imported(tmp_path, build_model([node]))


def test_indices_of_a_pooling_may_be_there_unused(tmp_path: Path) -> None:
    model = pool_model(kernel_shape=[2, 2])
    model.graph.node[0].output.append("indices")
    assert [op.name for op in operations(imported(tmp_path, model))] == ["graph.max_pool"]


def test_indices_of_a_pooling_that_are_used_are_refused(tmp_path: Path) -> None:
    model = pool_model(kernel_shape=[2, 2])
    model.graph.node[0].output.append("indices")
    path = save_model(tmp_path / "net.onnx", model)
    with pytest.raises(UserError, match=r"layer `layer1`: expected the first output of `MaxPool`"):
        load_onnx(path, ["indices"])


def with_inputs(*inputs: tuple[str, tuple[int | str, ...]], **rest: Any) -> onnx.ModelProto:
    return build_model([helper.make_node("Relu", ["x"], ["y"])], inputs=inputs, **rest)


def test_an_input_that_is_not_needed_does_not_matter(tmp_path: Path) -> None:
    model = with_inputs(("x", ("n", *IMAGE)), ("z", ("n", 3)))
    assert [op.name for op in operations(imported(tmp_path, model))] == ["graph.relu"]


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    model = build_model(
        [helper.make_node("Add", ["x", "z"], ["y"])],
        inputs=[("x", ("n", *IMAGE)), ("z", ("n", *IMAGE))],
    )
    with pytest.raises(UserError, match="expected one input, got `x`, `z`"):
        imported(tmp_path, model)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (with_inputs(("x", ("n", 3, "height", 6))), "got dimension 2 `height`"),
        (with_inputs(("x", ("n", 3, 8, 0))), r"got dimension 3 `0`"),
        (with_inputs(("x", ("n", 72))), r"expected input `x` of shape NxCxHxW, got \?x72"),
        (
            with_inputs(("x", ("n", *IMAGE)), element=TensorProto.DOUBLE),
            "expected a FLOAT input `x`, got DOUBLE",
        ),
        (
            with_inputs(("x", ("n", *IMAGE)), element=TensorProto.FLOAT16),
            "expected a FLOAT input `x`, got FLOAT16",
        ),
    ],
)
def test_inputs_that_are_no_images_are_refused(
    tmp_path: Path, model: onnx.ModelProto, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        imported(tmp_path, model)


@pytest.mark.parametrize("opset", [1, 6, 22])
def test_another_opset_is_refused(tmp_path: Path, opset: int) -> None:
    with pytest.raises(UserError, match=rf"expected an opset in 7\.\.21, got {opset}"):
        imported(tmp_path, conv_model(opset=opset))


def test_an_opset_that_onnx_does_not_know_is_refused(tmp_path: Path) -> None:
    model = conv_model()
    model.opset_import[0].version = 999
    with pytest.raises(UserError, match=r"expected an opset in 7\.\.21, got 999"):
        imported(tmp_path, model)


def if_model() -> onnx.ModelProto:
    branch = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["inner"])], "branch", [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, ["n", *IMAGE])],
    )  # fmt: skip
    node = helper.make_node(
        "If", ["yes"], ["y"], name="layer1", then_branch=branch, else_branch=branch
    )
    return build_model([node], {"yes": np.array(True)})


QUANTIZATION = (np.array(0.5, np.float32), np.array(0, np.uint8))


@pytest.mark.parametrize(
    ("model", "op_type", "hint"),
    [
        (one_layer("QuantizeLinear", *QUANTIZATION), "QuantizeLinear", "give the float model"),
        (if_model(), "If", "without control flow"),
        (one_layer("SequenceConstruct"), "SequenceConstruct", "without control flow"),
        (one_layer("LeakyRelu"), "LeakyRelu", "train with Relu"),
        (one_layer("ConvTranspose", random_weights(0, 2, 3, 2, 2)), "ConvTranspose", "enlarge"),
        (one_layer("LogSoftmax"), "LogSoftmax", "end the network in front of it with `--outputs`"),
        (one_layer("Exp"), "Exp", "docs/reference/onnx.md lists"),
        (one_layer("InstanceNormalization", *[np.ones(2, np.float32)] * 2),
         "InstanceNormalization", "docs/reference/onnx.md"),
    ],
)  # fmt: skip
def test_an_op_that_is_not_supported_is_refused_by_name(
    tmp_path: Path, model: onnx.ModelProto, op_type: str, hint: str
) -> None:
    with pytest.raises(UserError, match=f"layer `layer1`: op `{op_type}` is not") as refusal:
        imported(tmp_path, model)
    assert hint in (refusal.value.hint or "")


def test_the_second_layer_is_named_if_it_is_at_fault(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="layer1"),
        helper.make_node("Conv", ["c", "v"], ["y"], name="layer2"),
    ]
    weights = {"w": random_weights(0, 3, 2, 3, 3), "v": random_weights(0, 3, 4, 3, 3)}
    with pytest.raises(UserError, match=r"layer `layer2`: .*channels"):
        imported(tmp_path, build_model(nodes, weights))


def test_an_op_of_another_domain_is_refused(tmp_path: Path) -> None:
    model = build_model([helper.make_node("Relu", ["x"], ["y"], name="layer1")])
    model.graph.node[0].domain = "com.acme"
    model.opset_import.append(helper.make_opsetid("com.acme", 1))
    with pytest.raises(UserError, match="layer `layer1`: op `Relu`"):
        imported(tmp_path, model)


@pytest.fixture
def model_in_two_files(tmp_path: Path) -> Path:
    """A model whose weights are in `net.bin`."""
    path = tmp_path / "net.onnx"
    onnx.save_model(  # pyright: ignore[reportUnknownMemberType]
        conv_model(), path, save_as_external_data=True, location="net.bin", size_threshold=0
    )
    return path


def test_weights_in_another_file_are_read(model_in_two_files: Path) -> None:
    assert_equals_onnxruntime(model_in_two_files)


def test_missing_weights_in_another_file_are_refused(model_in_two_files: Path) -> None:
    model_in_two_files.with_name("net.bin").unlink()
    with pytest.raises(UserError, match=r"net\.onnx: expected an ONNX model, .*net\.bin"):
        load_onnx(model_in_two_files)


def test_sparse_weights_are_refused(tmp_path: Path) -> None:
    model = conv_model()
    values = onnx.numpy_helper.from_array(np.ones(1, np.float32), "w")
    indices = onnx.numpy_helper.from_array(np.zeros(1, np.int64), "w_indices")
    del model.graph.initializer[:]
    sparse = helper.make_sparse_tensor(values, indices, [3, 2, 3, 3])
    model.graph.sparse_initializer.append(sparse)
    with pytest.raises(UserError, match="expected dense weights, got the sparse initializer `w`"):
        imported(tmp_path, model)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x08\x12"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"net\.onnx: expected an ONNX model, got a file that does"):
        load_onnx(tmp_path / "net.onnx")


def test_a_cut_off_model_is_refused(tmp_path: Path) -> None:
    path = save_model(tmp_path / "net.onnx", conv_model())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"net\.onnx: expected an ONNX model, got a file that does"):
        load_onnx(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected an ONNX model, got no such file"):
        load_onnx(tmp_path / "net.onnx")
    with pytest.raises(UserError, match=r"expected an ONNX model, got a folder"):
        load_onnx(tmp_path)


def test_float32_weights_are_not_copied(tmp_path: Path) -> None:
    (constant, *_) = (
        op for op in imported(tmp_path, conv_model()).walk() if isinstance(op, graph.ConstantOp)
    )
    array: npt.NDArray[np.float32] = constant.value.array
    while isinstance(array.base, np.ndarray):
        array = array.base
    assert isinstance(array.base, bytes)
