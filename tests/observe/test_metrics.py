"""The metrics: names as promised, counts that add up, labels that don't grow with the data."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stream_scorer.observe.metrics import Metrics
from stream_scorer.records import Reason, Stage, TopicPartition

NO_AGES = np.empty(0)


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of its own for each test."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    """The metrics in it."""
    return Metrics(registry)


def value(registry: CollectorRegistry, series: str, /, **labels: str) -> float | None:
    """The value of a series, or ``None``."""
    return registry.get_sample_value(f"stream_scorer_{series}", labels)


@pytest.mark.usefixtures("metrics")
def test_the_names_are_those_of_the_contract(registry: CollectorRegistry) -> None:
    """Dashboards and alerts rely on them."""
    text = generate_latest(registry).decode()
    families = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    }
    assert families == {
        f"stream_scorer_{name}"
        for name in (
            "events_consumed_total",
            "events_scored_total",
            "dead_letters_total",
            "transactions_total",
            "rebalances_total",
            "batch_rows",
            "stage_seconds",
            "event_age_seconds",
            "lag_events",
            "model_info",
            "aborts_in_a_row",
        )
    }


@pytest.mark.usefixtures("metrics")
def test_closed_lists_of_labels_are_there_from_the_start(registry: CollectorRegistry) -> None:
    """A rate that begins with its first event would miss that event."""
    for reason in Reason:
        assert value(registry, "dead_letters_total", reason=reason.value) == 0
    for outcome in ("committed", "aborted"):
        assert value(registry, "transactions_total", outcome=outcome) == 0
    for kind in ("assigned", "revoked", "lost"):
        assert value(registry, "rebalances_total", kind=kind) == 0
    for stage in ("poll", "decode", "infer", "encode", "commit"):
        assert value(registry, "stage_seconds_count", stage=stage) == 0


def test_a_batch_counts_its_events_by_topic(registry: CollectorRegistry, metrics: Metrics) -> None:
    """And its rows once."""
    metrics.polled({"a": 3, "b": 2})
    metrics.polled({"a": 1})
    assert value(registry, "events_consumed_total", topic="a") == 4
    assert value(registry, "events_consumed_total", topic="b") == 2
    assert value(registry, "batch_rows_count") == 2
    assert value(registry, "batch_rows_sum") == 6


def test_a_commit_counts_what_became_visible(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Scored events, dead letters by reason, and the row of aborts is over."""
    metrics.aborted(1)
    metrics.aborted(2)
    assert value(registry, "aborts_in_a_row") == 2
    metrics.committed(5, {Reason.UNDECODABLE: 2}, NO_AGES)
    assert value(registry, "events_scored_total") == 5
    assert value(registry, "dead_letters_total", reason="undecodable") == 2
    assert value(registry, "transactions_total", outcome="committed") == 1
    assert value(registry, "transactions_total", outcome="aborted") == 2
    assert value(registry, "aborts_in_a_row") == 0


def test_ages_are_counted_all_at_once(registry: CollectorRegistry, metrics: Metrics) -> None:
    """In cumulated buckets, an age on an edge below it; a clock ahead of ours makes it zero."""
    metrics.committed(5, {}, np.array([0.004, 0.005, 0.006, 90_000.0, -3.0]))
    buckets = {
        edge: value(registry, "event_age_seconds_bucket", le=edge)
        for edge in ("0.005", "0.01", "86400.0", "+Inf")
    }
    assert buckets == {"0.005": 3, "0.01": 4, "86400.0": 4, "+Inf": 5}
    assert value(registry, "event_age_seconds_count") == 5
    assert value(registry, "event_age_seconds_sum") == pytest.approx(90_000.015)


def test_reading_features_is_part_of_decoding(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """The contract has five stages."""
    metrics.stage(Stage.DECODE, 0.5)
    metrics.stage(Stage.FEATURES, 0.25)
    assert value(registry, "stage_seconds_sum", stage="decode") == 0.75


def test_the_lag_of_a_partition_goes_with_it(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Two workers that export one partition would count it twice."""
    metrics.lag(TopicPartition("t", 0), 7)
    metrics.lag(TopicPartition("t", 1), 8)
    metrics.forget([TopicPartition("t", 0), TopicPartition("never", 0)])
    assert value(registry, "lag_events", topic="t", partition="0") is None
    assert value(registry, "lag_events", topic="t", partition="1") == 8


def test_one_model_scores_at_a_time(registry: CollectorRegistry, metrics: Metrics) -> None:
    """The last one named."""
    metrics.model("fraud", "1", "aa")
    metrics.model("fraud", "2", "bb")
    assert value(registry, "model_info", name="fraud", version="1", sha256="aa") is None
    assert value(registry, "model_info", name="fraud", version="2", sha256="bb") == 1
