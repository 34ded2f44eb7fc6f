"""Cards shared in one process: no server, and nothing between a request and its card but a policy.

    cards = [DeviceCard(lambda _: Simulator())]
    with Runtime({"digits": ServedNetwork.read("digits.tf2c")}, cards) as runtime:
        scores = runtime.request("digits").arg(image).submit().result()

Each card has a thread that runs its batches. A request that finds a card idle and nobody waiting
runs in the caller's thread instead if it is asked for with `Call.run`. A card that fails is started
again, and what it was doing waits again, so that nothing is lost while a card is left; results come
once, because a request has one future.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, NamedTuple

from tf2c.errors import DeviceError, UserError
from tf2c.orchestration.cards import Card, Image, Scores, ServedNetwork
from tf2c.orchestration.events import (
    Completed,
    Dispatched,
    Dropped,
    Lost,
    Observer,
    Rejected,
    Restarted,
    Submitted,
)
from tf2c.orchestration.policy import (
    Dispatch,
    Policy,
    RejectedError,
    Request,
    Tenant,
    usual_lead,
)
from tf2c.runtime.device import Closeable

DEFAULT_TENANT = "default"

RESTARTS = 5
"""Attempts to start a card again, one behind the other."""

RESTART_SECONDS = 0.05
"""Between the first two of them; twice as long each time."""

ATTEMPTS = 3
"""Cards that may fail with a request before it is what fails."""


class LateError(UserError):
    """A request whose deadline has passed while it waited."""


@dataclass(slots=True)
class _Job:
    """A request on its way."""

    image: Image
    future: "Future[Scores] | None"
    """None as long as the caller's thread runs it."""
    failures: int = 0


class _Seat(NamedTuple):
    """A card at work."""

    card: Card
    inbox: "SimpleQueue[Dispatch | DeviceError | None]"
    """Batches to run, failures to recover from; None to end."""


