"""What is served, whatever the wire: networks, results, statistics, and what callers may see."""

import asyncio
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from tf2c.errors import UserError
from tf2c.orchestration.cards import Card, ServedNetwork
from tf2c.orchestration.embedded import Runtime
from tf2c.orchestration.events import (
    Completed,
    Dispatched,
    Dropped,
    Event,
    Lost,
    Rejected,
    Restarted,
    Submitted,
)
from tf2c.orchestration.requests import LateError, RejectedError
from tf2c.runtime.device import expect_engine
from tf2c.serving.errors import Refusal, RefusedError, refused
from tf2c.serving.shared_memory import Regions
from tf2c.serving.tenants import Access, Caller
from tf2c.serving.tensors import (
    INPUT,
    INPUT_TYPE,
    OUTPUT,
    OUTPUT_TYPE,
    PLATFORM,
    VERSION,
    Inference,
    Region,
    expect_bytes,
    images_of,
    invalid,
)

if TYPE_CHECKING:
    from tf2c.serving.tracing import Tracing

Values = npt.NDArray[np.float64]

LARGEST_BATCH = 64
"""Images of one request."""

ARTIFACT_SUFFIX = ".tf2c"


LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Limits of the latencies that are counted together; what is above all of them, too."""


@dataclass
class Statistics:
    """Of one tenant's images for one network."""

    succeeded: int = 0
    failed: int = 0
    rejected: int = 0
    queue_nanoseconds: int = 0
    compute_nanoseconds: int = 0
    """On cards, loading included, of the batch that an image was in."""
    latencies: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_SECONDS) + 1))
    """Images by seconds from the queue to the result."""

    def add(self, other: "Statistics") -> None:
        """Count what another one has counted, too."""
        for name, value in vars(other).items():
            if name != "latencies":
                setattr(self, name, getattr(self, name) + value)
        self.latencies = [sum(pair) for pair in zip(self.latencies, other.latencies, strict=True)]


@dataclass
class CardState:
    """What a card does."""

    network: str = ""
    is_busy: bool = False
    is_lost: bool = False
    """Whether it failed, and has not been started again."""
    batches: int = 0
    loads: int = 0
    losses: int = 0


