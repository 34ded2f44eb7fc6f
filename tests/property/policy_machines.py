"""What the policy promises, whatever happens: events in any order, for every promise at once."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from property.policies import CARDS, LEAD, NETWORKS, TENANTS

from tf2c.orchestration.fair_queueing import TAG_UNIT
from tf2c.orchestration.policy import Dispatch, Policy
from tf2c.orchestration.requests import RejectedError, Request


@dataclass
class Card:
    """A card as it should be."""

    depth: int
    loaded: str | None = None
    given: list[Dispatch] = field(default_factory=list[Dispatch])
    """What it has not ended, the oldest first."""

    @property
    def running(self) -> tuple[Request, ...]:
        return tuple(each for batch in self.given for each in batch.requests)

    @property
    def has_room(self) -> bool:
        """Whether it may be given a batch ahead: not while it loads, which may not work."""
        is_loading = any(each.loads for each in self.given)
        return 0 < len(self.given) < self.depth and self.loaded is not None and not is_loading


class PolicyMachine(RuleBasedStateMachine):
    """Events in any order, beside what should be the case, kept in the plainest way."""

    policy_class: ClassVar[type[Policy]] = Policy
    depths: ClassVar[Sequence[int]] = (1, 1, 1)
    """Of cards."""
    lead: ClassVar[int] = LEAD * TAG_UNIT

    @initialize()
    def begin(self) -> None:
        self.policy = self.policy_class(NETWORKS, TENANTS, self.lead // TAG_UNIT)
        self.now = 0
        self.number = 0
        self.accepted: Counter[Request] = Counter()
        self.ended: Counter[Request] = Counter()
        self.ranks: dict[Request, int] = {}  # of all that wait
        self.charges: dict[Request, int] = {}
        self.cards: dict[str, Card] = {}
        self.with_room: list[str] = []  # cards, the first one first
        self.asked: dict[str, int] = {}  # when each network was, last
        self.rested: list[str] = []  # idle cards, the longest idle one first
        self.ranked: dict[Request, int] = {}  # of all that ever waited
        self.finish = dict.fromkeys(TENANTS, 0)
        self.virtual_time = 0
        self.decided = 0
        self.holding: Request | None = None  # who has held others up since
        self.held = 0

    # Events

    @rule(
        tenant=st.sampled_from([*TENANTS]),
        network=st.sampled_from([*NETWORKS]),
        slack=st.none() | st.integers(0, 200),
        priority=st.sampled_from([0, 0, 0, 1]),
        begins=st.booleans(),
    )
    def submit(
        self, tenant: str, network: str, slack: int | None, priority: int, begins: bool
    ) -> None:
        self.number += 1
        deadline = None if slack is None else self.now + slack
        request = Request(self.number, tenant, network, deadline, priority)
        waiting = sum(each.tenant == tenant for each in self.ranks)
        too_many = waiting >= TENANTS[tenant].queue_limit
        too_late = slack is not None and slack < NETWORKS[network].service(1)
        # Nobody waits, and an idle card has its network.
        at_once = not self.ranks and network in self.loaded(self.idle)
        found: Dispatch | None = None
        try:
            if begins:
                found = self.policy.begin(request, self.now)
                if found is None:
                    assert not at_once
                    return
            else:
                self.policy.submit(request, self.now)
        except RejectedError:
            assert too_many or too_late or network not in self.policy.networks
            return
        assert network in self.policy.networks
        assert not too_many
        assert not too_late
        self.accepted[request] += 1
        self.asked[network] = self.now
        start = max(self.virtual_time, self.finish[tenant])
        cost = NETWORKS[network].service(1) * TAG_UNIT // TENANTS[tenant].weight
        self.finish[tenant] = start + cost
        self.charges[request] = cost
        self.ranks[request] = self.ranked[request] = start - priority * self.lead
        if found is not None:
            assert at_once
            self.check(found, self.idle)

    @rule(
        count=st.integers(2, 8),
        tenant=st.sampled_from([*TENANTS]),
        network=st.sampled_from([*NETWORKS]),
        slack=st.none() | st.integers(0, 200),
    )
    def submit_several(self, count: int, tenant: str, network: str, slack: int | None) -> None:
        for _ in range(count):
            self.submit(tenant, network, slack, priority=0, begins=False)

    @rule(card=st.sampled_from(CARDS))
    def add_card(self, card: str) -> None:
        if card not in self.cards:
            self.add(card)

    def add(self, card: str, loaded: str | None = None) -> None:
        depth = self.depths[CARDS.index(card)]
        self.policy.add_card(card, loaded, depth)
        self.cards[card] = Card(depth, loaded)
        self.rested.append(card)

    @rule(steps=st.integers(1, 60))
    def pass_time(self, steps: int) -> None:
        self.now += steps

    @rule()
    def expire(self) -> None:
        late = [each for each in self.ranks if self.is_late(each)]
        when = self.policy.next_expiry
        assert (when is not None and when <= self.now) == bool(late)
        assert Counter(self.policy.expire(self.now)) == Counter(late)
        self.give_up(late)

    @rule(
        name=st.sampled_from(CARDS),
        which=st.sampled_from([None, None, 0, 1, 2]),
        has_network=st.sampled_from([True, True, True, False]),
    )
    def complete(self, name: str, which: int | None = None, has_network: bool = True) -> None:
        card = self.cards.get(name)
        if card is None or not card.given:
            return
        place = 0 if which is None else which % len(card.given)
        done = card.given[place].requests
        number = None if which is None else done[0].number
        assert self.policy.running(name) == card.running
        self.policy.complete(name, number, has_network=has_network)
        del card.given[place]
        card.loaded = card.loaded if has_network else None
        if not card.given:
            self.rested.append(name)
        # It is the last one of those with room now.
        self.with_room = [each for each in self.with_room if each != name]
        assert self.policy.running(name) == card.running
        self.ended.update(done)

    @rule()
    def dispatch(self) -> None:
        self.decide()

    @rule()
    def dispatch_all(self) -> None:
        while self.decide():
            self.cards_with_room_are_in_order()

    def decide(self) -> bool:
        idle, ahead = self.idle, self.ahead()
        found = self.policy.next(self.now)
        if idle and self.ranks:
            time = self.now - self.decided
            self.held = max(0, self.held + (time if self.holding in self.ranks else -time))
            self.decided, self.holding = self.now, None
        # Whoever waits is served while a card is idle, but for those who wait for less than loading
        # would take, and for those whom they hold up, unless that happens most of the time.
        is_idle = not idle or all(map(self.waits, self.firsts()))
        if not is_idle and all(map(self.waits, self.may_go())):
            first = min(self.ranks, key=self.order)
            if self.held < NETWORKS[first.network].load:
                is_idle, self.holding = True, first
            else:
                self.held = 0
        assert (found is None) == (is_idle and ahead is None)
        if found is not None and is_idle:
            assert ahead is not None
            card, first, begin = ahead
            assert (found.card, found.requests[0], found.loads) == (card, first, False)
            self.take(found, begin)
        elif found is not None:
            self.check(found, idle)
        return found is not None

    # What holds

    @property
    def idle(self) -> list[str]:
        return [name for name, card in self.cards.items() if not card.given]

    @property
    def to_load(self) -> str:
        """The idle card that another network would do the least harm to."""
        wanted = {each.network for each in self.ranks}
        return min(self.rested, key=lambda card: self.cards[card].loaded in wanted)

    def loaded(self, cards: list[str]) -> set[str | None]:
        return {self.cards[card].loaded for card in cards}

    def is_needed(self, name: str) -> bool:
        """Whether an idle card is the last one with a network that has been asked for lately."""
        loaded = self.cards[name].loaded
        if loaded is None or [card.loaded for card in self.cards.values()].count(loaded) > 1:
            return False
        return loaded in self.asked and self.now < self.asked[loaded] + NETWORKS[loaded].load

    def forget(self, network: str) -> None:
        """No card has a network any more; those that are idle are so from now on."""
        for name, card in self.cards.items():
            if card.loaded == network:
                card.loaded = None
                if name in self.rested:
                    self.rested.remove(name)
                    self.rested.append(name)

    def ahead(self) -> tuple[str, Request, int] | None:
        """Who goes to a card at work, and when it begins there, if no idle card does anything."""
        full = [
            first
            for first in (self.may_go() if self.ranks else [])
            if first.network in self.loaded(self.with_room)
            and sum(each.network == first.network for each in self.ranks)
            >= NETWORKS[first.network].largest_batch
        ]
        if not full:
            return None
        first = min(full, key=self.order)
        network = NETWORKS[first.network]
        name = next(card for card in self.with_room if self.cards[card].loaded == first.network)
        begin = self.now + sum(
            network.service(len(each.requests)) for each in self.cards[name].given
        )
        is_late = first.deadline is not None and begin + network.service(1) > first.deadline
        return None if is_late else (name, first, begin)

    def is_late(self, request: Request) -> bool:
        end = self.now + NETWORKS[request.network].service(1)
        return request.deadline is not None and end > request.deadline

    def start(self, request: Request) -> int:
        return self.ranks[request] + request.priority * self.lead

    def is_later(self, one: Request, other: Request) -> bool:
        """Whether a tenant has asked for one request later than for another."""
        return one.tenant == other.tenant and one.number > other.number

    def give_up(self, requests: Collection[Request]) -> None:
        """A tenant's later requests are where they would be without what was given up."""
        for request in requests:
            charge = self.charges[request]
            for other in self.ranks:
                if self.is_later(other, request):
                    self.ranks[other] -= charge
                    self.ranked[other] = self.ranks[other]
            self.finish[request.tenant] -= charge
            del self.ranks[request]
            self.ended[request] += 1

    def order(self, request: Request) -> tuple[int, int]:
        return self.ranks[request], request.number

    def firsts(self) -> list[Request]:
        """A network's requests keep their order."""
        return [
            min((each for each in self.ranks if each.network == network), key=self.order)
            for network in {each.network for each in self.ranks}
        ]

    def may_go(self) -> list[Request]:
        """Nobody overtakes by more than the lead."""
        limit = min(self.ranks.values()) + self.lead
        return [each for each in self.firsts() if self.ranks[each] <= limit]

    def waits(self, first: Request) -> bool:
        """Whether a request waits for cards that have its network, though another card is idle."""
        network = NETWORKS[first.network]
        holders = [card for card in self.cards.values() if card.loaded == first.network]
        if not holders or any(not card.given for card in holders):
            return False
        service = network.service(1)
        wait = sum(each.network == first.network for each in self.ranks) * service / len(holders)
        longest = (4 if self.is_needed(self.to_load) else 1) * network.load
        if wait > longest or first.deadline is None:
            return wait <= longest
        misses = self.now + wait + service > first.deadline
        return not misses or self.now + network.load + service > first.deadline

    def check(self, found: Dispatch, idle: list[str]) -> None:
        assert found.card in idle
        assert found.loads == (self.cards[found.card].loaded != found.network)
        having = [card for card in self.rested if self.cards[card].loaded == found.network]
        assert found.card == (having[0] if having else self.to_load)
        may_go = self.may_go()
        at_once = [each for each in may_go if each.network in self.loaded(idle)]
        # Nobody who may go first would have done without loading.
        assert not (found.loads and at_once)
        # Where those who may go would all rather wait, the very first goes, for others.
        expected = at_once or [each for each in may_go if not self.waits(each)] or may_go
        assert found.requests[0] == min(expected, key=self.order)
        self.take(found, self.now + (NETWORKS[found.network].load if found.loads else 0))

    def take(self, found: Dispatch, begin: int) -> None:
        """What was dispatched does not wait any more."""
        assert 1 <= len(found.requests) <= NETWORKS[found.network].largest_batch
        end = begin + NETWORKS[found.network].service(len(found.requests))
        limit = min(self.ranks.values()) + self.lead
        self.virtual_time = max(self.virtual_time, min(self.ranks.values()))
        for request in found.requests:
            assert request.network == found.network
            rivals = [each for each in self.ranks if each.network == found.network]
            assert request == min(rivals, key=self.order)
            # First in, first out; and nobody overtakes by more than the lead.
            alike = request.tenant, request.priority
            assert not any(
                each.number < request.number and (each.tenant, each.priority) == alike
                for each in rivals
            )
            assert self.ranks.pop(request) <= limit
            if len(found.requests) > 1 and request.deadline is not None:
                assert end <= request.deadline
        card = self.cards[found.card]
        assert len(card.given) < card.depth
        card.given.append(found)
        card.loaded = found.network
        self.rested = [each for each in self.rested if each != found.card]
        self.with_room = [each for each in self.with_room if each != found.card]

    @invariant()
    def cards_with_room_are_in_order(self) -> None:
        if hasattr(self, "policy"):
            with_room = [name for name, card in self.cards.items() if card.has_room]
            stay = [name for name in self.with_room if name in with_room]
            self.with_room = stay + [name for name in with_room if name not in stay]

    @invariant()
    def nothing_is_lost_or_duplicated(self) -> None:
        if not hasattr(self, "policy"):
            return
        now = Counter(self.ended)
        now.update(list(self.ranks))
        now.update(request for card in self.cards.values() for request in card.running)
        assert now == self.accepted
        assert self.policy.waiting == len(self.ranks)

    def teardown(self) -> None:
        if hasattr(self, "policy"):
            assert Counter(self.policy.clear()) == Counter([*self.ranks])
            assert not self.policy.waiting

    @precondition(lambda self: bool(getattr(self, "cards", {})))
    @rule()
    def complete_all(self) -> None:
        for card in self.cards:
            self.complete(card)


