"""Costs that are measured: what batches were made of comes out again."""

import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf2c.errors import UserError
from tf2c.orchestration.cards import Card, Image, Scores, ServedNetwork
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.measured_costs import MeasuredCosts
from tf2c.orchestration.requests import MILLISECOND, Network
from tf2c.program import Program

STATED = Network(image=1, batch=2, load=3, largest_batch=8)


@given(
    image=st.integers(1_000, 10**9),
    batch=st.integers(0, 10**9),
    sizes=st.lists(st.integers(1, 8), min_size=2, max_size=100).filter(lambda s: len({*s}) > 1),
)
def test_batches_are_taken_apart(image: int, batch: int, sizes: list[int]) -> None:
    costs = MeasuredCosts(STATED)
    for size in sizes:
        costs.add(size, batch + size * image, None)
    found = costs.costs
    for size in (1, 8):
        assert found.service(size) == pytest.approx(batch + size * image, rel=1e-3)
    assert (found.load, found.largest_batch) == (STATED.load, STATED.largest_batch)


@given(size=st.integers(1, 8), nanoseconds=st.integers(1_000, 10**9))
def test_batches_of_one_size_are_shared_out(size: int, nanoseconds: int) -> None:
    costs = MeasuredCosts(STATED)
    for _ in range(5):
        costs.add(size, nanoseconds, None)
    assert costs.costs.batch == 0
    assert costs.costs.service(size) == pytest.approx(nanoseconds, rel=1e-2)


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 10**10)), min_size=1, max_size=60))
def test_costs_are_never_below_nothing(batches: list[tuple[int, int]]) -> None:
    """Whatever is measured: more images may take less time."""
    costs = MeasuredCosts(STATED)
    for size, nanoseconds in batches:
        found = costs.add(size, nanoseconds, nanoseconds)
        assert found.image >= 1
        assert found.batch >= 0
        assert found.load >= 0


def test_what_is_long_ago_counts_less() -> None:
    costs = MeasuredCosts(STATED)
    for _ in range(500):
        costs.add(1, 1_000_000, 1_000_000)
    for _ in range(200):
        costs.add(1, 3_000_000, 3_000_000)
    assert costs.costs.service(1) == pytest.approx(3_000_000, rel=0.01)
    assert costs.costs.load == pytest.approx(3_000_000, rel=0.01)


class SlowCard(Card):
    """Takes 20 ms to load, and some time for an image."""

    name = "slow"

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds
        self._loaded = 0.0

    def load(self, network: ServedNetwork) -> None:
        time.sleep(0.02)
        self._loaded = self._seconds[network.weights.decode()]

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        time.sleep(len(images) * self._loaded)
        return [image[0].astype(np.float64) for image in images]

    def restart(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("measures", [True, False])
def test_a_runtime_measures_what_networks_take(measures: bool) -> None:
    program = cast(Program, SimpleNamespace(fold=SimpleNamespace(shape=(1, 1, 4))))
    seconds = {"quick": 0.002, "slow": 0.01}
    stated = Network(image=MILLISECOND, load=MILLISECOND, largest_batch=2)
    networks = {name: ServedNetwork(program, name.encode(), stated) for name in seconds}
    image = np.zeros((1, 1, 4), np.float32)
    with Runtime(networks, [SlowCard(seconds)], measures=measures) as runtime:
        for name in (*seconds, *seconds):
            for _ in range(5):
                runtime.request(name).arg(image).run()
        costs = runtime.costs()
    if not measures:
        assert costs == dict.fromkeys(seconds, stated)
        return
    for name, each in costs.items():
        # It sleeps at least for so long; how much longer is the machine's.
        assert each.service(1) >= seconds[name] * 1e9
        assert each.load >= 0.02 * 1e9
    assert costs["slow"].service(1) > costs["quick"].service(1)


def test_a_bad_moment_refuses_nobody() -> None:
    """Who has a deadline is judged by what a network states: else nothing would be measured."""
    program = cast(Program, SimpleNamespace(fold=SimpleNamespace(shape=(1, 1, 4))))
    stated = Network(image=MILLISECOND, load=MILLISECOND)
    networks = {"net": ServedNetwork(program, b"net", stated)}
    image = np.zeros((1, 1, 4), np.float32)
    seconds = {"net": 0.2}
    card = SlowCard(seconds)
    with Runtime(networks, [card], measures=True) as runtime:
        runtime.request("net").arg(image).run()
        assert runtime.costs()["net"].service(1) > 0.1e9
        seconds["net"] = 0.0
        card.load(networks["net"])
        for _ in range(50):
            runtime.request("net", seconds=0.1).arg(image).submit().exception(60)
        assert runtime.costs()["net"].service(1) < 0.1e9


def test_what_fails_is_not_measured() -> None:
    class RefusingCard(SlowCard):
        def run(self, images: Sequence[Image]) -> Sequence[Scores]:
            raise UserError("expected another image")

    program = cast(Program, SimpleNamespace(fold=SimpleNamespace(shape=(1, 1, 4))))
    stated = Network(image=MILLISECOND, load=MILLISECOND)
    networks = {"net": ServedNetwork(program, b"net", stated)}
    with Runtime(networks, [RefusingCard({"net": 0.0})], measures=True) as runtime:
        future = runtime.request("net").arg(np.zeros((1, 1, 4), np.float32)).submit()
        assert isinstance(future.exception(60), UserError)
        assert runtime.costs() == {"net": stated}
