"""Float networks mean in PyTorch what they mean to the interpreters."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from xdsl.dialects.builtin import ModuleOp

from tf2c.errors import LayerError
from tf2c.interpreters import run_all
from tf2c.ir_files import new_context, parse_module
from tf2c.learning.torch_network import TorchNetwork
from tf2c.learning.torch_ops import tensor_of
from tf2c.testing import Network, networks

TOLERANCE = 1e-5
"""Relative to a network's largest result."""


def assert_same_results(module: ModuleOp, images: npt.NDArray[np.float32]) -> None:
    (expected,) = run_all(module, images)
    with torch.no_grad():
        found = TorchNetwork(module)(tensor_of(images)).numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * max(np.abs(expected).max(), 1e-30)


@settings(max_examples=40)
@given(networks())
def test_random_networks_have_the_interpreters_results(network: Network) -> None:
    assert_same_results(network.module, network.images)


OTHER_OPS = {
    "softmax": "graph.softmax %x axis 2 : (tensor<?x4x6x5xf32>) -> tensor<?x4x6x5xf32>",
    "average of real pixels": "graph.average_pool %x kernel [3, 2] strides [2, 1] "
    "pads [1, 0, 1, 1] : (tensor<?x4x6x5xf32>) -> tensor<?x4x3x5xf32>",
    "transpose": "layout.transpose %x [0, 3, 1, 2] : (tensor<?x4x6x5xf32>) -> tensor<?x5x4x6xf32>",
}


@pytest.mark.parametrize("text", OTHER_OPS.values(), ids=list(OTHER_OPS))
def test_ops_that_random_networks_lack(text: str) -> None:
    images = np.random.default_rng(0).normal(size=(2, 4, 6, 5)).astype(np.float32)
    assert_same_results(one_op(text), images)


def one_op(text: str, layer: str = "layer1") -> ModuleOp:
    result = text.rsplit(" ", 1)[-1]
    function = (
        f"func.func @main(%x: tensor<?x4x6x5xf32>) -> {result} {{\n"
        f'  %y = {text} loc("{layer}")\n  func.return %y : {result}\n}}'
    )
    return parse_module(function, "test", new_context())


def test_an_op_that_cannot_be_trained_is_refused_by_its_layer() -> None:
    module = one_op(
        "graph.lrn %x size 3 {alpha = 0.1 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : "
        "(tensor<?x4x6x5xf32>) -> tensor<?x4x6x5xf32>",
        layer="norm",
    )
    with pytest.raises(LayerError, match=r"layer `norm`: .* differentiated, got `graph.lrn`"):
        TorchNetwork(module)(torch.zeros(1, 4, 6, 5))
