"""What PyTorch optimizes (`pip install 'tf2c[torch]'`): roundings that are learned, and retraining.

Nothing else in tf2c imports PyTorch, and this is imported only where it is used.
"""

from importlib.util import find_spec

from tf2c.errors import UserError


def expect_torch(what: str) -> None:
    """Raise unless PyTorch is there; it is not imported.

    Args:
        what: needs it.

    Raises:
        UserError: it is not installed.
    """
    if find_spec("torch") is None:
        raise UserError(
            f"expected PyTorch for {what}, got none installed",
            hint="run `pip install 'tf2c[torch]'`",
        )
