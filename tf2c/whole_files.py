"""Files that are written whole or not at all."""

import errno
import os
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


def expect_writable(path: Path, suffix: str | None = None) -> None:
    """Raise unless a file can be written, before the work of which it is the result.

    Args:
        path: the file.
        suffix: what its name has to end in, if anything.

    Raises:
        UserError: it ends in something else, or the place cannot be written.
    """
    if suffix is not None and path.suffix != suffix:
        raise UserError(f"{path}: expected a file that ends in {suffix}")
    reason = None
    if path.is_dir():
        reason = errno.EISDIR
    elif not path.parent.is_dir():
        reason = errno.ENOENT
    elif not os.access(path.parent, os.W_OK):
        reason = errno.EACCES
    if reason is not None:
        raise UserError(f"{path}: cannot be written: {os.strerror(reason)}")
