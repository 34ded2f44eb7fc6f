"""What compensated rounding is told about each layer."""

from collections.abc import Sequence

from tf2c.choices import STAGES, Choices, stage_passes
from tf2c.engine import Engine
from tf2c.image_source import ArrayImages
from tf2c.ir_files import new_context
from tf2c.numerics.compensated_rounding import Grid
from tf2c.passes.compensation import (
    LayerPair,
    Limits,
    RoundedLayer,
    Rows,
    round_layers,
    rounded_layer,
)
from tf2c.passes.pipeline import PassPipeline
from tf2c.testing import Step, build_network


def test_samples_are_counted_by_the_images_that_they_are_from() -> None:
    step = Step(kind=0, operand=0, filters=3, kernel=3, stride=1, pad=1, has_bias=True)
    network = build_network((2, 6, 6), [step, step], seed=0)
    context = new_context()
    context.calibration = ArrayImages(network.images)
    choices = Choices(weights="shift2")
    for stage in STAGES[: [each.name for each in STAGES].index("shift")]:
        PassPipeline(stage_passes(stage, Engine(), choices)).run(network.module, context=context)
    counted: list[int] = []

    def choose(layer: LayerPair, groups: Sequence[Rows]) -> RoundedLayer:
        counted.extend(own.images for own in groups)
        return rounded_layer(layer, groups, Grid(2), Limits(0, 4))

    round_layers(context, network.module, None, 0, choose)
    assert counted == [len(network.images)] * 2
