"""Cards shared in one process: no server, and nothing between a request and its card but a policy.

    with Runtime({"digits": ServedNetwork.read("digits.tf2c")}, [Simulator()]) as runtime:
        scores = runtime.request("digits").arg(image).submit().result()

Each card has a thread that runs its batches. A request that finds a card idle and nobody waiting
may run in the caller's thread instead (`Call.run`). A card that fails goes, and what it was doing
waits again, so that nothing is lost while a card is left; results come once, because a request has
one future.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from tf2c import artifact as artifacts
from tf2c.errors import DeviceError, UserError
from tf2c.orchestration.policy import MILLISECOND, Dispatch, Network, Policy, Request, Tenant
from tf2c.program import Program
from tf2c.runtime.device import Closeable, Device
from tf2c.runtime.session import Session

Image = npt.NDArray[np.floating]
Scores = npt.NDArray[np.float64]

DEFAULT_TENANT = "default"

DEFAULT_COSTS = Network(image=2 * MILLISECOND, load=5 * MILLISECOND, largest_batch=8)
"""Of an image of ResNet-50 on a card, about."""


@dataclass(frozen=True)
class ServedNetwork:
    """A network as cards take it, and what it takes of them."""

    program: Program
    weights: bytes
    costs: Network = DEFAULT_COSTS
    """Estimates, by which the policy shares cards."""

    @staticmethod
    def read(path: str | Path) -> "ServedNetwork":
        """Read an artifact; every file of it is checked.

        Raises:
            UserError: it is none, or damaged.
        """
        folder = artifacts.load_artifact(Path(path))
        program = Program.from_bytes(folder.read(artifacts.PROGRAM))
        return ServedNetwork(program, folder.read(artifacts.WEIGHTS))


@dataclass
class _Job:
    """A request on its way."""

    image: Image
    future: "Future[Scores]"


class _Card:
    """A device, with the network that it has loaded."""

    def __init__(self, device: Device, networks: Mapping[str, ServedNetwork]) -> None:
        self._device = device
        self._networks = networks
        self._session: Session | None = None
        self.inbox: SimpleQueue[Dispatch | None] = SimpleQueue()

    def run(self, dispatch: Dispatch, images: Sequence[Image]) -> Scores:
        """Run a batch, the network loaded first if the card has another."""
        if dispatch.loads or self._session is None:
            network = self._networks[dispatch.network]
            self._session = Session(self._device, network.program, network.weights)
        return self._session.run(np.stack(images)).values


class Runtime(Closeable):
    """Networks by name, on some cards, for some tenants."""

    def __init__(
        self,
        networks: Mapping[str, ServedNetwork],
        devices: Sequence[Device],
        tenants: Mapping[str, Tenant] | None = None,
    ) -> None:
        """Start a thread for each card.

        Args:
            networks: that may be requested.
            devices: open; they stay the caller's to close.
            tenants: who may request; by default one, `default`.
        """
        costs = {name: network.costs for name, network in networks.items()}
        self._networks = networks
        self._policy = Policy(costs, tenants or {DEFAULT_TENANT: Tenant()})
        self._lock = threading.Lock()
        self._numbers = 0
        self._jobs: dict[int, _Job] = {}
        self._cards: dict[str, _Card] = {}
        self._threads: list[threading.Thread] = []
        for index, device in enumerate(devices):
            name = f"{device.name} {index}"
            self._cards[name] = card = _Card(device, networks)
            self._policy.add_card(name)
            thread = threading.Thread(target=self._serve, args=(name, card), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def request(self, network: str, tenant: str = DEFAULT_TENANT) -> "Call":
        """Begin a request for a network."""
        return Call(self, network, tenant)

    def close(self) -> None:
        """Let all requests end, then the threads."""
        for future in [job.future for job in list(self._jobs.values())]:
            future.exception()
        for card in list(self._cards.values()):
            card.inbox.put(None)
        for thread in self._threads:
            thread.join()

    def submit(self, call: "Call", image: Image, *, inline: bool) -> "Future[Scores]":
        """Queue a request; with `inline`, run it here and now if a card is idle.

        Raises:
            RejectedError: the policy does not take it.
            UserError: the image is not as the network wants it.
            DeviceError: no card is left.
        """
        network = self._networks.get(call.network)
        if network is not None and image.shape != network.program.fold.shape:
            raise UserError(
                f"expected an image {network.program.fold.shape} for network `{call.network}`, got "
                f"{image.shape}"
            )
        future: Future[Scores] = Future()
        with self._lock:
            if not self._cards:
                raise DeviceError("expected a card that works, got none")
            self._numbers += 1
            request = Request(self._numbers, call.tenant, call.network)
            self._policy.submit(request, time.monotonic_ns())
            self._jobs[request.number] = _Job(image, future)
            own = self._dispatch(keep=request if inline else None)
        if own is not None:
            self._run(own.card, self._cards[own.card], own)
        return future

    def _dispatch(self, keep: Request | None = None) -> Dispatch | None:
        """Give idle cards what the policy has for them; the lock is held.

        Returns:
            What a card is to do for the request to keep, if it is to do that alone.
        """
        kept: Dispatch | None = None
        while (found := self._policy.next(time.monotonic_ns())) is not None:
            if found.requests == (keep,):
                kept = found
            else:
                self._cards[found.card].inbox.put(found)
        return kept

    def _serve(self, name: str, card: _Card) -> None:
        """Run what comes for a card, until it fails: its thread."""
        while (dispatch := card.inbox.get()) is not None:
            if not self._run(name, card, dispatch):
                break

    def _run(self, name: str, card: _Card, dispatch: Dispatch) -> bool:
        """Run a batch and deliver it; return whether the card still works."""
        images = [self._jobs[request.number].image for request in dispatch.requests]
        try:
            scores = card.run(dispatch, images)
        except DeviceError as error:
            self._lose(name, error)
            return False
        except Exception as error:
            self._deliver(name, dispatch, error)
        else:
            self._deliver(name, dispatch, scores)
        return True

    def _deliver(self, name: str, dispatch: Dispatch, outcome: Any) -> None:
        with self._lock:
            self._policy.complete(name)
            self._dispatch()
            jobs = [self._jobs.pop(request.number) for request in dispatch.requests]
        for index, job in enumerate(jobs):
            if isinstance(outcome, Exception):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(outcome[index])

    def _lose(self, name: str, error: DeviceError) -> None:
        """Do without a card that failed; what it was doing waits again."""
        left: list[_Job] = []
        with self._lock:
            self._policy.remove_card(name)
            self._cards.pop(name).inbox.put(None)
            if self._cards:
                self._dispatch()
            else:
                left = list(self._jobs.values())
                self._jobs.clear()
        for job in left:
            job.future.set_exception(error)


@dataclass
class Call:
    """A request that is being put together."""

    runtime: Runtime
    network: str
    tenant: str
    image: Image | None = None

    def arg(self, image: Image) -> "Call":
        """Give the image, `[C, H, W]`; it is not copied before its batch is run."""
        self.image = image
        return self

    def submit(self) -> "Future[Scores]":
        """Queue the request; its future has the real numbers that the network returns."""
        return self.runtime.submit(self, self._image(), inline=False)

    def run(self) -> Scores:
        """Return the result; runs in this thread if a card is idle."""
        return self.runtime.submit(self, self._image(), inline=True).result()

    def _image(self) -> Image:
        if self.image is None:
            raise TypeError("expected an image, got a call without `arg`")
        return self.image
