"""Engine files: the sizes of an engine, as users write them down in TOML."""

from dataclasses import fields
from pathlib import Path

from tf2c.engine import Engine
from tf2c.errors import UserError
from tf2c.toml_files import read_toml


def load_engine(path: Path) -> Engine:
    """Return the engine that a TOML file describes; what it leaves out is as usual.

    Args:
        path: of a file such as `filter_vector = 16`, a line for each field of `Engine`.

    Raises:
        UserError: no such file, or sizes that no engine has.
    """
    sizes = read_toml(path, "an engine file")
    known = [each.name for each in fields(Engine)]
    unknown = sorted(sizes.keys() - set(known))
    if unknown:
        raise UserError(
            f"{path}: unknown keys {', '.join(unknown)}", hint=f"keys are {', '.join(known)}"
        )
    for key, size in sizes.items():
        if type(size) is not int:
            raise UserError(f"{path}: expected a count as `{key}`, got {size!r}")
    try:
        return Engine(**sizes)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
