"""Tenants get their shares; and policies that do not give them are found."""

from heapq import heappop, heappush
from itertools import combinations, count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property.policies import (
    CARDS,
    LEAD,
    NETWORKS,
    TENANTS,
    Charging,
    Clinging,
    Forgetful,
    Generous,
    Hesitant,
    Idling,
    Impatient,
    Indulgent,
    Overdue,
    Patient,
    Unweighted,
)

from tf2c.orchestration.fair_queueing import TAG_UNIT
from tf2c.orchestration.policy import Dispatch, Policy
from tf2c.orchestration.requests import Network, Request, Tenant


def assert_shares_are_fair(
    policy_class: type[Policy], seed: int, cards: int, given_up: float = 0.0
) -> None:
    """Let all tenants wait all the time, for networks at random, and look at what each gets.

    One of them gives such a part of its requests up as would be too late.
    """
    random = Random(seed)
    tenants = {name: each._replace(queue_limit=10) for name, each in TENANTS.items()}
    policy = policy_class(NETWORKS, tenants, LEAD)
    honest = Policy(NETWORKS, tenants, LEAD)
    got = dict.fromkeys(TENANTS, 0)
    favorite = {tenant: random.choice([*NETWORKS]) for tenant in TENANTS}
    for card in CARDS[:cards]:
        policy.add_card(card)
    busy: list[str] = []
    waiting: list[Request] = []
    numbers = count()

    def submit(tenant: str, network: str, now: int) -> None:
        waiting.append(Request(next(numbers), tenant, network))
        policy.submit(waiting[-1], now)

    for _ in range(8):
        for tenant in TENANTS:
            network = favorite[tenant] if random.random() < 0.8 else random.choice([*NETWORKS])
            submit(tenant, network, 0)
    for step in range(400):
        while random.random() < given_up:
            tired = random.choice([each for each in waiting if each.tenant == "three"])
            assert policy.withdraw([tired.number]) == (tired,)
            waiting.remove(tired)
            submit("three", favorite["three"], step)
        found = policy.next(now=step)
        if found is None:
            policy.complete(busy.pop(random.randrange(len(busy))))
            continue
        busy.append(found.card)
        for request in found.requests:
            cost = NETWORKS[request.network].service(1) * TAG_UNIT
            got[request.tenant] += cost // TENANTS[request.tenant].weight
            waiting.remove(request)
            submit(request.tenant, favorite[request.tenant], step)
        for one, other in combinations(TENANTS, 2):
            assert abs(got[one] - got[other]) <= honest.fairness_bound(one, other)


@given(st.integers(0, 1 << 30), st.integers(1, len(CARDS)), st.sampled_from([0.0, 0.3, 0.7]))
@settings(max_examples=180)
def test_shares_are_fair(seed: int, cards: int, given_up: float) -> None:
    assert_shares_are_fair(Policy, seed, cards, given_up)


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


def cards_that_serve(policy_class: type[Policy]) -> float:
    """Return how many of ten cards serve at a time; one of them has the network of one tenant.

    That tenant has four requests on their way at any time, which are not worth loading for.
    """
    networks = {name: Network(image=2, load=100) for name in ("first", "second")}
    policy = policy_class(networks, {"few": Tenant(), "many": Tenant()}, 10 * 100)
    for index in range(10):
        policy.add_card(str(index), loaded="first" if index == 0 else "second")
    numbers, now, served = count(), 0, 0
    ends: list[tuple[int, int, Dispatch]] = []
    asked = [("few", "first")] * 4 + [("many", "second")] * 90
    while now < 20_000:
        for tenant, network in asked:
            policy.submit(Request(next(numbers), tenant, network), now)
        while (found := policy.next(now)) is not None:
            served += 2 * len(found.requests)
            heappush(ends, (now + 2 + 100 * found.loads, next(numbers), found))
        now, _, done = heappop(ends)
        policy.complete(done.card)
        asked = [(each.tenant, each.network) for each in done.requests]
    return served / now


def test_no_card_is_idle_because_of_who_waits_for_others() -> None:
    assert cards_that_serve(Policy) > 9
    assert cards_that_serve(Idling) < 3


def held_up() -> Policy:
    """Return a policy where one tenant's second request holds another's third up, from time 0."""
    networks = {name: Network(image=2, load=100) for name in ("first", "second")}
    policy = Policy(networks, {"few": Tenant(), "many": Tenant()}, 0)
    for index, loaded in enumerate(("first", *["second"] * 5)):
        policy.add_card(str(index), loaded)
    for number in range(12):
        tenant, network = (("few", "first"), ("many", "second"))[number % 2]
        policy.submit(Request(number, tenant, network), now=0)
    begun = [policy.next(now=0) for _ in range(3)]
    assert [each and each.requests[0].number for each in begun] == [0, 1, 3]
    assert policy.next(now=0) is None
    return policy


def test_a_network_is_loaded_once_others_were_held_up_for_as_long_as_that_takes() -> None:
    policy = held_up()
    assert policy.next(now=99) is None
    found = policy.next(now=100)
    assert found is not None
    assert (found.requests[0].number, found.loads) == (2, True)
    other = policy.next(now=100)  # has caught up with that
    assert other is not None
    assert (other.requests[0].number, other.loads) == (5, False)
    assert policy.next(now=100) is None
    assert policy.next(now=199) is None  # begins anew
    again = policy.next(now=200)
    assert again is not None
    assert (again.requests[0].number, again.loads) == (4, True)


