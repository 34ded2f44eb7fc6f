"""When sharing many cards without looking at what they have loaded collapses; and how fast we know.

    python benchmarks/cluster.py

Everything here is simulated: a service time of 2 ms per image, 32 networks whose popularity is
Zipf's (1.1), requests in bursts (gamma, coefficient of variation 2), eight tenants; cards begin
with networks as they are asked for. A switch is what a card takes to have another network:

- on the overlay, data goes over the link: 12.9 MB for ResNet-50 (its `program.bin` and
  `weights.bin`), at 6 GB/s of PCIe 3 x8, which is assumed: 2.15 ms;
- where each network is a bitstream, the card is programmed: 0.05 to 5 s, assumed.

A policy has collapsed at a switch cost if requests of the last fifth of the trace take more than
50 services and 3 switches on average. Bisection finds the least such cost for each load. Without
affinity, theory has it at `(1 / load - 1) * service / (1 - sum of squared popularities)`, where
switching takes all the time that is left. Then a table of latencies with drift: every 10 s the
networks' popularity is dealt anew. There a lead that is less than loading takes is shown, too.
Last, how long the lead has to be where few cards have much to do for networks that all are asked
for alike, in batches of up to eight: a multiple of the switch of 50 ms on every card. Writes
results/cluster.json.
"""

import time
from dataclasses import replace
from typing import Any

import numpy as np
from report import write_results
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tf2c.orchestration.cluster import Cluster, Outcome, popular_cards, simulate
from tf2c.orchestration.policy import LEAST_LEAD, usual_lead
from tf2c.orchestration.requests import MILLISECOND, Network, Tenant
from tf2c.orchestration.traces import Trace, popularity, synthetic

SERVICE = 2 * MILLISECOND
NETWORKS = 32
OVERLAY_SWITCH = 2_150_000
PROGRAMMING = (0.05, 0.2, 0.7, 2.0, 5.0)
LOADS = (0.3, 0.5, 0.7, 0.9)
CARDS = 100
REQUESTS = 1_000_000
LONGEST = 6_000_000
FEW = ((1, 2), (2, 2), (2, 4), (4, 4), (16, 16))
"""Cards and networks."""
FEW_SWITCH = 50 * MILLISECOND
FEW_REQUESTS = 40_000
LEADS = (1, 2, 4, 8, 16)


def cluster(trace: Trace, cards: int, switch: int, affinity: bool) -> Cluster:
    """Return cards that have networks as the trace asks for them."""
    networks = [Network(SERVICE, load=switch)] * NETWORKS
    return Cluster(
        networks,
        [Tenant(queue_limit=1 << 40)] * 8,
        popular_cards(popularity(trace, NETWORKS), cards),
        usual_lead(networks, cards),
        affinity,
    )


def requests(cards: int, load: float, count: int, **options: Any) -> Trace:
    """Return a trace that keeps cards so busy."""
    return synthetic(count, load * cards / (SERVICE / 1e9), NETWORKS, 8, burstiness=2.0, **options)


