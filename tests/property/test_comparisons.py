"""Random networks beside themselves: what comparing stages and executors finds."""

import pytest
from hypothesis import HealthCheck, given, settings
from xdsl.dialects.builtin import ModuleOp

from tf2c.analysis.layer_tensors import INPUT, layer_tensors, matching_layers
from tf2c.bisection import compare, first_difference
from tf2c.capture import INTERPRETER, RUNNERS, Runner
from tf2c.choices import DEFAULT_ENGINE, Choices, stage_passes
from tf2c.errors import UserError
from tf2c.image_source import ArrayImages
from tf2c.ir_files import new_context
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline
from tf2c.passes.rewriting import network_function
from tf2c.testing import Network, networks

PROFILE = settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def all_stages(network: Network) -> dict[str, ModuleOp]:
    """Return the stages of a network, as far as the engine takes it."""
    context = new_context()
    context.calibration = ArrayImages(network.images)
    module = network.module.clone()
    found: dict[str, ModuleOp] = {}
    for stage in STAGES:
        try:
            PassPipeline(stage_passes(stage, DEFAULT_ENGINE, Choices(method="nearest"))).run(
                module, context=context
            )
        except UserError:
            break
        found[stage.name] = module.clone()
    return found


@given(networks())
@PROFILE
def test_a_network_is_identical_with_itself(network: Network) -> None:
    images = ArrayImages(network.images)
    for module in all_stages(network).values():
        layers = compare(Runner(module), Runner(module.clone()), images)
        assert first_difference(layers) is None
        # Every layer, and the result.
        assert len(layers) == len(layer_tensors(network_function(module))) + 1


@given(networks())
@PROFILE
def test_layers_match_between_float_and_integers_by_name(network: Network) -> None:
    modules = all_stages(network)
    sides = [
        layer_tensors(network_function(modules[name]))
        for name in ("graph", "int8", "shift")
        if name in modules
    ]
    for other in sides[1:]:
        assert [one.layer for one, _ in matching_layers(sides[0], other)] == list(sides[0])
        assert all(one.layer == two.layer for one, two in matching_layers(sides[0], other))


@given(networks())
@PROFILE
def test_nothing_differs_between_shift_and_dataflow(network: Network) -> None:
    modules = all_stages(network)
    if "dataflow" in modules:
        one, other = Runner(modules["shift"]), Runner(modules["dataflow"])
        layers = compare(one, other, ArrayImages(network.images))
        assert first_difference(layers) is None
        assert layers[0].layer == INPUT


@pytest.mark.parametrize("runner", [each for each in RUNNERS if each != INTERPRETER])
@given(network=networks())
@settings(PROFILE, max_examples=15)
def test_executors_leave_the_interpreters_integers(runner: str, network: Network) -> None:
    pytest.importorskip({"numpy": "numpy"}.get(runner, runner))
    for name, module in all_stages(network).items():
        if name in ("int8", "shift"):
            images = ArrayImages(network.images)
            layers = compare(Runner(module), Runner(module, runner), images)
            assert first_difference(layers) is None
