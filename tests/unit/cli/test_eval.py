"""`tf2c eval`: its executors, its threads, its trace, and how it ends when people interrupt it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import tf2c
from tf2c.cli.main import cli, main
from tf2c.executors import ENGINES
from tf2c.executors.executor import Compiled, Executor, ExecutorMismatchError, NumpyEngine, Segment
from tf2c.numerics import parallel

Run = Any


@pytest.fixture
def run(digits: Path, digits_artifact: tf2c.Artifact, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `tf2c eval` on the bundled network and some images; return stdout."""

    def evaluate(*arguments: str) -> str:
        images = ["--images", str(digits / "heldout"), "--labels", str(digits / "heldout.csv")]
        command = ["eval", str(digits_artifact.path), *images, "--limit", "20", *arguments]
        cli.main(command, standalone_mode=False)
        return capsys.readouterr().out

    return evaluate


@pytest.mark.parametrize("executor", [*ENGINES, "simulator"])
def test_every_executor_gives_the_same_answers(executor: str, run: Run) -> None:
    if executor in ("onnxruntime", "openvino"):
        pytest.importorskip(executor)
    expected = json.loads(run("--json", "--agreement"))
    found = json.loads(run("--json", "--agreement", "--executor", executor))
    assert expected["executor"] == "numpy"
    assert found["executor"] == executor
    for key in ("top1", "top5", "n", "agreement"):
        assert found[key] == expected[key]


def test_json_says_who_ran_which_steps(run: Run) -> None:
    pytest.importorskip("openvino")
    layers = json.loads(run("--json", "--executor", "openvino"))["layers"]
    assert layers["steps"] == layers["run"] + len(layers["others"])
    assert layers["others"][0] == {
        "layer": "int8.quantize",
        "op": "int8.quantize",
        "executor": "numpy",
        "reason": "no exact form in OpenVINO",
    }
    assert "layers" not in json.loads(run("--json", "--executor", "float"))
    assert "layers" not in json.loads(run("--json", "--executor", "simulator"))


def test_people_read_it_in_one_line(run: Run) -> None:
    assert run().splitlines()[-1] == "numpy ran all 7 steps"
    pytest.importorskip("onnxruntime")
    last = run("--executor", "onnxruntime").splitlines()[-1]
    assert re.fullmatch(r"onnxruntime ran [1-6] of 7 steps, numpy the others", last)


def test_threads_reach_what_engines_compile(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    whole = NumpyEngine.compile

    def compile(self: NumpyEngine, segment: Segment, batch: int) -> Compiled:
        counts.append(parallel.thread_count())
        return whole(self, segment, batch)

    monkeypatch.setattr(NumpyEngine, "compile", compile)
    run("--threads", "1")
    opened = len(counts)
    # A trace has engines compile once more, to be told every tensor.
    run("--threads", "1", "--trace", str(tmp_path / "trace.json"))
    assert 0 < opened < len(counts) - opened
    assert set(counts) == {1}


def test_a_trace_is_written_and_shown(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    shown = run("--trace", str(path))
    assert "SQNR shift, dB" in shown
    assert "/conv2/Conv" in shown
    traced = json.loads(path.read_text())
    assert (traced["images"], len(traced["layers"])) == (20, 6)
    assert json.loads(run("--trace", str(path), "--json"))["trace"] == str(path)
    assert [each.name for each in tmp_path.iterdir()] == ["trace.json"]


def test_an_executor_that_computes_other_integers_is_our_bug(
    digits: Path,
    digits_artifact: tf2c.Artifact,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def mismatch(self: Executor, seed: int = 0) -> None:
        raise ExecutorMismatchError("executor `numpy`: layer `conv`: 1 of 2 numbers differ")

    monkeypatch.setattr(Executor, "self_test", mismatch)
    images = ["--images", str(digits / "heldout"), "--labels", str(digits / "heldout.csv")]
    monkeypatch.setattr(sys, "argv", ["tf2c", "eval", str(digits_artifact.path), *images])
    with pytest.raises(SystemExit) as finished:
        main()
    assert finished.value.code == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "error: a bug of tf2c: executor `numpy`: layer `conv`: 1 of 2 numbers differ" in stderr
    assert stderr.splitlines()[-1].startswith("reproduce with: tf2c eval ")


WAITING = """
import signal, sys, time
from tf2c.scoring import Scorer

# Shells let what they run in the background ignore interruptions.
signal.signal(signal.SIGINT, signal.default_int_handler)

def scores(self, images):
    print("waiting", flush=True)
    time.sleep(60)

Scorer.scores = scores
from tf2c.cli.main import main
main()
"""


@pytest.mark.parametrize("options", [(), ("--json",), ("--trace", "trace.json")], ids=str)
def test_an_interruption_ends_it_cleanly(
    options: Sequence[str], digits: Path, digits_artifact: tf2c.Artifact, tmp_path: Path
) -> None:
    images = ["--images", digits / "heldout", "--labels", digits / "heldout.csv"]
    arguments = ["eval", digits_artifact.path, *images, *options]
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "waiting\n"
        program.send_signal(signal.SIGINT)
        stdout, stderr = program.communicate(timeout=30)
    assert (program.returncode, stdout, stderr.strip()) == (130, "", "interrupted")
    assert not list(tmp_path.iterdir())
