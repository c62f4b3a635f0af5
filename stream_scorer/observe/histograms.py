"""Histograms that take a whole batch at once: prometheus-client's own take one value at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from stream_scorer.profile import SCORE_EDGES, ScoreCounts

AGE_EDGES_SECONDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21600.0, 86400.0,
)  # fmt: skip


class EventAges:
    """``stream_scorer_event_age_seconds``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._edges = np.array(AGE_EDGES_SECONDS)
        self._counts = np.zeros(len(AGE_EDGES_SECONDS) + 1, dtype=np.int64)
        self._total = 0.0
        self._lock = threading.Lock()
        registry.register(self)

    def observe(self, ages_seconds: NDArray[np.float64]) -> None:
        """Count every age; an age on a bucket's edge belongs to that bucket (``le``)."""
        # A producer's clock that is ahead of ours makes no event younger than new.
        ages = np.maximum(ages_seconds, 0.0)
        found = np.bincount(np.searchsorted(self._edges, ages), minlength=len(self._counts))
        with self._lock:
            self._counts += found
            self._total += float(ages.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram as Prometheus reads it."""
        with self._lock:
            buckets, total = _cumulated(AGE_EDGES_SECONDS, self._counts), self._total
        yield HistogramMetricFamily(
            "stream_scorer_event_age_seconds",
            "Age of events when they are committed, from the event's timestamp.",
            buckets=buckets,
            sum_value=total,
        )


class Scores:
    """``stream_scorer_score``, by the field of the scored event.

    It has neither sum nor count: OpenMetrics forbids them where a bucket is below zero. The last
    bucket is the count.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outputs: dict[str, ScoreCounts] = {}
        self._lock = threading.Lock()
        registry.register(self)

    def declare(self, output: str) -> None:
        """Export it from the start."""
        self.observe(output, ScoreCounts.none())

    def observe(self, output: str, counts: ScoreCounts) -> None:
        """Add the scores of a transaction."""
        with self._lock:
            known = self._outputs.get(output)
            self._outputs[output] = known + counts if known else counts

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histograms as Prometheus reads them."""
        family = HistogramMetricFamily(
            "stream_scorer_score", "Scalar scores of committed events.", labels=["output"]
        )
        with self._lock:
            outputs = dict(self._outputs)
        for name, counts in outputs.items():
            family.add_metric([name], _cumulated(SCORE_EDGES, counts.counts), sum_value=None)
        yield family


def _cumulated(edges: Sequence[float], counts: NDArray[np.int64]) -> list[tuple[str, float]]:
    names = [*map(floatToGoString, edges), "+Inf"]
    return list(zip(names, counts.cumsum().tolist(), strict=True))