class Runtime(Closeable):
    """Networks by name, on some cards, for some tenants."""

    def __init__(
        self,
        networks: Mapping[str, ServedNetwork],
        cards: Sequence[Card],
        tenants: Mapping[str, Tenant] | None = None,
        *,
        lead: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Start a thread for each card.

        Args:
            networks: that may be requested.
            cards: open; the runtime closes them.
            tenants: who may request; by default one, `default`.
            lead: of the policy, nanoseconds; by default `usual_lead`.
            observer: told about everything that happens.
        """
        costs = {name: network.costs for name, network in networks.items()}
        self._networks = dict(networks)
        self._shapes = {name: network.image_shape for name, network in networks.items()}
        self.lead = usual_lead(costs.values(), len(cards)) if lead is None else lead
        self._policy = Policy(costs, tenants or {DEFAULT_TENANT: Tenant()}, self.lead)
        self._observe = observer
        self._lock = threading.Lock()
        self._is_closing = False
        self._numbers = 0
        self._jobs: dict[int, _Job] = {}
        self._outcomes: deque[tuple[Future[Scores], Scores | Exception]] = deque()
        self._idle = threading.Condition(self._lock)  # nothing is on its way
        self._seats: dict[str, _Seat] = {}
        self._threads: list[threading.Thread] = []
        for index, card in enumerate(cards):
            name = f"{card.name} {index}"
            self._seats[name] = seat = _Seat(card, SimpleQueue())
            self._policy.add_card(name)
            thread = threading.Thread(target=self._serve, args=(name, seat), name=name, daemon=True)
            self._threads.append(thread)
        for thread in self._threads:
            thread.start()

    def add_network(self, name: str, network: ServedNetwork) -> None:
        """Let one more network be requested; its name is new."""
        with self._lock:
            self._networks[name] = network
            self._shapes[name] = network.image_shape
            self._policy.add_network(name, network.costs)

    def remove_network(self, name: str) -> None:
        """Let a network be requested no more; what waits for it is rejected, what runs goes on."""
        with self._lock:
            del self._shapes[name]
            for request in self._policy.remove_network(name):
                error = RejectedError(f"network `{name}` is served no more")
                self._drop(time.monotonic_ns(), request, error)
            self._dispatch(time.monotonic_ns())
        self._announce()

    def request(
        self,
        network: str,
        tenant: str = DEFAULT_TENANT,
        *,
        seconds: float | None = None,
        priority: int = 0,
    ) -> "Call":
        """Begin a request.

        Args:
            network: by name.
            tenant: by name.
            seconds: from `submit` until the result has to be there; what cannot be is refused.
            priority: each step is a head start.
        """
        return Call(self, network, tenant, seconds, priority)

    def submit(self, call: "Call") -> "Future[Scores]":
        """Queue a request; its future has the real numbers that the network returns.

        Raises:
            RejectedError: the policy does not take it.
            UserError: the image is not as the network wants it.
            DeviceError: no card is left.
        """
        image, future = self._checked(call), _begun_future()
        with self._lock:
            now = time.monotonic_ns()
            try:
                self._take(call, _Job(image, future), now)
            finally:
                self._dispatch(now)
        self._announce()
        return future

    def run(self, call: "Call") -> Scores:
        """Return a result; in this thread if a card is idle.

        Raises:
            RejectedError: the policy does not take it.
            UserError: the image is not as the network wants it, or it would come too late.
            DeviceError: no card is left.
        """
        image = self._checked(call)
        with self._lock:
            job, now, mine = _Job(image, None), time.monotonic_ns(), None
            try:
                request = self._take(call, job, now)
                mine = self._dispatch(now, keep=request)
            except RejectedError:
                self._dispatch(now)
                raise
            if mine is None:
                job.future = _begun_future()
        self._announce()
        if mine is not None:
            scores = self._run(mine.card, self._seats[mine.card], mine)
            if scores is not None:
                return scores[0]
        assert job.future is not None
        return job.future.result()

    def drain(self, seconds: float | None = None) -> bool:
        """Take no more requests, and let those that are on their way end.

        Args:
            seconds: to wait at most.

        Returns:
            whether all have ended.
        """
        with self._lock:
            self._is_closing = True
            return self._idle.wait_for(lambda: not self._jobs, seconds)

    def close(self) -> None:
        """Let all requests end, then the threads and the cards."""
        self.drain()
        for seat in list(self._seats.values()):
            seat.inbox.put(None)
        for thread in self._threads:
            thread.join()

    def _checked(self, call: "Call") -> Image:
        """Return a call's image.

        Raises:
            UserError: it is not as the network wants it.
        """
        if call.image is None:
            raise TypeError("expected an image, got a call without `arg`")
        shape = self._shapes.get(call.network)
        if shape is not None and call.image.shape != shape:
            raise UserError(
                f"expected an image {shape} for network `{call.network}`, got {call.image.shape}"
            )
        return call.image

    def _take(self, call: "Call", job: _Job, now: int) -> Request:
        """Queue a request; the lock is held."""
        deadline = None if call.seconds is None else now + int(call.seconds * 1e9)
        self._numbers += 1
        request = Request(self._numbers, call.tenant, call.network, deadline, call.priority)
        if self._is_closing:
            raise RejectedError("the runtime takes no more requests")
        if not self._seats:
            raise DeviceError("expected a card that works, got none")
        try:
            self._policy.submit(request, now)
        except RejectedError as error:
            if self._observe is not None:
                self._observe(Rejected(now, request, str(error)))
            raise
        self._jobs[request.number] = job
        if self._observe is not None:
            self._observe(Submitted(now, request))
        return request

    def _dispatch(self, now: int, keep: Request | None = None) -> Dispatch | None:
        """Give idle cards what the policy has for them, after each event; the lock is held.

        Returns:
            What a card is to do for the request to keep, if it is to do that alone and now.
        """
        kept: Dispatch | None = None
        if not self._policy.is_awaited:
            return kept
        for late in self._policy.expire(now):
            self._drop(now, late, LateError(f"the deadline of request {late.number} has passed"))
        while (found := self._policy.next(now)) is not None:
            if self._observe is not None:
                self._observe(Dispatched(now, found))
            if keep is not None and found.requests == (keep,):
                kept = found
            else:
                self._seats[found.card].inbox.put(found)
        return kept

    def _serve(self, name: str, seat: _Seat) -> None:
        """Run what comes for a card, until it cannot be started again: its thread."""
        while (message := seat.inbox.get()) is not None:
            if isinstance(message, DeviceError):
                if not self._restart(name, seat, message):
                    return
            else:
                self._run(name, seat, message)
        seat.card.close()

    def _run(self, name: str, seat: _Seat, dispatch: Dispatch) -> Sequence[Scores] | None:
        """Run a batch and deliver it; return None where it did not work."""
        images = [self._jobs[request.number].image for request in dispatch.requests]
        try:
            if dispatch.loads:
                seat.card.load(self._networks[dispatch.network])
            scores = seat.card.run(images)
        except DeviceError as error:
            self._lose(name, seat, error)
        except Exception as error:
            self._deliver(name, dispatch, error)
        else:
            self._deliver(name, dispatch, scores)
            return scores
        return None

    def _deliver(
        self, name: str, dispatch: Dispatch, outcome: Sequence[Scores] | Exception
    ) -> None:
        """Let the card be idle, and its batch have ended."""
        with self._lock:
            now = time.monotonic_ns()
            self._policy.complete(name)
            if self._observe is not None:
                error = str(outcome) if isinstance(outcome, Exception) else None
                self._observe(Completed(now, dispatch, error))
            self._dispatch(now)
            for index, request in enumerate(dispatch.requests):
                self._end(request, outcome if isinstance(outcome, Exception) else outcome[index])
        self._announce()

    def _drop(self, now: int, request: Request, error: Exception) -> None:
        """Give up a request that waited; the lock is held."""
        if self._observe is not None:
            self._observe(Dropped(now, request, str(error)))
        self._end(request, error)

    def _end(self, request: Request, outcome: Scores | Exception) -> None:
        """Let a request have ended; the lock is held."""
        job = self._jobs.pop(request.number)
        if job.future is None and isinstance(outcome, Exception):
            job.future = _begun_future()
        if job.future is not None:
            self._outcomes.append((job.future, outcome))
        if not self._jobs:
            self._idle.notify_all()

    def _announce(self) -> None:
        """Tell whoever waits what has ended; without the lock, because futures have callbacks."""
        while self._outcomes:
            try:
                future, outcome = self._outcomes.popleft()
            except IndexError:  # another thread has told it
                return
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _lose(self, name: str, seat: _Seat, error: DeviceError) -> None:
        """Do without a card that failed; what it was doing waits again."""
        with self._lock:
            running = self._policy.running(name)
            for request in running:
                job = self._jobs[request.number]
                job.future = job.future or _begun_future()
                job.failures += 1
            hopeless = [each for each in running if self._jobs[each.number].failures == ATTEMPTS]
            again = self._policy.remove_card(name, give_up=hopeless)
            now = time.monotonic_ns()
            if self._observe is not None:
                self._observe(Lost(now, name, running, str(error)))
            for request in running:
                if request not in again:
                    self._drop(now, request, error)
            self._dispatch(now)
        self._announce()
        seat.inbox.put(error)

    def _restart(self, name: str, seat: _Seat, error: DeviceError) -> bool:
        """Start a card again that failed; if that does not work, do without it for ever."""
        for attempt in range(RESTARTS):
            time.sleep(RESTART_SECONDS * (2**attempt - 1))
            try:
                seat.card.restart()
            except (DeviceError, UserError):
                continue
            with self._lock:
                now = time.monotonic_ns()
                self._policy.add_card(name)
                if self._observe is not None:
                    self._observe(Restarted(now, name))
                self._dispatch(now)
            self._announce()
            return True
        with self._lock:
            del self._seats[name]
            if not self._seats:
                for request in self._policy.clear():
                    self._drop(time.monotonic_ns(), request, error)
        self._announce()
        return False


def _begun_future() -> "Future[Scores]":
    """Return a future that cannot be cancelled, because cards cannot be."""
    future: Future[Scores] = Future()
    future.set_running_or_notify_cancel()
    return future


@dataclass(slots=True)
class Call:
    """A request that is being put together; `await` it, `submit` it or `run` it."""

    runtime: Runtime
    network: str
    tenant: str
    seconds: float | None = None
    priority: int = 0
    image: Image | None = None

    def arg(self, image: Image) -> "Call":
        """Give the image, `[C, H, W]`; it is not copied before its batch is run."""
        self.image = image
        return self

    def submit(self) -> "Future[Scores]":
        """Queue the request; its future has the real numbers that the network returns."""
        return self.runtime.submit(self)

    def run(self) -> Scores:
        """Return the result; runs in this thread if a card is idle."""
        return self.runtime.run(self)

    def __await__(self) -> Generator[Any, None, Scores]:
        """Wait for the result without holding the event loop up."""
        return asyncio.wrap_future(self.submit()).__await__()
