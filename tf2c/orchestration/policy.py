"""Which request runs next, on which card, and with which others: decisions, and nothing else.

A `Policy` has no clock, no threads and no devices. Whoever drives it, a runtime or a simulator,
says what happened and when, and is told what to do. The same events give the same decisions.

Tenants share cards by start-time fair queueing (`fair_queueing.py`). Two things bend that order,
each by a bounded lead, so that nobody starves.

- Affinity: a request for a network that an idle card has loaded may overtake others by the lead,
  because loading another network takes time. A tenant's requests for one network stay in the order
  in which they came; those for different networks may overtake each other as any others may.
  (Where they may not, one network whose cards are busy stops all others of that tenant.)
- Priority: each step of it is a head start of the lead, before a tenant's other requests, too.

A card is idle rather than that it loads a network which others have, as long as those who wait for
that network will have had their turn there before it would be loaded. Else everybody loads when
everybody is late, and is later for it. If the card is the last one with a network that is asked
for, that will be loaded again, somewhere: then they wait for as long as loading takes four times.

Others may not overtake those who wait so by more than the lead, though idle cards have what they
are for. Once that has kept cards idle for longer than not, by as long as loading takes, the network
of the very first is loaded, and its tenant catches up.

A card to which batches take time to get (`depth`) may be given one ahead, for the network that it
has, if no idle card is to do anything, and if as many wait for that as a batch may have: else
more would come meanwhile.

While two tenants wait all the time, what they get, each over its weight, differs at most by
`fairness_bound`.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tf2c.orchestration.fair_queueing import TAG_UNIT, FairQueues
from tf2c.orchestration.requests import MILLISECOND, Network, Request, Tenant
from tf2c.orchestration.waiting_lines import Waiting

LEAST_LEAD = 50 * MILLISECOND
"""Of one card, where networks are loaded faster."""

LOADS_IN_LEAD = 8
"""So when there is much to do for other networks, too, a card loads for a ninth of the time."""

LOADS_FOR_LAST = 4
"""For how many times as long as loading takes others wait for cards that have their network, before
the last card with another one loads theirs. Of 2 to 8, that with the least latencies (simulated,
`docs/adr/0022`)."""


def usual_lead(networks: Iterable[Network], cards: int) -> int:
    """Return a lead with which loading a network holds up nobody who could do without.

    Less than loading takes would: whoever may not overtake those who wait for it waits, too, and
    when it is there, so much has piled up that other networks are loaded. Cards that have come to
    load for half of the time do not catch up (`docs/adr/0022`).
    """
    return cards * max([LEAST_LEAD, *(LOADS_IN_LEAD * each.load for each in networks)])


class Dispatch(NamedTuple):
    """What a card is to do now."""

    card: str
    network: str
    requests: tuple[Request, ...]
    """A batch."""
    loads: bool
    """Whether the card has another network now."""


@dataclass(slots=True)
class _Card:
    loaded: str | None = None
    depth: int = 1
    batches: list[Sequence[Waiting]] = field(default_factory=list[Sequence[Waiting]])
    """That it was given and has not ended; the oldest first."""
    idle_since: int = 0
    """Which event that was: the less, the longer."""


class Policy(FairQueues):
    """Requests that wait and cards that work."""

    def __init__(
        self,
        networks: Mapping[str, Network],
        tenants: Mapping[str, Tenant],
        lead: int = LEAST_LEAD,
        *,
        affinity: bool = True,
    ) -> None:
        """Start without cards.

        Args:
            networks: that requests may be for, by name.
            tenants: that may request, by name.
            lead: by how much service a request may overtake others, nanoseconds of all cards
                together; it stays what it is when cards come and go.
            affinity: whether it counts what cards have loaded; without, they are chosen by how
                long they have been idle alone, to be compared with.
        """
        super().__init__(networks, tenants, lead)
        self._cards: dict[str, _Card] = {}
        self._affinity = affinity
        self._events = 0
        self._decided = 0  # when there was anything to decide last
        self._holding: int | None = None  # which request has held others up since
        self._held = 0  # for how much longer than not cards have been idle because of such
        # For speed, what the above implies: how many cards have each network, and idle cards by
        # what they have, the longest idle one first.
        self._holders = dict.fromkeys(networks, 0)
        self._idle: dict[str | None, OrderedDict[str, _Card]] = {}
        # Cards at work that may be given one more batch, by what they have, the first ones first.
        self._with_room: dict[str | None, OrderedDict[str, _Card]] = {}

    @property
    def has_room(self) -> bool:
        """Whether any card may be given anything."""
        return bool(self._idle or self._with_room)

    def fairness_bound(self, one: str, other: str, priority: int = 0) -> int:
        """Return how far two tenants' service over weight may be apart while both wait, in tags."""
        largest = max(network.service(1) for network in self.networks.values())
        weights = [self._tenant_lines[name].tenant.weight for name in (one, other)]
        requests = sum(largest * TAG_UNIT // weight + 1 for weight in weights)
        return 2 * self._lead * (1 + priority) + requests

    def add_network(self, name: str, network: Network) -> None:
        """Let requests be for one more network."""
        self.networks[name] = network
        self._quickest[name] = network.service(1)
        self._holders[name] = 0

    def set_costs(self, name: str, network: Network) -> None:
        """Let a network cost something else: tenants' shares, and what is worth loading."""
        self.networks[name] = network

    def replace_network(self, name: str, network: Network) -> None:
        """Let a name stand for another network; what waits for it waits for that one."""
        self._forget_loaded(name)
        self.add_network(name, network)

    def remove_network(self, name: str) -> tuple[Request, ...]:
        """Let no more requests be for a network; what runs goes on.

        Returns:
            What waited for it, and waits no more.
        """
        del self.networks[name]
        del self._quickest[name]
        del self._holders[name]
        self._asked.pop(name, None)
        self._forget_loaded(name)
        return self.withdraw([each.number for each in self.waiting_for(name)])

    def _forget_loaded(self, name: str) -> None:
        """Let no card have a network any more: whoever has its name next is another one."""
        for card_name, card in self._cards.items():
            if card.loaded == name:
                if not card.batches:
                    self._unrest(card_name, card)
                self._leave_room(card_name, card)
                card.loaded = None
                if not card.batches:
                    self._rest(card_name, card)

    def add_card(self, name: str, loaded: str | None = None, depth: int = 1) -> None:
        """Let a card take part, idle.

        Args:
            name: of the card.
            loaded: the network that it has.
            depth: how many batches it may have at a time, all but the first of them ahead.
        """
        self._cards[name] = card = _Card(loaded, depth)
        if loaded is not None:
            self._holders[loaded] += 1
        self._rest(name, card)

    def running(self, card: str) -> tuple[Request, ...]:
        """Return what a card was given and has not ended, the oldest batch first."""
        return tuple(each.request for batch in self._cards[card].batches for each in batch)

    def remove_card(self, name: str, give_up: Collection[Request] = ()) -> tuple[Request, ...]:
        """Let a card go, because it failed or is needed elsewhere.

        Args:
            name: of the card.
            give_up: requests of those that are not to be run again.

        Returns:
            What else it had not ended, which waits again where it was before; but for requests
            for networks that have been removed.
        """
        card = self._cards.pop(name)
        if card.loaded is not None:
            self._holders[card.loaded] -= 1
        if not card.batches:
            self._unrest(name, card)
        self._leave_room(name, card)
        again = [
            each
            for batch in card.batches
            for each in batch
            if each.request not in give_up and each.request.network in self.networks
        ]
        for each in reversed(again):
            # A card has worked on it: its tenant pays, whatever becomes of it.
            self._wait_again(each._replace(charge=0))
        return tuple(each.request for each in again)

    def next(self, now: int) -> Dispatch | None:
        """Return what to do next; None if there is nothing before something else happens."""
        if not self._network_lines or not (self._idle or self._with_room):
            return None
        firsts = [line.first for line in self._network_lines.values()]
        first = min(firsts) if len(firsts) > 1 else firsts[0]
        limit = first.rank + self._lead
        chosen: Waiting | None = None
        if self._idle:
            self._count_holding(now)
            chosen = first
            if self._affinity and first.request.network not in self._idle:
                chosen = self._instead_of(first, firsts, limit, now)
        if chosen is not None:
            name, begin = self._card_for(chosen.request.network), now
        elif (ahead := self._ahead(firsts, limit, now)) is not None:
            chosen, name, begin = ahead
        else:
            return None
        self._virtual_time = max(self._virtual_time, first.rank)
        return self._dispatch(chosen.request.network, name, limit, begin)

    def begin(self, request: Request, now: int) -> Dispatch | None:
        """Submit a request, and return what `next` says then: in one step, which takes less time.

        Returns:
            None unless nobody waits and an idle card has its network; nothing has happened then.

        Raises:
            RejectedError: as for `submit`.
        """
        cards = self._idle.get(request.network)
        if cards is None or self._places or not self._affinity:
            return None
        taken = self._with_tags(request, self._admit(request, 1, now))
        self._virtual_time = max(self._virtual_time, taken.rank)
        name, card = next(iter(cards.items()))
        self._unrest(name, card)
        card.batches.append((taken,))
        if card.depth > 1:
            self._enter_room(name, card)
        return Dispatch(name, request.network, (request,), False)

    def complete(self, name: str, number: int | None = None, *, has_network: bool = True) -> None:
        """Let a card have done a batch.

        Args:
            name: of the card.
            number: of the batch's first request; by default the oldest batch's.
            has_network: whether it has the network now; not if loading did not work.
        """
        card = self._cards[name]
        if len(card.batches) == 1:
            card.batches.clear()
        else:
            numbers = [batch[0].number for batch in card.batches]
            del card.batches[0 if number is None else numbers.index(number)]
        if card.depth > 1:
            self._leave_room(name, card)
        if not has_network and card.loaded is not None:
            self._holders[card.loaded] -= 1
            card.loaded = None
        if card.batches:
            self._enter_room(name, card)
        else:
            self._rest(name, card)

    def _rest(self, name: str, card: _Card) -> None:
        """Count a card among the idle ones."""
        self._events += 1
        card.idle_since = self._events
        cards = self._idle.get(card.loaded)
        if cards is None:
            cards = self._idle[card.loaded] = OrderedDict()
        cards[name] = card

    def _unrest(self, name: str, card: _Card) -> None:
        """Do not count a card among the idle ones any more."""
        cards = self._idle[card.loaded]
        del cards[name]
        if not cards:
            del self._idle[card.loaded]

    def _enter_room(self, name: str, card: _Card) -> None:
        """Count a card at work among those that may be given one more batch, if it is one."""
        if len(card.batches) < card.depth and card.loaded is not None:
            self._with_room.setdefault(card.loaded, OrderedDict())[name] = card

    def _leave_room(self, name: str, card: _Card) -> None:
        """Do not count it among them any more, if it was one."""
        cards = self._with_room.get(card.loaded)
        if cards is not None and cards.pop(name, None) is not None and not cards:
            del self._with_room[card.loaded]

    def _ahead(
        self, firsts: Sequence[Waiting], limit: int, now: int
    ) -> tuple[Waiting, str, int] | None:
        """Return who goes to a card at work, to which one, and when it begins there."""
        full = [
            each
            for each in firsts
            if (name := each.request.network) in self._with_room
            and each.rank <= limit
            and self._network_lines[name].length >= self.networks[name].largest_batch
        ]
        if not full:
            return None
        chosen = min(full)
        network = self.networks[chosen.request.network]
        name, card = next(iter(self._with_room[chosen.request.network].items()))
        begin = now + sum(network.service(len(batch)) for batch in card.batches)
        if not _in_time([chosen], begin + network.service(1)):
            return None  # an idle card may come before
        return chosen, name, begin

    def _instead_of(
        self, first: Waiting, firsts: Sequence[Waiting], limit: int, now: int
    ) -> Waiting | None:
        """Return who goes where no idle card has the network that the very first is for."""
        at_once = [each for each in firsts if each.request.network in self._idle]
        if may_go := [each for each in at_once if each.rank <= limit]:
            return min(may_go)
        loading = [each for each in firsts if self._is_worth_loading(each.request, now)]
        if may_go := [each for each in loading if each.rank <= limit]:
            return min(may_go)
        if not at_once and not loading:
            return None
        # The very first holds them up, and does not use the idle cards itself.
        if self._held >= self.networks[first.request.network].load:
            self._held = 0
            return first
        self._holding = first.number
        return None

    def _count_holding(self, now: int) -> None:
        """Count the time since the last decision: whether a request held others up, and waits."""
        time = now - self._decided
        self._held = (
            self._held + time if self._holding in self._places else max(0, self._held - time)
        )
        self._holding, self._decided = None, now

    def _is_worth_loading(self, request: Request, now: int) -> bool:
        """Whether loading a network that no idle card has is better than to wait for those it has.

        That is if loading takes less time than those who wait for it take on the cards that have
        it, four times less if the idle card is needed for its own, or if only loading meets a
        deadline.
        """
        network, holders = self.networks[request.network], self._holders[request.network]
        service = network.service(1)
        turns = self._network_lines[request.network].length * service  # by one card
        if not holders or turns > LOADS_FOR_LAST * network.load * holders:
            return True
        if turns > network.load * holders and not self._is_needed(self._card_to_load(), now):
            return True
        if request.deadline is None or now + network.load + service > request.deadline:
            return False
        return turns > (request.deadline - now - service) * holders

    def _card_for(self, network: str) -> str:
        """Return the idle card that runs a network: of those that have it the longest idle one."""
        if self._affinity and network in self._idle:
            return next(iter(self._idle[network]))
        return self._card_to_load()

    def _card_to_load(self) -> str:
        """Return the idle card on which loading another network does the least harm.

        That is one whose own network nobody waits for, if there is one. Of several, the one that
        has been idle for the longest time.
        """
        unwanted = [each for each in self._idle if each not in self._network_lines]
        kinds: Iterable[str | None] = (self._affinity and unwanted) or self._idle
        longest = [next(iter(self._idle[kind].items())) for kind in kinds]
        return min(longest, key=lambda item: item[1].idle_since)[0]

    def _is_needed(self, name: str, now: int) -> bool:
        """Whether a card is the last one that has its network, and that is asked for.

        That is if it has been, within the time that loading it again would take.
        """
        loaded = self._cards[name].loaded
        if loaded is None or self._holders[loaded] > 1 or loaded not in self._asked:
            return False
        return now - self._asked[loaded] < self.networks[loaded].load

    def _dispatch(self, wanted: str, name: str, limit: int, begin: int) -> Dispatch:
        network = self.networks[wanted]
        card = self._cards[name]
        loads = card.loaded != wanted
        batch = [self._take(wanted)]
        if network.largest_batch > 1 and wanted in self._network_lines:
            self._fill(batch, network, limit, begin + (network.load if loads else 0))
        if card.batches:
            self._leave_room(name, card)
        else:
            self._unrest(name, card)
        if loads:
            self._holders[wanted] += 1
            if card.loaded is not None:
                self._holders[card.loaded] -= 1
        card.loaded = wanted
        card.batches.append(batch)
        if not loads:  # which may not work
            self._enter_room(name, card)
        return Dispatch(name, wanted, tuple([each.request for each in batch]), loads)

    def _fill(self, batch: list[Waiting], network: Network, limit: int, begin: int) -> None:
        """Take more requests into a batch, as long as all of it meets its deadlines."""
        wanted = batch[0].request.network
        while len(batch) < network.largest_batch and wanted in self._network_lines:
            further = self._network_lines[wanted].first
            end = begin + network.service(len(batch) + 1)
            if further.rank > limit or not _in_time([*batch, further], end):
                break
            batch.append(self._take(wanted))


def _in_time(batch: Sequence[Waiting], end: int) -> bool:
    """Whether a batch that ends then is early enough for all of it."""
    deadlines = [each.request.deadline for each in batch]
    return all(deadline is None or end <= deadline for deadline in deadlines)
