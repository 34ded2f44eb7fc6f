"""Which request runs next, on which card, and with which others: decisions, and nothing else.

A `Policy` has no clock, no threads and no devices. Whoever drives it, a runtime or a simulator,
says what happened and when, and is told what to do. The same events give the same decisions.

Tenants share cards by start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996). A request has
a start tag, the later of the virtual time and of its tenant's last finish tag, and a finish tag,
later by its service over its tenant's weight. The least start tag goes first, and first in is first
out within a tenant. The virtual time is the least start tag when something was dispatched last.

Two things bend that order, each by a bounded lead, so that nobody starves:

- affinity: a request for a network that an idle card has loaded may overtake others by `lead`,
  because loading another network takes time;
- priority: each step of it is worth a head start of `lead`.

While two tenants wait all the time, what they get, each over its weight, differs at most by
`2 * lead * (1 + largest priority)` and one request of each (`fairness_bound`).
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

TAG_UNIT = 1 << 20
"""Tags are integers, in parts of a nanosecond: no rounding depends on the order of events."""

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
    """Of its own."""
    tenant: str
    network: str
    deadline: int | None = None
    """When the result has to be there, nanoseconds on the driver's clock."""
    priority: int = 0


class Dispatch(NamedTuple):
    """What a card is to do now."""

    card: str
    network: str
    requests: tuple[Request, ...]
    """A batch."""
    loads: bool
    """Whether the card has another network now."""


class RejectedError(Exception):
    """A request that is not taken, and why; it has never been queued."""


class _Waiting(NamedTuple):
    request: Request
    start: int
    rank: int
    """The start tag, less the head start of its priority."""


@dataclass
class _Queue:
    """Of one tenant."""

    tenant: Tenant
    waiting: deque[_Waiting] = field(default_factory=deque[_Waiting])
    finish: int = 0
    """Tag of its last request."""


@dataclass
class _Card:
    loaded: str | None = None
    running: tuple[_Waiting, ...] = ()
    last_used: int = 0
    """Dispatch number."""


