"""Importances: estimated from random directions, beside derivatives that are known."""

import numpy as np
import pytest

from tf2c.ir_files import new_context, parse_module
from tf2c.passes.rewriting import network_function

pytest.importorskip("torch", reason="PyTorch is not installed (`pip install 'tf2c[torch]'`)")
from tf2c.learning.importance import result_importances

LINEAR = """
func.func @main(%x: tensor<?x3x2x1xf32>) -> tensor<?x2x2x1xf32> {
  %i = graph.constant <3x3x1x1xf32, [1, 0, 0, 0, 1, 0, 0, 0, 1]> : tensor<3x3x1x1xf32>
  %w = graph.constant <2x3x1x1xf32, [1, 2, 0, -1, 2, 4]> : tensor<2x3x1x1xf32>
  %a = graph.conv %x, %i : tensor<?x3x2x1xf32>, tensor<3x3x1x1xf32> -> tensor<?x3x2x1xf32>
  %y = graph.conv %a, %w : tensor<?x3x2x1xf32>, tensor<2x3x1x1xf32> -> tensor<?x2x2x1xf32>
  func.return %y : tensor<?x2x2x1xf32>
}
"""


def test_importances_are_squared_derivatives_of_the_centered_results() -> None:
    function = network_function(parse_module(LINEAR, "linear", new_context()))
    convolutions = [op for op in function.body.block.ops if op.name == "graph.conv"]
    tensor = convolutions[0].results[0]
    images = [np.random.default_rng(0).normal(size=(4, 3, 2, 1)).astype(np.float32)]
    importance = result_importances(function, images, [tensor], directions=4000, seed=0)[tensor]
    # The mean of the four results (two filters, two pixels) does not count.
    weights = np.array([[1, 2, 0], [-1, 2, 4]], float)
    jacobian = np.kron(weights, np.eye(2))
    centered = jacobian - jacobian.mean(axis=0)
    expected = np.square(centered).sum(axis=0).reshape(3, 2).mean(axis=1)
    np.testing.assert_allclose(importance.channels, expected / expected.mean(), rtol=0.05)
    np.testing.assert_allclose(importance.pixels, np.ones((4, 2, 1)), rtol=0.1)


def test_a_result_of_one_number_has_no_importances() -> None:
    text = LINEAR.replace("2x3x1x1xf32, [1, 2, 0, -1, 2, 4]", "1x3x1x1xf32, [1, 2, 0]")
    text = text.replace("tensor<2x3x1x1xf32>", "tensor<1x3x1x1xf32>")
    text = text.replace("?x2x2x1xf32", "?x1x2x1xf32").replace("?x3x2x1", "?x3x1x1")
    text = text.replace("?x1x2x1", "?x1x1x1")
    function = network_function(parse_module(text, "single", new_context()))
    tensor = next(op for op in function.body.block.ops if op.name == "graph.conv").results[0]
    images = [np.ones((2, 3, 1, 1), np.float32)]
    importance = result_importances(function, images, [tensor], directions=1, seed=0)[tensor]
    np.testing.assert_array_equal(importance.channels, np.ones(3))
