"""Requests as they may come: when, from whom, and for what."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

NEVER = 1 << 62
"""The deadline of what may take any time."""

REJECTED, EXPIRED = -1, -2
"""What became of a request, instead of a dispatch."""


class Trace(NamedTuple):
    """Requests in the order of their arrival; arrays of one length."""

    arrival: Numbers
    """Nanoseconds, ascending."""
    tenant: Numbers
    """Which one, from 0."""
    network: Numbers
    """Which one, from 0."""
    deadline: Numbers
    """Nanoseconds on the same clock, or `NEVER`."""
    priority: Numbers


def synthetic(
    requests: int,
    per_second: float,
    networks: int,
    tenants: int = 1,
    *,
    skew: float = 1.1,
    burstiness: float = 1.0,
    drift_seconds: float | None = None,
    slack: int | None = None,
    seed: int = 0,
) -> Trace:
    """Return requests drawn at random.

    Args:
        requests: how many.
        per_second: of all tenants together, on average.
        networks: of which the k-th most popular is asked for `k ** -skew` as often as the first.
        tenants: who all ask alike.
        skew: of the popularity (Zipf).
        burstiness: coefficient of variation of the times between requests, which are gamma
            distributed: 1 is Poisson's, more are bursts.
        drift_seconds: after which the networks' popularity is dealt anew; never by default.
        slack: nanoseconds from arrival to deadline; by default there is none.
        seed: of the drawing.
    """
    random = np.random.default_rng(seed)
    shape = burstiness**-2
    gaps = random.gamma(shape, 1e9 / per_second / shape, requests)
    arrival = np.cumsum(gaps).astype(np.int64)
    popularity = np.arange(1, networks + 1) ** -skew
    rank = random.choice(networks, requests, p=popularity / popularity.sum())
    network = rank
    if drift_seconds is not None:
        period = (arrival // int(drift_seconds * 1e9)).astype(np.int64)
        orders = np.stack([random.permutation(networks) for _ in range(int(period[-1]) + 1)])
        network = orders[period, rank]
    deadline = np.full(requests, NEVER) if slack is None else arrival + slack
    return Trace(
        arrival,
        random.integers(0, tenants, requests),
        network.astype(np.int64),
        deadline,
        np.zeros(requests, np.int64),
    )


def popularity(trace: Trace, networks: int) -> npt.NDArray[np.float64]:
    """Return which part of the requests is for each network."""
    return np.bincount(trace.network, minlength=networks) / len(trace.network)
