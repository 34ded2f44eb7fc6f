"""ONNX models as `graph`: what each op becomes, against onnxruntime."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from unit.onnx_models import (
    IMAGE,
    build_model,
    classifier_model,
    conv_model,
    gemm_model,
    pool_model,
    random_weights,
    save_model,
)
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation

from tf2c.dialects import graph, tensors
from tf2c.dialects.layers import layer_name
from tf2c.errors import UserError
from tf2c.frontends.onnx import load_onnx, readable
from tf2c.interpreters import run

TOLERANCE = 1e-5
"""Relative to the largest result: float sums may be in another order."""


def imported(tmp_path: Path, model: onnx.ModelProto) -> ModuleOp:
    return load_onnx(save_model(tmp_path / "net.onnx", model))


def operations(module: ModuleOp) -> list[Operation]:
    """The network's ops, without constants and the return."""
    (function,) = (op for op in module.ops if isinstance(op, FuncOp))
    return [op for op in function.body.block.ops if not isinstance(op, graph.ConstantOp | ReturnOp)]


def run_onnxruntime(path: Path, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    session: Any = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (name,) = (each.name for each in session.get_inputs())
    (result,) = session.run(None, {name: images})
    return cast(npt.NDArray[np.float32], result)


def assert_equals_onnxruntime(
    path: Path, extents: tuple[int, ...] = IMAGE, images: npt.NDArray[np.float32] | None = None
) -> None:
    images = random_weights(7, 3, *extents) if images is None else images
    expected = run_onnxruntime(path, images)
    found = run(load_onnx(path), images)
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


def batch_norm_model(**attributes: Any) -> onnx.ModelProto:
    node = helper.make_node(
        "BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], name="layer1", **attributes
    )
    weights = {name: random_weights(seed, 2) for seed, name in enumerate("sbm")}
    return build_model([node], weights | {"v": np.array([1e-4, 2e-3], np.float32)})


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (conv_model(), ["graph.conv"]),
        (gemm_model(random_weights(0, 72, 4)), ["graph.flatten", "graph.gemm"]),
        (pool_model(kernel_shape=[2, 2]), ["graph.max_pool"]),
        (batch_norm_model(), ["graph.batch_normalization"]),
        (build_model([helper.make_node("Relu", ["x"], ["y"])]), ["graph.relu"]),
        (build_model([helper.make_node("Add", ["x", "x"], ["y"])]), ["graph.add"]),
        (build_model([helper.make_node("Flatten", ["x"], ["y"])]), ["graph.flatten"]),
    ],
    ids=["Conv", "Gemm", "MaxPool", "BatchNormalization", "Relu", "Add", "Flatten"],
)
def test_each_op_is_imported(tmp_path: Path, model: onnx.ModelProto, expected: list[str]) -> None:
    assert [op.name for op in operations(imported(tmp_path, model))] == expected


def test_the_bundled_network_equals_onnxruntime(
    digits: Path, heldout_images: npt.NDArray[np.float32]
) -> None:
    assert_equals_onnxruntime(digits / "digits.onnx", images=heldout_images)


def test_a_whole_network_equals_onnxruntime(tmp_path: Path) -> None:
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", classifier_model()), (3, 11, 10))


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 2]},
        {"strides": [1, 3]},
        {"pads": [1, 1, 1, 1]},
        {"pads": [0, 1, 2, 0]},
        {"strides": [2, 1], "pads": [2, 0, 1, 2]},
        {"kernel_shape": [3, 3], "dilations": [1, 1], "group": 1, "auto_pad": "NOTSET"},
    ],
    ids=str,
)
def test_convolutions_equal_onnxruntime(tmp_path: Path, attributes: dict[str, Any]) -> None:
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", conv_model(**attributes)))


def test_an_oblong_kernel_equals_onnxruntime(tmp_path: Path) -> None:
    model = conv_model(random_weights(2, 4, 2, 1, 5), pads=[0, 2, 0, 1])
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model))


def test_a_convolution_with_bias_equals_onnxruntime(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"])
    weights = {"w": random_weights(1, 3, 2, 3, 3), "b": random_weights(2, 3)}
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", build_model([node], weights)))


@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2, 2]},
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 2], "strides": [1, 2], "pads": [2, 0, 1, 1]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 0},
    ],
    ids=str,
)
def test_poolings_equal_onnxruntime(tmp_path: Path, attributes: dict[str, Any]) -> None:
    path = save_model(tmp_path / "net.onnx", pool_model(**attributes))
    assert_equals_onnxruntime(path, images=random_weights(3, 3, *IMAGE) - 10)


@pytest.mark.parametrize(
    "attributes", [{}, {"epsilon": 0.5}, {"epsilon": 1e-5, "momentum": 0.1}], ids=str
)
def test_normalizations_equal_onnxruntime(tmp_path: Path, attributes: dict[str, Any]) -> None:
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", batch_norm_model(**attributes)))


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize(
    "attributes", [{}, {"alpha": 0.5}, {"beta": -3.0}, {"alpha": -2.0, "beta": 0.25}], ids=str
)
def test_fully_connected_layers_equal_onnxruntime(
    tmp_path: Path, transposed: int, attributes: dict[str, float]
) -> None:
    shape = (4, 72) if transposed else (72, 4)
    model = gemm_model(
        random_weights(1, *shape), random_weights(2, 4), transB=transposed, **attributes
    )
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model))


@pytest.mark.parametrize("shape", [(1,), (4,), (1, 4), (1, 1)], ids=str)
def test_a_bias_that_broadcasts_equals_onnxruntime(tmp_path: Path, shape: tuple[int, ...]) -> None:
    model = gemm_model(random_weights(1, 72, 4), random_weights(2, *shape))
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model))


