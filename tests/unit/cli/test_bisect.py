"""`tf2c bisect`: tables, JSON and exit codes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Golden

import tf2c
from tf2c.cli.main import main


@pytest.fixture
def bisect(
    nearest_artifact: tf2c.Artifact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Run `tf2c bisect` beside the artifact `net`; return exit code, stdout and stderr."""
    (tmp_path / "net").symlink_to(nearest_artifact.path)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["tf2c", "bisect", *arguments])
        with pytest.raises(SystemExit) as finished:
            main()
        stdout, stderr = capsys.readouterr()
        return finished.value.code, stdout, stderr

    return run


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        ("passes", "net:int8", "net"),
        ("nothing", "net:shift@numpy", "net:dataflow"),
        ("backwards", "net:shift", "net:int8"),
    ],
)
def test_text_for_people(name: str, a: str, b: str, bisect: Any, golden: Golden) -> None:
    code, stdout, stderr = bisect(a, b)
    assert (code, stderr) == (0, "")
    golden(stdout, f"bisect/{name}.txt")


def test_json(bisect: Any) -> None:
    code, stdout, stderr = bisect("net:int8", "net", "--json")
    assert (code, stderr) == (0, "")
    found = json.loads(stdout)
    assert list(found) == [
        "identical", "first_layer", "first_pass", "first_broken_pass",
        "a", "b", "images", "layers", "passes", "notes",
    ]  # fmt: skip
    assert not found["identical"]
    assert (found["first_layer"], found["first_pass"]) == ("/conv1/Conv", "round-weights-to-pow2")
    assert (found["first_broken_pass"], found["images"]) == (None, 2)
    assert found["passes"][0]["contract"] == "approximate"
    assert found["layers"][0]["layer"] == "(input)"


@pytest.mark.parametrize("option", [(), ("--json",)], ids=str)
def test_a_difference_may_be_an_error(option: tuple[str, ...], bisect: Any) -> None:
    code, stdout, stderr = bisect("net:int8", "net", "--expect-identical", *option)
    assert code == 1
    assert stdout
    assert stderr == (
        "error: net:int8@interpreter and net:dataflow@interpreter differ, first in layer "
        "`/conv1/Conv`\n"
    )
    assert bisect("net:shift", "net", "--expect-identical")[0] == 0


def test_images_follow_the_seed(bisect: Any) -> None:
    def layers(*seed: str) -> Any:
        return json.loads(bisect("net:int8", "net:shift", "--json", *seed)[1])["layers"]

    assert layers() == layers("--seed", "0")
    assert layers() != layers("--seed", "1")
