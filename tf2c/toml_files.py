"""Reading the TOML files of users: one line about whatever is wrong with one."""

import tomllib
from pathlib import Path
from typing import Any

from tf2c.errors import UserError


def read_toml(path: Path, kind: str) -> dict[str, Any]:
    """Return the content of a TOML file.

    Args:
        path: of the file.
        kind: what it is to be, such as `a board file`.

    Raises:
        UserError: no such file, or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: expected {kind}, got {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: expected {kind}, got no text") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: expected TOML, got an error: {error}") from error
    except (ValueError, RecursionError) as error:
        # Beside its own errors, the parser passes these of Python's on.
        raise UserError(
            f"{path}: expected TOML, got a number that is too long or lists that are too deep"
        ) from error
