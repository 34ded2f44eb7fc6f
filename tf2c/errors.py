"""What went wrong and whose turn it is to act."""

from collections.abc import Generator
from contextlib import contextmanager


class UserError(Exception):
    """Something the user gave us cannot be used: one line, and usually a hint.

    The command line prints it as `error: ...` and `hint: ...` and exits with code 1.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        """Take a message without a full stop, naming the file or layer, and an optional remedy."""
        super().__init__(message)
        self.hint = hint


class LayerError(UserError):
    """A layer that cannot be used: `layer NAME: reason`, with a remedy as its hint."""

    def __init__(self, layer: str, reason: str, remedy: str | None = None) -> None:
        """Take the user's name of the layer, the reason and the remedy."""
        super().__init__(f"layer `{layer}`: {reason}", remedy)
        self.layer = layer
        self.reason = reason


class DeviceError(Exception):
    """A device failed while running a program that was accepted: not the user's fault."""


@contextmanager
def naming(where: str) -> Generator[None]:
    """Say where in front of a user error that is raised inside, by code that does not know."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error}", error.hint) from error
