"""What happens in a runtime, for whoever watches: logs, metrics, and comparisons with a simulator.

Times are nanoseconds of the monotonic clock. Events come one after the other, in the order in
which the policy was told; times never decrease.
"""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tf2c.orchestration.policy import Dispatch
from tf2c.orchestration.requests import Request

log = logging.getLogger(__name__)


class Submitted(NamedTuple):
    """A request was queued."""

    now: int
    request: Request


class Rejected(NamedTuple):
    """A request was not taken."""

    now: int
    request: Request
    reason: str


class Dispatched(NamedTuple):
    """A card was given a batch."""

    now: int
    dispatch: Dispatch


class Completed(NamedTuple):
    """A card has done its batch."""

    now: int
    dispatch: Dispatch
    failed: tuple[Request, ...] = ()
    """What has no result, though the card works: an image that is none, for instance."""
    job_times: Sequence[int] = ()
    """When the card began the batch's jobs, one after the other, and when it ended the last; empty
    for cards that do not tell."""


class Dropped(NamedTuple):
    """A request that waited was given up."""

    now: int
    request: Request
    reason: str


class Lost(NamedTuple):
    """A card failed; its batch waits again."""

    now: int
    card: str
    requests: tuple[Request, ...]
    reason: str


class Restarted(NamedTuple):
    """A card that had failed works again, without a network."""

    now: int
    card: str


Event = Submitted | Rejected | Dispatched | Completed | Dropped | Lost | Restarted

Observer = Callable[[Event], None]
"""Told about each event while the runtime waits; has to be quick, and must not call it."""


def safe(observer: Observer) -> Observer:
    """Return an observer that does not fail: what happens goes on, whoever watches."""

    def observe(event: Event) -> None:
        try:
            observer(event)
        except Exception:
            log.exception("an observer failed")

    return observe
