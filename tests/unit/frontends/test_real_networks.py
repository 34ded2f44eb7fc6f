"""Whole networks with trained or random weights: our float interpreter against ONNX Runtime."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from random_networks import light_model
from unit.onnx_comparison import relative_errors
from unit.onnx_models import save_model
from xdsl.dialects.func import FuncOp

from tf2c.dialects.tensors import tensor_type
from tf2c.errors import UserError
from tf2c.frontends.onnx import load_onnx, survey_onnx

CHECKOUT = Path(__file__).parents[3]

TRAINED = Path(os.environ.get("TF2C_DATA", CHECKOUT.parent / "shared" / "data")) / "models"
"""Trained networks, which are too large for the checkout."""

TOLERANCE = 1e-4
"""Of the largest difference, relative to the largest result."""


def trained(name: str) -> Path:
    path = TRAINED / name
    if not path.is_file():
        pytest.skip(f"{path} is absent; the environment variable TF2C_DATA names its folder")
    return path


def images_for(path: Path, outputs: list[str], count: int) -> npt.NDArray[np.float32]:
    """Return noise in the shape of a network's input, with the spread of normalized images."""
    (function,) = (op for op in load_onnx(path, outputs).ops if isinstance(op, FuncOp))
    _, *extents = tensor_type(function.args[0]).get_shape()
    return np.random.default_rng(11).normal(size=(count, *extents)).astype(np.float32)


def assert_equal(path: Path, outputs: list[str], count: int = 2) -> None:
    images = images_for(path, outputs, count)
    assert max(relative_errors(path, images, outputs)) <= TOLERANCE


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("squeezenet1.1_onnxzoo/squeezenet1.1_onnxzoo.onnx", []),
        ("squeezenet1.1_caffe/squeezenet1.1_caffe.onnx", []),
        ("mobilenet_tflite/mobilenet_v1_0.25_128_quant_deq.onnx", []),
        ("mobilenet_tflite/mobilenet_v2_1.0_224_quant_deq.onnx", []),
        ("resnet_cifar_torch/resnet20_cifar10.onnx", []),
        ("mlperf_tiny_resnet8/pretrainedResnet.onnx", []),
        ("resnet50v2_trunk/resnet50v2_stage1to3.onnx", []),
        # Raw locations, with class scores behind and in front of the probabilities.
        ("ultraface_ssd/version-RFB-320.onnx", ["scores", "460"]),
        ("ultraface_ssd/version-RFB-320.onnx", ["459", "460"]),
        ("ultraface_ssd/ultraface_RFB-320_op13.onnx", ["scores", "460"]),
    ],
    ids=lambda value: Path(value).stem if isinstance(value, str) else " ".join(value),
)
def test_a_trained_network_equals_onnxruntime(name: str, outputs: list[str]) -> None:
    assert_equal(trained(name), outputs)


@pytest.mark.parametrize(
    "name", ["ultraface_ssd/version-RFB-320.onnx", "ultraface_ssd/ultraface_RFB-320_op13.onnx"]
)
def test_the_decoding_of_boxes_is_the_only_obstacle(name: str) -> None:
    survey = survey_onnx(trained(name))
    refused = {each.op_type for each in survey.findings if each.verdict == "refused"}
    assert survey.module is None
    assert refused <= {"Mul", "Add", "Sub", "Div", "Exp"}
    assert "Exp" in refused
    with pytest.raises(UserError, match=r"layer `.*`: "):
        load_onnx(trained(name))


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet"])
def test_a_network_with_prelu_is_refused_by_name(name: str) -> None:
    with pytest.raises(UserError, match=r"layer `.*`: op `PRelu` is not supported"):
        load_onnx(trained(f"mtcnn_caffe/{name}.onnx"))


@pytest.mark.parametrize(
    "name", ["squeezenet", "resnet50", "inception_v1", "inception_v2", "shufflenet"]
)
def test_a_network_with_random_weights_equals_onnxruntime(tmp_path: Path, name: str) -> None:
    model = light_model(name)
    path = save_model(tmp_path / f"{name}.onnx", model)
    last = model.graph.node[-1]
    # Probabilities of random networks are 0 or 1, so what is in front of them is compared, too.
    outputs = [last.output[0]] + ([last.input[0]] if last.op_type == "Softmax" else [])
    assert_equal(path, outputs, count=1)
