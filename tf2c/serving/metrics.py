"""What Prometheus collects, put together when it asks: requests pay nothing for it."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tf2c.serving.service import LATENCY_SECONDS, Service

OUTCOMES = ("succeeded", "failed", "rejected")


class _Collector(Collector):
    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        watch = self._service.watch
        images = CounterMetricFamily(
            "tf2c_images", "Images by what became of them.", labels=("network", "tenant", "outcome")
        )
        seconds = CounterMetricFamily(
            "tf2c_seconds",
            "Time that images waited and were computed, together.",
            labels=("network", "tenant", "phase"),
        )
        latency = HistogramMetricFamily(
            "tf2c_latency_seconds",
            "From the queue to the result.",
            labels=("network", "tenant"),
        )
        for (network, tenant), each in list(watch.statistics.items()):
            for outcome in OUTCOMES:
                images.add_metric((network, tenant, outcome), getattr(each, outcome))
            for phase in ("queue", "compute"):
                nanoseconds = getattr(each, f"{phase}_nanoseconds")
                seconds.add_metric((network, tenant, phase), nanoseconds / 1e9)
            total = 0
            buckets: list[tuple[str, int]] = []
            for limit, count in zip((*LATENCY_SECONDS, "+Inf"), each.latencies, strict=True):
                total += count
                buckets.append((str(limit), total))
            together = each.queue_nanoseconds + each.compute_nanoseconds
            latency.add_metric((network, tenant), buckets, together / 1e9)
        yield from (images, seconds, latency)
        waiting = GaugeMetricFamily("tf2c_waiting", "Images that wait.", labels=("tenant",))
        for tenant, count in list(watch.waiting.items()):
            waiting.add_metric((tenant,), count)
        yield waiting
        busy = GaugeMetricFamily("tf2c_card_busy", "Whether a card works.", labels=("card",))
        counters = {
            name: CounterMetricFamily(f"tf2c_card_{name}", text, labels=("card",))
            for name, text in (
                ("batches", "Batches that a card was given."),
                ("loads", "Networks that a card has loaded."),
                ("losses", "Failures of a card."),
            )
        }
        for card, state in list(watch.cards.items()):
            busy.add_metric((card,), int(state.is_busy))
            for name, counter in counters.items():
                counter.add_metric((card,), getattr(state, name))
        yield busy
        yield from counters.values()


def exposition(service: Service) -> bytes:
    """Return all metrics in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(service))
    return generate_latest(registry)