class WholeMachine(PolicyMachine):
    """Cards that fail, networks that go, and requests that are withdrawn."""

    @rule(card=st.sampled_from(CARDS), given_up=st.integers(0, 2))
    def fail(self, card: str, given_up: int) -> None:
        if card not in self.cards:
            return
        running = self.cards.pop(card).running
        self.rested = [each for each in self.rested if each != card]
        assert self.policy.running(card) == running
        known = self.policy.networks
        expected = tuple(each for each in running[given_up:] if each.network in known)
        assert self.policy.remove_card(card, running[:given_up]) == expected
        self.ended.update(each for each in running if each not in expected)
        for request in expected:
            # It waits where it did, or earlier if what its tenant asked for later has moved.
            later = [self.start(each) for each in self.ranks if self.is_later(each, request)]
            start = self.ranked[request] + request.priority * self.lead
            start = min(start, *later, self.finish[request.tenant])
            self.ranks[request] = self.ranked[request] = start - request.priority * self.lead
            self.charges[request] = 0

    @rule()
    def remove_network(self) -> None:
        if "other" not in self.policy.networks:
            self.policy.add_network("other", NETWORKS["other"])
            return
        expected = [each for each in self.ranks if each.network == "other"]
        assert Counter(self.policy.remove_network("other")) == Counter(expected)
        self.give_up(expected)
        self.asked.pop("other", None)
        self.forget("other")

    @rule()
    def replace_network(self) -> None:
        if "other" in self.policy.networks:
            self.policy.replace_network("other", NETWORKS["other"])
            self.forget("other")

    @rule(which=st.lists(st.integers(0, 20), max_size=3))
    def withdraw(self, which: list[int]) -> None:
        waiting = sorted(self.ranks, key=self.order)
        wanted = {waiting[index] for index in which if index < len(waiting)}
        assert Counter(self.policy.withdraw([each.number for each in wanted])) == Counter(wanted)
        self.give_up(wanted)


class DeepMachine(WholeMachine):
    """Cards that are given batches ahead, and have networks from the beginning."""

    depths = (1, 2, 3)

    @initialize()
    def begin(self) -> None:
        super().begin()
        self.add("b", "small")
        self.add("c", "other")


class CloseMachine(PolicyMachine):
    """Hardly anybody may overtake others, so those who wait for a card at work hold others up."""

    lead = 5 * TAG_UNIT

    @initialize()
    def begin(self) -> None:
        super().begin()
        for card, network in zip(CARDS, NETWORKS, strict=True):
            self.add(card, network)


SETTINGS = settings(
    max_examples=1500,
    stateful_step_count=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
