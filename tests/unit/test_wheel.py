"""The wheel is complete: what works from a checkout works from an installation."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

PRINT_ENGINE = """
import tf2c
from tf2c.backends.opencl.render import render_engine
from tf2c.boards import known_boards
from tf2c.engine import Engine

assert known_boards()
print(tf2c.__file__)
print(render_engine(Engine(), "test"))
"""


def printed(environment: dict[str, str], folder: Path) -> tuple[Path, str]:
    """Return where tf2c was imported from, and the engine it renders."""
    outcome = subprocess.run(
        [sys.executable, "-c", PRINT_ENGINE],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    place, _, engine = outcome.stdout.partition("\n")
    return Path(place), engine


def test_the_wheel_contains_templates_boards_and_the_page(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)

    place, engine = printed({"PYTHONPATH": str(installed)}, tmp_path)
    checkout, expected = printed({}, tmp_path)

    assert place.is_relative_to(installed)
    assert checkout.is_relative_to(ROOT)
    assert engine == expected
    assert "kernel void pe(" in engine
    assert (installed / "tf2c" / "serving" / "page.html").is_file()
