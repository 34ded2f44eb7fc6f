"""Learned roundings: on the grid, never worse, and better where something was missed."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings

from tf2c.analysis.constants import constant_array
from tf2c.choices import DEFAULT_ENGINE, Choices, stage_passes
from tf2c.dialects import int8
from tf2c.image_source import ArrayImages
from tf2c.ir_files import new_context
from tf2c.numerics.compensated_rounding import Grid
from tf2c.passes import STAGES
from tf2c.passes.pipeline import PassPipeline
from tf2c.passes.rewriting import network_function
from tf2c.passes.shift.learn_rounding import LearnRoundingPass
from tf2c.passes.shift.prove_accumulators import ProveAccumulatorsPass
from tf2c.passes.shift.round_weights_compensated import RoundWeightsCompensatedPass
from tf2c.testing import Network, networks

pytest.importorskip("torch", reason="PyTorch is not installed (`pip install 'tf2c[torch]'`)")

FORMS = {"int8": Grid(None), "shift1": Grid(1), "shift2": Grid(2)}


def weights_and_steps(network: Network) -> list[tuple[npt.NDArray[np.int8], str]]:
    """Return every layer's weights, and what else must stay as it is."""
    return [
        (constant_array(op.weight), f"{op.weight.type} {[use.operation for use in op.output.uses]}")
        for op in network_function(network.module).body.block.ops
        if isinstance(op, int8.ConvOp | int8.GemmOp)
    ]


@pytest.mark.parametrize("form", FORMS)
@settings(
    derandomize=True,
    deadline=None,
    max_examples=5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(network=networks())
def test_weights_stay_on_their_grid_and_keep_their_steps(form: str, network: Network) -> None:
    rounded = network.clone()
    context = new_context()
    context.calibration = ArrayImages(network.images)
    choices = Choices("shift1" if form == "int8" else form)
    passes = [p for each in STAGES[:3] for p in stage_passes(each, DEFAULT_ENGINE, choices)]
    passes.append(RoundWeightsCompensatedPass(weights=form))
    PassPipeline(passes).run(rounded.module, context=context)
    learned = rounded.clone()
    learning = LearnRoundingPass(weights="int8" if form == "int8" else "shift", rounds=5)
    PassPipeline([learning, ProveAccumulatorsPass()]).run(learned.module, context=context)
    grid = FORMS[form].levels
    before, after = weights_and_steps(rounded), weights_and_steps(learned)
    assert len(before) == len(after)
    for (_, scale), (new, same_scale) in zip(before, after, strict=True):
        assert scale.split(" [")[0] == same_scale.split(" [")[0]
        assert np.isin(new, grid).all()
