"""Cards shared in one process: no server, and nothing between a request and its card but a policy.

    cards = [DeviceCard(lambda _: Simulator())]
    with Runtime({"digits": ServedNetwork.read("digits.tf2c")}, cards) as runtime:
        scores = runtime.request("digits").arg(image).submit().result()

Each card has a thread that runs its batches, or several if batches take time to get there, and one
more gives up what is too late. A request that finds a card idle and nobody waiting runs in the
caller's thread instead if it is asked for with `Call.run`. A card that fails is started again, and
what it was doing waits again, so that nothing is lost while a card is left; results come once: what
comes of a batch that was given to somebody else meanwhile is dropped.
"""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future

from tf2c.errors import DeviceError
from tf2c.orchestration.calls import Call
from tf2c.orchestration.cards import Card, Image, Scores, ServedNetwork, distinct, restarts, results
from tf2c.orchestration.events import (
    Completed,
    Dispatched,
    Dropped,
    Lost,
    Observer,
    Rejected,
    Restarted,
    Submitted,
    safe,
)
from tf2c.orchestration.jobs import Job, Seat
from tf2c.orchestration.measured_costs import MeasuredCosts
from tf2c.orchestration.outcomes import Outcomes, begun_future
from tf2c.orchestration.policy import Dispatch, Policy, usual_lead
from tf2c.orchestration.requests import (
    ClosingError,
    LateError,
    Network,
    RejectedError,
    Request,
    Tenant,
    UnknownNetworkError,
)
from tf2c.runtime.device import Closeable

DEFAULT_TENANT = "default"

ATTEMPTS = 3
"""Cards that may fail with a request before it is what fails."""

CLOSE_SECONDS = 10.0
"""For threads to end when nothing is on its way any more."""


