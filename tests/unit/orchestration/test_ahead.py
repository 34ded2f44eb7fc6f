"""Cards that take a batch while they run one: both come, and what comes too late is not taken."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from queue import Empty, Queue

import numpy as np
import numpy.typing as npt
import pytest

import tf2c
from tf2c.errors import DeviceError
from tf2c.orchestration import embedded
from tf2c.orchestration.cards import Card, Image, Scores, ServedNetwork
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.events import Completed, Dispatched, Event, Lost, Restarted
from tf2c.orchestration.requests import MILLISECOND, LateError, Network
from tf2c.serving.service import Watch
from tf2c.serving.tracing import Tracing

Batch = Sequence[Image]


class DeepCard(Card):
    """Does what a test tells it to do with each batch, in the order in which they get there."""

    name = "deep"
    depth = 2

    def __init__(self) -> None:
        self.arrived: Queue[tuple[Batch, Queue[Exception | None]]] = Queue()
        self.restarts = self.closed = 0

    def load(self, network: ServedNetwork) -> None:
        pass

    def run(self, images: Batch) -> Sequence[Scores]:
        told: Queue[Exception | None] = Queue()
        self.arrived.put((images, told))
        if (error := told.get(timeout=60)) is not None:
            raise error
        return [image.reshape(-1)[:1].astype(np.float64) for image in images]

    def restart(self) -> None:
        self.restarts += 1

    def close(self) -> None:
        self.closed += 1

    def next(self) -> tuple[list[float], Callable[[Exception | None], None]]:
        """Return the values of a batch that got there, and what tells the card how it ends."""
        images, told = self.arrived.get(timeout=60)
        return [float(image.flat[0]) for image in images], told.put

    def work_until_done(self, futures: Sequence["Future[Scores]"]) -> None:
        """Do whatever comes, in whatever batches, until all results are there."""
        until = time.monotonic() + 60
        while not all(future.done() for future in futures) and time.monotonic() < until:
            with suppress(Empty):
                self.arrived.get(timeout=0.05)[1].put(None)


@pytest.fixture
def networks(digits_artifact: tf2c.Artifact) -> dict[str, ServedNetwork]:
    costs = Network(image=MILLISECOND, load=MILLISECOND, largest_batch=2)
    return {"digits": ServedNetwork.read(digits_artifact.path, costs)}


def image(value: int) -> npt.NDArray[np.float32]:
    return np.full((1, 8, 8), value, np.float32)


def test_a_full_batch_is_there_before_the_last_one_has_ended(
    networks: dict[str, ServedNetwork],
) -> None:
    card, events = DeepCard(), list[Event]()
    watch = Watch()

    def observe(event: Event) -> None:
        events.append(event)
        watch(event)

    with Runtime(networks, [card], observer=observe) as runtime:
        futures = [runtime.request("digits").arg(image(0)).submit()]
        values, end = card.next()
        assert values == [0.0]  # it loads, which may not work: nothing ahead
        futures += [runtime.request("digits").arg(image(value)).submit() for value in range(1, 6)]
        end(None)
        batches = [card.next(), card.next()]
        assert sorted(values for values, _ in batches) == [[1.0, 2.0], [3.0, 4.0]]
        assert card.arrived.empty()
        assert watch.cards["deep 0"].is_busy
        # The second one ends first: then there is room, but what waits is no full batch.
        batches.sort()
        batches[1][1](None)
        assert [future.result(60).item() for future in futures[3:5]] == [3.0, 4.0]
        assert watch.cards["deep 0"].is_busy
        assert card.arrived.empty()
        batches[0][1](None)
        values, end = card.next()
        assert values == [5.0]
        end(None)
        assert [future.result(60).item() for future in futures] == [0, 1, 2, 3, 4, 5]
    assert card.closed == 1
    assert not watch.cards["deep 0"].is_busy
    given = [each.dispatch for each in events if isinstance(each, Dispatched)]
    ended = [each.dispatch for each in events if isinstance(each, Completed)]
    assert ended == [given[0], given[2], given[1], given[3]]


def test_what_comes_from_a_card_that_was_given_up_is_not_taken(
    networks: dict[str, ServedNetwork],
) -> None:
    """One batch fails; what the card had ahead of it is done again, and comes twice."""
    card, events = DeepCard(), list[Event]()
    with Runtime(networks, [card], observer=events.append) as runtime:
        futures = [runtime.request("digits").arg(image(value)).submit() for value in range(5)]
        card.next()[1](None)
        failing, late = sorted((card.next() for _ in range(2)), key=lambda each: each[0])
        failing[1](DeviceError("gone"))
        while not any(isinstance(each, Restarted) for each in events):
            time.sleep(0.001)
        again = card.next()  # in the other thread
        assert again[0] == failing[0]
        late[1](None)
        time.sleep(0.05)
        assert not any(future.done() for future in futures[1:])
        again[1](None)
        again = card.next()
        assert again[0] == late[0]
        again[1](None)
        assert [future.result(60).item() for future in futures] == [0, 1, 2, 3, 4]
    lost = [each for each in events if isinstance(each, Lost)]
    assert [len(each.requests) for each in lost] == [4]
    ended = [each.dispatch.requests for each in events if isinstance(each, Completed)]
    assert sum(map(len, ended)) == len(futures)  # each once
    assert card.restarts == 1


def test_a_card_is_lost_once_with_all_that_it_has(networks: dict[str, ServedNetwork]) -> None:
    """And has batches ahead again when it is back."""
    card, events, watch = DeepCard(), list[Event](), Watch()

    def observe(event: Event) -> None:
        events.append(event)
        watch(event)

    with Runtime(networks, [card], observer=observe) as runtime:
        futures = [runtime.request("digits").arg(image(value)).submit() for value in range(7)]
        card.next()[1](None)
        for _, tell in [card.next(), card.next()]:
            tell(DeviceError("gone"))
        card.next()[1](None)  # loads
        for _, tell in [card.next(), card.next()]:
            tell(None)
        assert [future.result(60).item() for future in futures] == [0, 1, 2, 3, 4, 5, 6]
    assert sum(isinstance(each, Lost) for each in events) == card.restarts == 1
    assert not watch.cards["deep 0"].is_busy
    assert not any(watch.waiting.values())


def test_what_has_ended_is_not_done_again(networks: dict[str, ServedNetwork]) -> None:
    """The batch that was ahead ends first, then the other one fails."""
    card, events = DeepCard(), list[Event]()
    with Runtime(networks, [card], observer=events.append) as runtime:
        futures = [runtime.request("digits").arg(image(value)).submit() for value in range(5)]
        card.next()[1](None)
        failing, ahead = sorted((card.next() for _ in range(2)), key=lambda each: each[0])
        ahead[1](None)
        assert futures[4].result(60).item() == 4
        failing[1](DeviceError("gone"))
        again = card.next()
        assert again[0] == failing[0] == [1.0, 2.0]
        again[1](None)
        assert [future.result(60).item() for future in futures] == [0, 1, 2, 3, 4]
    (lost,) = [each for each in events if isinstance(each, Lost)]
    assert len(lost.requests) == 2


def test_a_card_that_fails_while_something_expires(networks: dict[str, ServedNetwork]) -> None:
    """What expires makes the policy decide, for the card that has failed, too: it is lost with
    that."""
    errors: list[object] = []
    costs = Network(image=1000 * MILLISECOND, load=MILLISECOND, largest_batch=2)
    served = {"digits": replace(networks["digits"], costs=costs)}
    card = DeepCard()
    with pytest.MonkeyPatch.context() as patch, Runtime(served, [card]) as runtime:
        patch.setattr(threading, "excepthook", errors.append)

        def ask(value: int, seconds: float | None = None) -> "Future[Scores]":
            return runtime.request("digits", seconds=seconds).arg(image(value)).submit()

        futures = [ask(0)]
        card.next()[1](None)
        futures[0].result(60)
        futures.append(ask(1))
        _, tell = card.next()
        late = ask(2, 1.02)  # in time for an idle card, but not behind what runs: nothing is ahead
        futures += [ask(3), ask(4)]
        with runtime._lock:  # pyright: ignore[reportPrivateUsage]
            tell(DeviceError("gone"))
            time.sleep(0.05)
        card.work_until_done(futures)
        with pytest.raises(LateError):
            late.result(60)
        assert [future.result(60).item() for future in futures] == [0, 1, 3, 4]
    assert not errors


def test_only_what_is_taken_is_measured(networks: dict[str, ServedNetwork]) -> None:
    """And not what a batch waits for another one."""
    card = DeepCard()
    with Runtime(networks, [card], measures=True) as runtime:
        futures = [runtime.request("digits").arg(image(value)).submit() for value in range(5)]
        card.next()[1](None)
        first, second = sorted((card.next() for _ in range(2)), key=lambda each: each[0])
        time.sleep(0.3)
        first[1](None)
        futures[1].result(60)
        slow = runtime.costs()["digits"].service(2)
        second[1](None)
        futures[4].result(60)
        assert slow > 150 * MILLISECOND
        assert runtime.costs()["digits"].service(2) < 0.8 * slow
        futures = [runtime.request("digits").arg(image(value)).submit() for value in range(4)]
        failing, late = card.next(), card.next()
        failing[1](DeviceError("gone"))
        again = card.next()
        before = runtime.costs()
        time.sleep(0.3)
        late[1](None)
        time.sleep(0.05)
        assert runtime.costs() == before
        again[1](None)
        card.work_until_done(futures)


def test_traces_tell_batches_of_one_card_apart(networks: dict[str, ServedNetwork]) -> None:
    trace_export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    exporter = trace_export.InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    card, tracing = DeepCard(), Tracing(provider)
    with Runtime(networks, [card], observer=tracing) as runtime:
        with tracing.request("digits", "default", 6, [], {}):
            futures = runtime.request("digits").submit_all([image(value) for value in range(6)])
            card.next()[1](None)  # loads
            for _, tell in [card.next(), card.next()]:
                tell(DeviceError("gone"))
            for _ in range(2):
                card.next()[1](None)
            assert [future.result(60).item() for future in futures] == [0, 1, 2, 3, 4, 5]
        spans = [span for span in exporter.get_finished_spans() if span.name == "batch"]
    assert sum(span.status.is_ok for span in spans) == 3
    assert len(spans) == 5


def test_a_card_that_does_not_come_back_does_not_hold_the_end_up(
    networks: dict[str, ServedNetwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "CLOSE_SECONDS", 0.2)
    is_starting, may_start = threading.Event(), threading.Event()

    class SlowCard(DeepCard):
        def restart(self) -> None:
            is_starting.set()
            assert may_start.wait(60)

    slow, other = SlowCard(), DeepCard()
    runtime = Runtime(networks, [slow, other])
    first = runtime.request("digits").arg(image(1)).submit()
    slow.next()[1](DeviceError("gone"))
    other.next()[1](None)
    assert first.result(60).item() == 1
    assert is_starting.wait(60)
    runtime.close()
    assert (other.closed, slow.closed) == (1, 0)
    may_start.set()
    until = time.monotonic() + 60
    while not slow.closed and time.monotonic() < until:
        time.sleep(0.001)
    assert slow.closed == 1
