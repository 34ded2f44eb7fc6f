"""Cards on other machines, in a Ray cluster (`pip install 'tf2c[ray]'`).

Each node has a cell: one process, a Ray actor, that has the node's cards, builds their engine once
and runs batches on them. What runs where is decided by the policy of whoever serves, for every card
of every cell, as for cards of its own. A card is given its next batch while it runs one, as the way
there takes some milliseconds. Ray starts cells and moves images and results. It would run a call
again whose actor died, so perhaps twice; here the runtime does, and results come once.
"""

import contextlib
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np
import numpy.typing as npt

from tf2c.errors import DeviceError, UserError
from tf2c.orchestration.cards import Card, DeviceCard, Image, Scores, ServedNetwork
from tf2c.runtime.devices import OPENCL_PREFIX, device_names, open_device

RESOURCE = "fpga"
"""What nodes with cards have been started with: `ray start --resources '{"fpga": 2}'`."""

START_SECONDS = 120.0
"""For as many cards in the cluster as are wanted, and for a place, a process and a device each."""

CONNECT_SECONDS = 5.0

RUN_SECONDS = 300.0
"""For a batch; the device's own watchdog comes first."""

DEPTH = 2
"""Batches of a card on their way: one runs, and one is there when that ends."""


class Cell:
    """A node's cards: what a Ray actor is made of. Calls for different cards come at a time."""

    def __init__(self) -> None:
        """Begin without cards."""
        self._cards: dict[int, DeviceCard] = {}
        self._turns: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._failed: set[int] = set()  # cards that do nothing before they are opened again
        self._built = b""
        self._building = threading.Lock()
        self._loaded: dict[int, ServedNetwork] = {}
        self._networks: WeakValueDictionary[str, ServedNetwork] = WeakValueDictionary()

    def whereabouts(self) -> tuple[str, str, int]:
        """Return the machine's name, the node and the process."""
        import ray

        return os.uname().nodename, ray.get_runtime_context().get_node_id(), os.getpid()

    def open(
        self, place: int, device: str, kernels: Sequence[Any]
    ) -> tuple[str, tuple[int, ...] | None]:
        """Open a device, the first or another time; return its name and its engine's identity.

        Args:
            place: of the card in the cell.
            device: as `tf2c run --device` has it.
            kernels: where in the cluster the engine is; it is built for the first device only.
        """
        with self._turns[place]:
            if place in self._cards:
                self._cards[place].restart()
                self._failed.discard(place)
            else:
                with self._building:
                    engine: bytes = self._built or _fetch(kernels)
                    self._cards[place] = card = DeviceCard(partial(open_device, device), engine)
                    self._built = card.built
            return self._cards[place].name, self._cards[place].identity

    def load(self, place: int, key: str, network: Sequence[Any]) -> None:
        """Take the network of a card's batches to come.

        Args:
            place: of the card in the cell.
            key: the same for the same network.
            network: where in the cluster it is; one that a card of the cell has is not fetched.
        """
        found = self._networks.get(key)
        if found is None:
            found = self._networks[key] = _fetch(network)
        with self._turn(place) as card:
            card.load(found)
            self._loaded[place] = found

    def run(self, place: int, images: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return a card's results of a batch; where it has another one, behind that."""
        with self._turn(place) as card:
            return np.stack(card.run(list(images)))

    @contextlib.contextmanager
    def _turn(self, place: int) -> Generator[DeviceCard]:
        """Wait for a card's turn; a batch that is ahead of one that fails does not try again."""
        with self._turns[place]:
            if place in self._failed:
                raise DeviceError("the card has failed with the batch before")
            try:
                yield self._cards[place]
            except DeviceError:
                self._failed.add(place)
                raise


def _fetch(reference: Sequence[Any]) -> Any:
    """Return what a reference is of; it is in a sequence, or it would be sent with each call."""
    import ray

    fetched: Any = ray
    return fetched.get(reference[0])


@dataclass(frozen=True)
class Node:
    """A machine of a cluster, with what of it is for a cell."""

    identity: str
    cards: int
    resources: dict[str, float]


class Cluster:
    """What all cells have in common: the engine, and the networks that have been sent."""

    def __init__(self, kernels: bytes) -> None:
        """Send the engine.

        Args:
            kernels: the engine, as source or built.
        """
        import ray

        self.ray: Any = ray
        self.kernels = [self.ray.put(kernels)]
        self._sent: WeakKeyDictionary[ServedNetwork, Any] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def send(self, network: ServedNetwork) -> tuple[str, Sequence[Any]]:
        """Send a network, once as long as somebody has it; return its key and where it is."""
        with self._lock:
            if network not in self._sent:
                self._sent[network] = self.ray.put(network)
            reference = self._sent[network]
        return reference.hex(), [reference]

    def nodes(self) -> list[Node]:
        """Return the nodes that have been started with cards, or all, with one each."""
        alive = [each for each in self.ray.nodes() if each["Alive"]]
        counts = {each["NodeID"]: int(each["Resources"].get(RESOURCE, 0)) for each in alive}
        found = [
            Node(identity, count, {RESOURCE: count}) for identity, count in counts.items() if count
        ]
        return found or [Node(identity, 1, {}) for identity in counts]


class RemoteCell:
    """A cell as whoever serves sees it; its actor is started again when it has died."""

    def __init__(self, cluster: Cluster, node: Node, cards: int) -> None:
        """Start nothing yet.

        Args:
            cluster: of the node.
            node: like which it is to be: any that has as many cards free, at first; that one again
                as long as it is there; another one then. Without cards to be free, this one.
            cards: that the cell is to have.
        """
        self.cluster = cluster
        self._node = node
        self._options = {
            "resources": node.resources,
            "num_cpus": 0,
            "max_restarts": 0,
            "max_concurrency": cards * DEPTH,
        }
        self._starting = threading.Lock()  # held for long
        self._lock = threading.Lock()
        self._actor: Any = None
        self._cards = cards
        self.machine = ""
        self.node_id = "" if node.resources else node.identity
        self.process_id = 0

    def actor(self) -> Any:
        """Return the actor; start it if there is none.

        Raises:
            DeviceError: the cluster has no place for it.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        with self._starting:
            with self._lock:
                actor = self._actor
            if actor is not None:
                return actor
            options: dict[str, Any] = {**self._options}
            if self.node_id:
                options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(
                    self.node_id, soft=True
                )
            actor = self.cluster.ray.remote(Cell).options(**options).remote()
            try:
                found = self.ask(actor, START_SECONDS, "whereabouts")
            except DeviceError as error:
                raise DeviceError(
                    f"expected a node with {self._node.cards} cards free, got none in "
                    f"{START_SECONDS:g} s: {error}"
                ) from error
            with self._lock:
                self._actor = actor
                self.machine, self.node_id, self.process_id = found
            return actor

    def ask(self, actor: Any, seconds: float, call: str, *arguments: Any) -> Any:
        """Let an actor do something, and return its answer.

        Raises:
            DeviceError: the device failed, or the actor died or took too long and is ended.
            UserError: what was asked for is not possible.
        """
        exceptions = self.cluster.ray.exceptions
        try:
            return self.cluster.ray.get(getattr(actor, call).remote(*arguments), timeout=seconds)
        except exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, DeviceError | UserError):
                raise cause from error
            raise DeviceError(f"the cell failed: {cause!r}") from error
        except BaseException as error:  # nobody knows what it is in the middle of
            self._end(actor)
            if isinstance(error, exceptions.GetTimeoutError):
                raise DeviceError(f"the cluster did not answer in {seconds:g} s") from error
            if isinstance(error, exceptions.RayError):
                first = str(error).strip().splitlines()[0]
                raise DeviceError(f"the cell is gone: {first}") from error
            raise

    def leave(self) -> None:
        """Let a card be none any more; the actor ends with its last one."""
        with self._lock:
            self._cards -= 1
            actor = None if self._cards else self._actor
        if actor is not None:
            self._end(actor)

    def _end(self, actor: Any) -> None:
        with self._lock:
            if self._actor is actor:
                self._actor = None
        with contextlib.suppress(Exception):  # it may be dead, or the cluster gone
            self.cluster.ray.kill(actor)


class RayCard(Card):
    """A card of a cell."""

    depth = DEPTH

    def __init__(self, cell: RemoteCell, place: int, device: str) -> None:
        """Open the device in its cell.

        Args:
            cell: that has the card.
            place: of the card in the cell.
            device: as `tf2c run --device` has it.

        Raises:
            DeviceError: the cluster has no place for its cell, or the device does not open.
            UserError: there is no such device.
        """
        self.cell = cell
        self._place = place
        self._device = device
        self.restart()

    def load(self, network: ServedNetwork) -> None:
        """Let the card have a network, which is sent to its node at most once."""
        self._ask(START_SECONDS, "load", *self.cell.cluster.send(network))

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        """Send a batch and wait for its results."""
        return list(self._ask(RUN_SECONDS, "run", np.stack(images)))

    def restart(self) -> None:
        """Open the device again, in another cell if that has died."""
        self._actor = self.cell.actor()
        opened = self._ask(START_SECONDS, "open", self._device, self.cell.cluster.kernels)
        name, self.identity = opened
        self.name = f"{name} on {self.cell.machine}"

    def close(self) -> None:
        """End the cell if this is its last card."""
        self.cell.leave()

    def _ask(self, seconds: float, call: str, *arguments: Any) -> Any:
        return self.cell.ask(self._actor, seconds, call, self._place, *arguments)


def connect(address: str) -> None:
    """Connect to a cluster.

    Args:
        address: `auto`, `HOST:PORT`, or `local` to start one on this machine.

    Raises:
        UserError: Ray is not installed, or there is no cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise UserError(
            "expected Ray, got no installation of it", hint="run `pip install 'tf2c[ray]'`"
        ) from error
    started: Any = ray
    options = {"address": address} if address != "local" else {"include_dashboard": False}
    try:
        host, _, port = address.partition(":")
        if port:
            # Ray itself would ask for minutes, and then end this process.
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        started.init(**options, log_to_driver=False)
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(
            f"expected a Ray cluster at `{address}`, got none: {first}",
            hint="`ray start --head` begins one; `--ray local` does without",
        ) from error


def open_cards(device: str, kernels: bytes, count: int | None = None) -> list[Card]:
    """Open cards in the cluster, all or none, all at a time.

    Nodes that have been started with `fpga` resources have as many cards, and a cell takes all of
    them, so that no other has the same. Where no node has, each may have any number of simulators
    or emulators.

    Args:
        device: as `tf2c run --device` has it.
        kernels: the engine, as source or built.
        count: of cards, which are waited for; by default all that there are, or one for each node.

    Raises:
        DeviceError: a node is not free, or a card does not open.
        UserError: there is no such device, or there are fewer cards.
    """
    cluster = Cluster(kernels)
    places: list[tuple[RemoteCell, int, str]] = []
    # Larger nodes first: or the cell of a smaller one takes what that of a larger one needs.
    shares = _shares(cluster, count, needs_cards=device.startswith(OPENCL_PREFIX))
    try:
        for node, share in sorted(shares, key=lambda each: -each[0].cards):
            cell = RemoteCell(cluster, node, share)
            names = device_names(device, share)
            places.extend((cell, place, name) for place, name in enumerate(names))
            cell.actor()
        with ThreadPoolExecutor(len(places)) as pool:
            opening = [pool.submit(RayCard, *place) for place in places]
        return [each.result() for each in opening]
    except BaseException:
        for cell, _, _ in places:
            cell.leave()
        raise


def _shares(cluster: Cluster, count: int | None, *, needs_cards: bool) -> list[tuple[Node, int]]:
    """Return how many cards of which node to take: few nodes, so that others stay free."""
    nodes = cluster.nodes()
    if not needs_cards and not any(node.resources for node in nodes):
        whole, rest = divmod(len(nodes) if count is None else count, len(nodes))
        return [(node, whole + (place < rest)) for place, node in enumerate(nodes[:count])]
    end = time.monotonic() + START_SECONDS
    while (found := sum(node.cards for node in nodes if node.resources)) < (count or 1):
        if time.monotonic() > end:
            raise UserError(
                f"expected {count or 1} cards in the cluster, got {found}",
                hint=f"start nodes with `ray start --resources '{{\"{RESOURCE}\": CARDS}}'`",
            )
        time.sleep(1.0)
        nodes = cluster.nodes()
    left, shares = found if count is None else count, list[tuple[Node, int]]()
    for node in nodes:
        if share := min(node.cards, left):
            shares.append((node, share))
            left -= share
    return shares
