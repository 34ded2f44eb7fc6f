"""The accuracy gate: what is missed, who is to blame, and that nothing is written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tf2c
from tf2c.gate import AccuracyError, Limits
from tf2c.image_source import ArrayImages, HeldOutImages

FIGURES: dict[str, Any] = {
    "images": 50,
    "float": {"top1": 90.0, "agreement": 100.0},
    "int8": {"top1": 89.0, "agreement": 99.0},
    "shift": {"top1": 86.0, "agreement": 92.0},
}


@pytest.mark.parametrize(
    ("limits", "missed"),
    [
        (Limits(), None),
        (Limits(max_loss=4), None),
        (Limits(max_loss=3.9), "a top-1 loss of at most 3.9 points, got 4.00 on 50 images"),
        (Limits(min_agreement=92), None),
        (Limits(min_agreement=95), "at least 95 %, got 92.00 % on 50 images"),
    ],
)
def test_the_last_stage_counts(limits: Limits, missed: str | None) -> None:
    found = limits.missed(FIGURES)
    assert found is None if missed is None else missed in str(found)


def test_held_out_images_are_every_fourth() -> None:
    source = ArrayImages(np.arange(11, dtype=np.float32).reshape(11, 1, 1, 1))
    parts = [HeldOutImages(source, held_out) for held_out in (True, False)]
    held_out, others = (
        np.concatenate(list(part.batches(3))).reshape(-1).tolist() for part in parts
    )
    assert held_out == [3, 7]
    assert others == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert [len(part) for part in parts] == [2, 9]


def test_a_missed_limit_names_the_layers_and_writes_nothing(digits: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "calib": digits / "calibration",
        "method": "nearest",
        "images": digits / "heldout",
        "labels": digits / "heldout.csv",
        "max_loss": 0.5,
    }
    output = tmp_path / "net.tf2c"
    with pytest.raises(AccuracyError, match=r"loss of at most 0\.5 points") as refusal:
        tf2c.compile(digits / "digits.onnx", output=output, **options)
    layers = refusal.value.layers
    assert not output.exists()
    shares = sum(each.weights_share + each.storage_share for each in layers)
    assert shares == pytest.approx(100)
    # The first layer's weights, all of whose filters see few pixels.
    worst = max(layers, key=lambda each: each.weights_share)
    assert worst.remedy == "`--method compensated`"
    assert worst.layer in str(refusal.value.hint)

    artifact = tf2c.compile(digits / "digits.onnx", output=output, allow_loss=True, **options)
    assert any("loss of at most 0.5 points" in note for note in artifact.manifest.notes)


def test_the_fewest_terms_that_reach_a_limit_are_taken(digits: Path) -> None:
    options: dict[str, Any] = {"calib": digits / "calibration", "weights": "mixed"}
    cheap = tf2c.compile(digits / "digits.onnx", min_agreement=10, **options)
    assert cheap.manifest.mixture["terms_per_mac"] == 1
    assert cheap.manifest.measured["held_out"]["images"] >= 2
    given = tf2c.compile(digits / "digits.onnx", terms_per_mac=1.6, **options)
    mixture = given.manifest.mixture
    assert 1 < mixture["terms_per_mac"] <= 1.6
    assert {each["terms"] for each in mixture["layers"]} == {1, 2}
