"""The trace: what is remembered of every layer is what a direct computation gives."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tf2c
from tf2c.api import evaluate
from tf2c.capture import Runner
from tf2c.compiled import Artifact
from tf2c.dialects.scales import real_numbers
from tf2c.trace import Trace

STAGES = {"float": "graph", "int8": "int8", "shift": "shift"}


def runners(artifact: Artifact) -> dict[str, Runner]:
    return {name: Runner(artifact.stage(stage)) for name, stage in STAGES.items()}


@pytest.fixture(scope="module")
def reals(
    digits_artifact: Artifact, heldout_images: npt.NDArray[np.float32]
) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """What each layer leaves at each stage, of all images at once."""
    found: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
    for name, runner in runners(digits_artifact).items():
        _, layers = runner.captured(heldout_images)
        found[name] = {
            layer: real_numbers(runner.layers[layer].value, array)
            for layer, array in layers.items()
        }
    return found


@pytest.fixture(scope="module")
def traced(digits_artifact: Artifact, heldout_images: npt.NDArray[np.float32]) -> dict[str, Any]:
    """The same images in batches, of unequal sizes."""
    trace = Trace(runners(digits_artifact))
    for batch in np.split(heldout_images, [7, 8, 20]):
        trace.observe(batch)
    return trace.as_dict()


def test_every_layer_is_there(traced: dict[str, Any]) -> None:
    assert [each["layer"] for each in traced["layers"]] == [
        "(input)", "/conv1/Conv", "/conv2/Conv", "/pool/MaxPool", "/conv3/Conv", "/classifier/Gemm",
    ]  # fmt: skip
    assert (traced["images"], traced["stages"]) == (40, ["float", "int8", "shift"])


@pytest.mark.parametrize("pair", [("float", "int8"), ("float", "shift"), ("int8", "shift")])
def test_noise_and_bias_are_those_of_all_images(
    pair: tuple[str, str], traced: dict[str, Any], reals: Any
) -> None:
    reference, other = pair
    # Sums of float32 depend a little on how many images there are at once.
    for each in traced["layers"]:
        expected, values = (reals[name][each["layer"]] for name in pair)
        found = each["differences"][f"{reference}-{other}"]
        errors = values - expected
        if np.any(errors):
            ratio = 10 * np.log10(np.square(expected).sum() / np.square(errors).sum())
            assert found["sqnr"] == pytest.approx(ratio)
        else:
            assert found["sqnr"] is None
        assert found["mean_error"] == pytest.approx(errors.mean(), abs=1e-6)
        assert found["largest_error"] == pytest.approx(np.abs(errors).max(), abs=1e-5)


def test_extremes_and_counts_are_those_of_all_images(traced: dict[str, Any], reals: Any) -> None:
    for each in traced["layers"]:
        for name, found in each["values"].items():
            values = reals[name][each["layer"]]
            assert found["min"] == pytest.approx(values.min(), abs=1e-5)
            assert found["max"] == pytest.approx(values.max(), abs=1e-5)
            assert sum(found["histogram"]["counts"]) == values.size


def test_saturated_numbers_are_counted(
    digits_artifact: Artifact, heldout_images: npt.NDArray[np.float32]
) -> None:
    trace = Trace(runners(digits_artifact))
    trace.observe(100 * heldout_images)
    (first, *_) = trace.as_dict()["layers"]
    share = 100 * np.mean(100 * heldout_images >= 126.5 / 64)
    assert first["values"]["int8"]["saturated"] == pytest.approx(share)
    assert "saturated" not in first["values"]["float"]


def test_evaluating_with_a_trace_gives_the_same_accuracy(
    digits: Path, digits_artifact: Artifact
) -> None:
    options: Any = {
        "images": digits / "heldout",
        "labels": digits / "heldout.csv",
        "limit": 30,
        "agreement": True,
    }
    for executor in ("numpy", "float", "simulator"):
        plain = evaluate(digits_artifact.path, executor=executor, **options)
        traced = evaluate(digits_artifact.path, executor=executor, trace=True, **options)
        content = traced.pop("trace")
        del plain["seconds"], traced["seconds"]
        assert plain == traced
        assert content["images"] == 30
        json.dumps(content, allow_nan=False)


def test_a_trace_of_what_stops_at_int8_has_two_stages(digits: Path) -> None:
    early = tf2c.compile(digits / "digits.onnx", calib=digits / "calibration", to="int8")
    images: Any = {"images": digits / "heldout", "labels": digits / "heldout.csv", "limit": 3}
    content = evaluate(early.path, trace=True, **images)["trace"]
    assert content["stages"] == ["float", "int8"]
    assert all(list(each["differences"]) == ["float-int8"] for each in content["layers"])
