"""The Open Inference Protocol over HTTP, with binary tensors, shared memory and a repository.

Beside it `/metrics` for Prometheus, and `/` and `/status` for operators (`page.py`).
"""

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any, cast

from aiohttp import web

from tf2c.serving import metrics, page
from tf2c.serving.errors import Refusal, RefusedError, told
from tf2c.serving.service import Service
from tf2c.serving.shared_memory import Registered
from tf2c.serving.tenants import Caller
from tf2c.serving.tensors import (
    OUTPUT,
    OUTPUT_TYPE,
    VERSION,
    Inference,
    expect_input,
    images_of,
    images_of_numbers,
    invalid,
    region_of,
    scheduling,
)

BODY_SECONDS = 30.0
"""In which a request has to be there."""

UNREAD_SECONDS = 30.0
"""In which a client has to read some of an answer that does not fit what systems keep for it."""

LARGEST_JSON = 8 << 20
"""Bytes of a request that are JSON: nobody else is served while they are read."""

HEADER_LENGTH = "Inference-Header-Content-Length"

EXTENSIONS = (
    "binary_tensor_data",
    "system_shared_memory",
    "model_configuration",
    "model_repository",
    "schedule_policy",
    "statistics",
)

Answer = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]

Known = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(service: Service, largest_request: int) -> web.Application:
    """Return the application.

    Args:
        service: what is served.
        largest_request: bytes of a request's body, unpacked; larger ones are refused.
    """
    layers: list[Any] = [_end_connections, _answer_errors]
    app = web.Application(client_max_size=largest_request, middlewares=layers)
    answers = _Answers(service)
    for method, path, answer in answers.routes():
        app.router.add_route(method, path, answers.for_callers(answer))
    for path in ("/v2/health/live", "/v2/health/ready"):
        app.router.add_get(path, answers.health)
    app.router.add_get("/", answers.page)
    app.on_response_prepare.append(_expect_reading)
    return app


