"""What sharing cards in one process costs, and how it scales.

    python benchmarks/orchestration.py

Overhead: a card whose service is to look at one number of the image (3 x 224 x 224 float32, of
which a card takes 150 KB as int8), so that all time is the runtime's: in the caller's thread
(`Call.run`), through the card's thread (`Call.submit`), and awaited. Beside it, in the same run,
what Python itself takes: calling the card, two threads that wake each other up with a lock each,
which is the least that another thread can take, and a `ThreadPoolExecutor` of one. All of that
again on one processor: of two, a thread has to be woken on the other, which on a virtual machine
takes longer than everything else. Of five rounds the one with the least median counts, because the
machine is shared.

Scaling: 1 to 8 cards that wait 2 ms for each image, all requests there when they begin; how much
faster than one card they are, over how many they are. Of three rounds the fastest counts. Writes
results/orchestration.json.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Self, cast

import numpy as np
from report import write_results
from rich.console import Console
from rich.table import Table

from tf2c.orchestration.cards import Card, Image, Scores, ServedNetwork
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.policy import Policy
from tf2c.orchestration.requests import MILLISECOND, Network, Request, Tenant
from tf2c.program import Program

IMAGE = np.zeros((3, 224, 224), np.float32)
REQUESTS = 10_000
ROUNDS = 5
SERVICE_SECONDS = 2e-3
IMAGES_PER_CARD = 500


class LookingCard(Card):
    """Looks at one number."""

    name = "looking"

    def load(self, network: ServedNetwork) -> None:
        """Nothing is loaded."""

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        """Return one number of each image."""
        return [image[0, 0, :1].astype(np.float64) for image in images]

    def restart(self) -> None:
        """Nothing fails."""

    def close(self) -> None:
        """Nothing is held."""


class WaitingCard(LookingCard):
    """Takes 2 ms for an image, from when it may begin."""

    name = "waiting"

    def __init__(self, may_begin: threading.Event) -> None:
        """Take what lets it begin."""
        self._may_begin = may_begin

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        """Wait, and look."""
        self._may_begin.wait()
        time.sleep(SERVICE_SECONDS * len(images))
        return super().run(images)


class Answering:
    """A thread that does nothing but wake up whoever wakes it up: less than that takes no way."""

    def __enter__(self) -> Self:
        """Start the thread."""
        self._asked, self._answered = threading.Lock(), threading.Lock()
        self._asked.acquire()
        self._answered.acquire()
        self._is_over = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._is_over = True
        self._asked.release()
        self._thread.join()

    def ask(self) -> None:
        """Wake the thread up, and wait to be woken up."""
        self._asked.release()
        self._answered.acquire()

    def _serve(self) -> None:
        while self._asked.acquire() and not self._is_over:
            self._answered.release()


def served() -> dict[str, ServedNetwork]:
    """Return a network of which nothing but the image's shape is looked at."""
    program = cast(Program, SimpleNamespace(fold=SimpleNamespace(shape=IMAGE.shape)))
    return {"network": ServedNetwork(program, b"", Network(image=2 * MILLISECOND))}


def microseconds(ask: Callable[[], object], requests: int = REQUESTS) -> dict[str, float]:
    """Return median and 99th percentile of the round with the least median."""
    rounds: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        taken = np.empty(requests)
        for index in range(requests):
            started = time.perf_counter_ns()
            ask()
            taken[index] = time.perf_counter_ns() - started
        p50, p99 = np.percentile(taken, [50, 99]) / 1e3
        rounds.append({"p50": round(float(p50), 2), "p99": round(float(p99), 2)})
    return min(rounds, key=lambda each: each["p50"])


def policy_alone() -> Callable[[], None]:
    """Return one decision: submit, next, complete."""
    policy = Policy({"network": Network(image=2 * MILLISECOND)}, {"tenant": Tenant()})
    policy.add_card("card")
    request = Request(0, "tenant", "network")

    def decide() -> None:
        policy.submit(request, 0)
        policy.next(0)
        policy.complete("card")

    return decide


async def awaited(runtime: Runtime) -> dict[str, float]:
    """Return the same for `await`."""
    taken = np.empty(REQUESTS)
    for index in range(REQUESTS):
        started = time.perf_counter_ns()
        await runtime.request("network").arg(IMAGE)
        taken[index] = time.perf_counter_ns() - started
    p50, p99 = np.percentile(taken, [50, 99]) / 1e3
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2)}


def overhead() -> dict[str, dict[str, float]]:
    """Measure each way to a card, microseconds per request, on the processors that there are."""
    card = LookingCard()
    found = {"a call": microseconds(lambda: card.run([IMAGE]))}
    with Answering() as thread:
        found["two threads, two locks"] = microseconds(thread.ask)
    with ThreadPoolExecutor(1) as pool:
        found["ThreadPoolExecutor"] = microseconds(lambda: pool.submit(card.run, [IMAGE]).result())
    found["the policy alone"] = microseconds(policy_alone())
    for cards in (1, 4):
        with Runtime(served(), [LookingCard() for _ in range(cards)]) as runtime:
            found[f"run, {cards} cards"] = microseconds(
                lambda: runtime.request("network").arg(IMAGE).run()
            )
            found[f"submit, {cards} cards"] = microseconds(
                lambda: runtime.request("network").arg(IMAGE).submit().result()
            )
            found[f"await, {cards} cards"] = asyncio.run(awaited(runtime))
    return found


def overhead_on_one_processor() -> dict[str, dict[str, float]]:
    """Measure the same where all threads share a processor."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(processors)})
    try:
        return overhead()
    finally:
        os.sched_setaffinity(0, processors)


def scaling() -> dict[int, float]:
    """Return how many images per second cards run together, in the fastest of three rounds."""
    found = dict.fromkeys(range(1, 9), 0.0)
    for cards in [*found] * 3:
        may_begin = threading.Event()
        with Runtime(
            served(),
            [WaitingCard(may_begin) for _ in range(cards)],
            {"tenant": Tenant(queue_limit=1 << 30)},
        ) as runtime:
            count = IMAGES_PER_CARD * cards
            futures = [
                runtime.request("network", "tenant").arg(IMAGE).submit() for _ in range(count)
            ]
            # Whoever submits holds Python's lock meanwhile, and cards would wait for that.
            started = time.perf_counter()
            may_begin.set()
            for future in futures:
                future.result()
            found[cards] = max(found[cards], count / (time.perf_counter() - started))
    return found


def main() -> None:
    """Measure, print, write."""
    console = Console(width=100)
    taken, alone = overhead(), overhead_on_one_processor()
    columns = ("p50", "p99", "p50 on one processor", "p99")
    table = Table("microseconds per request", *columns, title="overhead")
    for name in taken:
        figures = (f"{each[name][key]:.1f}" for each in (taken, alone) for key in ("p50", "p99"))
        table.add_row(name, *figures)
    console.print(table)
    rates = scaling()
    table = Table("cards", "images per second", "of linear", title="2 ms of service")
    for cards, rate in rates.items():
        table.add_row(str(cards), f"{rate:.0f}", f"{rate / cards / rates[1]:.3f}")
    console.print(table)
    results = {
        "microseconds_per_request": taken,
        "microseconds_per_request_on_one_processor": alone,
        "images_per_second": {cards: round(rate, 1) for cards, rate in rates.items()},
        "of_linear": {cards: round(rate / cards / rates[1], 4) for cards, rate in rates.items()},
    }
    write_results("orchestration", "python benchmarks/orchestration.py", ["numpy"], results)


if __name__ == "__main__":
    main()
