"""Layers with weights and normalizations, against ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper
from unit.onnx_comparison import assert_equals_onnxruntime, operations
from unit.onnx_models import (
    build_model,
    conv_model,
    gemm_model,
    one_layer,
    random_weights,
    save_model,
)
from xdsl.dialects.builtin import ModuleOp

from tf2c.dialects import graph
from tf2c.errors import UserError
from tf2c.frontends.onnx import load_onnx


def imported(tmp_path: Path, model: onnx.ModelProto) -> ModuleOp:
    return load_onnx(save_model(tmp_path / "net.onnx", model))


def batch_norm_model(opset: int = 17, **attributes: Any) -> onnx.ModelProto:
    constants = [random_weights(seed, 2) for seed in range(3)]
    variance = np.array([1e-4, 2e-3], np.float32)
    return one_layer("BatchNormalization", *constants, variance, opset=opset, **attributes)


@pytest.mark.parametrize(
    "attributes", [{}, {"epsilon": 0.5}, {"epsilon": 1e-5, "momentum": 0.1}], ids=str
)
@pytest.mark.parametrize("opset", [7, 9, 14, 15])
def test_normalizations_equal_onnxruntime(
    tmp_path: Path, opset: int, attributes: dict[str, Any]
) -> None:
    model = batch_norm_model(opset, **attributes)
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model))


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


@pytest.mark.parametrize("shape", [(), (1,), (4,), (1, 4), (1, 1)], ids=str)
def test_a_bias_that_broadcasts_equals_onnxruntime(tmp_path: Path, shape: tuple[int, ...]) -> None:
    bias = np.asarray(random_weights(2, *shape))
    model = gemm_model(random_weights(1, 72, 4), bias)
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model))


def test_a_fully_connected_layer_without_bias_equals_onnxruntime(tmp_path: Path) -> None:
    model = gemm_model(random_weights(1, 72, 4))
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model))


def matmul_model(*, swapped: bool = False) -> onnx.ModelProto:
    operands = ["w", "rows"] if swapped else ["rows", "w"]
    nodes = [
        helper.make_node("Flatten", ["x"], ["rows"]),
        helper.make_node("MatMul", operands, ["product"], name="layer1"),
        helper.make_node("Add", ["product", "b"], ["y"]),
    ]
    return build_model(nodes, {"w": random_weights(1, 72, 4), "b": random_weights(2, 4)})


def test_a_product_and_a_bias_equal_onnxruntime(tmp_path: Path) -> None:
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", matmul_model()))


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("attributes", [{}, {"alpha": 0.5, "beta": 0.6, "bias": 2.0}], ids=str)
def test_response_normalizations_equal_onnxruntime(
    tmp_path: Path, size: int, attributes: dict[str, Any]
) -> None:
    model = one_layer("LRN", extents=(6, 4, 4), size=size, **attributes)
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", model), (6, 4, 4))


def test_a_missing_epsilon_is_onnx_default(tmp_path: Path) -> None:
    (norm,) = operations(imported(tmp_path, batch_norm_model()))
    assert isinstance(norm, graph.BatchNormalizationOp)
    assert norm.epsilon.value.data == np.float32(1e-5)


def test_alpha_and_beta_are_folded_into_the_weights(tmp_path: Path) -> None:
    weight, bias = random_weights(1, 72, 4), random_weights(2, 4)
    module = imported(tmp_path, gemm_model(weight, bias, alpha=0.5, beta=4.0))
    *_, layer = operations(module)
    constants = [each.owner for each in layer.operands[1:]]
    arrays = [each.value.array for each in constants if isinstance(each, graph.ConstantOp)]
    np.testing.assert_array_equal(arrays[0], weight.T * np.float32(0.5))
    np.testing.assert_array_equal(arrays[1], bias * np.float32(4))


@pytest.mark.parametrize("kind", ["f2", "f8"])
def test_weights_of_other_precision_become_single(tmp_path: Path, kind: str) -> None:
    model = conv_model(random_weights(1, 3, 2, 3, 3).astype(kind))
    module = imported(tmp_path, model)
    constants = [op for op in module.walk() if isinstance(op, graph.ConstantOp)]
    assert [op.value.array.dtype for op in constants] == [np.dtype("f4")]


def test_one_filter_of_zeros_is_a_weight_like_others(tmp_path: Path) -> None:
    weight = random_weights(1, 3, 2, 3, 3)
    weight[1] = 0
    assert_equals_onnxruntime(save_model(tmp_path / "net.onnx", conv_model(weight)))


def spoiled(value: float) -> npt.NDArray[np.float32]:
    weight = random_weights(1, 3, 2, 3, 3)
    weight[1, 0, 2, 2] = value
    return weight


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (conv_model(spoiled(np.nan)), "expected finite weights in `w`, got NaN or infinity"),
        (conv_model(spoiled(-np.inf)), "expected finite weights in `w`"),
        (conv_model(np.full((3, 2, 3, 3), 1e300)), "expected finite weights in `w`"),
        (conv_model(np.zeros((3, 2, 3, 3), np.float32)), "expected weights in `w`, got only zeros"),
        (gemm_model(np.zeros((72, 4), np.float32)), "expected weights in `w`, got only zeros"),
        (conv_model(np.zeros((0, 2, 3, 3), np.float32)), "expected `w` of rank 4 and not empty"),
        (conv_model(np.ones((3, 2, 3, 3), np.int64)), "expected float weights in `w`, got int64"),
        (gemm_model(random_weights(0, 4, 3)), "inputs"),
        (gemm_model(random_weights(0, 72, 3), transA=1), "expected `transA` 0 of `Gemm`, got 1"),
        (gemm_model(random_weights(0, 72, 3), random_weights(0, 4)), "a bias of 3 elements, got 4"),
        (
            gemm_model(random_weights(0, 72, 3), random_weights(0, 3, 1)),
            "a bias of 3 elements, got 3x1",
        ),
        (one_layer("MatMul", random_weights(0, 6, 3)), r"expected one row per image, got \?x2x6x6"),
        (matmul_model(swapped=True), "expected a computed tensor as input 0, got the constant `w`"),
        (
            build_model([helper.make_node("Conv", ["x", "x"], ["y"], name="layer1")]),
            "expected a constant as input 1, got the computed tensor `x`",
        ),
        (batch_norm_model(7, spatial=0), "expected `spatial` 1"),
        (batch_norm_model(15, training_mode=1), "got training mode"),
        (
            one_layer("BatchNormalization", *[np.full(2, -1, np.float32)] * 4),
            "expected positive variances, got -1",
        ),
        (batch_norm_model(epsilon=float("nan")), "expected a number as `epsilon`, got NaN"),
        (one_layer("LRN", size=0), "expected `size` >= 1, got 0"),
    ],
)
def test_layers_that_cannot_be_imported_are_refused(
    tmp_path: Path, model: onnx.ModelProto, message: str
) -> None:
    with pytest.raises(UserError, match=f"layer `layer1`: .*{message}"):
        imported(tmp_path, model)


def test_a_normalization_with_statistics_as_outputs_is_refused(tmp_path: Path) -> None:
    model = batch_norm_model(9)
    model.graph.node[0].output.extend(["mean", "var", "saved_mean", "saved_var"])
    with pytest.raises(UserError, match="got training mode"):
        imported(tmp_path, model)
