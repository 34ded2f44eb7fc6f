"""The compiled policy decides as the policy does, and its clock as queueing theory says."""

from dataclasses import replace
from math import exp, factorial, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="`pip install 'tf2c[cluster]'`")

from tf2c.orchestration.cluster import (
    NO_NETWORK,
    Cluster,
    Outcome,
    popular_cards,
    simulate,
    simulate_by_policy,
)
from tf2c.orchestration.policy import usual_lead
from tf2c.orchestration.requests import MILLISECOND, Network, Tenant
from tf2c.orchestration.traces import EXPIRED, NEVER, REJECTED, Trace, popularity, synthetic

NETWORKS = st.builds(
    Network,
    image=st.integers(1, 30),
    batch=st.integers(0, 5),
    load=st.integers(0, 200),
    largest_batch=st.integers(1, 4),
)
TENANTS = st.builds(Tenant, weight=st.integers(1, 5), queue_limit=st.integers(1, 30))


@st.composite
def situations(draw: st.DrawFn) -> tuple[Cluster, Trace]:
    """Return some cards and a trace that has everything: ties, deadlines, priorities."""
    networks = draw(st.lists(NETWORKS, min_size=1, max_size=5))
    tenants = draw(st.lists(TENANTS, min_size=1, max_size=4))
    random = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    requests, cards = draw(st.integers(1, 300)), draw(st.integers(1, 6))
    gaps = random.integers(0, draw(st.integers(1, 40)), requests)
    arrival = np.cumsum(gaps)
    slack = random.integers(0, draw(st.integers(1, 400)), requests)
    has_deadline = random.random(requests) < draw(st.sampled_from([0.0, 0.3, 1.0]))
    trace = Trace(
        arrival,
        random.integers(0, len(tenants), requests),
        random.integers(0, len(networks), requests),
        np.where(has_deadline, arrival + slack, NEVER),
        random.integers(0, draw(st.sampled_from([1, 3])), requests),
    )
    loaded = random.integers(NO_NETWORK, len(networks), cards)
    lead = draw(st.sampled_from([0, 5, 50, 1000]))
    return Cluster(networks, tenants, loaded, lead, draw(st.booleans())), trace


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.same_decisions(other)
    assert one.begin.tolist() == other.begin.tolist()
    assert one.end.tolist() == other.end.tolist()


@given(situations())
@settings(max_examples=300)
def test_both_decide_alike(situation: tuple[Cluster, Trace]) -> None:
    cluster, trace = situation
    assert_same(simulate(cluster, trace), simulate_by_policy(cluster, trace))


@given(situations(), st.integers(0, 1 << 30))
@settings(max_examples=100)
def test_both_decide_alike_with_durations_of_their_own(
    situation: tuple[Cluster, Trace], seed: int
) -> None:
    cluster, trace = situation
    durations = np.random.default_rng(seed).integers(0, 60, len(trace.arrival))
    assert_same(simulate(cluster, trace, durations), simulate_by_policy(cluster, trace, durations))


def test_everything_that_may_become_of_a_request_does() -> None:
    """So the comparisons above are of more than results."""
    networks = [Network(10, load=40, largest_batch=2), Network(7, load=40)]
    trace = synthetic(2000, 2.5e8, 2, 2, slack=60, seed=1)
    cluster = Cluster(networks, [Tenant(1, 8), Tenant(2, 1)], np.array([0, 1]), 20)
    outcome = simulate(cluster, trace)
    assert {REJECTED, EXPIRED} < set(outcome.dispatch.tolist())
    assert 0 < outcome.loads.sum() < len(outcome.loads) < outcome.served.sum()


@pytest.mark.parametrize("change", ["lead", "affinity", "load", "weight"])
def test_a_policy_that_differs_is_found(change: str) -> None:
    networks = [Network(10, load=40), Network(7, load=40), Network(3, load=40)]
    cluster = Cluster(networks, [Tenant(1), Tenant(2)], np.array([0, 1]), 20)
    other = {
        "lead": replace(cluster, lead=5),
        "affinity": replace(cluster, affinity=False),
        "load": replace(cluster, networks=[each._replace(load=45) for each in networks]),
        "weight": replace(cluster, tenants=[Tenant(1), Tenant(3)]),
    }[change]
    trace = synthetic(500, 3e8, 3, 2, seed=3)
    assert not simulate(cluster, trace).same_decisions(simulate_by_policy(other, trace))


def waits(outcome: Outcome, warm_up: int) -> np.ndarray:
    """Return what requests waited before they began, in nanoseconds."""
    begin = outcome.begin[outcome.dispatch]
    return (begin - outcome.trace.arrival)[warm_up:]


