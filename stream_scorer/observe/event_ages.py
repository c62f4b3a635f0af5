"""A histogram of the ages of events that takes a whole batch at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

BUCKETS_SECONDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21600.0, 86400.0,
)  # fmt: skip


class EventAges:
    """``stream_scorer_event_age_seconds``: prometheus-client's own takes one value at a time."""

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._edges = np.array(BUCKETS_SECONDS)
        self._counts = np.zeros(len(BUCKETS_SECONDS) + 1, dtype=np.int64)
        self._sum = 0.0
        self._lock = threading.Lock()
        registry.register(self)

    def observe(self, ages_seconds: NDArray[np.float64]) -> None:
        """Count every age; an age on a bucket's edge belongs to that bucket (``le``)."""
        # A producer's clock that is ahead of ours makes no event younger than new.
        ages = np.maximum(ages_seconds, 0.0)
        found = np.bincount(np.searchsorted(self._edges, ages), minlength=len(self._counts))
        with self._lock:
            self._counts += found
            self._sum += float(ages.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram as Prometheus reads it, buckets cumulated."""
        with self._lock:
            cumulated, total = self._counts.cumsum().tolist(), self._sum
        edges = [*map(floatToGoString, BUCKETS_SECONDS), "+Inf"]
        yield HistogramMetricFamily(
            self._name,
            self._documentation,
            buckets=list(zip(edges, cumulated, strict=True)),
            sum_value=total,
        )
