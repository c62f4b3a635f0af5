"""Every metric, declared once. Updates come once a batch or a transaction, never per event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from stream_scorer.observe.event_ages import EventAges
from stream_scorer.records import Reason, Stage, TopicPartition

_ROWS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)
_SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
#: Columns to tensors is part of reading the event.
_STAGE_LABELS = {
    Stage.POLL: "poll",
    Stage.DECODE: "decode",
    Stage.FEATURES: "decode",
    Stage.INFER: "infer",
    Stage.ENCODE: "encode",
    Stage.COMMIT: "commit",
}
OUTCOMES = ("committed", "aborted")
REBALANCES = ("assigned", "revoked", "lost")


class Metrics:
    """The metrics of one worker, in the given registry. No label grows with the data."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"stream_scorer_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"stream_scorer_{name}", text, labels, registry=registry)

        self._consumed = counter("events_consumed", "Events read from the input.", "topic")
        self._scored = counter("events_scored", "Scored events that were committed.")
        self._dead = counter("dead_letters", "Dead letters that were committed.", "reason")
        self._transactions = counter("transactions", "Transactions by their end.", "outcome")
        self._rebalances = counter("rebalances", "Changes of the assignment.", "kind")
        self._lag = gauge(
            "lag_events",
            "Events that wait in a partition, without control markers.",
            "topic",
            "partition",
        )
        self._model = gauge("model_info", "The model that scores.", "name", "version", "sha256")
        self._aborts = gauge("aborts_in_a_row", "Transactions aborted since the last commit.")
        self._rows = Histogram(
            "stream_scorer_batch_rows",
            "Events in one batch.",
            buckets=_ROWS,
            registry=registry,
        )
        self._stages = Histogram(
            "stream_scorer_stage_seconds",
            "Time that one batch (commit: one transaction) spends in a stage.",
            ("stage",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._ages = EventAges(
            "stream_scorer_event_age_seconds",
            "Age of events when they are committed, from the event's timestamp.",
            registry,
        )
        self._declare_labels()

    def _declare_labels(self) -> None:
        """Export every label of a closed list from the start: a rate needs its zero."""
        for reason in Reason:
            self._dead.labels(reason.value)
        for outcome in OUTCOMES:
            self._transactions.labels(outcome)
        for kind in REBALANCES:
            self._rebalances.labels(kind)
        for label in _STAGE_LABELS.values():
            self._stages.labels(label)

    def model(self, name: str, version: str, sha256: str) -> None:
        """Name the model that scores from now on."""
        self._model.clear()
        self._model.labels(name, version, sha256).set(1)

    def polled(self, events_by_topic: Mapping[str, int]) -> None:
        """Count a batch that arrived."""
        self._rows.observe(sum(events_by_topic.values()))
        for topic, events in events_by_topic.items():
            self._consumed.labels(topic).inc(events)

    def stage(self, stage: Stage, seconds: float) -> None:
        """Note how long a stage took for one batch."""
        self._stages.labels(_STAGE_LABELS[stage]).observe(seconds)

    def committed(
        self,
        scored: int,
        dead_letters: Mapping[Reason, int],
        ages_seconds: NDArray[np.float64],
    ) -> None:
        """Count what one transaction made visible."""
        self._transactions.labels("committed").inc()
        self._aborts.set(0)
        self._scored.inc(scored)
        for reason, count in dead_letters.items():
            self._dead.labels(reason.value).inc(count)
        self._ages.observe(ages_seconds)

    def aborted(self, in_a_row: int) -> None:
        """Count a transaction that left no trace."""
        self._transactions.labels("aborted").inc()
        self._aborts.set(in_a_row)

    def rebalanced(self, kind: str) -> None:
        """Count a change of the assignment: ``assigned``, ``revoked`` or ``lost``."""
        self._rebalances.labels(kind).inc()

    def lag(self, partition: TopicPartition, events: int) -> None:
        """Set how many events wait in a partition."""
        self._lag.labels(partition.topic, str(partition.partition)).set(events)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop the lag of partitions that another worker has now."""
        for partition in partitions:
            with suppress(KeyError):
                self._lag.remove(partition.topic, str(partition.partition))
