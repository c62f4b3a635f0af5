"""Histograms at `/metrics`: cumulated, each value on an edge below it."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stream_scorer.observe.histograms import AGE_EDGES_SECONDS, EventAges, Scores
from stream_scorer.profile import SCORE_EDGES, ScoreCounts


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of its own for each test."""
    return CollectorRegistry()


def buckets(registry: CollectorRegistry, name: str, **labels: str) -> dict[float, float]:
    """The buckets of a histogram as Prometheus reads them, by their upper edge."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        float(sample.labels["le"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name == f"{name}_bucket" and labels.items() <= sample.labels.items()
    }


def test_an_age_on_an_edge_is_in_the_bucket_of_that_edge(registry: CollectorRegistry) -> None:
    """``le``: less or equal; and in all that are larger."""
    ages = EventAges(registry)
    ages.observe(np.array(AGE_EDGES_SECONDS))
    found = buckets(registry, "stream_scorer_event_age_seconds")
    assert [found[edge] for edge in AGE_EDGES_SECONDS] == list(range(1, 19))
    assert found[float("inf")] == 18


def test_ages_add_up(registry: CollectorRegistry) -> None:
    """A transaction without an event that has a timestamp adds none."""
    ages = EventAges(registry)
    for some in ([1.5], [], [2.5, 1e9]):
        ages.observe(np.array(some))
    assert registry.get_sample_value("stream_scorer_event_age_seconds_count") == 3
    assert registry.get_sample_value("stream_scorer_event_age_seconds_sum") == 1e9 + 4.0


def test_no_age_is_below_zero(registry: CollectorRegistry) -> None:
    """A producer's clock may be ahead of ours, or ours was set back."""
    EventAges(registry).observe(np.array([-3600.0]))
    assert registry.get_sample_value("stream_scorer_event_age_seconds_sum") == 0
    assert buckets(registry, "stream_scorer_event_age_seconds")[0.005] == 1


def test_a_score_on_an_edge_is_in_the_bucket_of_that_edge(registry: CollectorRegistry) -> None:
    """By the field of the scored event."""
    scores = Scores(registry)
    scores.observe("score", ScoreCounts.of(np.array([0.05, 0.051, -2000.0])))
    scores.observe("score", ScoreCounts.of(np.array([5000.0])))
    scores.observe("other", ScoreCounts.of(np.array([0.5])))
    found = buckets(registry, "stream_scorer_score", output="score")
    assert sorted(found) == [*SCORE_EDGES, float("inf")]
    assert (found[-1000.0], found[0.0], found[0.05], found[0.1]) == (1, 1, 2, 3)
    assert (found[1000.0], found[float("inf")]) == (3, 4)
    assert buckets(registry, "stream_scorer_score", output="other")[float("inf")] == 1


def test_what_is_no_number_is_in_no_bucket(registry: CollectorRegistry) -> None:
    """Not even in that of the largest."""
    Scores(registry).observe("score", ScoreCounts.of(np.array([np.nan, np.inf, 0.5])))
    found = buckets(registry, "stream_scorer_score", output="score")
    assert (found[0.45], found[0.5], found[float("inf")]) == (0, 1, 1)


def test_a_histogram_with_buckets_below_zero_has_neither_sum_nor_count(
    registry: CollectorRegistry,
) -> None:
    """OpenMetrics forbids them, for the sum could fall; the last bucket is the count."""
    Scores(registry).observe("score", ScoreCounts.of(np.array([0.5])))
    page = generate_latest(registry).decode()
    assert "stream_scorer_score_count" not in page
    assert 'stream_scorer_score_bucket{le="+Inf",output="score"} 1.0\n' in page


def test_an_output_that_is_declared_begins_with_zero(registry: CollectorRegistry) -> None:
    """A rate would miss the first events otherwise."""
    scores = Scores(registry)
    scores.declare("score")
    assert set(buckets(registry, "stream_scorer_score", output="score").values()) == {0}
