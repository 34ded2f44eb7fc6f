"""Constants become parameters or buffers, and go back into the IR."""

from pathlib import Path

import numpy as np
import pytest
import torch
from unit.learning.small_network import small_network, write_model

import tf2c
from tf2c.errors import UserError
from tf2c.interpreters import run
from tf2c.ir_files import new_context, parse_module, print_module
from tf2c.learning.torch_network import TorchNetwork
from tf2c.learning.torch_ops import tensor_of

SHARED_WEIGHTS = """
func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = graph.constant <2x2xf32, [1, 2, 3, 4]> : tensor<2x2xf32>
  %y = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32> loc("first")
  %z = graph.gemm %y, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32> loc("second")
  func.return %z : tensor<?x2xf32>
}
"""

COMPUTED_WEIGHTS = """
func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = graph.constant <2x2xf32, [1, 2, 3, 4]> : tensor<2x2xf32>
  %v = graph.softmax %w axis 1 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = graph.gemm %x, %v : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32> loc("first")
  func.return %y : tensor<?x2xf32>
}
"""

TWO_RESULTS = """
func.func @main(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  func.return %x, %x : tensor<?x2xf32>, tensor<?x2xf32>
}
"""


def test_layers_have_their_names_and_weights(tmp_path: Path) -> None:
    network = TorchNetwork(small_network(tmp_path))
    shapes = [(each.layer, tuple(each.weight.shape)) for each in network.layers]
    assert shapes == [("conv", (4, 1, 3, 3)), ("scores", (3, 64))]
    assert sorted(each.ndim for each in network.parameters()) == [1, 2, 4]
    assert (network.extents, network.classes) == ((1, 6, 6), 3)


def test_statistics_of_batch_normalizations_are_no_parameters(digits: Path) -> None:
    network = TorchNetwork(tf2c.load_onnx(digits / "digits.onnx"))
    assert len(network.layers) == 4
    assert len(list(network.buffers())) == 8  # four of each of two normalizations


def test_the_ir_changes_in_write_back_only(tmp_path: Path) -> None:
    module = small_network(tmp_path)
    network = TorchNetwork(module)
    text = print_module(module)
    with torch.no_grad():
        for each in network.parameters():
            each.add_(1)
    assert print_module(module) == text
    network.write_back()
    module.verify()
    images = np.random.default_rng(0).normal(size=(2, 1, 6, 6)).astype(np.float32)
    with torch.no_grad():
        expected = network(tensor_of(images)).numpy()
    np.testing.assert_allclose(run(module, images), expected, rtol=1e-5)
    with torch.no_grad():
        network.layers[0].weight.add_(1)  # what was written is no view
    np.testing.assert_allclose(run(module, images), expected, rtol=1e-5)


def test_the_original_has_the_weights_of_the_ir(tmp_path: Path) -> None:
    network = TorchNetwork(small_network(tmp_path))
    before = network.layers[0].weight.detach().clone()
    with torch.no_grad():
        network.layers[0].weight.add_(1)
    assert torch.equal(network.original().layers[0].weight, before)


def test_shared_weights_are_one_parameter_named_after_the_first_layer() -> None:
    network = TorchNetwork(parse_module(SHARED_WEIGHTS, "test", new_context()))
    assert [each.layer for each in network.layers] == ["first"]
    assert len(list(network.parameters())) == 1
    found = network(torch.tensor([[1.0, 1.0]]))
    assert found.tolist() == [[17.0, 37.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (COMPUTED_WEIGHTS, "layer `first`: expected constant weights"),
        (TWO_RESULTS, "expected a network with one input and one result to train, got 1 and 2"),
        (
            "builtin.module {}",
            "expected a network with one input and one result to train, got no function",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        TorchNetwork(parse_module(text, "test", new_context()))


def test_the_digest_tells_networks_apart(tmp_path: Path) -> None:
    one, same, other = (TorchNetwork(small_network(tmp_path, seed)) for seed in (0, 0, 1))
    assert one.digest == same.digest != other.digest
    assert write_model(tmp_path / "x.onnx").exists()
