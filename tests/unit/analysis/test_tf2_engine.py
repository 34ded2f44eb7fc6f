"""TF2's own engine: its published networks take the cycles that its own tables say."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from conftest import tf2_golden_file

from tf2c.analysis.cost.tf2_engine import LANES, Layer, frame_cycles, layer_cycles

FIRST = Layer(27, 64, 3, 112, 112, stored=(56, 56))
"""7 x 7 at a stride of 2, folded into 27 channels of 3 x 3, and pooled."""


def resnet50() -> Iterator[Layer]:
    """Version 1.5 as TF2 lists it: strides in the 3 x 3, the shortcut first."""
    yield FIRST
    channels, size = 64, 56
    for stage, blocks in enumerate((3, 4, 6, 3)):
        filters = 64 << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            if not block:
                yield Layer(channels, 4 * filters, 1, size, size, stride)
            yield Layer(channels, filters, 1, size, size)
            yield Layer(filters, filters, 3, size, size, stride)
            channels, size = 4 * filters, size // stride
            yield Layer(filters, channels, 1, size, size)
    yield Layer(2048, 1000, 1, 1, 1)


INCEPTIONS = (
    (192, 28, (64, 96, 128, 16, 32, 32), False),
    (256, 28, (128, 128, 192, 32, 96, 64), True),
    (480, 14, (192, 96, 208, 16, 48, 64), False),
    (512, 14, (160, 112, 224, 24, 64, 64), False),
    (512, 14, (128, 128, 256, 24, 64, 64), False),
    (512, 14, (112, 144, 288, 32, 64, 64), False),
    (528, 14, (256, 160, 320, 32, 128, 128), True),
    (832, 7, (256, 160, 320, 32, 128, 128), False),
    (832, 7, (384, 192, 384, 48, 128, 128), False),
)
"""Channels, size, filters of the branches, and whether a pooling follows (Szegedy et al. 2014)."""


def googlenet() -> Iterator[Layer]:
    yield FIRST
    yield Layer(64, 64, 1, 56, 56)
    yield Layer(64, 192, 3, 56, 56, stored=(28, 28))
    for channels, size, (one, reduced3, three, reduced5, five, pooled), is_last in INCEPTIONS:
        stored = (size // 2, size // 2) if is_last else None
        yield Layer(channels, one, 1, size, size, stored=stored)
        yield Layer(channels, reduced3, 1, size, size)
        yield Layer(reduced3, three, 3, size, size, stored=stored)
        yield Layer(channels, reduced5, 1, size, size)
        yield Layer(reduced5, five, 5, size, size, stored=stored)
        yield Layer(1, channels, 1, size, size, is_pooling=True)
        yield Layer(channels, pooled, 1, size, size, stored=stored)
    yield Layer(1024, 1000, 1, 1, 1)


def test_it_has_3840_lanes() -> None:
    assert LANES == 3840


@pytest.mark.parametrize(
    ("layers", "convolutions", "frame", "pool", "writer"),
    [
        (tuple(resnet50()), 2_108_304, 2_112_276, 153_325, 93_919),
        (tuple(googlenet()), 625_082, 629_054, 60_389, 24_192),
    ],
    ids=["resnet50", "googlenet"],
)
def test_totals_are_those_of_tf2s_headers(
    layers: Sequence[Layer], convolutions: int, frame: int, pool: int, writer: int
) -> None:
    assert sum(cycles.total for cycles in layer_cycles(layers)) == convolutions
    assert frame_cycles(layers) == frame
    # TF2's totals of the other kernels count what they do before and behind the layers as well.
    assert sum(layer.pool_cycles for layer in layers) <= pool
    assert sum(layer.writer_cycles for layer in layers) <= writer


@pytest.mark.parametrize("network", ["resnet50", "googlenet", "resnet50_pruned"])
def test_every_layer_takes_what_tf2s_tables_say(network: str) -> None:
    tables = json.loads(
        (tf2_golden_file("tiny_typical_seed0.npz").parents[1] / "cycles.json").read_text()
    )
    rows = tables[network]["layers"]
    layers = [
        Layer(
            row["C"], row["N"], row["K"], row["OH"], row["OW"], row["stride"],
            is_pooling=row["ipool"],
        )
        for row in rows
    ]  # fmt: skip
    known = {"resnet50": tuple(resnet50()), "googlenet": tuple(googlenet())}
    if network in known:
        assert [replace(layer, stored=None) for layer in known[network]] == layers
        layers = list(known[network])
    for row, layer, cycles in zip(rows, layers, layer_cycles(layers), strict=True):
        found = {
            "conv_cycles": cycles.total,
            "compute_only": cycles.compute,
            "stall": cycles.stall,
            "filter_reader_cycles": layer.tiles * layer.tile_load_cycles,
            "pool_cycles": layer.pool_cycles,
        }
        if network in known:
            found["feature_writer_cycles"] = layer.writer_cycles
        assert found == {name: row[name] for name in found}, row["layer"]
    assert frame_cycles(layers) == tables[network]["total_with_input_and_preload"]
