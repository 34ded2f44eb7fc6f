"""What the policy promises, whatever happens; and that each promise is tested by breaking it."""

from collections import Counter, deque
from collections.abc import Collection, Mapping
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
        self.queues: dict[str, deque[Request]] = {name: deque() for name in TENANTS}
        self.running: Running = {}
        self.loaded: dict[str, str | None] = {}
        # Start tags by the words of the policy's description, in fractions of nothing smaller.
        self.starts: dict[Request, int] = {}
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
        too_many = len(self.queues[tenant]) >= TENANTS[tenant].queue_limit
        too_late = slack is not None and slack < NETWORKS[network].service(1)
        try:
            self.policy.submit(request, self.now)
        except RejectedError:
            assert too_many or too_late
            return
        assert not too_many
        assert not too_late
        self.accepted[request] += 1
        self.queues[tenant].append(request)
        self.starts[request] = max(self.virtual_time, self.finish[tenant])
        cost = NETWORKS[network].service(1) * TAG_UNIT // TENANTS[tenant].weight
        self.finish[tenant] = self.starts[request] + cost

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
        expected = running[given_up:]
        assert self.policy.remove_card(card, running[:given_up]) == expected
        self.ended.update(running[:given_up])
        for request in reversed(expected):
            self.queues[request.tenant].appendleft(request)

    @rule(steps=st.integers(1, 60))
    def pass_time(self, steps: int) -> None:
        self.now += steps

    @rule()
    def expire(self) -> None:
        for request in self.policy.expire(self.now):
            assert request.deadline is not None
            assert self.now + NETWORKS[request.network].service(1) > request.deadline
            assert self.queues[request.tenant].popleft() == request
            self.ended[request] += 1
        for queue in self.queues.values():
            if queue and queue[0].deadline is not None:
                assert self.now + NETWORKS[queue[0].network].service(1) <= queue[0].deadline

    @rule(card=st.sampled_from(CARDS))
    def complete(self, card: str) -> None:
        if card not in self.running:
            return
        done = self.running.pop(card)
        assert self.policy.running(card) == done
        self.policy.complete(card)
        assert not self.policy.running(card)
        self.ended.update(done)

    @rule()
    def dispatch(self) -> None:
        idle = [card for card in self.loaded if card not in self.running]
        ranks = self.ranks()
        found = self.policy.next(self.now)
        # Whoever waits is served while a card is idle.
        assert (found is None) == (not idle or not ranks)
        if found is not None:
            self.check(found, idle, ranks)

    # What holds

    def ranks(self) -> dict[Request, int]:
        """Of the first request of each tenant."""
        heads = [queue[0] for queue in self.queues.values() if queue]
        return {head: self.starts[head] - head.priority * LEAD * TAG_UNIT for head in heads}

    def check(self, found: Dispatch, idle: list[str], ranks: Mapping[Request, int]) -> None:
        first = min(ranks.values())
        self.virtual_time = max(self.virtual_time, min(self.starts[head] for head in ranks))
        assert found.card in idle
        assert found.loads == (self.loaded[found.card] != found.network)
        assert 1 <= len(found.requests) <= NETWORKS[found.network].largest_batch
        if found.loads:
            # Nobody who may go first would have done without loading.
            may_go = {
                head.network for head, rank in ranks.items() if rank <= first + LEAD * TAG_UNIT
            }
            assert not may_go & {self.loaded[card] for card in idle}
        begin = self.now + (NETWORKS[found.network].load if found.loads else 0)
        end = begin + NETWORKS[found.network].service(len(found.requests))
        for request in found.requests:
            assert request.network == found.network
            # First in, first out; and nobody overtakes by more than the lead.
            assert [*self.queues[request.tenant]][:1] == [request]
            self.queues[request.tenant].popleft()
            rank = self.starts[request] - request.priority * LEAD * TAG_UNIT
            assert rank <= first + LEAD * TAG_UNIT
            if len(found.requests) > 1 and request.deadline is not None:
                assert end <= request.deadline
        self.running[found.card] = found.requests
        self.loaded[found.card] = found.network

    @invariant()
    def nothing_is_lost_or_duplicated(self) -> None:
        if not hasattr(self, "policy"):
            return
        now = Counter(self.ended)
        now.update(request for queue in self.queues.values() for request in queue)
        now.update(request for batch in self.running.values() for request in batch)
        assert now == self.accepted
        assert self.policy.waiting == sum(map(len, self.queues.values()))

    @precondition(lambda self: bool(getattr(self, "running", {})))
    @rule()
    def complete_all(self) -> None:
        for card in list(self.running):
            self.complete(card)


SETTINGS = settings(
    max_examples=150,
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
    for number in range(8):
        for tenant in TENANTS:
            network = favorite[tenant] if random.random() < 0.8 else random.choice([*NETWORKS])
            policy.submit(Request(number, tenant, network), now=0)
    for step in range(400):
        found = policy.next(now=step)
        if found is None:
            policy.complete(random.choice(CARDS[:cards]))
            continue
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
            self._take(self._queues[request.tenant].waiting[0])
        return running


class Duplicating(Policy):
    """Lets what a card has done wait again."""

    def complete(self, name: str) -> None:
        done = self._cards[name].running[0]
        super().complete(name)
        tenant = done.request.tenant
        self._queues[tenant].waiting.append(done)
        self._active[tenant] = self._queues[tenant]


class LastInFirstOut(Policy):
    """Takes a tenant's last request."""

    def next(self, now: int) -> Dispatch | None:
        for queue in self._queues.values():
            queue.waiting.rotate(1)
        return super().next(now)


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
        queue = self._queues[request.tenant].waiting
        queue.append(queue.pop()._replace(request=request._replace(deadline=None)))


class Greedy(Policy):
    """Takes more than a tenant may have."""

    def submit(self, request: Request, now: int) -> None:
        queue = self._queues[request.tenant]
        queue.tenant = queue.tenant._replace(queue_limit=1 << 30)
        super().submit(request, now)


MUTANTS = (
    Losing,
    Duplicating,
    LastInFirstOut,
    Lazy,
    Restless,
    Overdue,
    Greedy,
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.__name__)
def test_a_policy_that_breaks_a_promise_is_found(mutant: type[Policy]) -> None:
    machine = type("MutantMachine", (PolicyMachine,), {"policy_class": mutant})
    unshrunk = settings(SETTINGS, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=settings(unshrunk, max_examples=500))


@pytest.mark.parametrize("mutant", [Unweighted, Clinging], ids=lambda each: each.__name__)
def test_unfair_shares_are_found(mutant: type[Policy]) -> None:
    def unfair(seed: int) -> bool:
        try:
            assert_shares_are_fair(mutant, seed, cards=1)
        except AssertionError:
            return True
        return False

    assert any(map(unfair, range(20)))