async def _expect_reading(request: web.Request, _: web.StreamResponse) -> None:
    """Let the system end the connection of a client that does not read its answers."""
    connection: Any = request.get_extra_info("socket")
    if sys.platform == "linux" and connection is not None:
        milliseconds = int(1000 * UNREAD_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


@web.middleware
async def _end_connections(request: web.Request, **answer: Known) -> web.StreamResponse:
    """Say that a connection ends where nothing behind a request can be read."""
    response = await answer["handler"](request)
    if request.content.exception() is not None:
        response.force_close()
    return response


@web.middleware
async def _answer_errors(request: web.Request, **answer: Known) -> web.StreamResponse:
    """Answer whatever goes wrong as the protocol wants it.

    No error outlives its `except`: its traceback holds the request, and both would be there until
    Python looks for cycles.
    """
    try:
        return await answer["handler"](request)  # as aiohttp names it
    except web.HTTPRequestEntityTooLarge as error:
        return _refusal(
            RefusedError(Refusal.TOO_LARGE, f"expected less in a request: {error.text}")
        )
    except web.HTTPException as error:
        return web.json_response({"error": error.reason}, status=error.status)
    except (web.RequestPayloadError, ConnectionError):
        return _refusal(invalid("expected a whole request that can be unpacked"))
    except TimeoutError:
        return _refusal(RefusedError(Refusal.SLOW, f"expected it within {BODY_SECONDS:g} s"))
    except Exception as error:
        return _refusal(told(error))


def _refusal(found: RefusedError) -> web.Response:
    status = found.refusal.status
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return web.json_response({"error": str(found)}, status=status, headers=headers)


def _document(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; an empty one is an empty object.

    Raises:
        RefusedError: it is none.
    """
    try:
        content: Any = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise invalid("expected JSON") from error
    if not isinstance(content, dict):
        raise invalid("expected a JSON object")
    return cast(dict[str, Any], content)


def _table(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: Any = content.get(name, {})
    if not isinstance(found, dict):
        raise invalid(f"expected `{name}` to be an object")
    return cast(dict[str, Any], found)


def _only(content: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return the one object of a list; None where there is no list.

    Raises:
        RefusedError: there are more or fewer.
    """
    found: Any = content.get(name)
    if found in (None, []):
        return None
    tensors = cast(list[Any], found) if isinstance(found, list) else []
    if len(tensors) != 1 or not isinstance(tensors[0], dict):
        raise invalid(f"expected one tensor in `{name}`")
    return cast(dict[str, Any], tensors[0])


def parse_inference(model: str, body: bytes, header_length: str | None) -> Inference:
    """Take the body of a request apart.

    Args:
        model: of the path.
        body: a JSON object, and the bytes of a tensor behind it.
        header_length: bytes of the object, where there are others behind it.

    Raises:
        RefusedError: it is not as the protocol has it.
    """
    length = len(body)
    if header_length is not None:
        is_number = header_length.isdecimal() and len(header_length) < 12
        if not is_number or int(header_length) > len(body):
            raise invalid(f"expected `{HEADER_LENGTH}` of at most {len(body)}")
        length = int(header_length)
    if length > LARGEST_JSON:
        raise RefusedError(
            Refusal.TOO_LARGE,
            f"expected at most {LARGEST_JSON} bytes of JSON, got {length}: send binary tensors",
        )
    content, binary = _document(body[:length]), memoryview(body)[length:]
    tensor = _only(content, "inputs")
    if tensor is None or not isinstance(tensor.get("shape"), list):
        raise invalid("expected one tensor in `inputs`, with a shape")
    shape = expect_input(tensor.get("name"), tensor.get("datatype"), tensor["shape"])
    parameters = _table(tensor, "parameters")
    images = region_of(parameters)
    if images is None and "data" in tensor:
        images = images_of_numbers(tensor["data"], shape)
    elif images is None:
        if parameters.get("binary_data_size") != len(binary):
            raise invalid("expected `data`, or `binary_data_size` bytes behind the object")
        images = images_of(binary, shape)
    output = _only(content, "outputs") or {"name": OUTPUT}
    if output.get("name") != OUTPUT:
        raise invalid(f"expected one output `{OUTPUT}`, got `{output.get('name')}`")
    wanted, general = _table(output, "parameters"), _table(content, "parameters")
    priority, seconds = scheduling(general)
    return Inference(
        model,
        images,
        shape,
        id=str(content.get("id", "")),
        output=region_of(wanted),
        binary=bool(wanted.get("binary_data", general.get("binary_data_output", False))),
        priority=priority,
        seconds=seconds,
    )


class _Answers:
    """What answers each path."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[tuple[str, str, Answer]]:
        """Return methods, paths and what answers them."""
        model = "/v2/models/{model}"
        memory = "/v2/systemsharedmemory"
        found: list[tuple[str, str, Answer]] = [
            ("GET", "/v2", self.server),
            ("GET", "/v2/models/stats", self.statistics),
            ("POST", "/v2/repository/index", self.index),
            ("POST", "/v2/repository/models/{model}/load", self.load),
            ("POST", "/v2/repository/models/{model}/unload", self.unload),
            ("GET", f"{memory}/status", self.regions),
            ("GET", memory + "/region/{region}/status", self.regions),
            ("POST", memory + "/region/{region}/register", self.register),
            ("POST", memory + "/region/{region}/unregister", self.unregister),
            ("POST", f"{memory}/unregister", self.unregister),
            ("GET", "/metrics", self.metrics),
            ("GET", "/status", self.status),
        ]
        for versioned in (model, model + "/versions/{version}"):
            found += [
                ("GET", versioned, self.model),
                ("GET", f"{versioned}/ready", self.model_ready),
                ("GET", f"{versioned}/config", self.config),
                ("GET", f"{versioned}/stats", self.statistics),
                ("POST", f"{versioned}/infer", self.infer),
            ]
        return found

    def for_callers(self, answer: Answer) -> Known:
        """Return what answers and knows who asks."""

        async def known(request: web.Request) -> web.StreamResponse:
            caller = self._service.access.caller(request.headers.get("Authorization"))
            return await answer(request, caller)

        return known

    async def health(self, request: web.Request) -> web.Response:
        """Answer whether the server lives, or takes requests; nobody needs a key for that."""
        is_fine = request.path.endswith("live") or self._service.is_ready
        return web.Response(status=200 if is_fine else 503)

    async def server(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer what the server is."""
        return web.json_response(
            {"name": "tf2c", "version": version("tf2c"), "extensions": list(EXTENSIONS)}
        )

    async def model(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer a network's metadata."""
        return web.json_response(self._service.metadata(caller, *_model(request)))

    async def config(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer a network's metadata once more, as Triton's clients ask for it."""
        return web.json_response(self._service.configuration(caller, *_model(request)))

    async def model_ready(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer whether a network takes requests."""
        self._service.network(caller, *_model(request))
        return web.Response(status=200 if self._service.is_ready else 503)

    async def infer(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer a network's results."""
        model, _ = _model(request)
        self._service.network(caller, *_model(request))
        body = await asyncio.wait_for(request.read(), BODY_SECONDS)
        inference = replace(
            parse_inference(model, body, request.headers.get(HEADER_LENGTH)),
            sent={name.lower(): value for name, value in request.headers.items()},
        )
        values = await self._service.infer(caller, inference)
        tensor: dict[str, Any] = {"name": OUTPUT, "datatype": OUTPUT_TYPE}
        contents = b""
        if values is None:
            assert inference.output is not None
            network = self._service.network(caller, model)
            tensor["shape"] = [inference.shape[0], *network.program.output.shape]
            tensor["parameters"] = {
                "shared_memory_region": inference.output.name,
                "shared_memory_offset": inference.output.offset,
                "shared_memory_byte_size": inference.output.size,
            }
        else:
            tensor["shape"] = list(values.shape)
            if inference.binary:
                contents = values.astype("<f8").tobytes()
                tensor["parameters"] = {"binary_data_size": len(contents)}
            else:
                tensor["data"] = values.reshape(-1).tolist()
        answer = {"model_name": model, "model_version": VERSION, "outputs": [tensor]}
        if inference.id:
            answer["id"] = inference.id
        text = json.dumps(answer).encode()
        headers = {"Content-Type": "application/json"}
        if contents:
            headers = {
                "Content-Type": "application/octet-stream",
                HEADER_LENGTH: str(len(text)),
            }
        return web.Response(body=text + contents, headers=headers)

    async def statistics(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer what the caller has had."""
        model = request.match_info.get("model")
        names = self._service.names(caller) if model is None else [model]
        return web.json_response(
            {"model_stats": [self._statistics(caller, name) for name in names]}
        )

    def _statistics(self, caller: Caller, name: str) -> dict[str, Any]:
        found = self._service.statistics(caller, name)
        return {
            "name": name,
            "version": VERSION,
            "inference_count": found.succeeded,
            "execution_count": found.succeeded,
            "inference_stats": {
                "success": {
                    "count": found.succeeded,
                    "ns": found.queue_nanoseconds + found.compute_nanoseconds,
                },
                "fail": {"count": found.failed + found.rejected, "ns": 0},
                "queue": {"count": found.succeeded, "ns": found.queue_nanoseconds},
                "compute_infer": {"count": found.succeeded, "ns": found.compute_nanoseconds},
            },
        }

    async def index(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer what there is."""
        return web.json_response(self._service.index(caller))

    async def load(self, request: web.Request, caller: Caller) -> web.Response:
        """Load an artifact."""
        content = _document(await asyncio.wait_for(request.read(), BODY_SECONDS))
        model, parameters = request.match_info["model"], _table(content, "parameters")
        await asyncio.to_thread(self._service.load, caller, model, parameters)
        return web.Response()

    async def unload(self, request: web.Request, caller: Caller) -> web.Response:
        """Unload a network."""
        self._service.unload(caller, request.match_info["model"])
        return web.Response()

    async def regions(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer the caller's shared memory."""
        found = self._service.regions.status(caller.name, request.match_info.get("region", ""))
        return web.json_response(
            [
                {
                    "name": each.name,
                    "key": each.key,
                    "offset": each.offset,
                    "byte_size": each.size,
                }
                for each in found
            ]
        )

    async def register(self, request: web.Request, caller: Caller) -> web.Response:
        """Map shared memory."""
        content = _document(await asyncio.wait_for(request.read(), BODY_SECONDS))
        key, offset, size = content.get("key"), content.get("offset", 0), content.get("byte_size")
        if not isinstance(key, str) or not isinstance(offset, int) or not isinstance(size, int):
            raise invalid("expected `key`, `offset` and `byte_size`")
        region = Registered(request.match_info["region"], key, offset, size)
        self._service.regions.register(caller.name, region)
        return web.Response()

    async def unregister(self, request: web.Request, caller: Caller) -> web.Response:
        """Forget shared memory."""
        self._service.regions.unregister(caller.name, request.match_info.get("region", ""))
        return web.Response()

    async def metrics(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer what Prometheus collects."""
        _expect_operator(caller)
        return web.Response(body=metrics.exposition(self._service), content_type="text/plain")

    async def status(self, request: web.Request, caller: Caller) -> web.Response:
        """Answer what the page shows."""
        _expect_operator(caller)
        return web.json_response(page.status(self._service, caller))

    async def page(self, request: web.Request) -> web.Response:
        """Answer the page, which says nothing by itself."""
        return web.Response(text=page.HTML, content_type="text/html", headers=page.HEADERS)


def _model(request: web.Request) -> tuple[str, str]:
    return request.match_info["model"], request.match_info.get("version", "")


def _expect_operator(caller: Caller) -> None:
    if not caller.is_operator:
        raise RefusedError(Refusal.FORBIDDEN, "only the operator may see that")
