"""What clients may cost a server: memory, time, its log."""

import asyncio
import contextlib
import gc
import json
import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any, cast
from weakref import WeakSet, ref

import numpy as np
import pytest
from aiohttp import web
from tritonclient.utils import InferenceServerException
from unit.held_card import HeldCard
from unit.serving.conftest import CLIENTS, Digits, Server, keep, listening

from tf2c.errors import UserError
from tf2c.orchestration.cards import DeviceCard, ServedNetwork
from tf2c.program import identity
from tf2c.runtime.simulator import Simulator
from tf2c.serving import grpc, http
from tf2c.serving.errors import Refusal, RefusedError
from tf2c.serving.server import Addresses
from tf2c.serving.service import Service
from tf2c.serving.tenants import Access, Caller
from tf2c.serving.tensors import Inference, Region, invalid


class Held:
    """What a request brings."""


class EndedError(Exception):
    """A call has been aborted."""


class Context:
    """A call, as far as errors need one."""

    def invocation_metadata(self) -> tuple[()]:
        return ()

    async def abort(self, code: Any, text: str) -> None:
        raise EndedError(text)


async def refuse_http(asked: Callable[[], Awaitable[Any]]) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return await asked()

    middleware = cast(Any, http._answer_errors)  # pyright: ignore[reportPrivateUsage]
    found = await middleware(None, handler=answer)
    assert found.status == 400


async def refuse_grpc(asked: Callable[[], Awaitable[Any]]) -> None:
    servicer = grpc.Servicer(cast(Any, type("Open", (), {"access": Access()})))
    with contextlib.suppress(EndedError):
        await servicer._answer(  # pyright: ignore[reportPrivateUsage]
            Context(), lambda _: asked()
        )


@pytest.mark.parametrize("refuse", [refuse_http, refuse_grpc])
def test_what_is_refused_is_not_kept(refuse: Callable[..., Any]) -> None:
    """Else images pile up until Python looks for cycles."""
    alive: WeakSet[Held] = WeakSet()

    async def asked() -> None:
        held = Held()
        alive.add(held)
        raise invalid("no")

    gc.disable()
    try:
        asyncio.run(refuse(asked))
        assert not alive
    finally:
        gc.enable()


def test_what_is_too_late_is_not_kept(digits: Digits) -> None:
    card = HeldCard()

    async def asked() -> "ref[Any]":
        images = digits.images[:2].copy()
        inference = Inference("digits", images, images.shape, seconds=0.01)
        with contextlib.suppress(RefusedError):
            await service.infer(Caller("default"), inference)
        return ref(images)

    with contextlib.closing(Service({"digits": digits.network}, [card], Access())) as service:
        service.runtime.request("digits").arg(digits.images[0]).submit()
        assert card.begun.wait(60)
        gc.disable()
        try:
            assert asyncio.run(asked())() is None
        finally:
            gc.enable()
            card.may_end.set()


def test_shared_memory_of_another_size_is_not_read(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = [DeviceCard(lambda _: Simulator())]
    with contextlib.closing(Service({"digits": digits.network}, cards, Access())) as service:

        def read(*_: object) -> bytes:
            pytest.fail("it was read")

        monkeypatch.setattr(service.regions, "read", read)
        asked = Inference("digits", Region("large", 0, 1 << 30), (1, 1, 8, 8))
        with pytest.raises(RefusedError, match="expected 256 bytes"):
            asyncio.run(service.infer(Caller("default"), asked))


def test_json_is_bounded() -> None:
    """Tensors behind it are not counted."""
    with pytest.raises(RefusedError, match="send binary tensors") as error:
        http.parse_inference("digits", bytes(http.LARGEST_JSON + 1), None)
    assert error.value.refusal is Refusal.TOO_LARGE
    shape = [64, 3, 224, 224]
    size = 4 * 64 * 3 * 224 * 224
    tensor: dict[str, Any] = {"name": "input", "datatype": "FP32", "shape": shape}
    tensor["parameters"] = {"binary_data_size": size}
    text = json.dumps({"inputs": [tensor]}).encode()
    found = http.parse_inference("digits", text + bytes(size), str(len(text)))
    assert found.shape == tuple(shape)


def test_what_is_nowhere_is_answered_as_errors_are(open_server: Server) -> None:
    url = f"http://{open_server.address('http')}/v2/nothing"
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url, timeout=60)
    assert error.value.code == 404
    assert json.loads(error.value.read()) == {"error": "Not Found"}


