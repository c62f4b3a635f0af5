"""The series that a worker exports, by their full names, with their labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from prometheus_client import CollectorRegistry

from stream_scorer.observe.lags import Lag
from stream_scorer.observe.metrics import Metrics
from stream_scorer.profile import Profile, ScoreCounts
from stream_scorer.records import ClientStatistics, TopicPartition


def registry_of_a_worker() -> CollectorRegistry:
    """Return the registry of a worker that has something to say of each of its metrics."""
    registry = CollectorRegistry()
    lag = Lag(
        TopicPartition("events", 0),
        committed=0,
        events=0,
        seconds=0.0,
        unstable=0,
        unstable_seconds=0.0,
    )
    metrics = Metrics(registry, lambda: [lag])
    metrics.model("fraud", "1", "00")
    metrics.polled({"events": 1})
    scores = ScoreCounts.of(np.array([0.5]))
    metrics.profile(Profile(rows=1, missing={"amount": 1}, scores={"score": scores}))
    metrics.client(ClientStatistics("consumer", 0, 0, 0, 0, 0, 0, 0, 0, 0, partitions={}))
    metrics.client(ClientStatistics("producer", 0, 0, 0, 0, 0, 0, 0, 0, 0, partitions={}))
    return registry


@cache
def exported_series() -> Mapping[str, frozenset[str]]:
    """Return the labels of each series."""
    labels: dict[str, frozenset[str]] = {}
    for family in registry_of_a_worker().collect():
        for sample in family.samples:
            labels[sample.name] = labels.get(sample.name, frozenset()) | set(sample.labels)
    return {name: found for name, found in labels.items() if not name.endswith("_created")}
