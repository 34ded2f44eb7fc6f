"""Traces as a collector gets them: who asked, where images waited and ran, and each layer."""

import asyncio
import contextlib
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from unit.held_card import HeldCard
from unit.serving.conftest import CLIENTS, Digits, listening

from tf2c.errors import DeviceError, UserError
from tf2c.orchestration.cards import Card, DeviceCard
from tf2c.runtime.device import Memories
from tf2c.runtime.simulator import Simulator
from tf2c.serving.errors import RefusedError
from tf2c.serving.service import Service
from tf2c.serving.tenants import Access
from tf2c.serving.tensors import Inference

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="`pip install 'tf2c[trace]'`")

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from tf2c.serving.tracing import Tracing

pb: Any = trace_service_pb2
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Span:
    """A span, as it came over the wire."""

    def __init__(self, span: Any) -> None:
        self.name: str = span.name
        self.trace = span.trace_id.hex()
        self.id = span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.begin, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.attributes = {
            each.key: getattr(each.value, each.value.WhichOneof("value"))
            for each in span.attributes
        }
        self.error = span.status.message if span.status.code == 2 else None


class Collector:
    """A server that takes OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    raise AssertionError("not asked for")
                for resource in pb.ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += map(Span, scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def named(self, name: str) -> list[Span]:
        return sorted((each for each in self.spans if each.name == name), key=lambda e: e.begin)

    def below(self, span: Span) -> list[Span]:
        return sorted((e for e in self.spans if e.parent == span.id), key=lambda e: e.begin)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with contextlib.closing(Collector()) as found:
        yield found


@contextmanager
def service(digits: Digits, collector: Collector, *cards: Card) -> Generator[Service]:
    """Return a service whose spans are there when it has ended."""
    tracing = Tracing.to(collector.address)
    cards = cards or (DeviceCard(lambda _: Simulator()),)
    with contextlib.closing(
        Service({"digits": digits.network}, cards, Access(), tracing=tracing)
    ) as found:
        yield found


def infer(service: Service, images: Any, seconds: float | None = None) -> Any:
    caller = service.access.caller(None)
    inference = Inference("digits", images, images.shape, seconds=seconds)
    return asyncio.run(service.infer(caller, inference))


def assert_nested(outer: Span, inner: Span) -> None:
    assert inner.trace == outer.trace
    assert outer.begin <= inner.begin <= inner.end <= outer.end


@pytest.mark.parametrize("protocol", [*CLIENTS])
def test_a_request_is_traced_down_to_layers(
    digits: Digits, collector: Collector, protocol: str
) -> None:
    """In the trace of its client."""
    module = CLIENTS[protocol]
    with service(digits, collector) as served, listening(served) as server:
        client: Any = module.InferenceServerClient(server.address(protocol))
        tensor = module.InferInput("input", [3, 1, 8, 8], "FP32")
        tensor.set_data_from_numpy(digits.images[:3])
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        found = client.infer("digits", [tensor], headers=headers).as_numpy("output")
    np.testing.assert_array_equal(found, digits.expected[:3])
    (request,) = collector.named("infer")
    assert (request.trace, request.parent) == (TRACE, PARENT)
    assert request.attributes == {
        "tf2c.network": "digits",
        "tf2c.tenant": "default",
        "tf2c.images": 3,
    }
    below = collector.below(request)
    queues = [each for each in below if each.name == "queue"]
    batches = [each for each in below if each.name == "batch"]
    assert len(below) == len(queues) + len(batches)
    assert sorted(each.attributes["tf2c.image"] for each in queues) == [0, 1, 2]
    assert sum(each.attributes["tf2c.batch"] for each in batches) == 3
    assert batches[0].attributes["tf2c.loads"]
    assert {each.attributes["tf2c.card"] for each in batches} == {"simulator 0"}
    for each in below:
        assert_nested(request, each)
        assert each.error is None
    for batch in batches:
        layers = collector.below(batch)
        assert [each.name for each in layers] == [*digits.network.layers]
        assert [each.attributes["tf2c.job"] for each in layers] == list(range(len(layers)))
        for layer, following in pairwise(layers):
            assert layer.end == following.begin
        for layer in layers:
            assert_nested(batch, layer)


def test_requests_at_once_are_kept_apart(digits: Digits, collector: Collector) -> None:
    with service(digits, collector) as served:
        caller = served.access.caller(None)

        async def ask() -> None:
            shape = (1, *digits.images.shape[1:])
            await asyncio.gather(
                *(
                    served.infer(caller, Inference("digits", digits.images[i : i + 1], shape))
                    for i in range(8)
                )
            )

        asyncio.run(ask())
    requests = collector.named("infer")
    assert len({each.trace for each in requests}) == 8
    for request in requests:
        assert [each.name for each in collector.below(request)] == ["queue", "batch"]


def test_what_goes_wrong_is_in_the_trace(digits: Digits, collector: Collector) -> None:
    card = HeldCard()
    with service(digits, collector, card) as served:
        first = threading.Thread(target=infer, args=(served, digits.images[:1]))
        first.start()
        assert card.begun.wait(60)
        with pytest.raises(RefusedError, match="deadline"):
            infer(served, digits.images[:1], seconds=0.01)
        card.may_end.set()
        first.join()
    late = next(each for each in collector.named("infer") if each.error is not None)
    assert "deadline" in str(late.error)
    (queue,) = collector.below(late)
    assert (queue.name, queue.error) == ("queue", "its deadline has passed")


def test_a_card_that_fails_is_in_the_trace(digits: Digits, collector: Collector) -> None:
    class FailingOnce(Simulator):
        fails = True

        def execute(self, memories: Memories) -> dict[str, int]:
            if FailingOnce.fails:
                FailingOnce.fails = False
                raise DeviceError("the card is gone")
            return super().execute(memories)

    with service(digits, collector, DeviceCard(lambda _: FailingOnce())) as served:
        np.testing.assert_array_equal(infer(served, digits.images[:1]), digits.expected[:1])
    (request,) = collector.named("infer")
    assert request.error is None
    found = [(each.name, each.error) for each in collector.below(request)]
    lost = ("batch", "the card is gone")
    assert found == [("queue", None), lost, ("queue", None), ("batch", None)]


def test_nothing_is_kept_of_requests_that_are_not_sampled(digits: Digits) -> None:
    tracing = Tracing()  # this process has no tracer provider, so nobody wants spans
    cards = [DeviceCard(lambda _: Simulator())]
    with contextlib.closing(
        Service({"digits": digits.network}, cards, Access(), tracing=tracing)
    ) as served:
        np.testing.assert_array_equal(infer(served, digits.images[:2]), digits.expected[:2])
        assert not tracing._open  # pyright: ignore[reportPrivateUsage]


def test_nothing_is_left_of_requests_that_have_ended(digits: Digits, collector: Collector) -> None:
    tracing = Tracing.to(collector.address)
    cards = [DeviceCard(lambda _: Simulator())]
    with contextlib.closing(
        Service({"digits": digits.network}, cards, Access(), tracing=tracing)
    ) as served:
        infer(served, digits.images)
        assert not tracing._open  # pyright: ignore[reportPrivateUsage]


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match=r"expected `http://HOST:PORT` of a collector"):
        Tracing.to("localhost:4318")
