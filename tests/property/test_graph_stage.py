"""Stage `graph` leaves alone what it has left: retrained weights stay what they are."""

from hypothesis import given, settings

from tf2c.choices import DEFAULT_ENGINE, stage_passes
from tf2c.ir_files import print_module
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline
from tf2c.testing import Network, networks


@settings(max_examples=30)
@given(networks())
def test_the_passes_of_the_graph_stage_change_nothing_twice(network: Network) -> None:
    module = network.clone().module
    pipeline = PassPipeline(stage_passes(STAGES[0], DEFAULT_ENGINE))
    pipeline.run(module)
    once = print_module(module)
    pipeline.run(module)
    assert print_module(module) == once
