"""Learned roundings: neighbors on the grid, never worse, and better where a choice is missed."""

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
from tf2c.learning.block_rounding import neighbors

FORMS = {"int8": Grid(None), "shift1": Grid(1), "shift2": Grid(2)}


@pytest.mark.parametrize("form", FORMS)
def test_neighbors_are_the_next_levels_toward_what_is_wanted(form: str) -> None:
    grid = FORMS[form].levels
    levels = np.repeat(grid, 3)
    wanted = levels + np.tile([-1000.0, 0.0, 0.25], len(grid))
    found = neighbors(levels, wanted, grid).reshape(-1, 3)
    np.testing.assert_array_equal(found[1:, 0], grid[:-1])
    np.testing.assert_array_equal(found[:, 1], grid)
    np.testing.assert_array_equal(found[:-1, 2], grid[1:])
    assert found[0, 0] == grid[0]
    assert found[-1, 2] == grid[-1]


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
    max_examples=8,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(network=networks())
def test_weights_move_by_one_level_at_most(form: str, network: Network) -> None:
    rounded = network.clone()
    context = new_context()
    context.calibration = ArrayImages(network.images)
    choices = Choices("shift1" if form == "int8" else form)
    passes = [p for each in STAGES[:3] for p in stage_passes(each, DEFAULT_ENGINE, choices)]
    passes.append(RoundWeightsCompensatedPass(weights=form))
    PassPipeline(passes).run(rounded.module, context=context)
    learned = rounded.clone()
    learning = LearnRoundingPass(weights="int8" if form == "int8" else "shift", steps=12)
    PassPipeline([learning, ProveAccumulatorsPass()]).run(learned.module, context=context)
    grid = FORMS[form].levels
    before, after = weights_and_steps(rounded), weights_and_steps(learned)
    assert len(before) == len(after)
    for (old, scale), (new, same_scale) in zip(before, after, strict=True):
        assert scale.split(" [")[0] == same_scale.split(" [")[0]
        moved = np.searchsorted(grid, new) - np.searchsorted(grid, old)
        assert np.isin(new, grid).all()
        assert np.abs(moved).max() <= 1