NOT_PACKED = b" HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /v2/models/digits/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"x" * 20_000 + b"\r\n\r\n",
        b"POST /v2/models/digits/infer" + NOT_PACKED,
        b"POST /nowhere" + NOT_PACKED,
    ],
    ids=["half", "malformed", "long", "not packed", "not packed for nobody"],
)
def test_clients_do_not_write_to_the_log(
    digits: Digits, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    cards = [DeviceCard(lambda _: Simulator())]
    service = Service({"digits": digits.network}, cards, Access())
    with (
        caplog.at_level(logging.WARNING),
        listening(service) as server,
        socket.create_connection(("127.0.0.1", server.ports["http"])) as client,
    ):
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(30)
        with contextlib.suppress(ConnectionError):
            while client.recv(1 << 16):
                pass
    assert not caplog.records


@pytest.mark.parametrize("path", [b"/v2/models/digits/infer", b"/nowhere"])
def test_a_connection_says_that_it_ends(open_server: Server, path: bytes) -> None:
    """What cannot be unpacked has no end that is known, so nothing behind it can be read."""
    address = open_server.address("http").split(":")
    with socket.create_connection((address[0], int(address[1]))) as client:
        client.settimeout(30)
        client.sendall(b"POST " + path + NOT_PACKED)
        answer = client.recv(1 << 16).lower()
    assert b"connection: close" in answer


def test_a_stream_without_a_key_ends_at_once(keyed_server: Server) -> None:
    client: Any = CLIENTS["grpc"].InferenceServerClient(keyed_server.address("grpc"))
    answers: Queue[Any] = Queue()
    client.start_stream(partial(keep, answers, None))
    *_, error = answers.get(timeout=60)
    assert error.status() == "StatusCode.UNAUTHENTICATED"
    client.stop_stream()


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame of HTTP/2 (RFC 9113, 4.1)."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def field(name: bytes, value: bytes) -> bytes:
    """Return a header field that is not indexed (RFC 7541, 6.2.2)."""
    return name + bytes([len(value)]) + value


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")

CALL = (
    b"\x83\x86"  # POST, http
    + field(b"\x04", b"/inference.GRPCInferenceService/ModelInfer")
    + field(b"\x01", b"localhost")
    + field(b"\x0f\x10", b"application/grpc")
    + field(b"\x00", b"te")
    + field(b"", b"trailers")
)

ANNOUNCED = frame(1, 4, 1, CALL) + frame(0, 0, 1, bytes(1) + (1000).to_bytes(4, "big"))
"""A call whose message is to have 1000 bytes."""


@pytest.mark.parametrize(
    ("bounds", "begins", "goes_on"),
    [
        ({"IDLE_SECONDS": 1}, PREFACE, b""),
        ({"LONGEST_SECONDS": 1, "GRACE_SECONDS": 1}, PREFACE + ANNOUNCED, frame(0, 0, 1, b"x")),
    ],
    ids=["idle", "slow"],
)
def test_grpc_connections_end(
    digits: Digits,
    monkeypatch: pytest.MonkeyPatch,
    bounds: dict[str, int],
    begins: bytes,
    goes_on: bytes,
) -> None:
    """One without calls, and one whose message comes a byte at a time."""
    for name, seconds in bounds.items():
        monkeypatch.setattr(grpc, name, seconds)
    cards = [DeviceCard(lambda _: Simulator())]
    service = Service({"digits": digits.network}, cards, Access())
    with (
        listening(service) as server,
        socket.create_connection(("127.0.0.1", server.ports["grpc"])) as client,
    ):
        client.settimeout(0.1)
        client.sendall(begins)
        has_ended, until = False, time.monotonic() + 20
        while not has_ended and time.monotonic() < until:
            try:
                has_ended = not client.recv(1 << 16)
                client.sendall(goes_on)
            except TimeoutError:
                continue
            except OSError:
                has_ended = True
        assert has_ended


def test_http_connections_of_clients_that_do_not_read_end(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "UNREAD_SECONDS", 1.0)
    service = Service({"digits": digits.network}, [DeviceCard(lambda _: Simulator())], Access())
    with listening(service) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.ports["http"]))
        client.settimeout(0.5)
        has_ended, until = False, time.monotonic() + 20
        while not has_ended and time.monotonic() < until:
            try:
                client.send(b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
            except TimeoutError:
                continue
            except OSError:
                has_ended = True
        assert has_ended


def test_grpc_calls_are_bounded(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc, "MOST_CALLS", 1)
    card, answers = HeldCard(), Queue[Any]()
    service = Service({"digits": digits.network}, [card], Access())
    with listening(service) as server:
        client: Any = CLIENTS["grpc"].InferenceServerClient(server.address("grpc"))
        tensor = CLIENTS["grpc"].InferInput("input", [1, 1, 8, 8], "FP32")
        tensor.set_data_from_numpy(digits.images[:1])
        client.async_infer("digits", [tensor], partial(keep, answers, None))
        assert card.begun.wait(60)
        with pytest.raises(InferenceServerException) as error:
            client.get_server_metadata()
        assert error.value.status() == "StatusCode.RESOURCE_EXHAUSTED"
        card.may_end.set()
        _, result, refusal = answers.get(timeout=60)
        assert refusal is None
        np.testing.assert_array_equal(result.as_numpy("output"), digits.expected[:1])


def test_other_addresses_than_ipv4s(digits: Digits) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    cards = [DeviceCard(lambda _: Simulator())]
    service = Service({"digits": digits.network}, cards, Access())
    with listening(service, Addresses("::1", 0, 0)) as server:
        for protocol, module in CLIENTS.items():
            client: Any = module.InferenceServerClient(f"[::1]:{server.ports[protocol]}")
            assert client.is_server_live()


class OtherSimulator(Simulator):
    """Says that it was built for longer vectors."""

    identity: Any = None

    def __init__(self, network: ServedNetwork) -> None:
        super().__init__()
        engine = network.program.engine
        self.identity = identity(replace(engine, filter_vector=2 * engine.filter_vector))


def test_networks_for_another_engine_are_not_served(digits: Digits, repository: Path) -> None:
    cards = [
        DeviceCard(lambda _: Simulator()),
        DeviceCard(lambda _: OtherSimulator(digits.network)),
    ]
    expected = "expected an engine of `filter_vector`"
    with pytest.raises(UserError, match=expected):
        Service({"digits": digits.network}, cards, Access())
    operator = Caller("operator", is_operator=True)
    with contextlib.closing(Service({}, cards, Access(), repository)) as service:
        with pytest.raises(RefusedError, match=expected):
            service.load(operator, "another")
        assert not service.names(operator)


def test_networks_for_the_cards_engine_are_served(digits: Digits, repository: Path) -> None:
    operator = Caller("operator", is_operator=True)
    cards = [DeviceCard(lambda _: Simulator())]
    with contextlib.closing(Service({}, cards, Access(), repository)) as service:
        service.load(operator, "another")
        assert service.names(operator) == ["another"]
