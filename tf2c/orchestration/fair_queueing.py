"""Requests that wait, in the order in which they may go: start-time fair queueing.

A request has a start tag, the later of the virtual time and of its tenant's last finish tag, and a
finish tag, later by its service over its tenant's weight. The least start tag goes first. The
virtual time is the least tag that waited when something was dispatched last. (Goyal, Vin and Cheng,
"Start-time fair queueing", SIGCOMM 1996.)

A tenant pays for what runs: when a request is given up, all that its tenant asked for later moves
forward by what it would have taken.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import accumulate
from typing import NamedTuple

from tf2c.orchestration.requests import (
    Network,
    RejectedError,
    Request,
    Tenant,
    UnknownNetworkError,
)

TAG_UNIT = 1 << 10
"""Tags are integers, in parts of a nanosecond: no rounding depends on the order of events."""


LEAST_FORGOTTEN = 64
"""Expiries of requests that wait no more that are forgotten together, and not one by one."""


class Waiting(NamedTuple):
    """A request that waits; the lesser one goes first."""

    rank: int
    """The start tag, less the head start of its priority."""
    number: int
    request: Request
    charge: int
    """By how much the tags of what its tenant asks for later are later because of it."""


@dataclass(slots=True)
class _Account:
    """Of a tenant."""

    tenant: Tenant
    waiting: int = 0
    finish: int = 0
    """Tag of its last request."""


class _Advance:
    """By how much what a tenant has asked for moves forward."""

    def __init__(self, charges: Iterable[tuple[int, int]]) -> None:
        """Take start tags and charges of what was removed."""
        ordered = sorted(charges)
        self._starts = [start for start, _ in ordered]
        self._sums = [*accumulate((charge for _, charge in ordered), initial=0)]

    @property
    def total(self) -> int:
        """Of what comes after all of it."""
        return self._sums[-1]

    def of(self, start: int) -> int:
        """Of what has a start tag: what was removed before it."""
        return self._sums[bisect_left(self._starts, start)]


class FairQueues:
    """A queue for each network, in which tenants have their share."""

    def __init__(
        self, networks: Mapping[str, Network], tenants: Mapping[str, Tenant], lead: int
    ) -> None:
        """Start with nobody waiting.

        Args:
            networks: that requests may be for, by name.
            tenants: that may request, by name; weights are positive.
            lead: head start of each step of priority, nanoseconds.
        """
        self.networks = dict(networks)
        # What an image takes at best, by which alone deadlines are judged: what has been measured
        # may have been a bad moment, and what is refused for it is never measured again.
        self._quickest = {name: each.service(1) for name, each in networks.items()}
        self._accounts = {name: _Account(tenant) for name, tenant in tenants.items()}
        self._queues: dict[str, list[Waiting]] = {}  # a heap for each network that is waited for
        self._expiries: list[tuple[int, int]] = []  # a heap: when, and of which; some wait no more
        self._timed: set[int] = set()  # numbers of those that do, and have a deadline
        self._lead = lead * TAG_UNIT
        self._virtual_time = 0

    @property
    def is_awaited(self) -> bool:
        """Whether any request waits."""
        return bool(self._queues)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._queues.values()))

    def submit(self, request: Request, now: int) -> None:
        """Queue a request.

        Raises:
            RejectedError: nobody knows its network or tenant, its tenant has too many, or its
                deadline is too early even for an idle card.
        """
        self.submit_all((request,), now)

    def submit_all(self, requests: Sequence[Request], now: int) -> None:
        """Queue requests, all or none; they differ in nothing but their numbers.

        Raises:
            RejectedError: as for `submit`.
        """
        _, tenant, name, deadline, priority = requests[0]
        network = self.networks.get(name)
        account = self._accounts.get(tenant)
        if network is None:
            raise UnknownNetworkError(f"there is no network `{name}`")
        if account is None:
            raise RejectedError(f"there is no tenant `{tenant}`")
        if account.waiting + len(requests) > account.tenant.queue_limit:
            raise RejectedError(f"tenant `{tenant}` has {account.waiting} requests waiting")
        if deadline is not None and now + self._quickest[name] > deadline:
            raise RejectedError(f"its deadline is too early for `{name}`")
        charge = network.service(1) * TAG_UNIT // account.tenant.weight
        head_start = priority * self._lead
        start = max(self._virtual_time, account.finish)
        for request in requests:
            self._wait(Waiting(start - head_start, request.number, request, charge))
            start += charge
        account.finish = start

    @property
    def next_expiry(self) -> int | None:
        """When the next request that waits will be too late for any card; None if none will."""
        while self._expiries:
            when, number = self._expiries[0]
            if number in self._timed:
                return when
            heappop(self._expiries)
        return None

    def expire(self, now: int) -> tuple[Request, ...]:
        """Remove the requests that are too late for any card, and return them."""
        late: list[int] = []
        while (when := self.next_expiry) is not None and when <= now:
            number = heappop(self._expiries)[1]
            self._timed.discard(number)
            late.append(number)
        return self.withdraw(late) if late else ()

    def clear(self) -> tuple[Request, ...]:
        """Remove all requests that wait, and return them."""
        return self.withdraw([each.number for queue in self._queues.values() for each in queue])

    def withdraw(self, numbers: Iterable[int]) -> tuple[Request, ...]:
        """Remove requests that wait, by their numbers, and return them; nobody pays for them.

        Takes time in proportion to all that wait.
        """
        given_up = set(numbers)
        removed: list[Waiting] = []
        for network, queue in list(self._queues.items()):
            leaving = [each for each in queue if each.number in given_up]
            if leaving:
                removed += leaving
                self._set_queue(network, [each for each in queue if each.number not in given_up])
        for each in removed:
            self._end_waiting(each.request)
        self._give_back(removed)
        return tuple(each.request for each in sorted(removed))

    def _give_back(self, removed: Iterable[Waiting]) -> None:
        """Move what tenants have asked for after requests that were removed forward."""
        charges: dict[str, list[tuple[int, int]]] = {}
        for each in removed:
            charges.setdefault(each.request.tenant, []).append((self._start(each), each.charge))
        advances = {tenant: _Advance(each) for tenant, each in charges.items()}
        for tenant, advance in advances.items():
            self._accounts[tenant].finish -= advance.total
        self._move_forward(advances)

    def _move_forward(self, advances: Mapping[str, _Advance]) -> None:
        """Give tenants' requests the tags that they would have without what was removed."""
        lead = self._lead
        for queue in self._queues.values():
            has_moved = False
            for index, (rank, number, request, charge) in enumerate(queue):
                advance = advances.get(request.tenant)
                if advance is not None and (by := advance.of(rank + request.priority * lead)):
                    queue[index] = Waiting(rank - by, number, request, charge)
                    has_moved = True
            if has_moved:
                heapify(queue)

    def _start(self, waiting: Waiting) -> int:
        """Return the start tag of a request."""
        return waiting.rank + waiting.request.priority * self._lead

    def _wait(self, waiting: Waiting) -> None:
        request = waiting.request
        queue = self._queues.get(request.network)
        if queue is None:
            self._queues[request.network] = [waiting]
        else:
            heappush(queue, waiting)
        if request.deadline is not None:
            expiry = request.deadline - self._quickest[request.network] + 1
            heappush(self._expiries, (expiry, request.number))
            self._timed.add(request.number)
            if len(self._expiries) > 2 * len(self._timed) + LEAST_FORGOTTEN:
                self._expiries = [each for each in self._expiries if each[1] in self._timed]
                heapify(self._expiries)
        self._accounts[request.tenant].waiting += 1

    def _take(self, network: str) -> Waiting:
        """Let the first for a network wait no more."""
        queue = self._queues[network]
        taken = heappop(queue)
        if not queue:
            del self._queues[network]
        self._end_waiting(taken.request)
        return taken

    def _set_queue(self, network: str, queue: list[Waiting]) -> None:
        """Let others wait for a network than do, in any order."""
        heapify(queue)
        self._queues[network] = queue
        if not queue:
            del self._queues[network]

    def _end_waiting(self, request: Request) -> None:
        """Count a request no more that has left its queue."""
        if request.deadline is not None:
            self._timed.discard(request.number)
        self._accounts[request.tenant].waiting -= 1
