"""Where a request's time goes, down to layers, for whoever collects traces (`tf2c[trace]`).

A request is a span `infer`, in the trace of the client that sent `traceparent`. Below it are a span
`queue` for each image, from when it was queued until a card was given it, and a span `batch` for
each batch that it had images in, on its card; below that a span for each layer, named as the user's
model names it. Devices that do not tell when they do which layer have none: only the simulator
tells. Every time is measured.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from tf2c.errors import UserError
from tf2c.orchestration.events import Completed, Dispatched, Dropped, Event, Lost, Submitted
from tf2c.orchestration.policy import Dispatch

HEADERS = ("traceparent", "tracestate")
"""In which clients say what trace a request belongs to (W3C Trace Context)."""

INSTALL_HINT = "run `pip install 'tf2c[trace]'`"

_current: ContextVar["list[Event] | None"] = ContextVar("events of the request", default=None)


class Tracing:
    """Spans of requests, from the events of their images."""

    def __init__(self, provider: Any = None) -> None:
        """Take a tracer provider of OpenTelemetry's SDK; None for that of the process."""
        tracers = trace.get_tracer_provider() if provider is None else provider
        self._provider = provider
        self._tracer: Tracer = tracers.get_tracer("tf2c")
        self._open: dict[int, list[Event]] = {}  # events of images on their way, by number

    @staticmethod
    def to(address: str) -> "Tracing":
        """Send spans to a collector.

        Args:
            address: of a server that takes OTLP over HTTP: `http://HOST:4318`.

        Raises:
            UserError: what sends them is not installed, or this is no address.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"expected `http://HOST:PORT` of a collector, got `{address}`")
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise UserError(
                f"expected what sends traces, got no `{error.name}`", hint=INSTALL_HINT
            ) from error
        provider = TracerProvider(resource=Resource.create({"service.name": "tf2c"}))
        exporter = OTLPSpanExporter(endpoint=f"{address.rstrip('/')}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return Tracing(provider)

    def __call__(self, event: Event) -> None:
        """Keep an event with the requests that it is about; called by the runtime."""
        match event:
            case Submitted(_, request):
                events = _current.get()
                if events is not None:
                    self._open[request.number] = events
                    events.append(event)
            case Dropped(_, request, _):
                events = self._open.pop(request.number, None)
                if events is not None:
                    events.append(event)
            case Dispatched(_, found) | Completed(_, found):
                self._keep(event, [each.number for each in found.requests])
            case Lost(_, _, requests, _):
                self._keep(event, [each.number for each in requests])
            case _:
                pass

    def _keep(self, event: Event, numbers: list[int]) -> None:
        if not self._open:
            return
        ends = isinstance(event, Completed)
        for number in numbers:
            events = self._open.pop(number, None) if ends else self._open.get(number)
            if events is not None and (not events or events[-1] is not event):
                events.append(event)

    @contextmanager
    def request(
        self,
        network: str,
        tenant: str,
        images: int,
        layers: Sequence[str],
        sent: Mapping[str, str],
    ) -> Generator[None]:
        """Trace what is submitted meanwhile, in this context.

        Args:
            network: by name.
            tenant: by name.
            images: how many.
            layers: of the network's jobs.
            sent: the `HEADERS` that the client has sent.
        """
        attributes = {"tf2c.network": network, "tf2c.tenant": tenant, "tf2c.images": images}
        with self._tracer.start_as_current_span(
            "infer", propagate.extract(sent), SpanKind.SERVER, attributes
        ) as span:
            if not span.is_recording():
                yield
                return
            events: list[Event] = []
            token = _current.set(events)
            try:
                yield
            finally:
                _current.reset(token)
                self._describe(span, list(events), layers)

    def close(self) -> None:
        """Send what has not been sent."""
        if self._provider is not None:
            self._provider.shutdown()

    def _describe(self, span: Span, events: Sequence[Event], layers: Sequence[str]) -> None:
        """Make spans of the events of one request."""
        spans = _Spans(self._tracer, span)
        own = [each.request.number for each in events if isinstance(each, Submitted)]
        since: dict[int, int] = {}
        begun: dict[tuple[str, int], int] = {}  # by card and first request

        def end_waiting(number: int, now: int, error: str | None = None) -> None:
            place = {"tf2c.image": own.index(number)}
            spans.add("queue", since.pop(number), now, place, error)

        for event in events:
            match event:
                case Submitted(now, request):
                    since[request.number] = now
                case Dropped(now, request, reason) if request.number in since:
                    end_waiting(request.number, now, reason)
                case Dispatched(now, found):
                    begun[_batch(found)] = now
                    for each in found.requests:
                        if each.number in since:
                            end_waiting(each.number, now)
                case Completed(now, found, failed, job_times):
                    has_failed = any(each.number in own for each in failed)
                    error = "no result" if has_failed else None
                    batch = spans.add("batch", begun.pop(_batch(found)), now, _of(found), error)
                    below = _Spans(self._tracer, batch)
                    if len(job_times) != len(layers) + 1:
                        continue  # not told, or the network has been loaded again meanwhile
                    times = zip(layers, job_times[:-1], job_times[1:], strict=True)
                    for job, (layer, starts, ends) in enumerate(times):
                        below.add(layer, starts, ends, {"tf2c.job": job})
                case Lost(now, card, requests, reason):
                    for batch in [each for each in begun if each[0] == card]:
                        spans.add("batch", begun.pop(batch), now, {"tf2c.card": card}, reason)
                    since |= {each.number: now for each in requests if each.number in own}
                case _:
                    pass


class _Spans:
    """Spans below another one."""

    def __init__(self, tracer: Tracer, parent: Span) -> None:
        self._tracer = tracer
        self._context = trace.set_span_in_context(parent)
        # Of the epoch, by which traces of different machines are put together.
        self._epoch = time.time_ns() - time.monotonic_ns()

    def add(
        self,
        name: str,
        begin: int,
        end: int,
        attributes: Mapping[str, str | int | bool],
        error: str | None = None,
    ) -> Span:
        """Add a span that has ended; times are of the monotonic clock."""
        span = self._tracer.start_span(
            name, self._context, attributes=attributes, start_time=self._epoch + begin
        )
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(self._epoch + end)
        return span


def _batch(dispatch: Dispatch) -> tuple[str, int]:
    return dispatch.card, dispatch.requests[0].number


def _of(dispatch: Dispatch) -> dict[str, str | int | bool]:
    return {
        "tf2c.card": dispatch.card,
        "tf2c.batch": len(dispatch.requests),
        "tf2c.loads": dispatch.loads,
    }
