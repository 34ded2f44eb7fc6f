"""What a runtime did, as a trace: to be looked at, or to be asked of a cluster that does not exist.

recording = Recording()
with Runtime(networks, cards, tenants, observer=recording) as runtime:
    ...
trace, durations = recording.trace(), recording.durations()
"""

from collections.abc import Sequence

import numpy as np

from tf2c.orchestration.cluster import Outcome
from tf2c.orchestration.events import Completed, Dispatched, Dropped, Event, Rejected, Submitted
from tf2c.orchestration.traces import EXPIRED, NEVER, REJECTED, Numbers, Trace


class Recording:
    """An observer that keeps all events."""

    def __init__(self, networks: Sequence[str], tenants: Sequence[str]) -> None:
        """Start with none.

        Args:
            networks: what the runtime has, in the order in which numbers stand for them.
            tenants: the same.
        """
        self.events: list[Event] = []
        self._networks = {name: index for index, name in enumerate(networks)}
        self._tenants = {name: index for index, name in enumerate(tenants)}

    def __call__(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def trace(self) -> Trace:
        """Return the requests that came, whatever became of them."""
        rows = [
            (
                event.now,
                self._tenants[event.request.tenant],
                self._networks[event.request.network],
                NEVER if event.request.deadline is None else event.request.deadline,
                event.request.priority,
            )
            for event in self.events
            if isinstance(event, Submitted | Rejected)
        ]
        return Trace(*np.array(rows, np.int64).reshape(-1, len(Trace._fields)).T)

    def durations(self) -> Numbers:
        """Return the nanoseconds of each dispatch; 0 where it never ended."""
        outcome = self.outcome()
        return outcome.end - outcome.begin

    def outcome(self) -> Outcome:
        """Return what became of the requests."""
        trace = self.trace()
        numbers: dict[int, int] = {}
        fates = np.full(len(trace.arrival), EXPIRED, np.int64)
        rows: list[list[int]] = []
        running: dict[tuple[str, int], int] = {}
        for event in self.events:
            match event:
                case Submitted() | Rejected():
                    numbers[event.request.number] = len(numbers)
                    if isinstance(event, Rejected):
                        fates[numbers[event.request.number]] = REJECTED
                case Dropped():
                    fates[numbers[event.request.number]] = EXPIRED
                case Dispatched(now, found):
                    running[found.card, found.requests[0].number] = len(rows)
                    fates[[numbers[each.number] for each in found.requests]] = len(rows)
                    card = int(found.card.rsplit(" ", 1)[1])
                    network = self._networks[found.network]
                    rows.append([card, network, int(found.loads), now, now])
                case Completed(now, found):
                    rows[running.pop((found.card, found.requests[0].number))][-1] = now
                case _:
                    pass
        return Outcome(trace, fates, *np.array(rows, np.int64).reshape(-1, 5).T)
