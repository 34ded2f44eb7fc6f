"""TF2's route for the bundled network: retrain it, compile what comes out, run it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tf2c.cli.main import cli


def run_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """Run `tf2c --json` in this process: PyTorch is loaded once."""
    cli.main([*map(str, arguments), "--json"], standalone_mode=False)
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def retrain(digits: Path, tmp_path: Path) -> list[object]:
    """Return the command that retrains the bundled network without labels."""
    images = ["--images", digits / "calibration", "-o", tmp_path / "digits.mlir"]
    settings = ["--epochs", 2, "--batch", 16, "--learning-rate", 0.002, "--threads", 1]
    return ["retrain", digits / "digits.onnx", *images, *settings]


def test_retraining_brings_accuracy_back(
    retrain: list[object], digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = run_json(capsys, *retrain, "--checkpoint", tmp_path / "training.pt")
    assert trained["output"] == str(tmp_path / "digits.mlir")
    assert [each["share"] for each in trained["rounds"]] == [0.3, 0.6, 0.8, 0.9, 1.0]
    assert trained["original"]["accuracy"] == 100

    labeled = ["--images", digits / "heldout", "--labels", digits / "heldout.csv"]
    compiled: dict[str, Any] = {}
    for model in (digits / "digits.onnx", tmp_path / "digits.mlir"):
        options = ["--calib", digits / "calibration", "--method", "nearest", *labeled]
        output = tmp_path / f"{model.suffix[1:]}.tf2c"
        measured = run_json(capsys, "compile", model, "-o", output, *options)["measured"]
        compiled[model.suffix] = measured["shift"]["top1"]
        if model.suffix == ".mlir":
            # In the weights nothing is lost that int8 has not lost.
            assert measured["shift"] == measured["int8"]
    assert compiled[".mlir"] > compiled[".onnx"]

    as_float = run_json(capsys, "eval", tmp_path / "digits.mlir", *labeled)
    assert (as_float["executor"], as_float["n"]) == ("float", 360)
    survey = run_json(capsys, "check", tmp_path / "digits.mlir")
    assert survey["supported"]


def test_people_read_a_row_for_each_round(
    retrain: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main([*map(str, retrain), "--epochs", "1"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "agrees with float 100.00 %" in shown
    rows = [line.split("│")[1].strip() for line in shown.splitlines() if line.startswith("│")]
    assert rows == ["30", "60", "80", "90", "100"]
    assert shown.splitlines()[-1] == f"wrote {tmp_path / 'digits.mlir'}"
    written = sorted(each.name for each in tmp_path.iterdir())
    assert written == ["digits.mlir", "weights"]