@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
def test_one_card_is_the_queue_of_pollaczek_and_khinchine(load: float) -> None:
    """M/D/1: the mean wait is `load / (2 (1 - load))` services."""
    service, requests = 2 * MILLISECOND, 2_000_000
    cluster = Cluster([Network(service)], [Tenant(1, 1 << 40)], np.array([0]), 0)
    found = [
        waits(simulate(cluster, synthetic(requests, load / 2e-3, 1, seed=seed)), 10_000).mean()
        for seed in range(3)
    ]
    expected = load / (2 * (1 - load)) * service
    assert np.mean(found) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("cards", "load"), [(4, 0.7), (20, 0.9)])
def test_several_cards_are_the_queue_of_erlang(cards: int, load: float) -> None:
    """M/M/c: the mean wait is `C(c, a) / (c - a)` services, with Erlang's C and `a = c * load`."""
    service, requests, offered = 2 * MILLISECOND, 2_000_000, cards * load
    terms = [exp(k * log(offered)) / factorial(k) for k in range(cards)]
    last = exp(cards * log(offered)) / factorial(cards) / (1 - load)
    expected = last / (sum(terms) + last) / (cards - offered) * service
    cluster = Cluster([Network(service)], [Tenant(1, 1 << 40)], np.zeros(cards, np.int64), 0)
    found: list[float] = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        durations = random.exponential(service, requests).astype(np.int64)
        trace = synthetic(requests, offered / 2e-3, 1, seed=100 + seed)
        found.append(waits(simulate(cluster, trace, durations), 10_000).mean())
    assert np.mean(found) == pytest.approx(expected, rel=0.03)


def test_networks_get_cards_as_they_are_asked_for() -> None:
    trace = synthetic(100_000, 1e6, 8, skew=1.0)
    shares = popularity(trace, 8)
    counts = np.bincount(popular_cards(shares, 100), minlength=8)
    assert counts.sum() == 100
    assert np.abs(counts - shares * 100).max() <= 1
    assert np.bincount(popular_cards(shares, 8), minlength=8).tolist() == [1] * 8
    assert len(popular_cards(shares, 3)) == 3


def test_cards_with_a_network_each_do_not_take_them_from_one_another() -> None:
    networks = [Network(2 * MILLISECOND, load=50 * MILLISECOND, largest_batch=8)] * 4
    asked = Cluster(networks, [Tenant(queue_limit=1 << 40)], np.arange(4), usual_lead(networks, 4))
    trace = synthetic(20_000, 0.9 * 4 / 2e-3, 4, skew=0.0, burstiness=2.0)
    assert not simulate(asked, trace).loads.any()
    # Where the others are not asked for, their cards are for that one as well.
    one = simulate(asked, trace._replace(network=np.zeros_like(trace.network)))
    assert one.loads.sum() == 3


def test_bursts_and_drift_are_what_they_are_called() -> None:
    calm, bursty = (synthetic(200_000, 1e6, 4, burstiness=cv).arrival for cv in (1.0, 4.0))
    assert np.diff(calm).std() / np.diff(calm).mean() == pytest.approx(1.0, rel=0.02)
    assert np.diff(bursty).std() / np.diff(bursty).mean() == pytest.approx(4.0, rel=0.1)
    drifting = synthetic(200_000, 1e6, 16, drift_seconds=0.1, seed=2)
    halves = [
        popularity(Trace(*(c[part] for c in drifting)), 16)
        for part in (slice(0, 90_000), slice(110_000, None))
    ]
    assert np.argmax(halves[0]) != np.argmax(halves[1])


@pytest.mark.parametrize("networks", [[Network(10)], [Network(0), Network(10)]])
@pytest.mark.parametrize("cards", [0, 2])
def test_both_end_alike_without_cards_or_costs(networks: list[Network], cards: int) -> None:
    trace = synthetic(50, 1e8, len(networks), seed=4)
    cluster = Cluster(networks, [Tenant()], np.full(cards, 0), 20)
    outcome = simulate(cluster, trace)
    assert_same(outcome, simulate_by_policy(cluster, trace))
    assert outcome.served.all() == (cards > 0)


def test_clusters_that_cannot_be_are_refused() -> None:
    """Compiled loops would write anywhere."""
    good = Cluster([Network(10)], [Tenant()], np.array([0]), 20)
    trace = synthetic(20, 1e8, 1, seed=4)
    for cluster, asked in (
        (good, trace._replace(network=trace.network + 1)),
        (good, trace._replace(network=trace.network - 1)),
        (good, trace._replace(tenant=trace.tenant + 1)),
        (replace(good, loaded=np.array([1])), trace),
        (replace(good, loaded=np.array([-2])), trace),
        (replace(good, networks=[Network(10, largest_batch=0)]), trace),
        (replace(good, lead=-1), trace),
        (replace(good, lead=1 << 52), trace),
    ):
        with pytest.raises(ValueError, match="expected"):
            simulate(cluster, asked)
    for durations in (np.ones(3, np.int64), np.ones(0, np.int64)):
        with pytest.raises(ValueError, match="a duration for each dispatch"):
            simulate(good, trace, durations)
