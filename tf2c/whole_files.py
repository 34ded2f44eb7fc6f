"""Files that are written whole or not at all."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tf2c.errors import UserError


@contextmanager
def written_whole(path: Path) -> Generator[IO[bytes]]:
    """Open a file beside its place, where it gets only when everything has been written.

    Raises:
        UserError: the place cannot be written.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):  # also where the folder is none
            temporary.unlink()
