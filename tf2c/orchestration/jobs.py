"""What a runtime keeps of each request on its way, and of each card at work."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue

from tf2c.errors import DeviceError
from tf2c.orchestration.cards import Card, Image, Scores, ServedNetwork
from tf2c.orchestration.policy import Dispatch


@dataclass(slots=True)
class Job:
    """A request on its way."""

    image: Image
    network: ServedNetwork
    """As it was when the request came, or has been replaced while it waited."""
    future: "Future[Scores] | None"
    """None as long as the caller's thread runs it."""
    failures: int = 0


Message = Dispatch | DeviceError | None
"""A batch to run, a failure to recover from, or the end."""


@dataclass(slots=True)
class Seat:
    """A card at work."""

    card: Card
    threads: int
    """That have not ended: one for each batch that the card may have at a time."""
    inbox: "SimpleQueue[Message]" = field(default_factory=SimpleQueue[Message])
    given: dict[int, Sequence[Job]] = field(default_factory=dict[int, Sequence[Job]])
    """By the identity of their dispatch, batches that have not ended. A result that comes for
    another one has come too late: the card had been given up, and the batch was done again."""
    ended: int = 0
    """When a batch did last, nanoseconds."""
