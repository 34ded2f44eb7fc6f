"""What it costs that cards are in a Ray cluster, and what it is good for that batches go ahead.

    python benchmarks/cells.py

Images of ResNet-50 (602 KB, FP32) for cards that sleep for 2 ms per image, up to eight at a time:
in this process; each in a Ray actor of its own; all of a node in one, its cell; and in a cell that
has the next batch of a card while that runs one. Everything is on one machine, without a network.
`latency` is one request after the other, `images/s` with 1500 requests waiting, both of one round;
medians of rounds that take turns. Memory is what only the actors' processes have. Writes
results/cells.json.
"""

import time
from collections.abc import Sequence
from statistics import median
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import psutil
import ray
from report import write_results
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tf2c.orchestration import ray_cells
from tf2c.orchestration.cards import Card, Image, Scores, ServedNetwork
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.ray_cells import RESOURCE, Cell, Cluster, Node, RayCard, RemoteCell
from tf2c.orchestration.requests import MILLISECOND, Network, Tenant
from tf2c.program import Program

SHAPE = (3, 224, 224)
SECONDS = 0.002
"""Of an image on a card."""
REQUESTS = 1500
ALONE = 200
ROUNDS = 3
CARDS = (1, 2, 4)
WAYS = {
    "in process": (False, 1),
    "actor for each card": (False, 1),
    "cell": (True, 1),
    "cell, one batch ahead": (True, 2),
}
"""Whether cards share an actor, and how many batches a card has at a time."""


class SleepingCell(Cell):
    """Has cards that sleep."""

    def open(self, place: int, device: str, kernels: Sequence[Any]) -> tuple[str, None]:
        """Return a name."""
        return "sleeping", None

    def load(self, place: int, key: str, network: Sequence[Any]) -> None:
        """Do nothing."""

    def run(self, place: int, images: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Sleep when it is the batch's turn."""
        with self._turns[place]:
            time.sleep(SECONDS * len(images))
        return np.zeros((len(images), 1000))


class SleepingCard(Card):
    """Sleeps in this process."""

    name = "sleeping"

    def load(self, network: ServedNetwork) -> None:
        """Do nothing."""

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        """Sleep."""
        time.sleep(SECONDS * len(images))
        return list(np.zeros((len(images), 1000)))

    def restart(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def open_cards(way: str, count: int) -> list[Card]:
    """Return cards that sleep."""
    if way == "in process":
        return [SleepingCard() for _ in range(count)]
    cluster = Cluster(b"")
    (node,) = cluster.nodes()
    shares, depth = WAYS[way]
    cards: list[Card] = []
    for size in [count] if shares else [1] * count:
        cell = RemoteCell(cluster, Node(node.identity, size, {RESOURCE: size}), size)
        cards += [RayCard(cell, place, "simulator") for place in range(size)]
    for card in cards:
        card.depth = depth
    return cards


def megabytes() -> float:
    """Return what only the actors' processes have."""
    names = [each for each in psutil.process_iter() if "SleepingCell" in " ".join(each.cmdline())]
    return sum(each.memory_full_info().uss for each in names) / 1e6


def measure(way: str, count: int) -> dict[str, float]:
    """Return what comes of one round."""
    shapes = cast(Program, SimpleNamespace(fold=SimpleNamespace(shape=SHAPE)))
    costs = Network(image=round(SECONDS * 1e9), load=5 * MILLISECOND, largest_batch=8)
    networks = {"network": ServedNetwork(shapes, b"", costs)}
    image = np.random.default_rng(0).random(SHAPE, np.float32)
    begun = time.perf_counter()
    cards = open_cards(way, count)
    opened = time.perf_counter() - begun
    with Runtime(networks, cards, {"tenant": Tenant(queue_limit=REQUESTS)}) as runtime:
        call = runtime.request("network", "tenant").arg(image)
        latencies: list[float] = []
        for _ in range(ALONE):
            begun = time.perf_counter()
            call.submit().result()
            latencies.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        for future in [call.submit() for _ in range(REQUESTS)]:
            future.result()
        seconds = time.perf_counter() - begun
        memory = megabytes()
    return {
        "open_seconds": opened,
        "actors_megabytes": memory,
        "latency_ms": median(latencies) * 1e3,
        "images_per_second": REQUESTS / seconds,
        "of_what_cards_could": REQUESTS / seconds * SECONDS / count,
    }


def main() -> None:
    """Measure, print, write."""
    started: Any = ray
    started.init(resources={RESOURCE: max(CARDS)}, include_dashboard=False, log_to_driver=False)
    setattr(ray_cells, "Cell", SleepingCell)  # noqa: B010
    rounds = [(way, count) for _ in range(ROUNDS) for count in CARDS for way in WAYS]
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for way, count in track(rounds, "rounds"):
        found.setdefault((way, count), []).append(measure(way, count))
    table = Table("", "cards", "opened in s", "MB", "latency ms", "images/s", "of what they could")
    figures: dict[str, dict[str, float]] = {}
    for (way, count), rows in found.items():
        row = {name: round(median(each[name] for each in rows), 3) for name in rows[0]}
        figures[f"{way}, {count}"] = row
        table.add_row(way, str(count), *(f"{value:g}" for value in row.values()))
    Console(width=110).print(table)
    write_results("cells", "python benchmarks/cells.py", ["numpy", "ray"], figures)


if __name__ == "__main__":
    main()
