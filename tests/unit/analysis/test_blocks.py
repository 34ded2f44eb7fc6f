"""Networks divided into blocks: nothing is lost, and borders are where one tensor is read."""

import pytest
from hypothesis import given
from xdsl.dialects.func import ReturnOp
from xdsl.ir import SSAValue

from tf2c.analysis.blocks import divided
from tf2c.analysis.constants import ConstantOp
from tf2c.choices import DEFAULT_ENGINE, Choices, stage_passes
from tf2c.dialects import graph
from tf2c.dialects.layers import layer_name
from tf2c.ir_files import new_context, parse_module
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline
from tf2c.passes.rewriting import network_function
from tf2c.testing import Network, networks

RESIDUAL = """
func.func @main(%x: tensor<?x2x4x4xf32>) -> tensor<?x2x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [1, 2, 3, 4]> : tensor<2x2x1x1xf32>
  %a = graph.conv %x, %w then relu : tensor<?x2x4x4xf32>, tensor<2x2x1x1xf32>
    -> tensor<?x2x4x4xf32> loc("stem")
  %b = graph.conv %a, %w then relu : tensor<?x2x4x4xf32>, tensor<2x2x1x1xf32>
    -> tensor<?x2x4x4xf32> loc("first")
  %c = graph.conv %b, %w residual %a : tensor<?x2x4x4xf32> : tensor<?x2x4x4xf32>,
    tensor<2x2x1x1xf32> -> tensor<?x2x4x4xf32> loc("second")
  %d = graph.average_pool %c kernel [4, 4] : (tensor<?x2x4x4xf32>) -> tensor<?x2x1x1xf32>
    loc("mean")
  %e = graph.conv %d, %w : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
    loc("last")
  func.return %e : tensor<?x2x1x1xf32>
}
"""


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (1, [["stem"], ["first"], ["second", "mean"], ["last"]]),
        (2, [["stem"], ["first", "second", "mean"], ["last"]]),
        (3, [["stem", "first", "second", "mean"], ["last"]]),
        (4, [["stem", "first", "second", "mean", "last"]]),
    ],
)
def test_a_residual_block_stays_together_where_it_may(
    layers: int, expected: list[list[str]]
) -> None:
    module = parse_module(RESIDUAL, "residual", new_context())
    blocks = divided(network_function(module), layers)
    assert [[layer_name(op) for op in block.ops] for block in blocks] == expected


@pytest.mark.parametrize("layers", [1, 3])
@given(network=networks())
def test_every_op_is_in_one_block_and_every_tensor_that_is_read_elsewhere_is_an_output(
    layers: int, network: Network
) -> None:
    clone = network.clone()
    PassPipeline(stage_passes(STAGES[0], DEFAULT_ENGINE, Choices())).run(clone.module)
    function = network_function(clone.module)
    ops = [op for op in function.body.block.ops if not isinstance(op, ConstantOp | ReturnOp)]
    blocks = divided(function, layers)
    assert [op for block in blocks for op in block.ops] == ops
    known: set[SSAValue] = {function.args[0]}
    for block in blocks:
        assert len(block.layers) <= layers
        assert known.issuperset(block.inputs)
        assert any(isinstance(op, graph.LayerOp) for op in block.ops) or block is blocks[0]
        known.update(block.outputs)
    returned = [
        value for op in function.body.block.ops if isinstance(op, ReturnOp) for value in op.operands
    ]
    assert known.issuperset(returned)
