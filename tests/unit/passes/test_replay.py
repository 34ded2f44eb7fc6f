"""Replaying a network with another layer gives what running it anew does."""

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from tf2c.analysis.constants import constant_array
from tf2c.dialects import int8
from tf2c.interpreters import run_all
from tf2c.ir_files import new_context, parse_module
from tf2c.passes.check import real_results
from tf2c.passes.replay import Replay
from tf2c.passes.rewriting import network_function

RESIDUAL = """
func.func @main(%x: tensor<?x1x2x2xf32>) -> tensor<?x1x2x2xi8, #int8.pow2<0>> {{
  %q = int8.quantize %x : tensor<?x1x2x2xf32> -> tensor<?x1x2x2xi8, #int8.pow2<0>>
  %w = int8.constant <1x1x1x1xi8, [{weight}]> : tensor<1x1x1x1xi8, #int8.pow2<0>>
  %v = int8.constant <1x1x1x1xi8, [2]> : tensor<1x1x1x1xi8, #int8.pow2<0>>
  %b = int8.constant <1xi32, [1]> : tensor<1xi32, #int8.pow2<0>>
  %a = int8.conv %q, %w, %b : tensor<?x1x2x2xi8, #int8.pow2<0>>,
    tensor<1x1x1x1xi8, #int8.pow2<0>>, tensor<1xi32, #int8.pow2<0>>
    -> tensor<?x1x2x2xi32, #int8.pow2<0>>
  %r = int8.requantize %a shift [0] bounds [-128, 127]
    : tensor<?x1x2x2xi32, #int8.pow2<0>> -> tensor<?x1x2x2xi8, #int8.pow2<0>>
  %c = int8.conv %q, %v, %b : tensor<?x1x2x2xi8, #int8.pow2<0>>,
    tensor<1x1x1x1xi8, #int8.pow2<0>>, tensor<1xi32, #int8.pow2<0>>
    -> tensor<?x1x2x2xi32, #int8.pow2<0>>
  %y = int8.requantize %c residual %r : tensor<?x1x2x2xi8, #int8.pow2<0>> shift [0]
    bounds [-128, 127]
    : tensor<?x1x2x2xi32, #int8.pow2<0>> -> tensor<?x1x2x2xi8, #int8.pow2<0>>
  func.return %y : tensor<?x1x2x2xi8, #int8.pow2<0>>
}}
"""


def residual_network(weight: int) -> ModuleOp:
    """Two layers of one input, the first with a given weight; their sum is the result."""
    return parse_module(RESIDUAL.format(weight=weight), "residual", new_context())


def test_sums_that_were_not_kept_are_computed_again_if_their_residual_changes() -> None:
    module = residual_network(3)
    images = np.arange(-6, 6, dtype=np.float32).reshape(3, 1, 2, 2)
    first = next(op for op in network_function(module).body.block.ops if op.name == "int8.conv")
    assert isinstance(first, int8.ConvOp)
    assert constant_array(first.weight).item() == 3
    (found,) = Replay(module, images).results_with(
        {first.weight: np.full((1, 1, 1, 1), 5, np.int8)}
    )
    other = residual_network(5)
    (expected,) = real_results(other, run_all(other, images))
    np.testing.assert_array_equal(found, expected)
    assert (found != real_results(module, run_all(module, images))[0]).any()
