"""Why a request is refused, and how HTTP and gRPC say so."""

import logging
from enum import Enum

from tf2c.errors import DeviceError, UserError
from tf2c.orchestration.requests import (
    ClosingError,
    LateError,
    RejectedError,
    TooEarlyDeadlineError,
    UnknownNetworkError,
)

log = logging.getLogger(__name__)


class Refusal(Enum):
    """A kind of refusal: HTTP's status and the name of gRPC's."""

    INVALID = (400, "INVALID_ARGUMENT")
    UNAUTHENTICATED = (401, "UNAUTHENTICATED")
    FORBIDDEN = (403, "PERMISSION_DENIED")
    UNKNOWN = (404, "NOT_FOUND")
    SLOW = (408, "DEADLINE_EXCEEDED")
    TOO_LARGE = (413, "RESOURCE_EXHAUSTED")
    TOO_MANY = (429, "RESOURCE_EXHAUSTED")
    BUG = (500, "INTERNAL")
    NO_CARD = (503, "UNAVAILABLE")
    LATE = (504, "DEADLINE_EXCEEDED")

    @property
    def status(self) -> int:
        """Of HTTP."""
        return self.value[0]

    @property
    def code(self) -> str:
        """Name of gRPC's status code."""
        return self.value[1]


class RefusedError(Exception):
    """A request that is not served, and why; the text is for whoever sent it."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        """Take the kind and one line."""
        super().__init__(message)
        self.refusal = refusal


def refused(error: Exception) -> RefusedError:
    """Return what a sender is told about an error; nothing of our own bugs but that it is one."""
    match error:
        case RefusedError():
            return error
        case LateError() | TooEarlyDeadlineError():
            return RefusedError(Refusal.LATE, str(error))
        case UnknownNetworkError():
            return RefusedError(Refusal.UNKNOWN, str(error))
        case ClosingError():
            return RefusedError(Refusal.NO_CARD, str(error))
        case RejectedError():
            return RefusedError(Refusal.TOO_MANY, str(error))
        case UserError():
            return RefusedError(Refusal.INVALID, str(error))
        case DeviceError():
            return RefusedError(Refusal.NO_CARD, str(error))
        case _:
            return RefusedError(Refusal.BUG, "a bug of tf2c; the server's log says more")


def told(error: Exception) -> RefusedError:
    """Return what a sender is told about an error, and log it if it is our own."""
    found = refused(error)
    if found.refusal is Refusal.BUG:
        log.error("a bug of tf2c", exc_info=error)
    return found
