"""Cards on other machines, in a Ray cluster (`pip install 'tf2c[ray]'`).

A card is an actor somewhere in the cluster that has a device. Ray finds it a place, starts it and
moves images and results; what runs where is decided by the policy of whoever has the cards, as with
any others. Ray would run a call again whose actor died, so perhaps twice; here the runtime does,
and results come once, because a request has one future.
"""

import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tf2c.errors import DeviceError, UserError
from tf2c.orchestration.cards import Card, DeviceCard, Image, Scores, ServedNetwork
from tf2c.runtime.devices import open_device

RESOURCE = "fpga"
"""What nodes with cards have been started with: `ray start --resources '{"fpga": 2}'`."""

START_SECONDS = 120.0
"""For a place in the cluster, a process there, and its device."""

CONNECT_SECONDS = 5.0

RUN_SECONDS = 300.0
"""For a batch; the device's own watchdog comes first."""


class Cell:
    """A device in a process of its own, somewhere: what a Ray actor is made of."""

    def open(self, device: str, kernels: bytes) -> tuple[str, str, int]:
        """Open the device; return its name, the node and the process."""
        self._card = DeviceCard(lambda built: open_device(device, built), kernels)
        return self._card.name, os.uname().nodename, os.getpid()

    def load(self, network: ServedNetwork) -> None:
        """Take the network of the batches to come."""
        self._card.load(network)

    def run(self, images: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the results of a batch."""
        return np.stack(self._card.run(list(images)))


class RayCard(Card):
    """A card somewhere in a cluster."""

    def __init__(self, device: str, kernels: bytes, resources: dict[str, float]) -> None:
        """Start the actor and wait for its device.

        Args:
            device: as `tf2c run --device` has it.
            kernels: the engine.
            resources: what a node has to have left for it.

        Raises:
            DeviceError: the cluster has no place for it, or its device does not open.
            UserError: there is no such device.
        """
        import ray

        self._ray: Any = ray
        self._arguments = device, kernels
        self._options = {"resources": resources, "num_cpus": 0, "max_restarts": 0}
        self._sent: tuple[ServedNetwork, Any] | None = None  # and where it is in the cluster
        self._start()

    def _start(self) -> None:
        cell = self._ray.remote(Cell).options(**self._options)
        self._actor: Any = cell.remote()
        try:
            opened = self._actor.open.remote(*self._arguments)
            device, self.node, self.process_id = self._get(opened, START_SECONDS)
        except BaseException:
            self.close()
            raise
        self.name = f"{device} on {self.node}"

    def load(self, network: ServedNetwork) -> None:
        """Send a network, once as long as it stays the same."""
        if self._sent is None or self._sent[0] is not network:
            self._sent = network, self._ray.put(network)
        self._get(self._actor.load.remote(self._sent[1]), START_SECONDS)

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        """Send a batch and wait for its results."""
        return list(self._get(self._actor.run.remote(np.stack(images)), RUN_SECONDS))

    def restart(self) -> None:
        """Start another actor, wherever there is a place."""
        self.close()
        self._start()

    def close(self) -> None:
        """End the actor."""
        with contextlib.suppress(Exception):  # it may be dead, or the cluster gone
            self._ray.kill(self._actor)

    def _get(self, reference: Any, seconds: float) -> Any:
        """Wait for what an actor returns."""
        try:
            return self._ray.get(reference, timeout=seconds)
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, DeviceError | UserError):
                raise cause from error
            raise DeviceError(f"the actor failed: {cause!r}") from error
        except self._ray.exceptions.GetTimeoutError as error:
            raise DeviceError(f"the cluster did not answer in {seconds:g} s") from error
        except self._ray.exceptions.RayError as error:
            first = str(error).strip().splitlines()[0]
            raise DeviceError(f"the actor is gone: {first}") from error


def connect(address: str) -> None:
    """Connect to a cluster.

    Args:
        address: `auto`, `HOST:PORT`, or `local` to start one on this machine.

    Raises:
        UserError: Ray is not installed, or there is no cluster.
    """
    try:
        import ray
    except ImportError as error:
        raise UserError(
            "expected Ray, got no installation of it", hint="run `pip install 'tf2c[ray]'`"
        ) from error
    started: Any = ray
    options = {"address": address} if address != "local" else {"include_dashboard": False}
    try:
        host, _, port = address.partition(":")
        if port:
            # Ray itself would ask for minutes, and then end this process.
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        started.init(**options, log_to_driver=False)
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(
            f"expected a Ray cluster at `{address}`, got none: {first}",
            hint="`ray start --head` begins one; `--ray local` does without",
        ) from error


def open_cards(device: str, kernels: bytes, count: int) -> list[Card]:
    """Open cards in the cluster, all or none.

    Nodes that have been started with `fpga` resources have as many cards; where no node has, each
    card goes wherever Ray puts it.

    Raises:
        DeviceError: there is no place for one, or it does not open.
        UserError: there is no such device.
    """
    import ray

    started: Any = ray
    resources = {RESOURCE: 1.0} if RESOURCE in started.cluster_resources() else {}
    opened: list[Card] = []
    try:
        opened.extend(RayCard(device, kernels, resources) for _ in range(count))
    except BaseException:
        for each in opened:
            each.close()
        raise
    return opened
