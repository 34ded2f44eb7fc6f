"""What clients may cost a server: memory, time, its log."""

import asyncio
import contextlib
import gc
import json
import logging
import socket
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any, cast
from weakref import WeakSet

import pytest
from aiohttp import web
from unit.serving.conftest import CLIENTS, Digits, Server, keep, listening

from tf2c.orchestration.cards import DeviceCard
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


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /v2/models/digits/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"x" * 20_000 + b"\r\n\r\n",
    ],
    ids=["half", "malformed", "long"],
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


def test_a_stream_without_a_key_ends_at_once(keyed_server: Server) -> None:
    client: Any = CLIENTS["grpc"].InferenceServerClient(keyed_server.address("grpc"))
    answers: Queue[Any] = Queue()
    client.start_stream(partial(keep, answers, None))
    *_, error = answers.get(timeout=60)
    assert error.status() == "StatusCode.UNAUTHENTICATED"
    client.stop_stream()


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


def test_an_artifact_for_another_engine_is_not_loaded(digits: Digits, repository: Path) -> None:
    cards = [DeviceCard(lambda _: Simulator())]
    service = Service({}, cards, Access(), repository, engine=b"another")
    operator = Caller("operator", is_operator=True)
    with contextlib.closing(service), pytest.raises(RefusedError, match="for the engine that"):
        service.load(operator, "another")
    cards = [DeviceCard(lambda _: Simulator())]
    service = Service({}, cards, Access(), repository, engine=digits.network.engine)
    with contextlib.closing(service):
        service.load(operator, "another")
        assert service.names(operator) == ["another"]
