"""Both servers of one service, from their start until the last result is out."""

import asyncio
import errno
import logging
import os
import signal
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from aiohttp import web
from aiohttp.http import HttpProcessingError

from tf2c.errors import UserError
from tf2c.serving.grpc import Server, new_server
from tf2c.serving.http import application
from tf2c.serving.service import Service

LARGEST_REQUEST = 64 << 20
"""Bytes."""

DRAIN_SECONDS = 60.0
"""For what is on its way when the server is told to end."""

HEADER_SECONDS = 30.0
"""Until the headers of a connection's first request have to be there; later ones, as well."""

GRACE_SECONDS = 5.0
"""For answers that are being sent when all results are there."""


@dataclass(frozen=True)
class Addresses:
    """Where to listen; port 0 takes a free one."""

    host: str = "127.0.0.1"
    http_port: int = 8000
    grpc_port: int = 8001
    certificate: Path | None = None
    """Of TLS, with its chain; PEM."""
    private_key: Path | None = None


@dataclass(frozen=True)
class Ports:
    """Where the servers listen."""

    http: int
    grpc: int


async def serve(
    service: Service,
    addresses: Addresses,
    largest_request: int = LARGEST_REQUEST,
    started: Callable[[Ports], None] | None = None,
    stop: asyncio.Event | None = None,
) -> bool:
    """Serve until SIGTERM or SIGINT, or until `stop` is set; then let what is on its way end.

    Args:
        service: closed at the end.
        addresses: where to listen.
        largest_request: bytes of a request.
        started: told about the ports when both servers listen.
        stop: instead of signals.

    Returns:
        whether everything has ended in time.

    Raises:
        UserError: a port is taken, or the certificate cannot be used.
    """
    runner = web.AppRunner(
        application(service, largest_request),
        access_log=None,
        logger=_quiet_logger(),
        keepalive_timeout=HEADER_SECONDS,
        shutdown_timeout=GRACE_SECONDS,
    )
    server = new_server(service, largest_request)
    has_drained = True
    try:
        await runner.setup()
        with _told_to_end(stop) as end:  # from before anybody knows that it listens
            ports = Ports(await _listen_http(runner, addresses), _listen_grpc(server, addresses))
            await server.start()
            if started is not None:
                started(ports)
            await end.wait()
        service.is_ready = False
        has_drained = await asyncio.to_thread(service.runtime.drain, DRAIN_SECONDS)
    finally:
        await server.stop(GRACE_SECONDS)
        await runner.cleanup()
        if has_drained:  # else closing would wait for what does not end
            await asyncio.to_thread(service.close)
    return has_drained


def _quiet_logger() -> logging.Logger:
    """Return a logger that keeps requests that are no HTTP to itself: anybody may send those."""
    logger = logging.getLogger("tf2c.serving.http")
    logger.addFilter(_is_worth_telling)  # once, however often
    return logger


def _is_worth_telling(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


@contextmanager
def _told_to_end(stop: asyncio.Event | None) -> Generator[asyncio.Event]:
    """Return what is set when the server is told to end: by signals, without another event."""
    if stop is not None:
        yield stop
        return
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told.set)
    try:
        yield told
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)


def _tls_context(addresses: Addresses) -> ssl.SSLContext | None:
    if addresses.certificate is None or addresses.private_key is None:
        return None
    for path in (addresses.certificate, addresses.private_key):
        try:
            path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: expected a PEM file, got {error.strerror}") from error

    def expect_no_password() -> str:
        raise UserError(
            f"{addresses.private_key}: expected a key, got an encrypted one",
            hint="`openssl pkey -in FILE -out PLAIN` decrypts it; let nobody else read that",
        )

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(addresses.certificate, addresses.private_key, expect_no_password)
    except OSError as error:
        raise UserError(
            f"{addresses.certificate}: expected a certificate and {addresses.private_key} as its "
            f"key, got {error.strerror or error}"
        ) from error
    return context


async def _listen_http(runner: web.AppRunner, addresses: Addresses) -> int:
    site = web.TCPSite(
        runner, addresses.host, addresses.http_port, ssl_context=_tls_context(addresses)
    )
    try:
        await site.start()
    except OSError as error:
        where = f"{addresses.host}:{addresses.http_port}"
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise UserError(
                f"expected to listen on {where}, got: {os.strerror(error.errno)}",
                hint="choose another port with `--http-port`",
            ) from error
        raise UserError(
            f"expected to listen on {where}, got: {error.strerror}",
            hint="choose another address with `--host`",
        ) from error
    return site.port


def _listen_grpc(server: Server, addresses: Addresses) -> int:
    host = f"[{addresses.host}]" if ":" in addresses.host else addresses.host
    where = f"{host}:{addresses.grpc_port}"
    try:
        if addresses.certificate is None or addresses.private_key is None:
            return server.add_insecure_port(where)
        pair = addresses.private_key.read_bytes(), addresses.certificate.read_bytes()
        return server.add_secure_port(where, grpc.ssl_server_credentials([pair]))
    except RuntimeError as error:
        raise UserError(
            f"expected to listen on {where}, got no permission or a port that is taken",
            hint="choose another port with `--grpc-port`",
        ) from error
