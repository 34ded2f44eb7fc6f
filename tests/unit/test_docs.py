"""The documentation says what is true and runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tf2c

ROOT = Path(__file__).parents[2]
ROOMS = ("docs", "examples", "benchmarks")


def test_reference_is_up_to_date() -> None:
    script = ROOT / "docs" / "generate_reference.py"
    outcome = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


def test_the_pass_in_add_a_pass_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/add-a-pass.md").read_text(), re.S)
    file = tmp_path / "test_documented_pass.py"
    file.write_text(code)
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "1 passed" in outcome.stdout, outcome.stdout


def test_the_loader_in_retraining_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/retraining.md").read_text(), re.S)
    outcome = subprocess.run(
        [sys.executable, "-c", code.replace('"r.mlir"', repr(str(tmp_path / "r.mlir")))],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert outcome.stdout.startswith("Measurement(loss="), outcome.stderr


def pages() -> list[str]:
    """Return the Markdown files of the project, not those of tools that run in its folder."""
    found = [ROOT.glob("*.md"), *(ROOT.glob(f"{room}/**/*.md") for room in ROOMS)]
    return sorted(str(path.relative_to(ROOT)) for paths in found for path in paths)


@pytest.mark.parametrize("name", pages())
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_architecture_names_rooms_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    rooms = re.findall(r"^\| `([\w/.]+)`(?:, `([\w/.]+)`)? \|", text, re.M)
    assert rooms
    for room in (name for pair in rooms for name in pair if name):
        assert (ROOT / "tf2c" / room).exists() or (ROOT / room).exists(), room


def test_architecture_has_a_row_for_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    for entry in (ROOT / "tf2c").iterdir():
        if entry.name.startswith(("_", ".")):
            continue
        name = f"{entry.name}/" if entry.is_dir() else entry.name
        assert f"`{name}`" in text, name


def test_the_public_names_are_there() -> None:
    """They are loaded when first used, so a wrong one would go unnoticed."""
    import tf2c

    for name in tf2c.__all__:
        assert getattr(tf2c, name) is not None
    with pytest.raises(AttributeError, match="no attribute `nonsense`"):
        _ = tf2c.nonsense


def test_the_runtime_in_serving_runs(digits_artifact: tf2c.Artifact) -> None:
    code, _ = python_in("docs/serving.md")
    run(code.replace('"build/digits.tf2c"', repr(str(digits_artifact.path))))


def test_the_client_in_serving_runs(digits_artifact: tf2c.Artifact) -> None:
    pytest.importorskip("tritonclient.http", reason="`pip install 'tritonclient[all]'`")
    from unit.serving.conftest import listening

    from tf2c.orchestration.cards import DeviceCard, ServedNetwork
    from tf2c.runtime.simulator import Simulator
    from tf2c.serving.service import Service
    from tf2c.serving.tenants import Access

    _, code = python_in("docs/serving.md")
    networks = {"digits": ServedNetwork.read(digits_artifact.path)}
    with listening(Service(networks, [DeviceCard(lambda _: Simulator())], Access())) as server:
        printed = run(code.replace("127.0.0.1:8000", server.address("http")))
    assert printed.startswith("[[")


def python_in(path: str) -> list[str]:
    """Return the pieces of Python in a page."""
    return re.findall(r"```python\n(.*?)```", (ROOT / path).read_text(), re.S)


def run(code: str) -> str:
    """Run Python and return what it prints."""
    outcome = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout
