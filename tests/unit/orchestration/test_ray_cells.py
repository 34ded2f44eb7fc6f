"""A node's cards in a Ray actor: results are right, and nothing is lost with a cell or a node."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

import tf2c
from tf2c.errors import DeviceError, UserError
from tf2c.orchestration import embedded, ray_cells
from tf2c.orchestration.cards import DeviceCard, Image, Scores, ServedNetwork
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.events import Event, Lost, Restarted
from tf2c.orchestration.ray_cells import RESOURCE, Cell, Node, RayCard, connect, open_cards
from tf2c.orchestration.requests import Tenant
from tf2c.runtime.simulator import Simulator

ray: Any = pytest.importorskip("ray", reason="`pip install 'tf2c[ray]'`")

REQUESTS = 400
CARDS = 2
"""Of each node."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster on this machine: a head, and two nodes with two cards each."""
    from ray.cluster_utils import Cluster

    found: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(2):
        found.add_node(num_cpus=1, resources={RESOURCE: CARDS})
    ray.init(address=found.address, log_to_driver=False)
    yield found
    ray.shutdown()
    found.shutdown()


@pytest.fixture
def cards(cluster: Any) -> Iterator[list[RayCard]]:
    found = opened("simulator")
    yield found
    for card in found:
        card.close()


def opened(device: str, count: int | None = None) -> list[RayCard]:
    return [card for card in open_cards(device, b"", count) if isinstance(card, RayCard)]


class Asked:
    """Requests on their way for two networks, and what is to come of them."""

    def __init__(self, artifact: tf2c.Artifact, images: npt.NDArray[np.float32]) -> None:
        self.images = images[:8]
        self.expected = artifact.run(self.images)
        self.networks = {name: ServedNetwork.read(artifact.path) for name in ("digits", "again")}
        self.tenants = {"tenant": Tenant(queue_limit=REQUESTS)}
        self.events: list[Event] = []

    def runtime(self, cards: list[RayCard]) -> Runtime:
        return Runtime(self.networks, cards, self.tenants, observer=self.events.append)

    def ask(self, runtime: Runtime, happens: Callable[[], object]) -> None:
        """Ask, let something happen when a quarter is there, and look at all results."""
        futures = [
            runtime.request(("digits", "again")[index % 3 == 0], "tenant")
            .arg(self.images[index % 8])
            .submit()
            for index in range(REQUESTS)
        ]
        futures[REQUESTS // 4].result(120)
        happens()
        for index, future in enumerate(futures):
            np.testing.assert_array_equal(future.result(120), self.expected[index % 8])

    def await_events(self, kind: type[Event], count: int) -> None:
        until = time.monotonic() + 120
        while sum(isinstance(each, kind) for each in self.events) < count:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.fixture
def asked(digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]) -> Asked:
    return Asked(digits_artifact, heldout_images)


def test_a_cell_is_a_node_with_all_its_cards(cards: list[RayCard]) -> None:
    assert len(cards) == 2 * CARDS
    cells = {id(card.cell): card.cell for card in cards}
    assert len(cells) == len({cell.process_id for cell in cells.values()}) == 2


def test_nothing_is_lost_with_a_killed_cell(cards: list[RayCard], asked: Asked) -> None:
    """Its cards are lost, and no others; one process comes instead of it."""
    killed = cards[0].cell.process_id
    others = cards[-1].cell.process_id
    with asked.runtime(cards) as runtime:
        asked.ask(runtime, lambda: os.kill(killed, signal.SIGKILL))
        asked.await_events(Restarted, 1)
        asked.ask(runtime, lambda: None)
        lost = [each.card for each in asked.events if isinstance(each, Lost)]
        asked.await_events(Restarted, len(lost))
        assert len(lost) == len(set(lost)) <= CARDS
        assert all(each.endswith((" 0", " 1")) for each in lost)
        assert cards[0].cell.process_id != killed
        assert cards[-1].cell.process_id == others


def test_nothing_is_lost_with_a_node(cluster: Any, cards: list[RayCard], asked: Asked) -> None:
    """Others do what it was doing; its cards are back when there is another node."""
    node = next(each for each in cluster.worker_nodes if each.node_id == cards[-1].cell.node_id)
    with asked.runtime(cards) as runtime:
        asked.ask(runtime, lambda: cluster.remove_node(node))
        lost = sum(isinstance(each, Lost) for each in asked.events)
        assert 1 <= lost <= CARDS
        assert not any(isinstance(each, Restarted) for each in asked.events)
        cluster.add_node(num_cpus=1, resources={RESOURCE: CARDS})
        asked.await_events(Restarted, lost)
        asked.ask(runtime, lambda: None)


def test_what_takes_too_long_comes_once(
    cards: list[RayCard], asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cell is ended, and another one does what that was doing.

    One batch only: a request that fails with three cards is what fails.
    """
    ask, too_short = ray_cells.RemoteCell.ask, iter([0.0])

    def ask_in_time(
        cell: ray_cells.RemoteCell, actor: Any, seconds: float, call: str, *arguments: Any
    ) -> Any:
        seconds = next(too_short, seconds) if call == "run" else seconds
        return ask(cell, actor, seconds, call, *arguments)

    def hurry() -> None:
        monkeypatch.setattr(ray_cells.RemoteCell, "ask", ask_in_time)
        asked.await_events(Lost, 1)

    with asked.runtime(cards) as runtime:
        before = {card.cell.process_id for card in cards}
        asked.ask(runtime, hurry)
        asked.await_events(Restarted, sum(isinstance(each, Lost) for each in asked.events))
        assert {card.cell.process_id for card in cards} != before


def test_more_cards_than_there_are(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cells, "START_SECONDS", 1.0)
    with pytest.raises(UserError, match=f"expected 5 cards in the cluster, got {2 * CARDS}"):
        opened("simulator", 5)


class Nodes:
    """A cluster that has other nodes every time it is asked."""

    def __init__(self, *nodes: list[Node]) -> None:
        self._nodes = iter(nodes)

    def nodes(self) -> list[Node]:
        return next(self._nodes)


def with_cards(identity: str, cards: int) -> Node:
    return Node(identity, cards, {RESOURCE: cards})


def shares(cluster: Nodes, count: int | None, *, needs_cards: bool = False) -> dict[str, int]:
    found = ray_cells._shares(cast(ray_cells.Cluster, cluster), count, needs_cards=needs_cards)  # pyright: ignore[reportPrivateUsage]
    return {node.identity: share for node, share in found}


def test_cards_are_of_few_nodes() -> None:
    nodes = [with_cards("a", 2), with_cards("b", 3)]
    assert shares(Nodes(nodes), None) == {"a": 2, "b": 3}
    assert shares(Nodes(nodes), 1) == {"a": 1}
    assert shares(Nodes(nodes), 4) == {"a": 2, "b": 2}


def test_cells_of_larger_nodes_are_placed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the cell of a smaller node may take a part of a larger one."""
    placed: list[int] = []

    class PlacedCell:
        def __init__(self, _: object, node: Node, __: int) -> None:
            self._cards = node.cards

        def actor(self) -> None:
            placed.append(self._cards)

    def new_cluster(_: bytes) -> Nodes:
        return Nodes([with_cards("a", 2), with_cards("b", 4), with_cards("c", 3)])

    def new_card(*place: object) -> tuple[object, ...]:
        return place

    monkeypatch.setattr(ray_cells, "Cluster", new_cluster)
    monkeypatch.setattr(ray_cells, "RemoteCell", PlacedCell)
    monkeypatch.setattr(ray_cells, "RayCard", new_card)
    assert len(open_cards("simulator", b"")) == 9
    assert placed == [4, 3, 2]


def test_simulators_are_anywhere() -> None:
    nodes = [Node("a", 1, {}), Node("b", 1, {})]
    assert shares(Nodes(nodes), None) == {"a": 1, "b": 1}
    assert shares(Nodes(nodes), 1) == {"a": 1}
    assert shares(Nodes(nodes), 5) == {"a": 3, "b": 2}


def test_cards_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may start before the nodes with cards do."""
    monkeypatch.setattr(time, "sleep", id)
    head = Node("head", 1, {})
    cluster = Nodes([head], [with_cards("a", 1)], [with_cards("a", 1), with_cards("b", 1)])
    assert shares(cluster, 2, needs_cards=True) == {"a": 1, "b": 1}
    monkeypatch.setattr(ray_cells, "START_SECONDS", -1.0)
    with pytest.raises(UserError, match="expected 1 cards in the cluster, got 0"):
        shares(Nodes([head]), None, needs_cards=True)


def test_cards_that_others_have(cards: list[RayCard], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cells, "START_SECONDS", 2.0)
    with pytest.raises(DeviceError, match=f"a node with {CARDS} cards free, got none in 2 s"):
        opened("simulator", 1)


def test_a_second_server_has_the_other_node(cluster: Any) -> None:
    first = opened("simulator", CARDS)
    second = opened("simulator", CARDS)
    assert first[0].cell.node_id != second[0].cell.node_id
    for card in (*first, *second):
        card.close()


def test_what_an_old_cell_did_does_not_end_the_new_one(cards: list[RayCard], asked: Asked) -> None:
    one, other = cards[:2]
    os.kill(one.cell.process_id, signal.SIGKILL)
    with pytest.raises(DeviceError, match="the cell is gone"):
        one.load(asked.networks["digits"])
    one.restart()
    actor = one.cell.actor()
    with pytest.raises(DeviceError, match="the cell is gone"):
        other.load(asked.networks["digits"])
    assert one.cell.actor() is actor
    other.restart()
    for card in (one, other):
        card.load(asked.networks["digits"])
        np.testing.assert_array_equal(card.run(list(asked.images)), asked.expected)


def test_a_device_that_is_none(cluster: Any) -> None:
    with pytest.raises(UserError, match="expected a device, got `abacus`"):
        opened("abacus")
    for card in opened("simulator"):  # the nodes are free
        card.close()


def test_the_end_does_not_wait_for_a_place(
    cards: list[RayCard], asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "CLOSE_SECONDS", 1.0)
    is_waiting = threading.Event()

    def wait(_: object) -> None:
        is_waiting.set()
        time.sleep(30)

    runtime = asked.runtime(cards)
    monkeypatch.setattr(RayCard, "restart", wait)
    asked.ask(runtime, lambda: os.kill(cards[0].cell.process_id, signal.SIGKILL))
    assert is_waiting.wait(60)
    begun = time.monotonic()
    runtime.close()
    assert time.monotonic() - begun < 25


def test_a_cell_builds_its_engine_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engines: list[bytes] = []

    class Built(Simulator):
        built: Any = b"built"

    def open_device(_: str, kernels: bytes) -> Simulator:
        engines.append(kernels)
        return Built()

    def fetch(references: list[bytes]) -> bytes:
        return references[0]

    monkeypatch.setattr(ray_cells, "open_device", open_device)
    monkeypatch.setattr(ray_cells, "_fetch", fetch)
    cell = Cell()
    for place in (0, 1, 1):
        cell.open(place, "opencl:PAC", [b"source"])
    assert engines == [b"source", b"built", b"built"]


class WatchedCard(DeviceCard):
    """Sees whether it does two things at a time, and fails when it is to."""

    identity = (1, 2)

    def __init__(self, *_: object) -> None:
        super().__init__(lambda _: Simulator())
        self.identity = (1, 2)
        self.is_busy = threading.Lock()
        self.fails = threading.Event()
        self.batches = 0

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        assert self.is_busy.acquire(blocking=False)
        self.batches += 1
        time.sleep(0.2)
        self.is_busy.release()
        if self.fails.is_set():
            raise DeviceError("the watchdog ended it")
        return [np.zeros(1) for _ in images]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[Cell, WatchedCard]:
    card = WatchedCard()

    def new_card(*_: object) -> WatchedCard:
        return card

    monkeypatch.setattr(ray_cells, "DeviceCard", new_card)
    cell = Cell()
    monkeypatch.setattr(ray_cells, "_fetch", bytes)
    assert cell.open(0, "simulator", []) == ("simulator", (1, 2))
    return cell, card


def test_a_cards_batches_run_one_by_one(watched: tuple[Cell, WatchedCard]) -> None:
    cell, card = watched
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(cell.run, 0, np.zeros((2, 1, 8, 8))) for _ in range(4)]
        assert all(each.result(60).shape == (2, 1) for each in running)
    assert card.batches == 4


def test_a_batch_ahead_fails_with_the_card(watched: tuple[Cell, WatchedCard]) -> None:
    """Or it would wait for a watchdog of its own, and a restart behind it."""
    cell, card = watched
    card.fails.set()
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(cell.run, 0, np.zeros((1, 1, 8, 8))) for _ in range(2)]
        reasons = sorted(str(each.exception(60)) for each in running)
    assert reasons == ["the card has failed with the batch before", "the watchdog ended it"]
    assert card.batches == 1
    card.fails.clear()
    cell.open(0, "simulator", [])
    assert cell.run(0, np.zeros((1, 1, 8, 8))).shape == (1, 1)


def test_a_card_knows_its_engine() -> None:
    class Opening:
        machine = "there"
        cluster = SimpleNamespace(kernels=[])

        def actor(self) -> None:
            pass

        def ask(self, *_: object) -> tuple[str, tuple[int, ...]]:
            return "card", (3, 4)

    card = RayCard(cast(ray_cells.RemoteCell, Opening()), 0, "opencl:PAC:0")
    assert (card.name, card.identity) == ("card on there", (3, 4))


def test_a_network_is_fetched_once_as_long_as_a_card_has_it(
    digits_artifact: tf2c.Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(references: list[str]) -> object:
        fetched.append(references[0])
        return ServedNetwork.read(digits_artifact.path)

    monkeypatch.setattr(ray_cells, "_fetch", fetch)
    cell = Cell()
    for place in (0, 1):
        cell.open(place, "simulator", ["engine"])
    fetched.clear()
    for place, name in ((0, "one"), (1, "one"), (0, "two"), (1, "two"), (0, "one")):
        cell.load(place, name, [name])
    assert fetched == ["one", "two", "one"]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:port"])
def test_a_cluster_that_is_none(address: str) -> None:
    ray.shutdown()
    with pytest.raises(UserError, match=f"expected a Ray cluster at `{address}`, got none"):
        connect(address)
