"""The formula, the presets and TOML files."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tf2c.errors import UserError
from tf2c.frontends.preprocessing import (
    DEFAULT_PREPROCESSING,
    PRESETS,
    Preprocessing,
    load_preprocessing,
    preprocessing_of,
)

ORANGE = np.array([[[255, 128, 0]]], np.uint8)
"""One pixel: red, green, blue."""


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("unit", [1.0, 128 / 255, 0.0]),
        ("none", [255.0, 128.0, 0.0]),
        ("imagenet", [2.2489082969, 0.2051820728, -1.8044444444]),
        ("caffe", [-104.0, 11.0, 132.0]),
        ("tensorflow", [1.0, 0.0039215686, -1.0]),
    ],
)
def test_presets_give_what_was_computed_by_hand(preset: str, expected: list[float]) -> None:
    inputs = PRESETS[preset].inputs(ORANGE)
    assert (inputs.dtype, inputs.shape) == (np.float32, (3, 1, 1))
    np.testing.assert_allclose(inputs[:, 0, 0], expected, rtol=1e-6, atol=1e-6)


def test_the_default_divides_by_255_in_single_precision() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    expected = pixels.transpose(2, 0, 1).astype(np.float32) / 255
    np.testing.assert_array_equal(DEFAULT_PREPROCESSING.inputs(pixels), expected)


def test_mean_and_std_are_in_the_order_of_the_channels() -> None:
    preprocessing = Preprocessing(channels="bgr", scale=1, mean=(1, 2, 3), std=(1, 10, 100))
    assert preprocessing.inputs(ORANGE)[:, 0, 0].tolist() == pytest.approx([-1, 12.6, 2.52])


def test_gray_has_no_order() -> None:
    gray = np.array([[[7], [9]]], np.uint8)
    for order in ("rgb", "bgr"):
        inputs = Preprocessing(channels=order, scale=1, mean=(1,), std=(2,)).inputs(gray)
        assert inputs.tolist() == [[[3.0, 4.0]]]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_found_by_its_name(preset: str) -> None:
    assert load_preprocessing(preset) == PRESETS[preset]


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_stored_comes_back(preset: str) -> None:
    preprocessing = replace(PRESETS[preset], label_offset=1)
    stored: Any = json.loads(json.dumps(preprocessing.as_dict()))
    assert set(stored) == {each.name for each in fields(Preprocessing)}
    assert preprocessing_of(stored) == preprocessing


def test_nothing_stored_is_the_default() -> None:
    assert preprocessing_of({}) == DEFAULT_PREPROCESSING == PRESETS["unit"]


def test_a_file_states_what_differs_from_the_default(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('geometry = "center_crop"\nmean = 0.5\nstd = [1, 2, 3.5]\n')
    assert load_preprocessing(tmp_path / "p.toml") == Preprocessing(
        geometry="center_crop", mean=(0.5,), std=(1.0, 2.0, 3.5)
    )


def test_a_preset_can_be_written_as_a_file(tmp_path: Path) -> None:
    preset = PRESETS["imagenet"].as_dict()
    (tmp_path / "p.toml").write_text(
        "".join(f"{key} = {json.dumps(value)}\n" for key, value in preset.items())
    )
    assert load_preprocessing(str(tmp_path / "p.toml")) == PRESETS["imagenet"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"geometry": "fit"}, "expected `geometry` of exact, center_crop, resize_and_crop, got"),
        ({"channels": "gray"}, "expected `channels` of rgb, bgr, got `gray`"),
        ({"crop_fraction": 0.0}, r"expected `crop_fraction` between 0\.01 and 1, got 0"),
        ({"scale": -1.0}, "expected `scale` between 1e-06 and"),
        ({"std": (1.0, 0.0, 1.0)}, "expected `std` between 1e-06 and"),
        ({"std": (-1.0,)}, "expected `std` between"),
        ({"mean": (float("nan"),)}, "expected `mean` between"),
        ({"mean": (float("inf"),)}, "expected `mean` between"),
        ({"mean": ()}, "expected 1 or 3 numbers as `mean`, got 0"),
        ({"std": (1.0, 1.0)}, "expected 1 or 3 numbers as `std`, got 2"),
        ({"label_offset": 10**12}, "expected `label_offset` between"),
    ],
)
def test_values_out_of_range_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Preprocessing(**fields)


@pytest.mark.parametrize("extreme", [-1e9, 1e9])
@pytest.mark.filterwarnings("error")
def test_whatever_is_in_range_gives_finite_inputs(extreme: float) -> None:
    preprocessing = Preprocessing(scale=1e-6, mean=(extreme,), std=(1e-6,))
    assert np.isfinite(preprocessing.inputs(ORANGE)).all()


@pytest.mark.parametrize("shape", [(2, 4, 4), (4, 4, 4), (9,), (3, 4, 4, 4)])
def test_other_networks_take_no_image_files(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="expected a network with 1 or 3 input channels"):
        DEFAULT_PREPROCESSING.expect_fits(shape)


@pytest.mark.parametrize("name", ["mean", "std"])
def test_a_gray_network_has_one_mean_and_one_std(name: str) -> None:
    preprocessing = preprocessing_of({name: [1, 2, 3]})
    preprocessing.expect_fits((3, 4, 4))
    with pytest.raises(UserError, match=f"one number as `{name}` .* one input channel, got 3"):
        preprocessing.expect_fits((1, 4, 4))
