"""Device processes that are killed while tenants ask: nothing lost, nothing wrong, how soon back.

    python benchmarks/soak.py NETWORK.tf2c IMAGES.npy [SECONDS]

Two cards are simulators in a Ray cluster on this machine: 2,000 requests with the cell that has
both killed (SIGKILL) in their middle. Then two cards are Intel's emulator, each in a process of its
own, and one is the simulator: 2,000 requests with one process killed; then, for SECONDS (600 by
default), three tenants that each have some images on their way all the time, while every 5 s the
process of one emulator is killed. Every result is compared with the simulator's, in every bit.
`back` is the time from the loss of a card until it takes batches again. Writes results/soak.json.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from report import write_results
from rich.console import Console
from rich.progress import track
from rich.table import Table

import tf2c
from tf2c.orchestration import ray_cells
from tf2c.orchestration.cards import DeviceCard, Scores, ServedNetwork
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.events import Event, Lost, Restarted
from tf2c.orchestration.requests import Tenant
from tf2c.runtime.emulator import EmulatorDevice
from tf2c.runtime.simulator import Simulator

TENANTS = {"one": Tenant(1, 4096), "two": Tenant(2, 4096), "three": Tenant(3, 4096)}
FAULT_SECONDS = 5.0
ON_THE_WAY = 8
"""Images of each tenant."""


class Cards:
    """Two emulators whose processes can be killed, and a simulator."""

    def __init__(self, kernels: bytes) -> None:
        """Open them; the engine is built once."""
        self._open: list[EmulatorDevice] = []
        first = DeviceCard(self._open_device, kernels)
        second = DeviceCard(self._open_device, first.built)
        self.cards = [first, second, DeviceCard(lambda _: Simulator())]

    def _open_device(self, kernels: bytes) -> EmulatorDevice:
        device = EmulatorDevice(kernels)
        self._open = [each for each in self._open if each.is_alive] + [device]
        return device

    def kill_one(self) -> bool:
        """Kill a process; return whether there was one."""
        alive = [each for each in self._open if each.is_alive]
        if not alive:
            return False
        os.kill(random.choice(alive).process_id, signal.SIGKILL)
        return True


class Work:
    """Requests, and whether their results are right."""

    def __init__(self, runtime: Runtime, images: npt.NDArray[Any], expected: Scores) -> None:
        """Take what is asked and what is right."""
        self._runtime = runtime
        self._images = images
        self._expected = expected
        self.right = self.wrong = self.failed = 0
        self.milliseconds: list[float] = []
        self._lock = threading.Lock()

    def ask(self, tenant: str, index: int) -> tuple[float, int, "Future[Scores]"]:
        """Queue one image."""
        place = index % len(self._images)
        call = self._runtime.request("network", tenant).arg(self._images[place])
        return time.perf_counter(), place, call.submit()

    def check(self, asked: tuple[float, int, "Future[Scores]"]) -> None:
        """Wait for a result and look at every bit."""
        begun, place, future = asked
        try:
            is_right = bool(np.array_equal(future.result(120), self._expected[place]))
        except Exception:
            with self._lock:
                self.failed += 1
            return
        with self._lock:
            self.right += is_right
            self.wrong += not is_right
            self.milliseconds.append((time.perf_counter() - begun) * 1e3)

    def keep_asking(self, tenant: str, until: float) -> None:
        """Have some images on their way all the time; one that is not taken counts as lost."""
        asked: list[tuple[float, int, Future[Scores]]] = []
        index = 0
        while time.monotonic() < until:
            try:
                asked.append(self.ask(tenant, index))
            except Exception:
                with self._lock:
                    self.failed += 1
            index += 1
            if len(asked) == ON_THE_WAY:
                self.check(asked.pop(0))
        for each in asked:
            self.check(each)

    def figures(self) -> dict[str, Any]:
        """Return what came of it."""
        p50, p99 = np.percentile(self.milliseconds, [50, 99])
        return {
            "right": self.right,
            "wrong": self.wrong,
            "lost": self.failed,
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "longest_ms": round(max(self.milliseconds), 1),
        }


def back_seconds(events: Sequence[Event]) -> list[float]:
    """Return how long each lost card was away."""
    found: list[float] = []
    lost: dict[str, int] = {}
    for event in events:
        if isinstance(event, Lost):
            lost[event.card] = event.now
        elif isinstance(event, Restarted):
            found.append((event.now - lost.pop(event.card)) / 1e9)
    return found


def kill_in_the_middle(work: Work, kill: Callable[[], object]) -> dict[str, Any]:
    """Ask for 2,000 images, and let a process be killed when a quarter of them is there."""
    asked = [work.ask("one", index) for index in range(2000)]
    asked[500][2].result(120)
    kill()
    for each in asked:
        work.check(each)
    return work.figures() | {"faults": 1}


def kill_a_cell(
    networks: dict[str, ServedNetwork], images: npt.NDArray[Any], expected: Scores
) -> tuple[dict[str, Any], list[float]]:
    """Return what comes of requests when a cell dies, and how soon its cards are back."""
    events: list[Event] = []
    ray_cells.connect("local")
    cards = ray_cells.open_cards("simulator", b"", 2)
    victim = cast(ray_cells.RayCard, cards[0]).cell.process_id
    with Runtime(networks, cards, TENANTS, observer=events.append) as runtime:
        work = Work(runtime, images, expected)
        figures = kill_in_the_middle(work, lambda: os.kill(victim, signal.SIGKILL))
        until = time.monotonic() + 120
        while len(back := back_seconds(events)) < 2 and time.monotonic() < until:
            time.sleep(0.1)
    return figures, back


def main() -> None:
    """Measure, print, write."""
    path, source, *rest = sys.argv[1:]
    seconds = float(rest[0]) if rest else 600.0
    artifact = tf2c.load(path)
    images = np.load(source)[:64].astype(np.float32)
    expected = artifact.run(images)
    networks = {"network": ServedNetwork.read(path)}
    events: list[Event] = []
    figures: dict[str, Any] = {}
    killed, cell_back = kill_a_cell(networks, images, expected)
    figures["2000 requests, one killed cell of both cards"] = killed
    cards = Cards(artifact.kernels)
    with Runtime(networks, cards.cards, TENANTS, observer=events.append) as runtime:
        work = Work(runtime, images, expected)
        figures["2000 requests, one killed process"] = kill_in_the_middle(work, cards.kill_one)

        work = Work(runtime, images, expected)
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=work.keep_asking, args=(tenant, until)) for tenant in TENANTS
        ]
        for thread in threads:
            thread.start()
        faults = 0
        for _ in track(range(int(seconds / FAULT_SECONDS)), "faults"):
            time.sleep(FAULT_SECONDS)
            faults += cards.kill_one()
        for thread in threads:
            thread.join()
        figures[f"{seconds:g} s, a fault every {FAULT_SECONDS:g} s"] = work.figures() | {
            "faults": faults
        }
    back = back_seconds(events)
    table = Table("", "right", "wrong", "lost", "p50 ms", "p99 ms", "longest ms", "faults")
    for name, each in figures.items():
        table.add_row(name, *(str(value) for value in each.values()))
    console = Console(width=110)
    console.print(table)
    console.print(f"cards were back in {np.median(back):.2f} s (median), {max(back):.2f} s at most")
    console.print(
        f"the cell's cards were back in {', '.join(f'{each:.2f}' for each in cell_back)} s"
    )
    figures["cell_back_seconds"] = [round(each, 2) for each in cell_back]
    figures["back_seconds"] = {
        "median": round(float(np.median(back)), 2),
        "longest": round(max(back), 2),
        "times": len(back),
    }
    command = "python benchmarks/soak.py " + " ".join([os.path.basename(path), "IMAGES", *rest])
    write_results("soak", command, ["numpy", "ray"], figures)


if __name__ == "__main__":
    main()
