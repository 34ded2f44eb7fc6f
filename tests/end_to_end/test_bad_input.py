"""Whatever cannot be used is refused in one line, with exit code 1, and leaves nothing behind."""

import os
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from conftest import GOLDEN, Golden
from end_to_end.bad_input import COMPILE, EVAL, MEASURE, RUN, Case, make_workspace
from end_to_end.bad_input_cases import CASES
from end_to_end.bad_input_comparisons import BISECT, TRACE
from end_to_end.bad_input_retraining import RESUME
from xdsl.dialects.builtin import DYNAMIC_INDEX

from tf2c.cli.main import main

JARGON = ("[Errno", "codec", "Traceback", "Warning", str(DYNAMIC_INDEX))
"""What Python and xDSL say, but no user understands."""

PROGRAM = Path(sys.executable).with_name("tf2c")

by_name = pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])


@pytest.fixture(scope="session")
def workspace_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that commands need."""
    folder = tmp_path_factory.mktemp("workspace")
    make_workspace(folder)
    return folder


@pytest.fixture
def workspace(workspace_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, which is the current one: messages have its relative paths."""
    folder = Path(shutil.copytree(workspace_template, tmp_path / "workspace"))
    # No OpenCL platform is found, whatever this machine has.
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path / "no platforms"))
    monkeypatch.chdir(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder, hidden files and folders included."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def run_in_process(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run `tf2c` in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["tf2c", *shlex.split(command)])
    with pytest.raises(SystemExit) as finished:
        main()
    assert isinstance(finished.value.code, int)
    return finished.value.code


def golden_name(case: str) -> str:
    return f"bad_input/{case.replace(' ', '_')}.txt"


def assert_refusal(stderr: str, names: str) -> None:
    """Check the form of a refusal: one error that names what is wrong, at most one hint."""
    error, *hints = stderr.splitlines()
    assert error.startswith("error: ")
    assert names in error
    assert not error.endswith(".")
    assert not [word for word in JARGON if word in stderr]
    assert [hint[:6] for hint in hints] in ([], ["hint: "])


@by_name
@pytest.mark.filterwarnings("error")
def test_bad_input_is_refused(
    case: Case,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    golden: Golden,
) -> None:
    case.prepare(workspace)
    before = contents(workspace)
    code = run_in_process(case.command, monkeypatch)
    stdout, stderr = capsys.readouterr()
    assert (code, stdout) == (1, ""), stderr
    assert_refusal(stderr, case.names)
    assert contents(workspace) == before
    golden(stderr, golden_name(case.name))


def test_every_golden_message_has_its_case() -> None:
    written = {f"bad_input/{path.name}" for path in (GOLDEN / "bad_input").iterdir()}
    assert written <= {golden_name(name) for name in (*(case.name for case in CASES), NO_EMULATOR)}


def test_case_names_are_distinct() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


NO_EMULATOR = "no emulator installed"


@pytest.mark.parametrize("command", [f"{RUN} --device emulator", f"{EVAL} --executor emulator"])
def test_a_missing_emulator_is_refused(
    command: str,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    golden: Golden,
) -> None:
    def nothing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("tf2c.runtime.emulator.files", nothing)
    before = contents(workspace)
    assert run_in_process(command, monkeypatch) == 1
    stderr = capsys.readouterr().err
    assert_refusal(stderr, "emulator")
    assert contents(workspace) == before
    golden(stderr, golden_name(NO_EMULATOR))


@pytest.mark.parametrize(
    "command", [COMPILE, MEASURE, RUN, EVAL, f"{EVAL} --executor float", TRACE, BISECT, RESUME]
)
def test_the_workspace_itself_is_good_input(
    command: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_in_process(command, monkeypatch) == 0


@pytest.mark.parametrize(
    "name",
    [
        "missing model",
        "truncated model",
        "unsupported op",
        "array that overflows",
        "missing option",
        "unknown command",
        "damaged artifact",
        "absent platform",
    ],
)
def test_the_installed_program_refuses_alike(name: str, workspace: Path) -> None:
    (case,) = (case for case in CASES if case.name == name)
    case.prepare(workspace)
    before = contents(workspace)
    finished = subprocess.run(
        [PROGRAM, *shlex.split(case.command)], capture_output=True, text=True, check=False
    )
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == (GOLDEN / golden_name(name)).read_text()
    assert contents(workspace) == before


def test_the_installed_program_needs_no_locale(workspace: Path) -> None:
    finished = subprocess.run(
        [PROGRAM, "compile", "modèle.onnx", "--calib", "calib", "-o", "out.tf2c"],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )
    assert finished.returncode == 1
    assert finished.stderr.decode() == (
        "error: modèle.onnx: expected an ONNX model, got no such file\n"
    )


def test_no_command_at_all_shows_the_help_and_no_error(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_in_process("", monkeypatch)
    shown = "".join(capsys.readouterr())
    assert "Usage: tf2c [OPTIONS] COMMAND" in shown
    assert "error" not in shown


def test_a_bug_of_ours_shows_its_traceback_and_exits_with_2(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise AssertionError("broken on purpose")

    monkeypatch.setattr("tf2c.api.compile", broken)
    assert run_in_process(COMPILE, monkeypatch) == 2
    stderr = capsys.readouterr().err
    assert "Traceback" in stderr
    assert f"reproduce with: tf2c {COMPILE}" in stderr