def has_collapsed(outcome: Outcome, switch: int) -> bool:
    """Whether the last fifth of all requests is hopelessly late."""
    latencies = outcome.latencies
    last = latencies[-len(latencies) // 5 :]
    return bool(last.mean() > 50 * SERVICE + 3 * switch)


def collapse(load: float, *, affinity: bool) -> int | None:
    """Return the switch cost from which on a policy collapses, nanoseconds; None up to 5 s.

    A trace is as long as 100 switches, or `LONGEST` requests.
    """
    low, high = 10_000, 5_000_000_000

    def fails(switch: int) -> bool:
        per_second = load * CARDS / (SERVICE / 1e9)
        count = int(min(max(REQUESTS, 100 * switch / 1e9 * per_second), LONGEST))
        trace = requests(CARDS, load, count)
        return has_collapsed(simulate(cluster(trace, CARDS, switch, affinity), trace), switch)

    if not fails(high):
        return None
    while high > 1.05 * low:
        middle = int((low * high) ** 0.5)
        low, high = (low, middle) if fails(middle) else (middle, high)
    return high


def expected_collapse(load: float) -> float:
    """Return the switch cost at which switching takes all time that is left, nanoseconds."""
    shares = np.arange(1, NETWORKS + 1) ** -1.1
    shares /= shares.sum()
    return (1 / load - 1) * SERVICE / (1 - float((shares**2).sum()))


def drift(switch: int, *, affinity: bool, lead: int | None) -> dict[str, float]:
    """Return latencies where popularity is dealt anew every 10 s."""
    trace = requests(CARDS, 0.7, LONGEST, drift_seconds=10.0, seed=5)
    asked = cluster(trace, CARDS, switch, affinity)
    outcome = simulate(asked if lead is None else replace(asked, lead=lead), trace)
    p50, p99, p999 = np.percentile(outcome.latencies, [50, 99, 99.9]) / MILLISECOND
    return {
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "p999_ms": round(float(p999), 2),
        "loads_per_1000": round(float(outcome.loads.sum() / len(outcome.latencies) * 1e3), 3),
        "share_of_time_loading": round(
            float(outcome.loads.sum() * switch / (CARDS * outcome.end.max())), 4
        ),
    }


def mean_latency(cards: int, networks: int, load: float, lead: int) -> float:
    """Return the mean latency of a few cards, milliseconds."""
    kinds = [Network(SERVICE, load=FEW_SWITCH, largest_batch=8)] * networks
    per_second = load * cards / (SERVICE / 1e9)
    trace = synthetic(FEW_REQUESTS * cards, per_second, networks, skew=0.0, burstiness=2.0)
    loaded = np.arange(cards) % networks
    few = Cluster(kinds, [Tenant(queue_limit=1 << 40)], loaded, lead * FEW_SWITCH * cards)
    return round(float(simulate(few, trace).latencies.mean() / MILLISECOND), 1)


def speed(cards: int, count: int) -> float:
    """Return requests per second, of the best of five runs behind the one that compiles."""
    trace = requests(cards, 0.7, count)
    asked = cluster(trace, cards, OVERLAY_SWITCH, True)
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        simulate(asked, trace)
        best = max(best, count / (time.perf_counter() - started))
    return best


def main() -> None:
    """Measure, print, write."""
    console = Console(width=110)
    small = requests(10, 0.5, 1000)
    simulate(cluster(small, 10, OVERLAY_SWITCH, True), small)
    speeds = {cards: speed(cards, 10_000_000) for cards in (1000, 10_000)}
    for cards, each in speeds.items():
        console.print(f"{cards} cards, 10^7 requests: {each / 1e6:.2f} million requests per second")

    begins: list[dict[str, Any]] = [
        {
            "load": load,
            "without_affinity_ms": milliseconds(collapse(load, affinity=False)),
            "expected_ms": round(expected_collapse(load) / MILLISECOND, 3),
            "with_affinity_ms": milliseconds(collapse(load, affinity=True)),
        }
        for load in track(LOADS, "loads", console=console)
    ]
    table = Table("load", "without affinity", "expected", "with affinity", title="collapse from ms")
    for each in begins:
        with_affinity = each["with_affinity_ms"]
        table.add_row(
            str(each["load"]),
            f"{each['without_affinity_ms']}",
            f"{each['expected_ms']}",
            "not up to 5000" if with_affinity is None else str(with_affinity),
        )
    console.print(table)

    drifting: list[dict[str, Any]] = []
    switches = [OVERLAY_SWITCH, *(int(seconds * 1e9) for seconds in PROGRAMMING)]
    for switch in track(switches, "switches", console=console):
        for policy, affinity, lead in (
            ("affinity", True, None),
            ("affinity, lead of 50 ms", True, LEAST_LEAD * CARDS),
            ("no affinity", False, None),
        ):
            found = drift(switch, affinity=affinity, lead=lead)
            drifting.append({"switch_ms": switch / MILLISECOND, "policy": policy, **found})
    table = Table(
        "switch ms",
        "policy",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "loads / 1000",
        "time loading",
        title=f"load 0.7, {CARDS} cards, popularity dealt anew every 10 s",
    )
    for each in drifting:
        table.add_row(*(str(value) for value in each.values()))
    console.print(table)

    leads: list[dict[str, float]] = [
        {"cards": cards, "networks": networks, "load": load}
        | {f"lead_{lead}": mean_latency(cards, networks, load, lead) for lead in LEADS}
        for cards, networks in FEW
        for load in (0.5, 0.7, 0.8, 0.9)
    ]
    table = Table(
        "cards",
        "networks",
        "load",
        *(f"lead {lead}" for lead in LEADS),
        title="mean latency, ms; the lead in switches of 50 ms on each card",
    )
    for each in leads:
        table.add_row(*(f"{value:g}" for value in each.values()))
    console.print(table)
    write_results(
        "cluster",
        "python benchmarks/cluster.py",
        ["numpy", "numba"],
        {
            "requests_per_second": {cards: round(each) for cards, each in speeds.items()},
            "collapse": begins,
            "drift": drifting,
            "leads_mean_ms": leads,
        },
    )


def milliseconds(nanoseconds: int | None) -> float | None:
    """Return a time as people read it."""
    return None if nanoseconds is None else round(nanoseconds / MILLISECOND, 3)


if __name__ == "__main__":
    main()