def test_a_fully_connected_layer_without_bias_equals_onnxruntime(tmp_path: Path) -> None:
    model = gemm_model(random_weights(1, 72, 4))
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model))


@pytest.mark.parametrize("opset", [7, 8, 11, 13, 17, 21])
def test_a_convolution_of_any_supported_opset_is_imported(tmp_path: Path, opset: int) -> None:
    module = imported(tmp_path, conv_model(opset=opset))
    assert [op.name for op in operations(module)] == ["graph.conv"]


def test_missing_strides_and_pads_have_onnx_defaults(tmp_path: Path) -> None:
    (conv,) = operations(imported(tmp_path, conv_model()))
    assert isinstance(conv, graph.ConvOp)
    assert conv.strides.get_values() == (1, 1)
    assert conv.pads.get_values() == (0, 0, 0, 0)


def test_missing_strides_of_a_pooling_are_one(tmp_path: Path) -> None:
    (pool,) = operations(imported(tmp_path, pool_model(kernel_shape=[2, 2])))
    assert isinstance(pool, graph.MaxPoolOp)
    assert pool.strides.get_values() == (1, 1)


def test_a_missing_epsilon_is_onnx_default(tmp_path: Path) -> None:
    (norm,) = operations(imported(tmp_path, batch_norm_model()))
    assert isinstance(norm, graph.BatchNormalizationOp)
    assert norm.epsilon.value.data == np.float32(1e-5)


def test_alpha_and_beta_are_folded_into_the_weights(tmp_path: Path) -> None:
    weight, bias = random_weights(1, 72, 4), random_weights(2, 4)
    module = imported(tmp_path, gemm_model(weight, bias, alpha=0.5, beta=4.0))
    *_, gemm = operations(module)
    constants = [each.owner for each in gemm.operands[1:]]
    arrays = [each.value.array for each in constants if isinstance(each, graph.ConstantOp)]
    np.testing.assert_array_equal(arrays[0], weight.T * np.float32(0.5))
    np.testing.assert_array_equal(arrays[1], bias * np.float32(4))


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


@pytest.mark.parametrize("kind", ["f2", "f8"])
def test_weights_of_other_precision_become_single(tmp_path: Path, kind: str) -> None:
    model = conv_model(random_weights(1, 3, 2, 3, 3).astype(kind))
    module = imported(tmp_path, model)
    constants = [op for op in module.walk() if isinstance(op, graph.ConstantOp)]
    assert [op.value.array.dtype for op in constants] == [np.dtype("f4")]


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


def test_the_batch_is_always_dynamic(tmp_path: Path) -> None:
    model = build_model([helper.make_node("Relu", ["x"], ["y"])], inputs=[("x", (1, *IMAGE))])
    (relu,) = operations(imported(tmp_path, model))
    assert tensors.shape(relu.operands[0]) == (DYNAMIC_INDEX, *IMAGE)


def test_an_import_is_the_same_every_time(tmp_path: Path) -> None:
    first = str(imported(tmp_path, classifier_model()))
    assert str(imported(tmp_path, classifier_model())) == first


def two_convolutions() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="layer1"),
        helper.make_node("Conv", ["c", "v"], ["y"], name="layer2"),
    ]
    return build_model(
        nodes, {"w": random_weights(0, 3, 2, 3, 3), "v": random_weights(0, 3, 4, 3, 3)}
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (conv_model(random_weights(0, 3, 2, 7, 7)), "layer `layer1`: .*7x7"),
        (conv_model(random_weights(0, 3, 5, 3, 3)), "layer `layer1`: .*channels"),
        (conv_model(strides=[0, 1]), "layer `layer1`: .*strides"),
        (conv_model(pads=[-1, 0, 0, 0]), "layer `layer1`: .*pads"),
        (conv_model(kernel_shape=[5, 5]), "layer `layer1`: .*kernel_shape"),
        (conv_model(random_weights(0, 3, 2, 3)), "layer `layer1`: .*rank 4"),
        (pool_model(kernel_shape=[7, 7]), "layer `layer1`: .*7x7"),
        (pool_model(kernel_shape=[2, 2], pads=[2, 0, 0, 0]), "layer `layer1`: .*pads"),
        (pool_model(kernel_shape=[2]), "layer `layer1`: .*1-d"),
        (gemm_model(random_weights(0, 4, 3)), "layer `layer1`: .*inputs"),
        (two_convolutions(), "layer `layer2`: .*channels"),
        (
            build_model(
                [helper.make_node("Add", ["x", "w"], ["y"], name="layer1")],
                {"w": random_weights(0, *IMAGE)},
            ),
            "layer `layer1`: expected a computed tensor as input 1, got the constant `w`",
        ),
        (
            build_model(
                [helper.make_node("Conv", ["x", "x"], ["y"], name="layer1")],
            ),
            "layer `layer1`: expected a constant as input 1, got the computed tensor `x`",
        ),
        (
            build_model(
                [helper.make_node("MaxPool", ["x"], ["y", "i"], name="layer1", kernel_shape=[2, 2])]
            ),
            "layer `layer1`: expected one output of `MaxPool`",
        ),
    ],
    ids=[
        "kernel larger than the image",
        "weight for other channels",
        "stride zero",
        "negative pad",
        "kernel_shape contradicts the weight",
        "1-d convolution",
        "pooling larger than the image",
        "window of padding",
        "1-d pooling",
        "matrix for other inputs",
        "second layer",
        "constant operand",
        "computed weight",
        "two results",
    ],
)
def test_a_layer_that_cannot_be_imported_is_refused_by_name(
    tmp_path: Path, model: onnx.ModelProto, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        imported(tmp_path, model)


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
    with pytest.raises(UserError, match=r"net\.onnx: "):
        load_onnx(model_in_two_files)
