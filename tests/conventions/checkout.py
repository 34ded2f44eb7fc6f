"""Where the files are that the house rules are about."""

import subprocess
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
SOURCES = CHECKOUT / "tf2c"
FILECHECK = CHECKOUT / "tests" / "filecheck"

CHUNK_SEPARATOR = "// -----"
"""Between the programs of one lit test."""


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return what git has, and what it would have after `git add --all`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (CHECKOUT / name for name in listed.split("\0") if name)
    # A deletion that is not committed yet leaves a name without a file.
    return tuple(sorted(path for path in set(paths) if path.is_file()))


def in_checkout(path: Path) -> str:
    """Return a path as people name it."""
    return str(path.relative_to(CHECKOUT))


def python_sources() -> tuple[Path, ...]:
    """Return the compiler's own modules."""
    return tuple(
        path for path in tracked_files() if path.suffix == ".py" and SOURCES in path.parents
    )


def lit_tests() -> tuple[Path, ...]:
    """Return all lit tests."""
    return tuple(sorted(FILECHECK.rglob("*.mlir")))
