"""What a runtime keeps of each request on its way, and of each card at work."""

from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NamedTuple

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


class Seat(NamedTuple):
    """A card at work."""

    card: Card
    inbox: "SimpleQueue[Dispatch | DeviceError | None]"
    """Batches to run, failures to recover from; None to end."""
