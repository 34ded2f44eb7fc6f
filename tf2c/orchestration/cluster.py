"""A cluster that does not exist: what a policy would make of thousands of cards, and of a trace.

`simulate` is compiled (numba) and takes millions of requests per second. It writes `Policy` down
once more, in arrays, because a compiler of loops knows no objects. That both decide alike, in every
dispatch, is tested with random traces (`tests/property/test_cluster.py`), and with what a runtime
in process has recorded; `simulate_by_policy` drives the object itself, slowly.

Events at one time happen in this order: requests that have become too late are given up; cards
complete, in the order in which they began; requests arrive. After each, idle cards get what there
is.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tf2c.orchestration.policy import Policy
from tf2c.orchestration.requests import Network, RejectedError, Request, Tenant
from tf2c.orchestration.traces import EXPIRED, NEVER, REJECTED, Numbers, Trace

NO_NETWORK = -1


@dataclass(frozen=True)
class Cluster:
    """Cards, who may use them and what for."""

    networks: Sequence[Network]
    tenants: Sequence[Tenant]
    loaded: Numbers
    """What each card has at the beginning, or `NO_NETWORK`."""
    lead: int
    """Of the policy, nanoseconds of all cards together."""
    affinity: bool = True


@dataclass(frozen=True)
class Outcome:
    """What became of a trace: arrays over requests, and over dispatches in their order."""

    trace: Trace
    dispatch: Numbers
    """Of each request: which dispatch, `REJECTED` or `EXPIRED`."""
    card: Numbers
    network: Numbers
    loads: Numbers
    """1 where the card had another network."""
    begin: Numbers
    """Nanoseconds."""
    end: Numbers

    @property
    def served(self) -> npt.NDArray[np.bool_]:
        """Which requests have a result."""
        return self.dispatch >= 0

    @property
    def latencies(self) -> Numbers:
        """From arrival to result, of the requests that have one; nanoseconds."""
        return self.end[self.dispatch[self.served]] - self.trace.arrival[self.served]

    def same_decisions(self, other: "Outcome") -> bool:
        """Whether every request has the same fate, and every dispatch the same card."""
        mine = (self.dispatch, self.card, self.network, self.loads)
        others = (other.dispatch, other.card, other.network, other.loads)
        return all(map(np.array_equal, mine, others))


def popular_cards(shares: npt.NDArray[np.floating], cards: int) -> Numbers:
    """Return what cards have loaded if each network has as large a part of them as of requests.

    By largest remainders, at least one each as long as there are enough.
    """
    wanted = shares / shares.sum() * cards
    counts = np.maximum(np.floor(wanted), 1 if cards >= len(shares) else 0).astype(np.int64)
    while counts.sum() > cards:
        counts[np.argmax(counts)] -= 1
    order = np.argsort(wanted - counts)[::-1]
    counts[order[: cards - counts.sum()]] += 1
    return np.repeat(np.arange(len(shares)), counts)


def simulate(cluster: Cluster, trace: Trace, durations: Numbers | None = None) -> Outcome:
    """Run a trace on a cluster.

    Args:
        cluster: idle at the beginning.
        trace: what is asked for.
        durations: nanoseconds of each dispatch, loading included; by default those that the
            networks state.
    """
    from tf2c.orchestration import cluster_tables

    return Outcome(trace, *cluster_tables.run(cluster, trace, durations))


def simulate_by_policy(cluster: Cluster, trace: Trace, durations: Numbers | None = None) -> Outcome:
    """Do the same with a `Policy`, some ten thousand requests per second."""
    networks: Mapping[str, Network] = {str(i): each for i, each in enumerate(cluster.networks)}
    tenants = {str(i): each for i, each in enumerate(cluster.tenants)}
    policy = Policy(networks, tenants, cluster.lead, affinity=cluster.affinity)
    for card, loaded in enumerate(cluster.loaded.tolist()):
        policy.add_card(str(card), None if loaded == NO_NETWORK else str(loaded))
    fates = np.full(len(trace.arrival), REJECTED, np.int64)
    dispatches: list[tuple[int, int, int, int, int]] = []
    completions: list[tuple[int, int, str]] = []
    rows = zip(*(column.tolist() for column in trace), strict=True)
    arriving = next(rows, None)
    number = 0
    while arriving is not None or completions:
        ends = completions[0][0] if completions else NEVER
        arrives = NEVER if arriving is None else arriving[0]
        expiry = policy.next_expiry
        if expiry is not None and expiry <= min(ends, arrives):
            now = expiry
            policy.expire(now)
        elif ends <= arrives:
            now, _, name = heapq.heappop(completions)
            policy.complete(name)
        else:
            assert arriving is not None
            now, tenant, network, deadline, priority = arriving
            latest = None if deadline == NEVER else deadline
            request = Request(number, str(tenant), str(network), latest, priority)
            fates[number] = _fate(policy, request, now)
            number, arriving = number + 1, next(rows, None)
        while (found := policy.next(now)) is not None:
            index = len(dispatches)
            costs = networks[found.network]
            duration = costs.service(len(found.requests)) + found.loads * costs.load
            end = now + (duration if durations is None else int(durations[index]))
            fates[[each.number for each in found.requests]] = index
            dispatches.append((int(found.card), int(found.network), found.loads, now, end))
            heapq.heappush(completions, (end, index, found.card))
    columns = np.array(dispatches, np.int64).reshape(-1, 5).T
    return Outcome(trace, fates, *columns)


def _fate(policy: Policy, request: Request, now: int) -> int:
    """Submit a request; what becomes of it is known later, unless it is rejected."""
    try:
        policy.submit(request, now)
    except RejectedError:
        return REJECTED
    return EXPIRED
