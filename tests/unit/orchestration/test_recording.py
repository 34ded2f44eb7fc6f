"""A runtime in real time decides as a simulated cluster does on what the runtime has recorded."""

import contextlib
import threading
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tf2c.orchestration.cards import Card, Image, Scores, ServedNetwork
from tf2c.orchestration.cluster import NO_NETWORK, Cluster, simulate, simulate_by_policy
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.recording import Recording
from tf2c.orchestration.requests import MILLISECOND, LateError, Network, RejectedError, Tenant
from tf2c.program import Program

NETWORKS = {
    "a": Network(image=MILLISECOND // 2, load=MILLISECOND, largest_batch=4),
    "b": Network(image=MILLISECOND, load=2 * MILLISECOND, largest_batch=2),
    "c": Network(image=MILLISECOND // 4, batch=MILLISECOND // 2, load=MILLISECOND),
}
TENANTS = {"one": Tenant(1), "three": Tenant(3), "small": Tenant(1, queue_limit=3)}


class WaitingCard(Card):
    """Takes its time, a little more or less than is expected."""

    name = "waiting"

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def load(self, network: ServedNetwork) -> None:
        time.sleep(network.costs.load * self._random.uniform(0.5, 1.5) / 1e9)

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        time.sleep(1e-3 * len(images) * self._random.uniform(0.2, 1.0))
        return [image[0].astype(np.float64) for image in images]

    def restart(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held."""


def served(costs: Network) -> ServedNetwork:
    program = SimpleNamespace(fold=SimpleNamespace(shape=(1, 1, 4)))
    return ServedNetwork(cast(Program, program), b"", costs)


def ask(runtime: Runtime, tenant: str, seed: int, requests: int) -> None:
    random = np.random.default_rng(seed)
    futures: list[Any] = []
    for number in range(requests):
        call = runtime.request(
            str(random.choice([*NETWORKS])),
            tenant,
            seconds=[None, 0.001, 0.02][random.integers(0, 3)],
            priority=int(random.integers(0, 2)),
        ).arg(np.full((1, 1, 4), number, np.float32))
        try:
            if random.random() < 0.3:
                assert call.run()[0, 0] == number
            else:
                futures.append((number, call.submit()))
        except (RejectedError, LateError):
            pass
        if random.random() < 0.5:
            time.sleep(random.exponential(1e-3))
    for number, future in futures:
        with contextlib.suppress(LateError):
            assert future.result(60)[0, 0] == number


@pytest.mark.parametrize("cards", [1, 3])
def test_a_recorded_trace_is_dispatched_alike(cards: int) -> None:
    pytest.importorskip("numba", reason="`pip install 'tf2c[cluster]'`")
    recording = Recording([*NETWORKS], [*TENANTS])
    networks = {name: served(costs) for name, costs in NETWORKS.items()}
    errors: list[BaseException] = []

    def work(tenant: str, seed: int) -> None:
        try:
            ask(runtime, tenant, seed, 150)
        except BaseException as error:
            errors.append(error)

    seats = [WaitingCard(seed) for seed in range(cards)]
    with Runtime(networks, seats, TENANTS, observer=recording) as runtime:
        threads = [
            threading.Thread(target=work, args=(tenant, seed))
            for seed, tenant in enumerate(TENANTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    trace, durations, recorded = recording.trace(), recording.durations(), recording.outcome()
    assert (np.diff([event.now for event in recording.events]) >= 0).all()
    assert recorded.served.sum() > 100
    cluster = Cluster(
        [*NETWORKS.values()],
        [*TENANTS.values()],
        np.full(cards, NO_NETWORK),
        lead=runtime.lead,
    )
    for found in (
        simulate_by_policy(cluster, trace, durations),
        simulate(cluster, trace, durations),
    ):
        assert found.same_decisions(recorded)
        assert found.begin.tolist() == recorded.begin.tolist()
