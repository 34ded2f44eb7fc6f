"""What commands print and write: JSON or tables on stdout, notes on stderr, arrays in files."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tf2c.whole_files import written_whole

if TYPE_CHECKING:
    from rich.table import Table


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object on stdout, at once: whoever reads a server's ports waits for them."""
    print(json.dumps(content, indent=2), flush=True)


def show(table: "Table") -> None:
    """Print a table on stdout, as wide as the terminal or as it needs to be in a pipe."""
    from rich.console import Console

    console = Console(file=sys.stdout)
    if not console.is_terminal:
        console = Console(file=sys.stdout, width=120)
    console.print(table)


def print_note(text: str) -> None:
    """Print on stderr what people should know."""
    print(f"note: {text}", file=sys.stderr)


def write_array(path: Path, array: Any) -> None:
    """Write an .npy file, all of it or nothing.

    Raises:
        UserError: the place cannot be written.
    """
    import numpy as np

    with written_whole(path) as file:
        np.save(file, array)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, all of it or nothing.

    Raises:
        UserError: the place cannot be written.
    """
    with written_whole(path) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())
