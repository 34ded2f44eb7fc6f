"""What the policy promises, whatever happens; and that each promise is tested by breaking it."""

from collections import Counter
from collections.abc import Collection, Mapping
from heapq import heapify
from itertools import combinations
from random import Random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tf2c.orchestration.policy import (
    TAG_UNIT,
    Dispatch,
    Network,
    Policy,
    RejectedError,
    Request,
    Tenant,
    _Waiting,  # pyright: ignore[reportPrivateUsage]
)

NETWORKS = {
    "small": Network(image=3, batch=1, load=40, largest_batch=4),
    "large": Network(image=20, batch=5, load=40, largest_batch=1),
    "other": Network(image=7, load=40, largest_batch=2),
}
TENANTS = {"one": Tenant(1), "three": Tenant(3), "two": Tenant(2, queue_limit=4)}
CARDS = ("a", "b", "c")
LEAD = 30

Running = dict[str, tuple[Request, ...]]


class PolicyMachine(RuleBasedStateMachine):
    """Events in any order, beside what should be the case, kept in the plainest way."""

    policy_class: ClassVar[type[Policy]] = Policy

    @initialize()
    def begin(self) -> None:
        self.policy = self.policy_class(NETWORKS, TENANTS, LEAD)
        self.now = 0
        self.number = 0
        self.accepted: Counter[Request] = Counter()
        self.ended: Counter[Request] = Counter()
        self.ranks: dict[Request, int] = {}  # of all that wait
        self.running: Running = {}
        self.loaded: dict[str, str | None] = {}
        self.ranked: dict[Request, int] = {}  # of all that ever waited
        self.finish = dict.fromkeys(TENANTS, 0)
        self.virtual_time = 0

    # Events

    @rule(
        tenant=st.sampled_from([*TENANTS]),
        network=st.sampled_from([*NETWORKS]),
        slack=st.none() | st.integers(0, 200),
        priority=st.sampled_from([0, 0, 0, 1]),
    )
    def submit(self, tenant: str, network: str, slack: int | None, priority: int) -> None:
        self.number += 1
        deadline = None if slack is None else self.now + slack
        request = Request(self.number, tenant, network, deadline, priority)
        waiting = sum(each.tenant == tenant for each in self.ranks)
        too_many = waiting >= TENANTS[tenant].queue_limit
        too_late = slack is not None and slack < NETWORKS[network].service(1)
        try:
            self.policy.submit(request, self.now)
        except RejectedError:
            assert too_many or too_late or network not in self.policy.networks
            return
        assert network in self.policy.networks
        assert not too_many
        assert not too_late
        self.accepted[request] += 1
        start = max(self.virtual_time, self.finish[tenant])
        cost = NETWORKS[network].service(1) * TAG_UNIT // TENANTS[tenant].weight
        self.finish[tenant] = start + cost
        self.ranks[request] = self.ranked[request] = start - priority * self.lead

    @rule(card=st.sampled_from(CARDS))
    def add_card(self, card: str) -> None:
        if card not in self.loaded:
            self.policy.add_card(card)
            self.loaded[card] = None

    @rule(card=st.sampled_from(CARDS), given_up=st.integers(0, 2))
    def fail(self, card: str, given_up: int) -> None:
        if card not in self.loaded:
            return
        running = self.running.pop(card, ())
        del self.loaded[card]
        assert self.policy.running(card) == running
        known = self.policy.networks
        expected = tuple(each for each in running[given_up:] if each.network in known)
        assert self.policy.remove_card(card, running[:given_up]) == expected
        self.ended.update(each for each in running if each not in expected)
        for request in expected:
            self.ranks[request] = self.ranked[request]

    @rule()
    def remove_network(self) -> None:
        if "other" not in self.policy.networks:
            self.policy.add_network("other", NETWORKS["other"])
            return
        expected = [each for each in self.ranks if each.network == "other"]
        assert Counter(self.policy.remove_network("other")) == Counter(expected)
        for request in expected:
            del self.ranks[request]
            self.ended[request] += 1
        for card, loaded in self.loaded.items():
            if loaded == "other":
                self.loaded[card] = None

    @rule(steps=st.integers(1, 60))
    def pass_time(self, steps: int) -> None:
        self.now += steps

    @rule()
    def expire(self) -> None:
        for request in self.policy.expire(self.now):
            assert self.is_late(request)
            del self.ranks[request]
            self.ended[request] += 1
        assert not any(map(self.is_late, self.ranks))

    @rule(card=st.sampled_from(CARDS), has_network=st.sampled_from([True, True, True, False]))
    def complete(self, card: str, has_network: bool = True) -> None:
        if card not in self.running:
            return
        done = self.running.pop(card)
        assert self.policy.running(card) == done
        self.policy.complete(card, has_network=has_network)
        self.loaded[card] = self.loaded[card] if has_network else None
        assert not self.policy.running(card)
        self.ended.update(done)

    @rule()
    def dispatch(self) -> None:
        idle = [card for card in self.loaded if card not in self.running]
        found = self.policy.next(self.now)
        # Whoever waits is served while a card is idle, but for those who wait for less than loading
        # would take.
        assert (found is None) == (not idle or all(map(self.waits, self.may_go())))
        if found is not None:
            self.check(found, idle)

    # What holds

    @property
    def lead(self) -> int:
        return LEAD * TAG_UNIT

    def is_late(self, request: Request) -> bool:
        end = self.now + NETWORKS[request.network].service(1)
        return request.deadline is not None and end > request.deadline

    def order(self, request: Request) -> tuple[int, int]:
        return self.ranks[request], request.number

    def may_go(self) -> list[Request]:
        """Nobody overtakes by more than the lead, and a network's requests keep their order."""
        limit = min(self.ranks.values(), default=0) + self.lead
        firsts = [
            min((each for each in self.ranks if each.network == network), key=self.order)
            for network in {each.network for each in self.ranks}
        ]
        return [each for each in firsts if self.ranks[each] <= limit]

    def waits(self, first: Request) -> bool:
        """Whether a request waits for cards that have its network, though another card is idle."""
        network = NETWORKS[first.network]
        holders = [card for card, loaded in self.loaded.items() if loaded == first.network]
        if not holders or any(card not in self.running for card in holders):
            return False
        service = network.service(1)
        wait = sum(each.network == first.network for each in self.ranks) * service / len(holders)
        if wait > network.load or first.deadline is None:
            return wait <= network.load
        misses = self.now + wait + service > first.deadline
        return not misses or self.now + network.load + service > first.deadline

    def check(self, found: Dispatch, idle: list[str]) -> None:
        assert found.card in idle
        assert found.loads == (self.loaded[found.card] != found.network)
        assert 1 <= len(found.requests) <= NETWORKS[found.network].largest_batch
        may_go = self.may_go()
        at_once = [each for each in may_go if each.network in {self.loaded[card] for card in idle}]
        # Nobody who may go first would have done without loading.
        assert not (found.loads and at_once)
        expected = at_once or [each for each in may_go if not self.waits(each)]
        assert found.requests[0] == min(expected, key=self.order)
        begin = self.now + (NETWORKS[found.network].load if found.loads else 0)
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
        self.running[found.card] = found.requests
        self.loaded[found.card] = found.network

    @invariant()
    def nothing_is_lost_or_duplicated(self) -> None:
        if not hasattr(self, "policy"):
            return
        now = Counter(self.ended)
        now.update(list(self.ranks))
        now.update(request for batch in self.running.values() for request in batch)
        assert now == self.accepted
        assert self.policy.waiting == len(self.ranks)

    def teardown(self) -> None:
        if hasattr(self, "policy"):
            assert Counter(self.policy.clear()) == Counter([*self.ranks])
            assert not self.policy.waiting

    @precondition(lambda self: bool(getattr(self, "running", {})))
    @rule()
    def complete_all(self) -> None:
        for card in list(self.running):
            self.complete(card)


