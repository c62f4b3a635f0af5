"""Metrics that are read where they stand when a scraper asks, not written each time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from stream_scorer.observe.lags import Lag
from stream_scorer.records import ClientStatistics

Family = CounterMetricFamily | GaugeMetricFamily


class LagMetrics:
    """``stream_scorer_lag_*`` and ``stream_scorer_unstable_*``, of the partitions held."""

    def __init__(self, registry: CollectorRegistry, lags: Callable[[], list[Lag]]) -> None:
        self._lags = lags
        registry.register(self)

    def describe(self) -> list[Family]:
        """Return the families, so that nothing is asked at registration."""
        return [_lag_family(each) for each in _OF_LAGS]

    def collect(self) -> Iterator[Family]:
        """Yield what is known; a partition of which nothing is known yet has no series."""
        lags = self._lags()
        for each in _OF_LAGS:
            family = _lag_family(each)
            for lag in lags:
                if (value := each.value(lag)) is not None:
                    family.add_metric([lag.source.topic, str(lag.source.partition)], value)
            yield family


@dataclass(frozen=True, slots=True)
class _OfLag:
    """A number of each partition."""

    name: str
    text: str
    value: Callable[[Lag], float | None]


_OF_LAGS = (
    _OfLag(
        "lag_events",
        "Events that wait in a partition, without control markers.",
        lambda lag: lag.events,
    ),
    _OfLag(
        "lag_seconds",
        "Age of the last event that was read, while more wait; else 0.",
        lambda lag: lag.seconds,
    ),
    _OfLag(
        "unstable_offsets",
        "Offsets from the last stable one to the high watermark: a transaction is open there.",
        lambda lag: lag.unstable,
    ),
    _OfLag(
        "unstable_seconds",
        "For how long the last stable offset has stood still below the high watermark; else 0.",
        lambda lag: lag.unstable_seconds,
    ),
)


def _lag_family(each: _OfLag) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"stream_scorer_{each.name}", each.text, labels=["topic", "partition"])


@dataclass(frozen=True, slots=True)
class _Both:
    """A number that consumer and producer have."""

    name: str
    text: str
    value: Callable[[ClientStatistics], int]
    counts: bool = False


_OF_BOTH = (
    _Both("kafka_queue_messages", "Messages in the client's queue.", lambda s: s.queue_messages),
    _Both("kafka_queue_messages_bytes", "Their size.", lambda s: s.queue_bytes),
    _Both("kafka_brokers_up", "Connections to brokers that are up.", lambda s: s.brokers_up),
    _Both("kafka_requests", "Requests sent.", lambda s: s.requests, counts=True),
    _Both("kafka_requests_bytes", "Their size.", lambda s: s.request_bytes, counts=True),
    _Both("kafka_responses", "Responses received.", lambda s: s.responses, counts=True),
    _Both("kafka_responses_bytes", "Their size.", lambda s: s.response_bytes, counts=True),
)


class ClientMetrics:
    """librdkafka's own statistics as ``kafka_*``, from the last emission of each client.

    A producer that was made anew counts from zero again, as a process that was restarted does.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._last: dict[str, ClientStatistics] = {}
        self._lock = threading.Lock()
        registry.register(self)

    def heard(self, statistics: ClientStatistics) -> None:
        """Take the newest statistics of a client."""
        with self._lock:
            self._last[statistics.client] = statistics

    def collect(self) -> Iterator[Family]:
        """Yield all families, those without a value among them."""
        with self._lock:
            last = dict(self._last)
        for both in _OF_BOTH:
            kind = CounterMetricFamily if both.counts else GaugeMetricFamily
            family = kind(both.name, both.text, labels=["client"])
            for client, statistics in last.items():
                family.add_metric([client], both.value(statistics))
            yield family
        for client, done in (("consumer", "consumed"), ("producer", "produced")):
            yield from _messages(done, last.get(client))


def _messages(done: str, statistics: ClientStatistics | None) -> Iterator[Family]:
    messages = CounterMetricFamily(f"kafka_{done}_messages", f"Messages {done}.", labels=[])
    size = CounterMetricFamily(f"kafka_{done}_messages_bytes", "Their size.", labels=[])
    if statistics is not None:
        messages.add_metric([], statistics.messages)
        size.add_metric([], statistics.message_bytes)
    yield from (messages, size)
