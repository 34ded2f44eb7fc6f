"""Servers start, refuse what they cannot use, and end when nothing is on its way any more."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from unit.held_card import HeldCard
from unit.serving.conftest import CLIENTS, Digits, keep, listening

from tf2c.orchestration.cards import DeviceCard, Image, Scores
from tf2c.runtime.simulator import Simulator
from tf2c.serving import http as serving_http
from tf2c.serving import server as serving_server
from tf2c.serving.server import Addresses
from tf2c.serving.service import Service
from tf2c.serving.tenants import Access


def service(digits: Digits) -> Service:
    return Service({"digits": digits.network}, [DeviceCard(lambda _: Simulator())], Access())


@contextmanager
def command(*arguments: str) -> Generator[subprocess.Popen[str]]:
    """Run `tf2c serve`, as other processes do: with a pipe that is not written at once."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    process = subprocess.Popen(
        ["tf2c", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def serving(digits: Digits, *options: str) -> Any:
    ports = ("--http-port", "0", "--grpc-port", "0", "--json")
    return command(str(digits.artifact.path), *ports, *options)


def ask(client: Any, digits: Digits, answers: "Queue[Any]", count: int) -> None:
    for index in range(count):
        image = digits.images[index % 8 : index % 8 + 1]
        tensor = CLIENTS["grpc"].InferInput("input", list(image.shape), "FP32")
        tensor.set_data_from_numpy(image)
        client.async_infer("digits", [tensor], partial(keep, answers, index % 8))


def test_sigterm_lets_everything_end(digits: Digits) -> None:
    with serving(digits) as process:
        ports = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        client: Any = CLIENTS["grpc"].InferenceServerClient(f"127.0.0.1:{ports['grpc_port']}")
        answers: Queue[Any] = Queue()
        ask(client, digits, answers, 100)
        first = answers.get(timeout=60)
        while client.get_inference_statistics("digits", as_json=True)["model_stats"][0].get(
            "inference_count"
        ) in (None, "0"):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        got = [first, *(answers.get(timeout=60) for _ in range(99))]
        assert process.wait(60) == 0
    served = 0
    for index, result, error in got:
        # What came behind the signal is refused; nothing else is.
        if error is not None:
            refusals = ("takes no more requests", "StatusCode.UNAVAILABLE", "StatusCode.CANCELLED")
            assert any(each in str(error) for each in refusals)
            continue
        np.testing.assert_array_equal(result.as_numpy("output")[0], digits.expected[index])
        served += 1
    assert served > 0


def test_networks_of_tenants_that_are_nowhere_are_told(digits: Digits, tmp_path: Path) -> None:
    tenants = tmp_path / "tenants.toml"
    names = f'["{digits.artifact.path.stem}", "misspelled"]'
    tenants.write_text(f'[tenants.alice]\nkey_sha256 = "{"a" * 64}"\nnetworks = {names}\n')
    with serving(digits, "--tenants", str(tenants)) as process:
        assert "".join(iter(process.stdout.readline, "}\n"))
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert told.splitlines() == [
        "note: a tenant may use `misspelled`, which is neither served nor in a repository"
    ]


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_may_be_told_to_end_as_soon_as_it_listens(digits: Digits, told: signal.Signals) -> None:
    with serving(digits) as process:
        assert "".join(iter(process.stdout.readline, "}\n"))
        process.send_signal(told)
        assert process.wait(60) == 0


class SlowCard(DeviceCard):
    """Takes longer than a server waits for answers that are being sent."""

    def run(self, images: Sequence[Image]) -> Sequence[Scores]:
        time.sleep(0.3)
        return super().run(images)


def test_what_has_been_accepted_is_answered(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that a server counts as queued when it is told to end comes back."""
    monkeypatch.setattr(serving_server, "GRACE_SECONDS", 0.1)
    answers: Queue[Any] = Queue()
    cards = [SlowCard(lambda _: Simulator())]
    with listening(Service({"digits": digits.network}, cards, Access())) as server:
        client: Any = CLIENTS["grpc"].InferenceServerClient(server.address("grpc"))
        ask(client, digits, answers, 64)
        watch = server.service.watch
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            counts = [*watch.statistics.values()]
            if sum(watch.waiting.values()) + sum(each.succeeded for each in counts) >= 60:
                break
            time.sleep(0.001)
    got = [answers.get(timeout=60) for _ in range(64)]
    assert sum(error is None for *_, error in got) >= 60


@pytest.mark.parametrize("protocol", [*CLIENTS])
def test_a_card_that_hangs_does_not_hold_up_the_end(
    digits: Digits, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setattr(serving_server, "DRAIN_SECONDS", 0.2)
    monkeypatch.setattr(serving_server, "GRACE_SECONDS", 0.2)
    card = HeldCard()
    try:
        with listening(Service({"digits": digits.network}, [card], Access())) as server:
            client: Any = CLIENTS[protocol].InferenceServerClient(server.address(protocol))
            tensor = CLIENTS[protocol].InferInput("input", [1, 1, 8, 8], "FP32")
            tensor.set_data_from_numpy(digits.images[:1])
            arguments = [partial(keep, Queue[Any](), 0)] if protocol == "grpc" else []
            client.async_infer("digits", [tensor], *arguments)
            assert card.begun.wait(60)
    finally:
        card.may_end.set()


def test_encrypted_both_ways(digits: Digits, tmp_path: Path) -> None:
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key, root = (tmp_path / name for name in ("chain.pem", "key.pem", "root.pem"))
    pair.cert_chain_pems[0].write_to_path(certificate)
    pair.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(root)
    addresses = Addresses("localhost", 0, 0, certificate, key)
    with listening(service(digits), addresses) as server:
        grpc_client: Any = CLIENTS["grpc"].InferenceServerClient(
            f"localhost:{server.ports['grpc']}", ssl=True, root_certificates=str(root)
        )
        http_client: Any = CLIENTS["http"].InferenceServerClient(
            f"localhost:{server.ports['http']}",
            ssl=True,
            ssl_options={"ca_certs": str(root)},
            insecure=False,
        )
        for module, client in ((CLIENTS["grpc"], grpc_client), (CLIENTS["http"], http_client)):
            tensor = module.InferInput("input", list(digits.images.shape), "FP32")
            tensor.set_data_from_numpy(digits.images)
            found = client.infer("digits", [tensor]).as_numpy("output")
            np.testing.assert_array_equal(found, digits.expected)


def test_who_is_too_slow_is_refused(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_http, "BODY_SECONDS", 0.2)
    with (
        listening(service(digits)) as server,
        socket.create_connection(("127.0.0.1", server.ports["http"])) as connection,
    ):
        connection.sendall(
            b"POST /v2/models/digits/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
        )
        connection.settimeout(30)
        assert b"408" in connection.recv(1 << 16)


def test_slow_headers_are_bounded(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_server, "HEADER_SECONDS", 0.5)
    with listening(service(digits)) as server:
        address = ("127.0.0.1", server.ports["http"])
        with (
            socket.create_connection(address) as silent,
            socket.create_connection(address) as slow,
            socket.create_connection(address) as begun,
        ):
            post = b"POST /v2/models/digits/infer HTTP/1.1\r\nHost: x\r\n"
            slow.sendall(post + b"X-Long: ")
            begun.sendall(post + b"Content-Length: 2\r\n\r\n")
            for each in (silent, slow, begun):
                each.settimeout(30)
            for each in (silent, slow):
                with contextlib.suppress(ConnectionResetError):
                    assert each.recv(1 << 16) == b""
            # Bodies have more time.
            begun.sendall(b"{}")
            assert b"expected one tensor in `inputs`" in begun.recv(1 << 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected an artifact or a `--repository`, got neither"),
        (("missing.tf2c",), "expected a tf2c artifact"),
        (("DIGITS", "DIGITS"), "expected networks of different names, got two `digits`"),
        (("DIGITS", "--repository", "missing"), "missing: expected a folder of artifacts"),
        (("DIGITS", "--tenants", "missing.toml"), "missing.toml: expected a file of tenants"),
        (("DIGITS", "--device", "abacus"), "expected a device, got `abacus`"),
        (("DIGITS", "--trace-to", "localhost"), "expected `http://HOST:PORT` of a collector"),
        (("DIGITS", "--tls-key", "key.pem"), "expected `--tls-certificate` and `--tls-key`"),
        (
            ("DIGITS", "--tls-key", "no.pem", "--tls-certificate", "no.pem"),
            "no.pem: expected a PEM file, got No such file or directory",
        ),
        (
            ("DIGITS", "--tls-key", __file__, "--tls-certificate", __file__),
            "expected a certificate and",
        ),
        (("DIGITS", "--trace-to", "http://"), "expected `http://HOST:PORT` of a collector"),
        (("DIGITS", "--host", ""), "expected an address to listen on"),
        (("DIGITS", "--aocx", "no.aocx"), "expected a card for `--aocx`"),
        (("--repository", "DIGITS"), "expected a folder of artifacts, got an artifact"),
    ],
)
def test_bad_input_is_one_line(digits: Digits, arguments: tuple[str, ...], message: str) -> None:
    named = [str(digits.artifact.path) if each == "DIGITS" else each for each in arguments]
    with command(*named, "--http-port", "0", "--grpc-port", "0") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    lines = [line for line in errors.splitlines() if not line.startswith("hint: ")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert message in lines[0]


def test_one_port_for_both_is_too_few(digits: Digits) -> None:
    arguments = (str(digits.artifact.path), "--http-port", "8000", "--grpc-port", "8000")
    with command(*arguments) as process:
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (
        1,
        "error: expected two ports, got 8000 for HTTP and gRPC\n",
    )


def test_an_encrypted_key_is_not_asked_for_its_password(digits: Digits, tmp_path: Path) -> None:
    plain = trustme.CA().issue_cert("localhost").private_key_pem.bytes()
    key = load_pem_private_key(plain, None)
    encrypted = tmp_path / "key.pem"
    encryption = BestAvailableEncryption(b"secret")
    encrypted.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, encryption)
    )
    certificate = tmp_path / "chain.pem"
    trustme.CA().issue_cert("localhost").cert_chain_pems[0].write_to_path(certificate)
    pair = ("--tls-certificate", str(certificate), "--tls-key", str(encrypted))
    with serving(digits, *pair) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[0] == f"error: {encrypted}: expected a key, got an encrypted one"


def test_what_a_server_began_with_may_be_loaded_again(digits: Digits) -> None:
    with serving(digits) as process:
        ports = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        client: Any = CLIENTS["http"].InferenceServerClient(f"127.0.0.1:{ports['http_port']}")
        name = digits.artifact.path.stem
        client.unload_model(name)
        assert not client.is_model_ready(name)
        client.load_model(name)
        assert client.is_model_ready(name)


def test_what_is_installed_and_broken_is_not_called_missing(
    digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aiohttp.py").write_text('raise ImportError("no such symbol")\n')
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with serving(digits) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "ImportError: no such symbol" in errors
    assert "pip install" not in errors


def test_an_empty_repository_is_told(tmp_path: Path) -> None:
    with command("--repository", str(tmp_path), "--http-port", "0", "--grpc-port", "0") as process:
        assert process.stderr is not None
        assert f"{tmp_path}: there is no artifact NAME.tf2c in it yet" in process.stderr.readline()


@pytest.mark.parametrize("option", ["--http-port", "--grpc-port"])
def test_a_port_that_is_taken(digits: Digits, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"--http-port": "0", "--grpc-port": "0"} | {option: str(taken.getsockname()[1])}
        arguments = [word for pair in ports.items() for word in pair]
        with command(str(digits.artifact.path), *arguments) as process:
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"hint: choose another port with `{option}`" in errors
    assert "Traceback" not in errors
