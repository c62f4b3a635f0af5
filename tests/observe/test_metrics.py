"""The metrics: names as promised, counts that add up, labels that don't grow with the data."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stream_scorer.observe.lags import Lag
from stream_scorer.observe.metrics import Metrics
from stream_scorer.profile import Profile, ScoreCounts
from stream_scorer.records import Reason, Stage, TopicPartition
from tests.observe.making import statistics

NO_AGES = np.empty(0)
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
_ROW = re.compile(r"^\| (`(?:stream_scorer|kafka|process)_[^|]*)\|", re.MULTILINE)


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


def test_the_names_are_those_of_the_documentation(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """Dashboards and alerts rely on them: none is missing there, none is there only."""
    metrics.client(statistics("consumer"))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    exported = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families
        if not family.name.endswith("_created")
    }
    ours = {name for name in exported if not name.startswith("process_")}
    assert ours == documented() - {"process_resident_memory_bytes"}
    assert "process_resident_memory_bytes" in exported


def documented() -> set[str]:
    """The names in the table of metrics; a row may end with ``both with `_bytes_total```."""
    names = set()
    for row in _ROW.findall(OPERATIONS.read_text()):
        named = re.findall(r"`(\w+)`", row)
        whole = [name for name in named if not name.startswith("_")]
        names.update(whole)
        names.update(
            name.removesuffix("_total") + ending
            for name in whole
            for ending in named
            if ending.startswith("_") and ending != "process_"
        )
    return names - {"process_"}


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


def test_features_and_outputs_are_there_from_the_start(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """For a rate, as above."""
    metrics.declare(["device.age"], ["score"])
    assert value(registry, "missing_features_total", field="device.age") == 0
    assert value(registry, "non_finite_scores_total", output="score") == 0
    assert value(registry, "score_bucket", output="score", le="+Inf") == 0


def test_what_committed_events_looked_like_is_counted(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """Features that are null, scores that are not numbers, and of how many events."""
    scores = {"score": ScoreCounts.of(np.array([0.5, np.nan, np.inf]))}
    metrics.profile(Profile(3, {"a": 2}, scores))
    metrics.profile(Profile(1, {"a": 1}, scores))
    assert value(registry, "feature_rows_total") == 4
    assert value(registry, "missing_features_total", field="a") == 3
    assert value(registry, "non_finite_scores_total", output="score") == 4
    assert value(registry, "score_bucket", output="score", le="+Inf") == 2


def test_what_the_worker_says_is_asked_at_each_scrape(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """Nothing has to be written for it."""
    says: dict[str, float] = {"ready": 1, "waiting": 0, "standing": 2.5}
    metrics.watch(
        lambda: bool(says["ready"]), lambda: bool(says["waiting"]), lambda: says["standing"]
    )
    assert (value(registry, "ready"), value(registry, "waiting")) == (1, 0)
    assert value(registry, "loop_standing_seconds") == 2.5
    says.update(ready=0, waiting=1)
    assert (value(registry, "ready"), value(registry, "waiting")) == (0, 1)


def test_the_lag_is_asked_at_each_scrape_too(registry: CollectorRegistry) -> None:
    """A partition that is gone has none."""
    lags = [Lag(TopicPartition("t", 0), 5, 7, 1.5)]
    Metrics(registry, lambda: lags)
    assert value(registry, "lag_events", topic="t", partition="0") == 7
    assert value(registry, "lag_seconds", topic="t", partition="0") == 1.5
    lags.clear()
    assert value(registry, "lag_events", topic="t", partition="0") is None


def test_the_last_commit_has_its_time(registry: CollectorRegistry) -> None:
    """By the clock of the day; before the first it is zero."""
    metrics = Metrics(registry, clock=lambda: 1234.5)
    assert value(registry, "last_commit_timestamp_seconds") == 0
    metrics.committed(1, {}, NO_AGES)
    assert value(registry, "last_commit_timestamp_seconds") == 1234.5


def test_one_model_scores_at_a_time(registry: CollectorRegistry, metrics: Metrics) -> None:
    """The last one named."""
    metrics.model("fraud", "1", "aa")
    metrics.model("fraud", "2", "bb")
    assert value(registry, "model_info", name="fraud", version="1", sha256="aa") is None
    assert value(registry, "model_info", name="fraud", version="2", sha256="bb") == 1
