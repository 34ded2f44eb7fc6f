"""What is asked of cards: by whom, for which network, and what is refused."""

from typing import NamedTuple

from tf2c.errors import UserError

MILLISECOND = 1_000_000
"""Nanoseconds."""


class Network(NamedTuple):
    """What a network takes on a card; nanoseconds."""

    image: int
    """Of service per image of a batch."""
    batch: int = 0
    """Of service per batch, beside its images."""
    load: int = 0
    """Until a card with another network can begin."""
    largest_batch: int = 1

    def service(self, images: int) -> int:
        """Return how long a batch takes on a card that has the network."""
        return self.batch + images * self.image


class Tenant(NamedTuple):
    """Somebody who shares the cards."""

    weight: int = 1
    queue_limit: int = 1024
    """Requests that may wait at once; more are rejected."""


class Request(NamedTuple):
    """One image for one network."""

    number: int
    """Of its own, greater than those of what its tenant has asked for before."""
    tenant: str
    network: str
    deadline: int | None = None
    """When the result has to be there, nanoseconds on the driver's clock."""
    priority: int = 0


class RejectedError(Exception):
    """A request that is not taken, and why."""


class UnknownNetworkError(RejectedError):
    """A request for a network that nobody knows, or not any more."""


class TooEarlyDeadlineError(RejectedError):
    """A request that would be late even on an idle card."""


class ClosingError(RejectedError):
    """A request to a runtime that takes no more."""


class LateError(UserError):
    """A request whose deadline has passed while it waited."""
