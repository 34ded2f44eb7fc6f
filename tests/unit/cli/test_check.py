"""`tf2c check`: tables, JSON and exit codes."""

import json
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from conftest import Golden
from onnx import helper
from unit.onnx_models import build_model, classifier_model, random_weights, save_model

from tf2c.cli.main import main

BRACKETED = "/body/block[0]/[red]活性[/red]"


def refused_model() -> onnx.ModelProto:
    """Two layers that cannot be imported, and a name with brackets and Unicode."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="stem"),
        helper.make_node("Sigmoid", ["c"], ["s"], name=BRACKETED),
        helper.make_node("Identity", ["s"], ["i"], name="same"),
        helper.make_node("NonZero", ["i"], ["z"], name="where"),
        helper.make_node("Transpose", ["z"], ["y"], name="turn"),
    ]
    return build_model(nodes, {"w": random_weights(0, 4, 2, 3, 3)})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two models and two engines."""
    save_model(tmp_path / "fine.onnx", classifier_model())
    small = "filter_vector = 8\nchannel_vector = 4\n"
    (tmp_path / "small.toml").write_text(small)
    (tmp_path / "too_small.toml").write_text(f"{small}weight_depth = 16\n")
    save_model(tmp_path / "refused.onnx", refused_model())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def check(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `tf2c check`; return exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["tf2c", "check", *arguments])
        with pytest.raises(SystemExit) as finished:
            main()
        stdout, stderr = capsys.readouterr()
        return finished.value.code, stdout, stderr

    return run


@pytest.mark.parametrize(("name", "expected"), [("fine", 0), ("refused", 1)])
def test_text_for_people(name: str, expected: int, check: Any, golden: Golden) -> None:
    code, stdout, stderr = check(f"{name}.onnx")
    assert code == expected
    golden(stdout + stderr, f"check/{name}.txt")


def test_json_of_what_is_fine(check: Any) -> None:
    code, stdout, stderr = check("fine.onnx", "--json")
    assert (code, stderr) == (0, "")
    found = json.loads(stdout)
    assert list(found) == ["model", "supported", "stage", "layers", "refusal"]
    assert (found["model"], found["supported"], found["stage"]) == ("fine.onnx", True, "dataflow")
    assert found["refusal"] is None
    assert found["layers"][0] == {
        "layer": "stem",
        "op_type": "Conv",
        "verdict": "runs",
        "runs_as": ["dataflow.job"],
        "reason": None,
        "remedy": None,
    }


def test_json_of_what_is_refused(check: Any) -> None:
    code, stdout, stderr = check("refused.onnx", "--json")
    assert code == 1
    found = json.loads(stdout)
    assert not found["supported"]
    assert [each["verdict"] for each in found["layers"]] == [
        "runs", "refused", "folded", "refused", "unknown",
    ]  # fmt: skip
    assert found["layers"][1]["layer"] == BRACKETED
    assert stderr.splitlines()[0] == (
        f"error: refused.onnx: 2 of 5 layers are refused, first `{BRACKETED}`"
    )


def test_two_results_are_refused_as_a_whole(folder: Path, check: Any) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], [name], name=f"conv_{name}") for name in ("y", "z")
    ]
    model = build_model(nodes, {"w": random_weights(0, 4, 2, 3, 3)}, outputs=("y", "z"))
    save_model(folder / "net.onnx", model)
    code, stdout, stderr = check("net.onnx", "--json")
    assert code == 1
    assert json.loads(stdout)["refusal"][0] == "expected a network with one result, got 2"
    assert stderr.splitlines()[0] == "error: net.onnx: expected a network with one result, got 2"
    assert check("net.onnx", "--to", "shift")[0] == 0
    assert check("net.onnx", "--outputs", "conv_z")[0] == 0


@pytest.mark.parametrize(
    ("options", "stage"),
    [
        (("--to", "graph"), "graph"),
        (("--weights", "int8"), "int8"),
        (("--weights", "shift2", "--to", "shift"), "shift"),
        (("--activations", "uint8"), "shift"),
        (("--leave-out", "lrn"), "dataflow"),
        (("--engine", "small.toml"), "dataflow"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
)
def test_options_are_those_of_compile(options: tuple[str, ...], stage: str, check: Any) -> None:
    code, stdout, _ = check("fine.onnx", *options, "--json")
    assert (code, json.loads(stdout)["stage"]) == (0, stage)


def test_an_engine_that_is_too_small_is_refused_by_layer(check: Any) -> None:
    code, stdout, stderr = check("fine.onnx", "--engine", "too_small.toml", "--json")
    assert code == 1
    refused = [each["layer"] for each in json.loads(stdout)["layers"] if each["reason"]]
    assert "stem" in refused
    assert stderr.splitlines()[1].startswith("hint: compile for a larger engine")


def test_a_cut_leaves_the_rest_out(check: Any) -> None:
    _, stdout, _ = check("refused.onnx", "--outputs", "c", "--json")
    assert [each["layer"] for each in json.loads(stdout)["layers"]] == ["stem"]


def test_nothing_is_written(folder: Path, check: Any) -> None:
    before = sorted(folder.iterdir())
    check("fine.onnx")
    check("refused.onnx")
    assert sorted(folder.iterdir()) == before
