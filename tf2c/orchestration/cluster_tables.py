"""Clusters and traces as the tables that the compiled policy works on."""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from tf2c.orchestration import compiled_policy
from tf2c.orchestration.compiled_policy import (
    ASKED,
    CHARGE,
    DECIDED,
    HEAD_START,
    LANES,
    LANES_END,
    LARGEST_BATCH,
    NOBODY,
    OF_NETWORK,
    PLACE,
    TENANT,
)
from tf2c.orchestration.fair_queueing import TAG_UNIT
from tf2c.orchestration.traces import NEVER, Numbers, Trace

if TYPE_CHECKING:
    from tf2c.orchestration.cluster import Cluster


def _table(rows: int, known: Sequence[Numbers | Sequence[int]], columns: int) -> Numbers:
    """Return a table whose first columns are known; the others are 0."""
    table = np.zeros((rows, columns), np.int64)
    for index, column in enumerate(known):
        table[:, index] = column
    return table


def _lanes(cluster: "Cluster", trace: Trace, least_priority: int) -> tuple[Numbers, Numbers]:
    """Return a lane for each network, tenant and priority, and the table of which is which."""
    priorities = int(trace.priority.max(initial=0)) - least_priority + 1
    shape = len(cluster.networks), len(cluster.tenants), priorities
    lanes = np.full((np.prod(shape), 6), NOBODY)
    lane_of = np.arange(len(lanes)).reshape(shape)
    for lane, (network, tenant, priority) in enumerate(product(*map(range, shape))):
        service = cluster.networks[network].service(1)
        lanes[lane, TENANT], lanes[lane, OF_NETWORK] = tenant, network
        lanes[lane, CHARGE] = service * TAG_UNIT // cluster.tenants[tenant].weight
        lanes[lane, HEAD_START] = (priority + least_priority) * cluster.lead * TAG_UNIT
    return lanes, lane_of


def _expect_ranges(cluster: "Cluster", trace: Trace) -> None:
    """Check what compiled loops do not: they write wherever they are told to."""
    for name, numbers, least, most in (
        ("networks of requests", trace.network, 0, len(cluster.networks)),
        ("tenants of requests", trace.tenant, 0, len(cluster.tenants)),
        ("networks of cards", cluster.loaded, -1, len(cluster.networks)),
    ):
        if numbers.size and not (least <= numbers.min() and numbers.max() < most):
            raise ValueError(f"expected {name} from {least} to {most - 1}")
    if any(each.largest_batch < 1 for each in cluster.networks):
        raise ValueError("expected batches of 1 image or more")
    if not 0 <= cluster.lead * TAG_UNIT < NEVER // 4:
        raise ValueError(f"expected a lead of 0 to {NEVER // 4 // TAG_UNIT} ns")


def run(cluster: "Cluster", trace: Trace, durations: Numbers | None) -> tuple[Numbers, ...]:
    """Run a trace; return the arrays of an `Outcome` behind its trace.

    Raises:
        ValueError: something in the trace or the cluster is out of range.
    """
    _expect_ranges(cluster, trace)
    if durations is not None and len(durations) < min(1, len(trace.arrival)):
        raise ValueError("expected a duration for each dispatch, got none")
    least_priority = int(trace.priority.min(initial=0))
    lanes, lane_of = _lanes(cluster, trace, least_priority)
    kinds, count = len(cluster.networks), len(cluster.loaded)
    costs = [(each.image, each.batch, each.load, each.largest_batch) for each in cluster.networks]
    networks = _table(kinds, list(zip(*costs, strict=True)), 11)
    networks[:, LANES] = lane_of[:, 0, 0]
    networks[:, LANES_END] = networks[:, LANES] + lane_of[0].size
    networks[:, PLACE], networks[:, ASKED] = NOBODY, -NEVER
    requests = len(trace.arrival)
    fates = np.empty(requests, np.int64)
    dispatches = np.empty((requests, 5), np.int64)
    made = compiled_policy.simulate(
        networks,
        _table(len(cluster.tenants), [[each.queue_limit for each in cluster.tenants]], 3),
        lanes,
        lane_of,
        _table(count, [cluster.loaded], 7),
        *trace,
        least_priority,
        np.empty((requests, 3), np.int64),
        fates,
        dispatches,
        np.zeros(0, np.int64) if durations is None else durations,
        np.full((kinds + 1, 2), NOBODY),
        np.full(kinds, NEVER),
        np.zeros(kinds, np.int64),
        np.zeros((np.count_nonzero(trace.deadline != NEVER), 3), np.int64),
        np.zeros((count, 3), np.int64),
        np.full(kinds * int(networks[:, LARGEST_BATCH].max()) * 2, NOBODY),
        np.zeros(DECIDED + 1, np.int64),
        cluster.lead * TAG_UNIT,
        cluster.affinity,
    )
    if made == NOBODY:
        raise ValueError("expected a duration for each dispatch, got fewer")
    return fates, *dispatches[:made].T