class Runtime(Closeable):
    """Networks by name, on some cards, for some tenants."""

    def __init__(
        self,
        networks: Mapping[str, ServedNetwork],
        cards: Sequence[Card],
        tenants: Mapping[str, Tenant] | None = None,
        *,
        lead: int | None = None,
        measures: bool = False,
        observer: Observer | None = None,
    ) -> None:
        """Start a thread for each card.

        Args:
            networks: that may be requested.
            cards: open, at least one, none of them twice; the runtime closes them.
            tenants: who may request; by default one, `default`.
            lead: of the policy, nanoseconds; by default `usual_lead`.
            measures: whether networks cost what they have been measured to take (`MeasuredCosts`)
                instead of what they state; decisions depend on the cards' speed then.
            observer: told about everything that happens.
        """
        costs = {name: network.costs for name, network in networks.items()}
        self._networks = dict(networks)
        self.lead = usual_lead(costs.values(), len(cards)) if lead is None else lead
        self._policy = Policy(costs, tenants or {DEFAULT_TENANT: Tenant()}, self.lead)
        self._measured: dict[str, MeasuredCosts] | None = {} if measures else None
        self._observe = None if observer is None else safe(observer)
        self._lock = threading.Lock()
        self._is_closing = False
        self._has_ended = threading.Event()
        self._numbers = 0
        self._jobs: dict[int, Job] = {}
        self._outcomes = Outcomes()  # told when the lock is free
        self._idle = threading.Condition(self._lock)  # nothing is on its way
        self._alarm = threading.Condition(self._lock)  # something may be late earlier than expected
        self._alarm_time: int | None = None  # nothing that waits is late earlier
        self._seats: dict[str, Seat] = {}
        self._threads: list[threading.Thread] = []
        for index, card in enumerate(distinct(cards)):
            name = f"{card.name} {index}"
            self._seats[name] = seat = Seat(card, threads=card.depth)
            self._policy.add_card(name, depth=card.depth)
            self._threads += [
                threading.Thread(target=self._serve, args=(name, seat), name=name, daemon=True)
                for _ in range(card.depth)
            ]
        self._threads.append(threading.Thread(target=self._watch, name="deadlines", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def cards(self) -> list[str]:
        """Names of all that work or are being started again."""
        with self._lock:
            return [*self._seats]

    def costs(self) -> dict[str, Network]:
        """Return what networks take, as far as is known."""
        with self._lock:
            return dict(self._policy.networks)

    def add_network(self, name: str, network: ServedNetwork) -> None:
        """Let a network be requested, one more or instead of the one that has had its name.

        What waits for that one is for the new one, or rejected if that takes other images.
        """
        with self._lock:
            before = self._networks.get(name)
            if before is not None and before.image_shape != network.image_shape:
                self._remove_network(name)
                before = None
            self._networks[name] = network
            if before is None:
                self._policy.add_network(name, network.costs)
            else:
                self._policy.replace_network(name, network.costs)
                self._forget_measured(name)
                for request in self._policy.waiting_for(name):
                    self._jobs[request.number].network = network
                self._dispatch(self._pass_time())
        self._outcomes.tell()

    def remove_network(self, name: str) -> None:
        """Let a network be requested no more; what waits for it is rejected, what runs goes on."""
        with self._lock:
            self._remove_network(name)
        self._outcomes.tell()

    def _remove_network(self, name: str) -> None:
        del self._networks[name]
        self._forget_measured(name)
        now = self._pass_time()
        error = UnknownNetworkError(f"there is no network `{name}` any more")
        self._drop(now, self._policy.remove_network(name), error)
        self._dispatch(now)

    def _forget_measured(self, name: str) -> None:
        if self._measured is not None:
            self._measured.pop(name, None)

    def request(
        self,
        network: str,
        tenant: str = DEFAULT_TENANT,
        *,
        seconds: float | None = None,
        priority: int = 0,
    ) -> Call:
        """Begin a request.

        Args:
            network: by name.
            tenant: by name.
            seconds: from `submit` until the result has to be there; what cannot be is refused.
            priority: each step is a head start.
        """
        return Call(self, network, tenant, seconds, priority)

    def submit(self, call: Call, images: Sequence[Image]) -> list["Future[Scores]"]:
        """Queue a request for each image, all or none; futures have what the network returns.

        Raises:
            RejectedError: the policy does not take them.
            UserError: an image is not as the network wants it.
            DeviceError: no card is left.
        """
        futures = [begun_future() for _ in images]
        if not futures:
            return futures
        try:
            with self._lock:
                self._take(call, images, futures)
        finally:
            self._outcomes.tell()
        return futures

    def run(self, call: Call, image: Image) -> Scores:
        """Return a result; in this thread if a card is idle.

        Raises:
            RejectedError: the policy does not take it.
            UserError: the image is not as the network wants it, or it would come too late.
            DeviceError: no card is left.
        """
        try:
            with self._lock:
                mine = self._take(call, (image,), (None,), keeps=True)
                job = self._jobs[self._numbers]
                if mine is None:
                    job.future = begun_future()
        except BaseException:
            self._outcomes.tell()
            raise
        if mine is None:
            self._outcomes.tell()
        else:  # first, because whoever is told may do anything
            scores = self._run(self._seats[mine.card], mine)
            if scores is not None:
                return scores[0]
        future = job.future
        assert future is not None
        try:
            return future.result()
        finally:
            del job, future  # they hold an error, whose traceback holds this frame

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
        """Let all requests end, then the threads and the cards.

        A card that is being started again is closed when that ends, which is not waited for.
        """
        self.drain()
        self._has_ended.set()
        for seat in list(self._seats.values()):
            seat.inbox.put(None)
        with self._lock:
            self._alarm.notify()
        end = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _take(
        self,
        call: Call,
        images: Sequence[Image],
        futures: "Sequence[Future[Scores] | None]",
        *,
        keeps: bool = False,
    ) -> Dispatch | None:
        """Queue a request for each image, all or none, and dispatch; the lock is held.

        Returns:
            What a card is to do for the only request alone and now, if the caller keeps that.
        """
        now = self._pass_time()
        network, requests = self._requests(call, images, now)
        try:
            begun = self._policy.begin(requests[0], now) if len(requests) == 1 else None
            if begun is None:
                self._policy.submit_all(requests, now)
        except RejectedError as error:
            if self._observe is not None:
                for request in requests:
                    self._observe(Rejected(now, request, str(error)))
            self._dispatch(now)  # what is best to do may change with time, too
            raise
        assert network is not None  # or the policy would have rejected it
        for request, image, future in zip(requests, images, futures, strict=True):
            self._jobs[request.number] = Job(image, network, future)
            if self._observe is not None:
                self._observe(Submitted(now, request))
        keep = requests[0] if keeps else None
        return self._dispatch(now, keep) if begun is None else self._give(now, begun, keep)

    def _requests(
        self, call: Call, images: Sequence[Image], now: int
    ) -> tuple[ServedNetwork | None, Sequence[Request]]:
        """Return a request for each image, and the network if there is one; the lock is held."""
        network = self._networks.get(call.network)
        if network is not None:
            call.expect_images(images, network.image_shape)
        if self._is_closing:
            raise ClosingError("the runtime takes no more requests")
        if not self._seats:
            raise DeviceError("expected a card that works, got none")
        first = self._numbers + 1
        self._numbers += len(images)
        return network, call.requests(range(first, first + len(images)), now)

    def _pass_time(self) -> int:
        """Return the time, and give up what has become too late by then; the lock is held.

        Each at the very time when it did, as if nothing else had had to be done: so what is decided
        does not depend on when the thread for it gets its turn.
        """
        now = time.monotonic_ns()
        if self._alarm_time is not None:
            while (expiry := self._policy.next_expiry) is not None and expiry <= now:
                # Without an idle card nothing is decided before now: all at once, then.
                expiry = expiry if self._policy.has_room else now
                self._expire(expiry)
                self._dispatch(expiry)
        return now

    def _expire(self, now: int) -> None:
        """Give up what is too late; the lock is held."""
        self._drop(now, self._policy.expire(now), LateError("its deadline has passed"))

    def _dispatch(self, now: int, keep: Request | None = None) -> Dispatch | None:
        """Give idle cards what the policy has for them, after each event; the lock is held.

        Returns:
            What a card is to do for the request to keep, if it is to do that alone and now.
        """
        kept: Dispatch | None = None
        policy = self._policy
        while policy.is_awaited and (found := policy.next(now)) is not None:
            kept = self._give(now, found, keep) or kept
        expiry = policy.next_expiry if policy.is_awaited else None
        if expiry is not None and (self._alarm_time is None or expiry < self._alarm_time):
            self._alarm_time = expiry
            self._alarm.notify()
        return kept

    def _give(self, now: int, dispatch: Dispatch, keep: Request | None) -> Dispatch | None:
        """Tell a card's thread what to do, unless it is for the request to keep alone."""
        if self._observe is not None:
            self._observe(Dispatched(now, dispatch))
        seat = self._seats[dispatch.card]
        seat.given[id(dispatch)] = [self._jobs[each.number] for each in dispatch.requests]
        if keep is not None and dispatch.requests == (keep,):
            return dispatch
        seat.inbox.put(dispatch)
        return None

    def _watch(self) -> None:
        """Give up what is too late, also if nothing else happens: a thread."""
        while True:
            with self._lock:
                if self._has_ended.is_set():
                    return
                self._alarm_time = expiry = self._policy.next_expiry
                wait = None if expiry is None else (expiry - time.monotonic_ns()) / 1e9
                self._alarm.wait(None if wait is None else min(wait, threading.TIMEOUT_MAX))
                self._pass_time()
            self._outcomes.tell()

    def _serve(self, name: str, seat: Seat) -> None:
        """Run what comes for a card, until it cannot be started again: a thread of it."""
        while (message := seat.inbox.get()) is not None:
            if isinstance(message, DeviceError):
                if not self._restart(name, seat, message):
                    break
            else:
                self._run(seat, message)
        with self._lock:
            seat.threads -= 1
            others = seat.threads
        if others:
            seat.inbox.put(None)
        else:
            seat.card.close()

    def _run(self, seat: Seat, dispatch: Dispatch) -> Sequence[Scores] | None:
        """Run a batch and deliver it; return None where it did not work."""
        jobs = seat.given.get(id(dispatch))
        if jobs is None:
            return None
        started = begun = time.monotonic_ns()
        has_network = not dispatch.loads
        try:
            if dispatch.loads:
                seat.card.load(jobs[0].network)
                has_network, begun = True, time.monotonic_ns()
            scores = results(seat.card, [job.image for job in jobs])
        except DeviceError as error:
            self._lose(seat, dispatch, error)
            return None
        except Exception as error:
            scores = [error] * len(jobs)
        except BaseException:  # in the caller's thread, which gives up: nobody knows what the card
            # is in the middle of, or whether its next answer is to this batch.
            self._lose(seat, dispatch, DeviceError("whoever ran the batch was interrupted"))
            raise
        loading = begun - started if dispatch.loads else None
        has_ended = self._deliver(seat, dispatch, scores, has_network, loading, begun)
        return [scores[0]] if has_ended and not isinstance(scores[0], Exception) else None

    def _measure(self, network: str, job: Job, images: int, service: int, load: int | None) -> None:
        """Let a network cost what a batch has taken; the lock is held."""
        if self._measured is not None and self._networks.get(network) is job.network:
            costs = self._measured.setdefault(network, MeasuredCosts(job.network.costs))
            self._policy.set_costs(network, costs.add(images, service, load))

    def _deliver(
        self,
        seat: Seat,
        dispatch: Dispatch,
        outcomes: Sequence[Scores | Exception],
        has_network: bool,
        loading: int | None,
        begun: int,
    ) -> bool:
        """Let a batch have ended, unless its card has been given up meanwhile; return whether."""
        with self._lock:
            jobs = seat.given.pop(id(dispatch), None)
            if jobs is None:
                return False
            now = self._pass_time()
            if not any(isinstance(each, Exception) for each in outcomes):
                service = now - max(begun, seat.ended)  # without what it waited for another batch
                self._measure(dispatch.network, jobs[0], len(jobs), service, loading)
            seat.ended = now
            first = dispatch.requests[0].number
            self._policy.complete(dispatch.card, first, has_network=has_network)
            if self._observe is not None:
                ended = zip(dispatch.requests, outcomes, strict=True)
                failed = tuple(each for each, outcome in ended if isinstance(outcome, Exception))
                self._observe(Completed(now, dispatch, failed, seat.card.job_times))
            self._dispatch(now)
            for request, outcome in zip(dispatch.requests, outcomes, strict=True):
                self._end(request, outcome)
        self._outcomes.tell()
        return True

    def _drop(self, now: int, requests: Iterable[Request], error: Exception) -> None:
        """Give up requests that do not wait any more; the lock is held."""
        for request in requests:
            if self._observe is not None:
                self._observe(Dropped(now, request, str(error)))
            self._end(request, error)

    def _end(self, request: Request, outcome: Scores | Exception) -> None:
        """Let a request have ended; the lock is held."""
        job = self._jobs.pop(request.number)
        if job.future is None and isinstance(outcome, Exception):
            job.future = begun_future()
        if job.future is not None:
            self._outcomes.add(job.future, outcome)
        if self._is_closing and not self._jobs:
            self._idle.notify_all()

    def _lose(self, seat: Seat, dispatch: Dispatch, error: DeviceError) -> None:
        """Do without a card that failed; all that it was doing waits again."""
        name = dispatch.card
        with self._lock:
            if id(dispatch) not in seat.given:
                return  # another batch of it has failed
            now = self._pass_time()  # which may give it one more
            seat.given.clear()
            running = self._policy.running(name)
            for request in running:
                job = self._jobs[request.number]
                job.future = job.future or begun_future()
                job.failures += 1
            hopeless = [
                each
                for each in running
                if self._jobs[each.number].failures == ATTEMPTS
                # Another network may have its name by now.
                or self._networks.get(each.network) is not self._jobs[each.number].network
            ]
            again = self._policy.remove_card(name, give_up=hopeless)
            if self._observe is not None:
                self._observe(Lost(now, name, running, str(error)))
            self._drop(now, [each for each in running if each not in again], error)
            self._expire(now)  # it may have become too late meanwhile
            self._dispatch(now)
        self._outcomes.tell()
        seat.inbox.put(error)

    def _restart(self, name: str, seat: Seat, error: DeviceError) -> bool:
        """Start a card again that failed; if that does not work, do without it for ever."""
        if restarts(seat.card, name, self._has_ended):
            with self._lock:
                now = self._pass_time()
                self._policy.add_card(name, depth=seat.card.depth)
                if self._observe is not None:
                    self._observe(Restarted(now, name))
                self._dispatch(now)
            self._outcomes.tell()
            return True
        with self._lock:
            del self._seats[name]
            if not self._seats:
                self._drop(time.monotonic_ns(), self._policy.clear(), error)
        self._outcomes.tell()
        return False
