"""The series that a worker exports, by their full names."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, ProcessCollector

from stream_scorer.observe.metrics import Metrics
from tests.deploy.promql import exported


@cache
def exported_series() -> frozenset[str]:
    """Return the names of all series, made by the parts that export them."""
    registry = CollectorRegistry()
    Metrics(registry)
    ProcessCollector(registry=registry)
    return frozenset(exported(registry))