class Policy:
    """Requests that wait and cards that work."""

    def __init__(
        self,
        networks: Mapping[str, Network],
        tenants: Mapping[str, Tenant],
        lead: int = 50 * MILLISECOND,
    ) -> None:
        """Start without cards.

        Args:
            networks: that requests may be for, by name.
            tenants: that may request, by name; weights are positive.
            lead: by how much service a request may overtake others, nanoseconds.
        """
        self.networks = dict(networks)
        self._queues = {name: _Queue(tenant) for name, tenant in tenants.items()}
        self._cards: dict[str, _Card] = {}
        self._wanted: Counter[str] = Counter()  # by network: requests that wait
        self._lead = lead * TAG_UNIT
        self._virtual_time = 0
        self._dispatches = 0

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._wanted.total()

    def fairness_bound(self, one: str, other: str, priority: int = 0) -> int:
        """Return how far two tenants' service over weight may be apart while both wait, in tags."""
        largest = max(network.service(1) for network in self.networks.values())
        weights = [self._queues[name].tenant.weight for name in (one, other)]
        requests = sum(largest * TAG_UNIT // weight + 1 for weight in weights)
        return 2 * self._lead * (1 + priority) + requests

    def add_card(self, name: str, loaded: str | None = None) -> None:
        """Let a card take part, idle."""
        self._cards[name] = _Card(loaded)

    def remove_card(self, name: str) -> tuple[Request, ...]:
        """Let a card go, because it failed or is needed elsewhere.

        Returns:
            What it was doing, which waits again in front of its tenants' other requests.
        """
        running = self._cards.pop(name).running
        for each in reversed(running):
            self._queues[each.request.tenant].waiting.appendleft(each)
            self._wanted[each.request.network] += 1
        return tuple(each.request for each in running)

    def submit(self, request: Request, now: int) -> None:
        """Queue a request.

        Raises:
            RejectedError: nobody knows its network or tenant, its tenant has too many, or its
                deadline is too early even for an idle card.
        """
        network = self.networks.get(request.network)
        queue = self._queues.get(request.tenant)
        if network is None:
            raise RejectedError(f"there is no network `{request.network}`")
        if queue is None:
            raise RejectedError(f"there is no tenant `{request.tenant}`")
        if len(queue.waiting) >= queue.tenant.queue_limit:
            raise RejectedError(
                f"tenant `{request.tenant}` has {len(queue.waiting)} requests waiting"
            )
        if request.deadline is not None and now + network.service(1) > request.deadline:
            raise RejectedError(f"its deadline is too early for `{request.network}`")
        start = max(self._virtual_time, queue.finish)
        queue.finish = start + network.service(1) * TAG_UNIT // queue.tenant.weight
        rank = start - request.priority * self._lead
        queue.waiting.append(_Waiting(request, start, rank))
        self._wanted[request.network] += 1

    def expire(self, now: int) -> tuple[Request, ...]:
        """Remove the requests at the head of their queues that are too late for any card."""
        late: list[Request] = []
        for queue in self._queues.values():
            while queue.waiting and self._is_late(queue.waiting[0].request, now):
                late.append(self._take(queue.waiting[0]).request)
        return tuple(late)

    def next(self, now: int) -> Dispatch | None:
        """Return what to do next; None if nothing waits, or no card is idle."""
        idle = {name: card for name, card in self._cards.items() if not card.running}
        heads = self._heads()
        if not idle or not heads:
            return None
        first = heads[0]
        self._virtual_time = max(self._virtual_time, min(head.start for head in heads))
        limit = first.rank + self._lead
        loaded = {card.loaded for card in idle.values()}
        chosen = next(
            (head for head in heads if head.rank <= limit and head.request.network in loaded),
            first,
        )
        name = self._card_for(chosen.request.network, idle)
        return self._dispatch(name, chosen, limit, now)

    def complete(self, card: str) -> tuple[Request, ...]:
        """Let a card be idle again; return what it has done."""
        running = self._cards[card].running
        self._cards[card].running = ()
        return tuple(each.request for each in running)

    def _heads(self) -> list[_Waiting]:
        """Return the first request of each tenant, in the order of fairness."""
        heads = [queue.waiting[0] for queue in self._queues.values() if queue.waiting]
        return sorted(heads, key=lambda head: (head.rank, head.request.number))

    def _is_late(self, request: Request, now: int) -> bool:
        service = self.networks[request.network].service(1)
        return request.deadline is not None and now + service > request.deadline

    def _card_for(self, network: str, idle: Mapping[str, _Card]) -> str:
        """Return the idle card on which a network begins soonest, and does the least harm."""

        def harm(name: str) -> tuple[bool, bool, int]:
            card = idle[name]
            is_wanted = card.loaded is not None and self._wanted[card.loaded] > 0
            return card.loaded != network, is_wanted, card.last_used

        return min(idle, key=harm)

    def _dispatch(self, name: str, chosen: _Waiting, limit: int, now: int) -> Dispatch:
        card, network = self._cards[name], self.networks[chosen.request.network]
        loads = card.loaded != chosen.request.network
        begin = now + (network.load if loads else 0)
        batch = [self._take(chosen)]
        while len(batch) < network.largest_batch:
            further = next(
                (
                    head
                    for head in self._heads()
                    if head.rank <= limit and head.request.network == chosen.request.network
                ),
                None,
            )
            if further is None:
                break
            end = begin + network.service(len(batch) + 1)
            if not _in_time([*batch, further], end):
                break
            batch.append(self._take(further))
        self._dispatches += 1
        card.loaded, card.running = chosen.request.network, tuple(batch)
        card.last_used = self._dispatches
        requests = tuple(each.request for each in batch)
        return Dispatch(name, chosen.request.network, requests, loads)

    def _take(self, chosen: _Waiting) -> _Waiting:
        taken = self._queues[chosen.request.tenant].waiting.popleft()
        assert taken is chosen
        self._wanted[chosen.request.network] -= 1
        return taken


def _in_time(batch: Sequence[_Waiting], end: int) -> bool:
    """Whether a batch that ends then is early enough for all of it."""
    deadlines = [each.request.deadline for each in batch]
    return all(deadline is None or end <= deadline for deadline in deadlines)