@dataclass
class Watch:
    """An observer that counts."""

    statistics: dict[tuple[str, str], Statistics] = field(
        default_factory=lambda: defaultdict(Statistics)
    )
    """By network and tenant."""
    cards: dict[str, CardState] = field(default_factory=lambda: defaultdict(CardState))
    waiting: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """By tenant."""
    _times: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    """Of images on their way: when they were queued, and when they were dispatched."""
    _given: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Batches of each card that have not ended."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        """Count an event."""
        with self._lock:
            self._count(event)

    def reject(self, network: str, tenant: str, images: int) -> None:
        """Count images that the runtime never saw."""
        with self._lock:
            self.statistics[network, tenant].rejected += images

    def _count(self, event: Event) -> None:
        match event:
            case Submitted(now, request):
                self._times[request.number] = now, now
                self.waiting[request.tenant] += 1
            case Rejected(_, request, _):
                self.statistics[request.network, request.tenant].rejected += 1
            case Dropped(_, request, _):
                self._times.pop(request.number, None)
                self.waiting[request.tenant] -= 1
                self.statistics[request.network, request.tenant].failed += 1
            case Dispatched(now, found):
                card = self.cards[found.card]
                card.network, card.is_busy = found.network, True
                self._given[found.card] += 1
                card.batches += 1
                card.loads += found.loads
                for each in found.requests:
                    self.waiting[each.tenant] -= 1
                    counts = self.statistics[each.network, each.tenant]
                    queued, before = self._times[each.number]
                    counts.queue_nanoseconds += now - before
                    self._times[each.number] = queued, now
            case Completed(now, found, failed, _):
                self._given[found.card] -= 1
                self.cards[found.card].is_busy = self._given[found.card] > 0
                for each in found.requests:
                    counts = self.statistics[each.network, each.tenant]
                    counts.succeeded += each not in failed
                    counts.failed += each in failed
                    queued, begun = self._times.pop(each.number)
                    counts.compute_nanoseconds += now - begun
                    counts.latencies[bisect_left(LATENCY_SECONDS, (now - queued) / 1e9)] += 1
            case Lost(_, name, requests, _):
                card = replace(self.cards[name], network="", is_busy=False, is_lost=True)
                card.losses += 1
                self._given[name] = 0
                self.cards[name] = card
                for each in requests:
                    self.waiting[each.tenant] += 1
            case Restarted(_, name):
                self.cards[name].is_lost = False


class Service:
    """Networks on cards, for callers."""

    def __init__(
        self,
        networks: Mapping[str, ServedNetwork],
        cards: Sequence[Card],
        access: Access,
        repository: Path | None = None,
        tracing: "Tracing | None" = None,
        *,
        sources: Mapping[str, Path] | None = None,
        maps: bool = False,
    ) -> None:
        """Start the cards.

        Args:
            networks: by name.
            cards: which the service closes.
            access: who may use them.
            repository: a folder of artifacts that operators may load by name.
            tracing: of requests; the service closes it.
            sources: the artifacts of the networks, which operators may load again, too.
            maps: whether shared memory is mapped instead of read (`Regions`).

        Raises:
            UserError: a network is for another engine than a card has.
        """
        self.access = access
        self.regions = Regions(is_open=access.is_open, maps=maps)
        self.watch = Watch()
        self.is_ready = True
        self.started = time.time()
        self._networks = dict(networks)
        self._repository = repository
        self._sources = dict(sources or {})
        self._loading = threading.Lock()
        self._tracing = tracing
        self._cards = cards
        for network in networks.values():
            self._expect_engine(network)
        self.runtime = Runtime(
            networks, cards, access.shares, measures=True, observer=self._observe
        )

        for name in self.runtime.cards:
            self.watch.cards.setdefault(name, CardState())

    def _observe(self, event: Event) -> None:
        self.watch(event)
        if self._tracing is not None:
            self._tracing(event)

    def names(self, caller: Caller) -> list[str]:
        """Return the networks that a caller may use."""
        return sorted(name for name in list(self._networks) if caller.may_use(name))

    @property
    def repository_names(self) -> list[str]:
        """Networks of which there are artifacts in the repository."""
        if self._repository is None:
            return []
        paths = self._repository.glob(f"*{ARTIFACT_SUFFIX}")
        return sorted(each.name.removesuffix(ARTIFACT_SUFFIX) for each in paths)

    @property
    def missing_networks(self) -> list[str]:
        """Those that tenants may use by name, but that are neither here nor in the repository."""
        here = {each["name"] for each in self.index(Caller("operator", is_operator=True))}
        return sorted(self.access.networks - here)

    def network(self, caller: Caller, model: str, version: str = "") -> ServedNetwork:
        """Return a network.

        Raises:
            RefusedError: there is none, for this caller.
        """
        found = self._networks.get(model) if caller.may_use(model) else None
        if found is None or version not in ("", VERSION):
            which = f" version `{version}`" if version else ""
            raise RefusedError(Refusal.UNKNOWN, f"there is no model `{model}`{which}")
        return found

    def metadata(self, caller: Caller, model: str, version: str = "") -> dict[str, Any]:
        """Return a network's metadata as the protocol has it."""
        network = self.network(caller, model, version)
        return {
            "name": model,
            "versions": [VERSION],
            "platform": PLATFORM,
            "inputs": [
                {"name": INPUT, "datatype": INPUT_TYPE, "shape": [-1, *network.image_shape]}
            ],
            "outputs": [
                {
                    "name": OUTPUT,
                    "datatype": OUTPUT_TYPE,
                    "shape": [-1, *network.program.output.shape],
                }
            ],
        }

    def configuration(self, caller: Caller, model: str, version: str = "") -> dict[str, Any]:
        """Return a network's configuration as Triton has it: shapes of one image."""
        network = self.network(caller, model, version)
        return {
            "name": model,
            "platform": PLATFORM,
            "max_batch_size": LARGEST_BATCH,
            "input": [
                {
                    "name": INPUT,
                    "data_type": f"TYPE_{INPUT_TYPE}",
                    "dims": list(network.image_shape),
                }
            ],
            "output": [
                {
                    "name": OUTPUT,
                    "data_type": f"TYPE_{OUTPUT_TYPE}",
                    "dims": list(network.program.output.shape),
                }
            ],
        }

    async def infer(self, caller: Caller, inference: Inference) -> Values | None:
        """Return results `[N, ...]`; None where they are in shared memory.

        Raises:
            RefusedError: the request is not served.
        """
        network = self.network(caller, inference.model)
        count, *image = inference.shape
        if tuple(image) != network.image_shape:
            raise invalid(
                f"expected `{INPUT}` of shape {[-1, *network.image_shape]}, got "
                f"{list(inference.shape)}"
            )
        if count > LARGEST_BATCH:
            raise invalid(f"expected at most {LARGEST_BATCH} images, got {count}")
        images = inference.images
        if isinstance(images, Region):
            expect_bytes(images.size, inference.shape)  # before they are read
            images = images_of(self.regions.read(caller.name, images), inference.shape)
        if not np.isfinite(images).all():
            raise invalid(f"expected finite numbers as `{INPUT}`, got NaN or infinity")
        traced: AbstractContextManager[None] = nullcontext()
        if self._tracing is not None:
            traced = self._tracing.request(
                inference.model, caller.name, len(images), network.layers, inference.sent
            )
        with traced:
            values = await self._run(caller, inference, images)
        if inference.output is None:
            return values
        self.regions.write(caller.name, inference.output, values.astype("<f8").tobytes())
        return None

    async def _run(
        self, caller: Caller, inference: Inference, images: npt.NDArray[np.float32]
    ) -> Values:
        limit = caller.share.queue_limit
        if len(images) > limit:
            raise invalid(f"expected at most the {limit} images that may wait, got {len(images)}")
        try:
            caller.spend(len(images))
        except RefusedError:
            self.watch.reject(inference.model, caller.name, len(images))
            raise
        call = self.runtime.request(
            inference.model, caller.name, seconds=inference.seconds, priority=inference.priority
        )
        try:
            futures = call.submit_all(images)
        except Exception as error:
            caller.give_back(len(images))
            raise refused(error) from error
        outcomes = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        errors = [each for each in outcomes if isinstance(each, Exception)]
        if not errors:
            return np.stack(cast(list[Values], outcomes))
        caller.give_back(sum(isinstance(each, LateError | RejectedError) for each in errors))
        raise refused(errors[0]) from errors[0]

    def statistics(self, caller: Caller, model: str) -> Statistics:
        """Return what a caller has had of a network; operators see all of it."""
        self.network(caller, model)
        total = Statistics()
        for (network, tenant), each in list(self.watch.statistics.items()):
            if network == model and (caller.is_operator or tenant == caller.name):
                total.add(each)
        return total

    def index(self, caller: Caller) -> list[dict[str, str]]:
        """Return what is loaded and what could be."""
        found = dict.fromkeys(self.names(caller), "READY")
        if caller.is_operator:
            for name in sorted({*self._sources, *self.repository_names}):
                found.setdefault(name, "UNAVAILABLE")
        return [
            {"name": name, "version": VERSION, "state": state, "reason": ""}
            for name, state in found.items()
        ]

    def load(self, caller: Caller, model: str, parameters: Collection[str] = ()) -> None:
        """Load an artifact of the repository, or one that was served; every file is checked.

        Again, if it is loaded: what waits for it is for the new one then.

        Args:
            caller: who asks for that.
            model: by name.
            parameters: names of those that came with it; Triton's would change the model.

        Raises:
            RefusedError: the caller may not, or there is no such artifact, or there are parameters.
        """
        _expect_operator(caller)
        if parameters:
            raise invalid(f"expected no parameters to load a network with, got `{min(parameters)}`")
        try:
            network = ServedNetwork.read(self._artifact(model))
            self._expect_engine(network)
        except (UserError, OSError) as error:
            raise invalid(str(error)) from error
        with self._loading:
            self.runtime.add_network(model, network)
            self._networks[model] = network

    def _artifact(self, model: str) -> Path:
        """Return the repository's artifact of a name, or else that which was served."""
        if model in self.repository_names:
            return cast(Path, self._repository) / f"{model}{ARTIFACT_SUFFIX}"
        if model in self._sources:
            return self._sources[model]
        if self._repository is None:
            raise invalid("expected a server with a repository (`tf2c serve --repository`)")
        raise RefusedError(Refusal.UNKNOWN, f"there is no artifact `{model}` in the repository")

    def _expect_engine(self, network: ServedNetwork) -> None:
        for card in self._cards:
            expect_engine(card, network.program)

    def unload(self, caller: Caller, model: str) -> None:
        """Serve a network no more; what waits for it is refused.

        Raises:
            RefusedError: the caller may not, or there is none.
        """
        _expect_operator(caller)
        self.network(caller, model)
        with self._loading:
            del self._networks[model]
            self.runtime.remove_network(model)

    def close(self) -> None:
        """Let what is on its way end, and the cards."""
        self.is_ready = False
        self.runtime.close()
        if self._tracing is not None:
            self._tracing.close()


def _expect_operator(caller: Caller) -> None:
    if not caller.is_operator:
        raise RefusedError(Refusal.FORBIDDEN, "only the operator may do that")
