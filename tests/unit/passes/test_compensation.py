"""What compensated rounding is told about each layer."""

from collections.abc import Sequence

import numpy as np
import pytest

from tf2c.choices import STAGES, Choices, stage_passes
from tf2c.engine import Engine
from tf2c.image_source import ArrayImages
from tf2c.interpreters import run
from tf2c.ir_files import new_context
from tf2c.numerics import long_rows
from tf2c.numerics.compensated_rounding import Grid
from tf2c.numerics.long_rows import LongRows
from tf2c.passes import compensation
from tf2c.passes.compensation import (
    LayerPair,
    Limits,
    RoundedLayer,
    Rows,
    round_layers,
    rounded_layer,
)
from tf2c.passes.pipeline import PassPipeline
from tf2c.testing import Network, Step, build_network

STEPS = [
    Step(kind=0, operand=0, filters=4, kernel=3, stride=1, pad=1, has_bias=True),
    Step(kind=0, operand=0, filters=8, kernel=3, stride=1, pad=1, has_bias=True, group=1),
    Step(kind=0, operand=0, filters=3, kernel=3, stride=1, pad=1, has_bias=True),
]


def known_rows(network: Network) -> list[list[Rows]]:
    """Round a network; return what is known of the groups of each layer."""
    context = new_context()
    context.calibration = ArrayImages(network.images)
    choices = Choices(weights="shift2")
    for stage in STAGES[: [each.name for each in STAGES].index("shift")]:
        PassPipeline(stage_passes(stage, Engine(), choices)).run(network.module, context=context)
    known: list[list[Rows]] = []

    def choose(layer: LayerPair, groups: Sequence[Rows]) -> RoundedLayer:
        known.append(list(groups))
        return rounded_layer(layer, groups, Grid(2), Limits(0, 4))

    round_layers(context, network.module, None, 0, choose)
    return known


def test_samples_are_counted_by_the_images_that_they_are_from() -> None:
    network = build_network((2, 6, 6), STEPS, seed=0)
    for groups in known_rows(network):
        assert [own.images for own in groups] == [len(network.images)] * len(groups)


def test_rows_that_are_too_long_are_gone_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few pixels at a time, they are the same samples; a layer's groups stay apart."""
    whole = known_rows(build_network((2, 6, 6), STEPS, seed=0))
    for module in (compensation, long_rows):
        monkeypatch.setattr(module, "LONGEST", 8)
    monkeypatch.setattr(compensation, "VALUES_AT_ONCE", 100)
    network = build_network((2, 6, 6), STEPS, seed=0)
    parts = known_rows(network)
    assert max(map(len, whole)) > 1
    assert list(map(len, parts)) == list(map(len, whole))
    assert all(isinstance(own, LongRows) for groups in parts for own in groups)
    for groups in parts:
        assert [own.images for own in groups] == [len(network.images)] * len(groups)
    # The first layer sees the same in both.
    for own, other in zip(parts[0], whole[0], strict=True):
        np.testing.assert_allclose(own.input_means, other.input_means, rtol=1e-5)
        np.testing.assert_allclose(own.output_means, other.output_means, rtol=1e-4, atol=1e-5)
    run(network.module, network.images)
