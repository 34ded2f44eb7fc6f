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
import logging
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
    UnknownNetworkError,
    usual_lead,
)
from tf2c.runtime.device import Closeable

log = logging.getLogger(__name__)

DEFAULT_TENANT = "default"

RESTARTS = 5
"""Attempts to start a card again, one behind the other."""

RESTART_SECONDS = 0.05
"""Between the first two of them; twice as long each time."""

ATTEMPTS = 3
"""Cards that may fail with a request before it is what fails."""


class ClosingError(RejectedError):
    """A request to a runtime that takes no more."""


class LateError(UserError):
    """A request whose deadline has passed while it waited."""


@dataclass(slots=True)
class _Job:
    """A request on its way."""

    image: Image
    network: ServedNetwork
    """As it was when the request came."""
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
            self._policy.add_network(name, network.costs)

    def remove_network(self, name: str) -> None:
        """Let a network be requested no more; what waits for it is rejected, what runs goes on."""
        with self._lock:
            del self._networks[name]
            for request in self._policy.remove_network(name):
                error = UnknownNetworkError(f"there is no network `{name}` any more")
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
        image, future = _image(call), _begun_future()
        try:
            with self._lock:
                now = time.monotonic_ns()
                try:
                    self._take(call, image, future, now)
                finally:
                    self._dispatch(now)
        finally:
            self._announce()
        return future

    def run(self, call: "Call") -> Scores:
        """Return a result; in this thread if a card is idle.

        Raises:
            RejectedError: the policy does not take it.
            UserError: the image is not as the network wants it, or it would come too late.
            DeviceError: no card is left.
        """
        image = _image(call)
        request = mine = job = None
        try:
            with self._lock:
                now = time.monotonic_ns()
                try:
                    request = self._take(call, image, None, now)
                    job = self._jobs[request.number]
                finally:
                    mine = self._dispatch(now, keep=request)
                    if job is not None and mine is None:
                        job.future = _begun_future()
        finally:
            self._announce()
        if mine is not None:
            scores = self._run(mine.card, self._seats[mine.card], mine)
            if scores is not None:
                return scores[0]
        assert job is not None
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

    def _take(
        self, call: "Call", image: Image, future: "Future[Scores] | None", now: int
    ) -> Request:
        """Queue a request; the lock is held."""
        network = self._networks.get(call.network)
        if network is not None and image.shape != network.image_shape:
            raise UserError(
                f"expected an image {network.image_shape} for network `{call.network}`, got "
                f"{image.shape}"
            )
        deadline = None if call.seconds is None else now + int(call.seconds * 1e9)
        self._numbers += 1
        request = Request(self._numbers, call.tenant, call.network, deadline, call.priority)
        if self._is_closing:
            raise ClosingError("the runtime takes no more requests")
        if not self._seats:
            raise DeviceError("expected a card that works, got none")
        try:
            self._policy.submit(request, now)
        except RejectedError as error:
            if self._observe is not None:
                self._observe(Rejected(now, request, str(error)))
            raise
        assert network is not None  # or the policy would have rejected it
        self._jobs[request.number] = _Job(image, network, future)
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
        jobs = [self._jobs[request.number] for request in dispatch.requests]
        has_network = not dispatch.loads
        try:
            if dispatch.loads:
                seat.card.load(jobs[0].network)
                has_network = True
            scores = _scores(seat.card, [job.image for job in jobs])
        except DeviceError as error:
            self._lose(name, seat, error)
            return None
        except Exception as error:
            scores = [error] * len(jobs)
        self._deliver(name, dispatch, scores, has_network)
        return None if isinstance(scores[0], Exception) else [scores[0]]

    def _deliver(
        self,
        name: str,
        dispatch: Dispatch,
        outcomes: Sequence[Scores | Exception],
        has_network: bool,
    ) -> None:
        """Let the card be idle, and its batch have ended."""
        with self._lock:
            now = time.monotonic_ns()
            self._policy.complete(name, has_network=has_network)
            if self._observe is not None:
                ended = zip(dispatch.requests, outcomes, strict=True)
                failed = tuple(each for each, outcome in ended if isinstance(outcome, Exception))
                self._observe(Completed(now, dispatch, failed))
            self._dispatch(now)
            for request, outcome in zip(dispatch.requests, outcomes, strict=True):
                self._end(request, outcome)
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
            hopeless = [
                each
                for each in running
                if self._jobs[each.number].failures == ATTEMPTS
                # Another network may have its name by now.
                or self._networks.get(each.network) is not self._jobs[each.number].network
            ]
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
            except Exception as failure:
                log.warning("card `%s` does not start again: %s", name, failure)
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


def _image(call: "Call") -> Image:
    if call.image is None:
        raise TypeError("expected an image, got a call without `arg`")
    return call.image


def _scores(card: Card, images: Sequence[Image]) -> list[Scores | Exception]:
    """Return what a card makes of images; if one is not as it should be, the others' results.

    Raises:
        DeviceError: the card failed.
    """
    try:
        return list(card.run(images))
    except UserError as error:
        if len(images) == 1:
            return [error]
    return [score for image in images for score in _scores(card, [image])]


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
