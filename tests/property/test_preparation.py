"""Random networks whose channels are equalized and whose biases are absorbed compute the same."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from xdsl.passes import ModulePass

from tf2c.choices import DEFAULT_ENGINE, Choices, stage_passes
from tf2c.dialects import graph
from tf2c.image_source import ArrayImages
from tf2c.interpreters import run
from tf2c.ir_files import new_context
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline
from tf2c.passes.prepare.absorb_biases import AbsorbBiasesPass
from tf2c.passes.prepare.equalize_channels import EqualizeChannelsPass
from tf2c.passes.rewriting import network_function
from tf2c.testing import Network, networks

PROFILE = settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

TOLERANCE = 1e-4
"""Relative to the largest result: weights are scaled and unscaled in float32."""

Bounds = set[tuple[float, float]]


def prepared(network: Network, *passes: ModulePass) -> tuple[npt.NDArray[np.float32], Bounds]:
    """Return the results after stage graph and some passes, and the bounds of all activations."""
    clone = network.clone()
    context = new_context()
    context.calibration = ArrayImages(network.images)
    before = stage_passes(STAGES[0], DEFAULT_ENGINE, Choices())
    PassPipeline([*before, *passes]).run(clone.module, context=context)
    bounds = {
        (op.activation.data.lower, op.activation.data.upper)
        for op in network_function(clone.module).body.block.ops
        if isinstance(op, graph.LayerOp)
    }
    return run(clone.module, network.images), bounds


@pytest.mark.parametrize("rule", ["mse", "ceiling"])
@PROFILE
@given(network=networks())
def test_equalized_networks_compute_the_same(rule: str, network: Network) -> None:
    expected, bounds = prepared(network)
    found, _ = prepared(network, EqualizeChannelsPass(rule=rule))
    if any(np.isfinite(upper) for _, upper in bounds):
        return  # where channels saturate, what an upper bound leaves may too
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


@PROFILE
@given(network=networks())
def test_networks_with_absorbed_biases_compute_the_same(network: Network) -> None:
    expected, _ = prepared(network)
    for first in ([], [EqualizeChannelsPass()]):
        reference = prepared(network, *first)[0] if first else expected
        found, _ = prepared(network, *first, AbsorbBiasesPass())
        scale = np.abs(reference).max()
        np.testing.assert_allclose(found, reference, rtol=0, atol=TOLERANCE * scale)


def test_random_networks_are_really_changed() -> None:
    """Some have tensors that move, and some that are scaled."""
    changed: dict[str, int] = {"equalize-channels": 0, "absorb-biases": 0}

    @PROFILE
    @given(network=networks())
    def count(network: Network) -> None:
        for each in (EqualizeChannelsPass(), AbsorbBiasesPass()):
            clone = network.clone()
            context = new_context()
            context.calibration = ArrayImages(network.images)
            before = stage_passes(STAGES[0], DEFAULT_ENGINE, Choices())
            PassPipeline(before).run(clone.module, context=context)
            text = str(clone.module)
            each.apply(context, clone.module)
            changed[each.name] += text != str(clone.module)

    count()
    assert min(changed.values()) >= 5
