"""Cards as the runtime drives them: they take a network, and then images for it."""

import logging
import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tf2c import artifact as artifacts
from tf2c.errors import UserError
from tf2c.orchestration.requests import MILLISECOND, Network
from tf2c.program import Program
from tf2c.runtime.device import Closeable, Device
from tf2c.runtime.devices import open_device
from tf2c.runtime.session import Session

Image = npt.NDArray[np.floating]
"""`[C, H, W]`, real numbers."""

Scores = npt.NDArray[np.float64]
"""What a network returns for an image."""

DEFAULT_COSTS = Network(image=2 * MILLISECOND, load=5 * MILLISECOND, largest_batch=8)
"""Of an image of ResNet-50 on a card, about."""


RESTARTS = 5
"""Attempts to start a card again, one behind the other."""

RESTART_SECONDS = 0.05
"""Between the first two of them; twice as long each time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)  # equal is what is the same object: nobody compares weights
class ServedNetwork:
    """A network as cards take it, and what it takes of them."""

    program: Program
    weights: bytes
    costs: Network = DEFAULT_COSTS
    """Estimates, by which the policy shares cards."""
    layers: tuple[str, ...] = ()
    """Of each job, the user's name of its layer."""
    engine: bytes = b""
    """Kernels of the engine that its program is for."""

    @staticmethod
    def read(path: str | Path, costs: Network = DEFAULT_COSTS) -> "ServedNetwork":
        """Read an artifact; every file of it is checked.

        Raises:
            UserError: it is none, or damaged.
        """
        folder = artifacts.load_artifact(Path(path))
        program = Program.from_bytes(folder.read(artifacts.PROGRAM))
        # A layer is a job for each way in which its filters are split.
        jobs = ([str(each["layer"])] * len(each["split"]) for each in folder.manifest.layers)
        layers = tuple(chain.from_iterable(jobs))
        weights, engine = folder.read(artifacts.WEIGHTS), folder.read(artifacts.KERNELS)
        return ServedNetwork(program, weights, costs, layers, engine)

    @cached_property
    def image_shape(self) -> tuple[int, ...]:
        """Of the images that it takes, `[C, H, W]`."""
        return self.program.fold.shape


class Card(Closeable):
    """Something that runs batches, one at a time, in whatever thread asks."""

    name: str
    identity: tuple[int, ...] | None = None
    """What its engine says that it was built for, as `Device.identity` has it."""
    depth: int = 1
    """Batches that it takes at a time, in as many threads: more than one where a batch takes time
    to get there, so that the next one is there when a batch ends."""
    job_times: Sequence[int] = ()
    """Of the last batch, as `Device.job_times` has them."""

    @abstractmethod
    def load(self, network: ServedNetwork) -> None:
        """Take the network of the batches to come.

        Raises:
            DeviceError: the card failed.
        """

    @abstractmethod
    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        """Return the results of a batch, in its order.

        Raises:
            DeviceError: the card failed.
        """

    @abstractmethod
    def restart(self) -> None:
        """Begin again after a failure, without a network.

        Raises:
            DeviceError: it does not work any more.
        """


def distinct(cards: Sequence[Card]) -> Sequence[Card]:
    """Return cards, if several threads can drive them.

    Raises:
        UserError: there is none, or one is there twice.
    """
    if not cards:
        raise UserError("expected at least one card, got none")
    if len({*map(id, cards)}) < len(cards):
        raise UserError("expected different cards, got one of them twice")
    return cards


def results(card: Card, images: Sequence[Image]) -> list[Scores | Exception]:
    """Return what a card makes of images; if one is not as it should be, the others' results.

    Raises:
        DeviceError: the card failed.
    """
    try:
        return list(card.run(images))
    except UserError as error:
        if len(images) == 1:
            return [error]
    found = [score for image in images for score in results(card, [image])]
    card.job_times = ()  # of the last image, and not of the batch
    return found


def restarts(card: Card, name: str, told_to_end: threading.Event) -> bool:
    """Start a card again that failed, several times if necessary; return whether it works."""
    for attempt in range(RESTARTS):
        if told_to_end.wait(RESTART_SECONDS * (2**attempt - 1)):
            break
        try:
            card.restart()
        except Exception as error:
            log.warning("card `%s` does not start again: %s", name, error)
        else:
            return True
    return False


class DeviceCard(Card):
    """A device that is opened, and opened again when it has failed."""

    def __init__(self, open_device: Callable[[bytes], Device], kernels: bytes = b"") -> None:
        """Open the device.

        Args:
            open_device: returns a device that nobody else uses, with an engine.
            kernels: the engine, as source or built; it is built once.
        """
        self._open_device = open_device
        self._device = open_device(kernels)
        self.built = self._device.built or kernels
        self._session: Session | None = None
        self.name, self.identity = self._device.name, self._device.identity

    def load(self, network: ServedNetwork) -> None:
        """Load a program; the engine stays as it is."""
        self._session = None  # if this does not work, it has none
        self._session = Session(self._device, network.program, network.weights)

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        """Run the program on images; one alone is not copied."""
        self.job_times = ()
        if self._session is None:
            raise RuntimeError("expected a loaded network")
        batch = images[0][np.newaxis] if len(images) == 1 else np.stack(images)
        values = self._session.run(batch).values
        self.job_times = self._device.job_times
        return list(values)

    def restart(self) -> None:
        """Open the device again."""
        self.close()
        self._device = self._open_device(self.built)

    def close(self) -> None:
        """Release the device."""
        self._session = None
        self._device.close()


def open_cards(devices: Sequence[str], kernels: bytes) -> list[Card]:
    """Open a card for each device, all or none; their engine is built once.

    Args:
        devices: names, as `device_names` returns them.
        kernels: the engine, as source or built.

    Raises:
        UserError: there is no such device.
        DeviceError: one does not open.
    """
    opened: list[Card] = []
    try:
        for device in devices:
            card = DeviceCard(partial(open_device, device), kernels)
            opened.append(card)
            kernels = card.built
    except BaseException:
        for each in opened:
            each.close()
        raise
    return opened
