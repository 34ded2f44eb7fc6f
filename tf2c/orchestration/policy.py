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

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

TAG_UNIT = 1 << 10
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
    """A request in its queue; the lesser one goes first."""

    rank: int
    """The start tag, less the head start of its priority."""
    number: int
    start: int
    request: Request


_start = attrgetter("start")


@dataclass(slots=True)
class _Queue:
    """Of one tenant."""

    tenant: Tenant
    waiting: deque[_Waiting] = field(default_factory=deque[_Waiting])
    finish: int = 0
    """Tag of its last request."""


@dataclass(slots=True)
class _Card:
    loaded: str | None = None
    running: Sequence[_Waiting] = ()
    idle_since: int = 0
    """Which event that was: the less, the longer."""


class Policy:
    """Requests that wait and cards that work."""

    def __init__(
        self,
        networks: Mapping[str, Network],
        tenants: Mapping[str, Tenant],
        lead: int = 50 * MILLISECOND,
        *,
        affinity: bool = True,
    ) -> None:
        """Start without cards.

        Args:
            networks: that requests may be for, by name.
            tenants: that may request, by name; weights are positive.
            lead: by how much service a request may overtake others, nanoseconds.
            affinity: whether it counts what cards have loaded; without, they are chosen by how
                long they have been idle alone, to be compared with.
        """
        self.networks = dict(networks)
        self._queues = {name: _Queue(tenant) for name, tenant in tenants.items()}
        self._cards: dict[str, _Card] = {}
        self._lead = lead * TAG_UNIT
        self._affinity = affinity
        self._virtual_time = 0
        self._events = 0
        # For speed, what the above implies: queues that are not empty, how many requests wait for
        # each network, and idle cards by what they have loaded, the longest idle one first.
        self._active: dict[str, _Queue] = {}
        self._wanted = dict.fromkeys(networks, 0)
        self._idle: dict[str | None, dict[str, _Card]] = {}

    @property
    def is_awaited(self) -> bool:
        """Whether any request waits."""
        return bool(self._active)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(self._wanted.values())

    def fairness_bound(self, one: str, other: str, priority: int = 0) -> int:
        """Return how far two tenants' service over weight may be apart while both wait, in tags."""
        largest = max(network.service(1) for network in self.networks.values())
        weights = [self._queues[name].tenant.weight for name in (one, other)]
        requests = sum(largest * TAG_UNIT // weight + 1 for weight in weights)
        return 2 * self._lead * (1 + priority) + requests

    def add_card(self, name: str, loaded: str | None = None) -> None:
        """Let a card take part, idle."""
        self._cards[name] = card = _Card(loaded)
        self._rest(name, card)

    def running(self, card: str) -> tuple[Request, ...]:
        """Return what a card is doing."""
        return tuple(each.request for each in self._cards[card].running)

    def remove_card(self, name: str, give_up: Collection[Request] = ()) -> tuple[Request, ...]:
        """Let a card go, because it failed or is needed elsewhere.

        Args:
            name: of the card.
            give_up: requests that it was running and that are not to be run again.

        Returns:
            What it was doing otherwise, which waits again in front of its tenants' other requests.
        """
        card = self._cards.pop(name)
        if not card.running:
            self._unrest(name, card)
        again = [each for each in card.running if each.request not in give_up]
        for each in reversed(again):
            tenant = each.request.tenant
            self._queues[tenant].waiting.appendleft(each)
            self._active[tenant] = self._queues[tenant]
            self._wanted[each.request.network] += 1
        return tuple(each.request for each in again)

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
        service = network.service(1)
        if request.deadline is not None and now + service > request.deadline:
            raise RejectedError(f"its deadline is too early for `{request.network}`")
        start = max(self._virtual_time, queue.finish)
        queue.finish = start + service * TAG_UNIT // queue.tenant.weight
        rank = start - request.priority * self._lead
        queue.waiting.append(_Waiting(rank, request.number, start, request))
        self._active[request.tenant] = queue
        self._wanted[request.network] += 1

    def expire(self, now: int) -> tuple[Request, ...]:
        """Remove the requests at the head of their queues that are too late for any card."""
        late: list[Request] = []
        for queue in list(self._active.values()):
            while queue.waiting and self._is_late(queue.waiting[0].request, now):
                late.append(self._take(queue.waiting[0]).request)
        return tuple(late)

    def next(self, now: int) -> Dispatch | None:
        """Return what to do next; None if nothing waits, or no card is idle."""
        if not self._idle or not self._active:
            return None
        heads = [queue.waiting[0] for queue in self._active.values()]
        first = min(heads)
        self._virtual_time = max(self._virtual_time, min(heads, key=_start).start)
        limit = first.rank + self._lead
        chosen = first
        if self._affinity and first.request.network not in self._idle:
            could = [
                head for head in heads if head.rank <= limit and head.request.network in self._idle
            ]
            chosen = min(could, default=first)
        return self._dispatch(self._card_for(chosen.request.network), chosen, limit, now)

    def complete(self, name: str) -> None:
        """Let a card be idle again, because it has done what it was to do."""
        card = self._cards[name]
        card.running = ()
        self._rest(name, card)

    def _rest(self, name: str, card: _Card) -> None:
        """Count a card among the idle ones."""
        self._events += 1
        card.idle_since = self._events
        self._idle.setdefault(card.loaded, {})[name] = card

    def _unrest(self, name: str, card: _Card) -> None:
        """Do not count a card among the idle ones any more."""
        cards = self._idle[card.loaded]
        del cards[name]
        if not cards:
            del self._idle[card.loaded]

    def _is_late(self, request: Request, now: int) -> bool:
        service = self.networks[request.network].service(1)
        return request.deadline is not None and now + service > request.deadline

    def _card_for(self, network: str) -> str:
        """Return the idle card that has a network, or on which loading it does the least harm.

        That is one whose own network nobody waits for, if there is one. Of several, the one that
        has been idle for the longest time.
        """
        if self._affinity and network in self._idle:
            for name in self._idle[network]:
                return name
        unwanted = [each for each in self._idle if each is None or not self._wanted[each]]
        kinds: Iterable[str | None] = (self._affinity and unwanted) or self._idle
        longest = [next(iter(self._idle[kind].items())) for kind in kinds]
        return min(longest, key=lambda item: item[1].idle_since)[0]

    def _dispatch(self, name: str, chosen: _Waiting, limit: int, now: int) -> Dispatch:
        card, wanted = self._cards[name], chosen.request.network
        network = self.networks[wanted]
        loads = card.loaded != wanted
        batch = [chosen]
        self._take(chosen)
        if network.largest_batch > 1 and self._active:
            begin = now + (network.load if loads else 0)
            self._fill(batch, network, limit, begin)
        self._unrest(name, card)
        card.loaded, card.running = wanted, batch
        return Dispatch(name, wanted, tuple([each.request for each in batch]), loads)

    def _fill(self, batch: list[_Waiting], network: Network, limit: int, begin: int) -> None:
        """Take more requests into a batch, as long as all of it meets its deadlines."""
        wanted = batch[0].request.network
        while len(batch) < network.largest_batch:
            heads = (queue.waiting[0] for queue in self._active.values())
            further = min((head for head in heads if head.request.network == wanted), default=None)
            if further is None or further.rank > limit:
                break
            if not _in_time([*batch, further], begin + network.service(len(batch) + 1)):
                break
            batch.append(self._take(further))

    def _take(self, chosen: _Waiting) -> _Waiting:
        tenant = chosen.request.tenant
        waiting = self._queues[tenant].waiting
        taken = waiting.popleft()
        assert taken is chosen
        if not waiting:
            del self._active[tenant]
        self._wanted[chosen.request.network] -= 1
        return taken


def _in_time(batch: Sequence[_Waiting], end: int) -> bool:
    """Whether a batch that ends then is early enough for all of it."""
    deadlines = [each.request.deadline for each in batch]
    return all(deadline is None or end <= deadline for deadline in deadlines)
