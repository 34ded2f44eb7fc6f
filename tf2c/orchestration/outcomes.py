"""What has become of requests, until those who wait for it are told."""

import logging
from collections import deque
from concurrent.futures import Future

from tf2c.orchestration.cards import Scores

log = logging.getLogger(__name__)


def begun_future() -> "Future[Scores]":
    """Return a future that cannot be cancelled, because cards cannot be."""
    future: Future[Scores] = Future()
    future.set_running_or_notify_cancel()
    return future


class Outcomes:
    """Futures and their outcomes; any thread may add some or tell them."""

    def __init__(self) -> None:
        """Start with none."""
        self._untold: deque[tuple[Future[Scores], Scores | Exception]] = deque()

    def add(self, future: "Future[Scores]", outcome: Scores | Exception) -> None:
        """Keep an outcome for its future."""
        self._untold.append((future, outcome))

    def tell(self) -> None:
        """Let whoever waits have the outcomes; callbacks of futures run here, so hold no lock."""
        while self._untold:
            try:
                future, outcome = self._untold.popleft()
            except IndexError:  # another thread has told it
                return
            try:
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
            except SystemExit:  # of a callback: nobody's card ends for that
                log.exception("a callback wanted to end the process")
