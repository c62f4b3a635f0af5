"""Every metric, declared once. Updates come once a batch or a transaction, never per event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from stream_scorer.observe.collectors import ClientMetrics, LagMetrics
from stream_scorer.observe.histograms import EventAges, Scores
from stream_scorer.observe.lags import Lag
from stream_scorer.profile import Profile
from stream_scorer.records import Cause, ClientStatistics, Reason, Stage

ROWS_UP_TO = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)
_SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
#: Columns to tensors is part of reading the event.
STAGE_LABELS = {
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
    """The metrics of one worker, in the given registry. No label grows with the data.

    Args:
        registry: where they are registered.
        lags: asked at each scrape.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        lags: Callable[[], list[Lag]] = list,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"stream_scorer_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"stream_scorer_{name}", text, labels, registry=registry)

        self._consumed = counter("events_consumed", "Events read from the input.", "topic")
        self._scored = counter("events_scored", "Scored events that were committed.")
        self._dead = counter("dead_letters", "Dead letters that were committed.", "reason")
        self._transactions = counter("transactions", "Transactions by their end.", "outcome")
        self._rebalances = counter("rebalances", "Changes of the assignment.", "kind")
        self._model = gauge("model_info", "The model that scores.", "name", "version", "sha256")
        self._aborts = gauge("aborts_in_a_row", "Transactions aborted since the last commit.")
        self._partitions = gauge("assigned_partitions", "Partitions that the worker holds.")
        self._last_commit = gauge(
            "last_commit_timestamp_seconds", "When the last transaction committed; 0: none yet."
        )
        self._ready = gauge("ready", "Whether the worker could take events: 1 or 0.")
        self._waiting = gauge("waiting", "Whether brokers are away, or a partition waits: 1 or 0.")
        self._held = gauge("partitions_waiting", "Partitions that wait, by what for.", "cause")
        self._standing = gauge("loop_standing_seconds", "Since the loop's last sign of life.")
        self._not_finite = counter(
            "non_finite_scores", "Scores that are NaN or infinite, committed or refused.", "output"
        )
        self._missing = counter("missing_features", "Events in which a feature is null.", "field")
        self._feature_rows = counter("feature_rows", "Events of which the features were read.")
        self._rows = Histogram(
            "stream_scorer_batch_rows",
            "Events in one batch.",
            buckets=ROWS_UP_TO,
            registry=registry,
        )
        self._stages = Histogram(
            "stream_scorer_stage_seconds",
            "Time that one batch (commit: one transaction) spends in a stage.",
            ("stage",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._ages = EventAges(registry)
        self._scores = Scores(registry)
        self._clients = ClientMetrics(registry)
        LagMetrics(registry, lags)
        ProcessCollector(registry=registry)
        self._declare_labels()

    def _declare_labels(self) -> None:
        """Export every label of a closed list from the start: a rate needs its zero."""
        for reason in Reason:
            self._dead.labels(reason.value)
        for cause in Cause:
            self._held.labels(cause.value)
        for outcome in OUTCOMES:
            self._transactions.labels(outcome)
        for kind in REBALANCES:
            self._rebalances.labels(kind)
        for label in STAGE_LABELS.values():
            self._stages.labels(label)

    def watch(
        self,
        ready: Callable[[], bool],
        waiting: Callable[[], bool],
        standing_seconds: Callable[[], float],
    ) -> None:
        """Ask these at each scrape."""
        self._ready.set_function(ready)
        self._waiting.set_function(waiting)
        self._standing.set_function(standing_seconds)

    def declare(self, features: Iterable[str], outputs: Iterable[str]) -> None:
        """Export what will be counted of these from the start."""
        for path in features:
            self._missing.labels(path)
        for output in outputs:
            self._not_finite.labels(output)
            self._scores.declare(output)

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
        self._stages.labels(STAGE_LABELS[stage]).observe(seconds)

    def committed(
        self,
        scored: int,
        dead_letters: Mapping[Reason, int],
        ages_seconds: NDArray[np.float64],
    ) -> None:
        """Count what one transaction made visible."""
        self._transactions.labels("committed").inc()
        self._aborts.set(0)
        self._last_commit.set(self._clock())
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

    def profile(self, profile: Profile) -> None:
        """Count what committed events looked like."""
        self._feature_rows.inc(profile.rows)
        for path, events in profile.missing.items():
            self._missing.labels(path).inc(events)
        for output, counts in profile.scores.items():
            self._scores.observe(output, counts)
            self._not_finite.labels(output).inc(counts.not_finite)

    def holds(self, partitions: int) -> None:
        """Set how many partitions the worker holds."""
        self._partitions.set(partitions)

    def waits(self, partitions_by_cause: Mapping[Cause, int]) -> None:
        """Set how many of the partitions that the worker holds wait."""
        for cause in Cause:
            self._held.labels(cause.value).set(partitions_by_cause.get(cause, 0))

    def client(self, statistics: ClientStatistics) -> None:
        """Take what a Kafka client says of itself."""
        self._clients.heard(statistics)