def test_time_in_which_nobody_was_held_up_counts_against_that() -> None:
    policy = held_up()
    assert policy.next(now=90) is None
    policy.complete("0")
    going = [policy.next(now=90), policy.next(now=90)]
    assert [each and each.requests[0].number for each in going] == [2, 5]
    assert policy.next(now=90) is None
    policy.withdraw([4])  # who would have held others up until 130
    assert policy.next(now=130) is None
    assert policy.next(now=179) is None  # 90 - 40 + 49
    assert policy.next(now=180) is not None


@pytest.mark.parametrize(
    ("mutant", "given_up"),
    [(Unweighted, 0.0), (Clinging, 0.0), (Charging, 0.7), (Indulgent, 0.7)],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_unfair_shares_are_found(mutant: type[Policy], given_up: float) -> None:
    def unfair(seed: int) -> bool:
        try:
            assert_shares_are_fair(mutant, seed, 1, given_up)
        except AssertionError:
            return True
        return False

    assert any(map(unfair, range(20)))


def first_after_a_failure(policy_class: type[Policy]) -> str:
    """Return who goes first when one's request has failed with a card, and was given up."""
    policy = policy_class(NETWORKS, {"one": Tenant(), "other": Tenant()}, 0)
    policy.add_card("a")
    policy.submit(Request(0, "one", "large"), now=0)
    assert policy.next(now=0) is not None
    policy.submit(Request(1, "one", "large"), now=0)
    policy.remove_card("a")
    policy.withdraw([0])
    policy.submit(Request(2, "other", "large"), now=0)
    policy.add_card("a")
    found = policy.next(now=0)
    assert found is not None
    return found.requests[0].tenant


def test_what_a_card_has_worked_on_is_paid_for() -> None:
    assert first_after_a_failure(Policy) == "other"
    assert first_after_a_failure(Generous) == "one"


def first_after_giving_up(policy_class: type[Policy], tenants: str, given_up: int) -> str:
    """Return who goes first when one of some requests, by these tenants, has been given up."""
    policy = policy_class(NETWORKS, {"1": Tenant(), "2": Tenant()}, 0)
    policy.add_card("a")
    for number, tenant in enumerate(tenants):
        policy.submit(Request(number, tenant, "large"), now=0)
    policy.withdraw([given_up])
    found = policy.next(now=0)
    assert found is not None
    return found.requests[0].tenant


def test_what_is_given_up_is_not_paid_for() -> None:
    assert first_after_giving_up(Policy, "112", 0) == "1"
    for mutant in (Charging, Forgetful):
        assert first_after_giving_up(mutant, "112", 0) == "2"


def test_what_was_asked_for_earlier_does_not_move() -> None:
    assert first_after_giving_up(Policy, "211", 2) == "2"
    assert first_after_giving_up(Indulgent, "211", 2) == "1"


def size_of_a_batch(policy_class: type[Policy]) -> int:
    """Return how many go together where two would be too late for the second."""
    policy = policy_class(NETWORKS, TENANTS, LEAD)
    policy.add_card("a", loaded="small")
    policy.submit(Request(0, "one", "small"), now=0)
    policy.submit(Request(1, "one", "small", deadline=6), now=0)
    found = policy.next(now=0)
    assert found is not None
    return len(found.requests)


def test_batches_meet_their_deadlines() -> None:
    """One image of the network takes 4, two take 7."""
    assert size_of_a_batch(Policy) == 1
    assert size_of_a_batch(Overdue) == 2


def loads_for(policy_class: type[Policy], waiting: int) -> bool:
    """Return whether an idle card loads a network that a busy one has and for which some wait."""
    policy = policy_class(NETWORKS, TENANTS, LEAD)
    policy.add_card("a", loaded="large")
    for number in range(1 + waiting):
        policy.submit(Request(number, "one", "large"), now=0)
    assert policy.next(now=0) is not None
    policy.add_card("b")
    return policy.next(now=0) is not None


def test_networks_are_loaded_for_those_who_would_wait_longer() -> None:
    """One image of the network takes 25, loading it 40."""
    for policy_class, expected in (
        (Policy, [False, True, True, True]),
        (Hesitant, [False, False, False, True]),
        (Impatient, [True, True, True, True]),
        (Patient, [False, False, False, False]),
    ):
        assert [loads_for(policy_class, waiting) for waiting in range(1, 5)] == expected


def test_what_has_run_is_forgotten() -> None:
    """Though its deadline is far away."""
    policy = Policy(NETWORKS, TENANTS, LEAD)
    policy.add_card("a", loaded="small")
    for number in range(1000):
        policy.submit(Request(number, "one", "small", deadline=1 << 40), now=0)
        assert policy.next(now=0) is not None
        policy.complete("a")
    assert len(policy._expiries) <= 100  # pyright: ignore[reportPrivateUsage]
    policy.submit(Request(1000, "one", "small", deadline=100), now=0)
    assert policy.expire(now=101) == (Request(1000, "one", "small", deadline=100),)