SETTINGS = settings(
    max_examples=1500,
    stateful_step_count=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_the_policy_keeps_its_promises() -> None:
    run_state_machine_as_test(PolicyMachine, settings=SETTINGS)


def assert_shares_are_fair(policy_class: type[Policy], seed: int, cards: int) -> None:
    """Let all tenants wait all the time, for networks at random, and look at what each gets."""
    random = Random(seed)
    tenants = {name: each._replace(queue_limit=10) for name, each in TENANTS.items()}
    policy = policy_class(NETWORKS, tenants, LEAD)
    honest = Policy(NETWORKS, tenants, LEAD)
    got = dict.fromkeys(TENANTS, 0)
    favorite = {tenant: random.choice([*NETWORKS]) for tenant in TENANTS}
    for card in CARDS[:cards]:
        policy.add_card(card)
    busy: list[str] = []
    for number in range(8):
        for tenant in TENANTS:
            network = favorite[tenant] if random.random() < 0.8 else random.choice([*NETWORKS])
            policy.submit(Request(number, tenant, network), now=0)
    for step in range(400):
        found = policy.next(now=step)
        if found is None:
            policy.complete(busy.pop(random.randrange(len(busy))))
            continue
        busy.append(found.card)
        for request in found.requests:
            cost = NETWORKS[request.network].service(1) * TAG_UNIT
            got[request.tenant] += cost // TENANTS[request.tenant].weight
            network = favorite[request.tenant]
            policy.submit(Request(10_000 + step, request.tenant, network), now=step)
        for one, other in combinations(TENANTS, 2):
            assert abs(got[one] - got[other]) <= honest.fairness_bound(one, other)


@given(st.integers(0, 1 << 30), st.integers(1, len(CARDS)))
@settings(max_examples=60)
def test_shares_are_fair(seed: int, cards: int) -> None:
    assert_shares_are_fair(Policy, seed, cards)


class Losing(Policy):
    """Forgets what a card that fails was doing."""

    def remove_card(self, name: str, give_up: Collection[Request] = ()) -> tuple[Request, ...]:
        running = super().remove_card(name, give_up)
        for request in running:
            queue = self._queues[request.network]
            (lost,) = (each for each in queue if each.request == request)
            queue.remove(lost)
            heapify(queue)
            self._end_waiting(lost)
        return running


class Duplicating(Policy):
    """Lets what a card has done wait again."""

    def complete(self, name: str, *, has_network: bool = True) -> None:
        done = self._cards[name].running[0]
        super().complete(name, has_network=has_network)
        self._wait(done)


class LastInFirstOut(Policy):
    """Takes the last request for a network."""

    def _take(self, network: str) -> _Waiting:
        queue = self._queues[network]
        taken = max(queue)
        queue.remove(taken)
        heapify(queue)
        self._end_waiting(taken)
        return taken


class Lazy(Policy):
    """Leaves the last card idle."""

    def next(self, now: int) -> Dispatch | None:
        idle = sum(not card.running for card in self._cards.values())
        return super().next(now) if idle > 1 or len(self._cards) == 1 else None


class Unweighted(Policy):
    """Takes all tenants for equals."""

    def __init__(
        self, networks: Mapping[str, Network], tenants: Mapping[str, Tenant], lead: int
    ) -> None:
        super().__init__(
            networks, {name: each._replace(weight=1) for name, each in tenants.items()}, lead
        )


class Clinging(Policy):
    """Keeps a network on its card as long as somebody wants it."""

    def __init__(
        self, networks: Mapping[str, Network], tenants: Mapping[str, Tenant], lead: int
    ) -> None:
        super().__init__(networks, tenants, 1 << 40)


class Restless(Policy):
    """Pays no heed to what cards have loaded."""

    def next(self, now: int) -> Dispatch | None:
        for name, card in self._cards.items():
            if not card.running:
                self._unrest(name, card)
                card.loaded = None
                self._rest(name, card)
        return super().next(now)


class Overdue(Policy):
    """Batches without regard to deadlines."""

    def submit(self, request: Request, now: int) -> None:
        super().submit(request, now)
        queue = self._queues[request.network]
        (own,) = (each for each in queue if each.number == request.number)
        queue[queue.index(own)] = own._replace(request=request._replace(deadline=None))


class Greedy(Policy):
    """Takes more than a tenant may have."""

    def submit(self, request: Request, now: int) -> None:
        account = self._accounts[request.tenant]
        account.tenant = account.tenant._replace(queue_limit=1 << 30)
        super().submit(request, now)


class Impatient(Policy):
    """Loads whatever is wanted, though others would soon be free."""

    def _is_worth_loading(self, request: Request, now: int) -> bool:
        return True


class Hesitant(Policy):
    """Waits for twice as long as loading takes."""

    def _is_worth_loading(self, request: Request, now: int) -> bool:
        network = self.networks[request.network]
        self.networks[request.network] = network._replace(load=2 * network.load)
        is_worth_it = super()._is_worth_loading(request, now)
        self.networks[request.network] = network
        return is_worth_it


class Patient(Policy):
    """Waits for cards that have a network, however many others do."""

    def _is_worth_loading(self, request: Request, now: int) -> bool:
        return not self._holders[request.network]


class Tardy(Policy):
    """Keeps what is too late for any card."""

    def expire(self, now: int) -> tuple[Request, ...]:
        return ()


MUTANTS = (
    Losing,
    Duplicating,
    LastInFirstOut,
    Lazy,
    Restless,
    Overdue,
    Greedy,
    Impatient,
    Hesitant,
    Patient,
    Tardy,
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.__name__)
def test_a_policy_that_breaks_a_promise_is_found(mutant: type[Policy]) -> None:
    machine = type("MutantMachine", (PolicyMachine,), {"policy_class": mutant})
    unshrunk = settings(SETTINGS, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=unshrunk)


def overtaken(policy_class: type[Policy]) -> int:
    """Return how many requests overtake one for whose network the card is never idle."""
    policy = policy_class(NETWORKS, {"one": Tenant(), "other": Tenant()}, LEAD)
    policy.add_card("a", loaded="small")
    for number in range(1, 200):
        policy.submit(Request(number, "other", "small"), now=0)
    policy.submit(Request(0, "one", "large"), now=0)
    for served in range(200):
        found = policy.next(now=0)
        assert found is not None
        if found.network == "large":
            return served
        policy.complete(found.card)
    return 200


def test_nobody_starves() -> None:
    """The lead is worth 30, a request 4: eight may go first, and fill their last batch."""
    assert overtaken(Policy) <= 8
    assert overtaken(Clinging) > 8


@pytest.mark.parametrize("mutant", [Unweighted, Clinging], ids=lambda each: each.__name__)
def test_unfair_shares_are_found(mutant: type[Policy]) -> None:
    def unfair(seed: int) -> bool:
        try:
            assert_shares_are_fair(mutant, seed, cards=1)
        except AssertionError:
            return True
        return False

    assert any(map(unfair, range(20)))
