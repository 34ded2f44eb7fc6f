"""Servers that run in this process, on ports of their own."""

import asyncio
import hashlib
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import tf2c
from tf2c.orchestration.cards import DeviceCard, ServedNetwork
from tf2c.orchestration.requests import Tenant
from tf2c.runtime.simulator import Simulator

pytest.importorskip("aiohttp", reason="`pip install 'tf2c[serve]'`")
pytest.importorskip("tritonclient.grpc", reason="`pip install 'tf2c[serve]'`")

from tritonclient import grpc as triton_grpc
from tritonclient import http as triton_http
from tritonclient.utils import shared_memory as triton_shared_memory

from tf2c.serving.server import Addresses, Ports, serve
from tf2c.serving.service import Service
from tf2c.serving.tenants import Access, Caller

LARGEST_REQUEST = 1 << 20

KEYS = {"alice": "key of alice", "bob": "key of bob", "operator": "key of the operator"}

shared_memory: Any = triton_shared_memory  # has no types

CLIENTS: dict[str, ModuleType] = {"http": triton_http, "grpc": triton_grpc}


def keep(answers: "Queue[Any]", index: int | None, result: Any, error: Any) -> None:
    """Put what a client's callback is told where a test waits for it."""
    answers.put((index, result, error))


class Server:
    """A service that listens."""

    def __init__(self, service: Service, ports: Ports, stop: Callable[[], None]) -> None:
        self.service = service
        self.stop = stop
        self.ports = {"http": ports.http, "grpc": ports.grpc}

    def address(self, protocol: str) -> str:
        return f"127.0.0.1:{self.ports[protocol]}"


@contextmanager
def listening(service: Service, addresses: Addresses | None = None) -> Generator[Server]:
    """Serve in a thread until the block ends."""
    found: list[Ports] = []
    errors: list[BaseException] = []
    begun = threading.Event()
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))

        def started(ports: Ports) -> None:
            found.append(ports)
            begun.set()

        await serve(
            service,
            addresses or Addresses(http_port=0, grpc_port=0),
            LARGEST_REQUEST,
            started,
            stop,
        )

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            errors.append(error)
        finally:
            begun.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert begun.wait(60)
    if errors:
        raise errors[0]
    loop, stop = stops[0]

    def end() -> None:
        with suppress(RuntimeError):  # it has ended
            loop.call_soon_threadsafe(stop.set)

    try:
        yield Server(service, found[0], end)
    finally:
        end()
        thread.join(60)
        assert not thread.is_alive()
    assert not errors


class Digits:
    """The network of the tests, images for it, and what is right."""

    def __init__(self, artifact: tf2c.Artifact, images: npt.NDArray[np.float32]) -> None:
        self.artifact = artifact
        self.images = images[:8].astype(np.float32)
        self.expected = artifact.run(self.images)
        self.network = ServedNetwork.read(artifact.path)


@pytest.fixture(scope="session")
def digits(digits_artifact: tf2c.Artifact, heldout_images: npt.NDArray[np.float32]) -> Digits:
    return Digits(digits_artifact, heldout_images)


@pytest.fixture(scope="session")
def open_server(digits: Digits) -> Iterator[Server]:
    """A server that asks nobody for a key."""
    cards = [DeviceCard(lambda _: Simulator()), DeviceCard(lambda _: Simulator())]
    with listening(Service({"digits": digits.network}, cards, Access())) as server:
        yield server


def keyed_access() -> Access:
    """Return two tenants and an operator."""
    callers = (
        Caller("alice", Tenant(3)),
        Caller("bob", networks=frozenset({"digits"}), images_per_second=8),
        Caller("operator", is_operator=True),
    )
    return Access({hashlib.sha256(KEYS[each.name].encode()).hexdigest(): each for each in callers})


@pytest.fixture
def repository(digits: Digits, tmp_path: Path) -> Path:
    """A folder with two artifacts, of which one is damaged."""
    folder = tmp_path / "repository"
    shutil.copytree(digits.artifact.path, folder / "another.tf2c")
    shutil.copytree(digits.artifact.path, folder / "damaged.tf2c")
    weights = folder / "damaged.tf2c" / "weights.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    return folder


@pytest.fixture
def keyed_server(digits: Digits, repository: Path) -> Iterator[Server]:
    """A server for tenants, with a network that one of them does not have."""
    networks = {"digits": digits.network, "secret": digits.network}
    service = Service(networks, [DeviceCard(lambda _: Simulator())], keyed_access(), repository)
    with listening(service) as server:
        yield server


def headers(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {KEYS[name]}"}
