"""Executors on real networks: the same integers in every tensor, mostly by their own engine."""

from pathlib import Path

import numpy as np
import pytest
from random_networks import light_model

import tf2c
from tf2c.dialects import tensors
from tf2c.executors import ENGINES, open_executor
from tf2c.interpreters import run_all
from tf2c.ir_files import read_module
from tf2c.passes.rewriting import network_input

TRAINED = {
    "SqueezeNet 1.1": "squeezenet1.1_onnxzoo/squeezenet1.1_onnxzoo.onnx",
    "MobileNet-v2": "mobilenet_tflite/mobilenet_v2_1.0_224_quant_deq.onnx",
    "ResNet-20": "resnet_cifar_torch/resnet20_cifar10.onnx",
}
RANDOM = {"ResNet-50": "resnet50", "GoogLeNet": "inception_v1"}


def compiled(name: str, request: pytest.FixtureRequest, folder: Path) -> Path:
    """Compile a network to `shift`; return the IR's file."""
    if name in RANDOM:
        model = folder / "net.onnx"
        model.write_bytes(light_model(RANDOM[name]).SerializeToString())
    else:
        networks: Path = request.getfixturevalue("real_networks")
        model = networks / TRAINED[name]
    artifact = tf2c.compile(
        model,
        method="nearest",
        calib="random:2",
        weights="shift2",
        to="shift",
        leave_out=["lrn"],
        output=folder / "net.tf2c",
    )
    return artifact.path / "ir" / "shift.mlir"


@pytest.mark.parametrize("name", [*TRAINED, *RANDOM])
def test_every_tensor_of_a_real_network_is_the_same(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    module = read_module(compiled(name, request, tmp_path))
    extents = tensors.extents(network_input(module))
    images = np.random.default_rng(1).normal(size=(3, *extents)).astype(np.float32)
    expected = run_all(module, images)
    for engine in ENGINES:
        # Opening compares every tensor with the interpreter's.
        executor = open_executor(engine, module, batch=2)
        for found, right in zip(executor.run(images), expected, strict=True):
            np.testing.assert_array_equal(found, right, strict=True)
        layers = [each for each in executor.assignments if "conv" in each.op]
        left = [each.reason for each in layers if each.executor != engine]
        # What is left to NumPy must not be much, or the comparison shows little.
        assert len([reason for reason in left if "residual" not in reason]) < len(layers) / 2
