"""What becomes of a rate: percentiles, who could not hold it, how many events it takes."""

from __future__ import annotations

import numpy as np
import pytest

from stream_scorer.bench.latency import MOST_EVENTS, Pace, latency_of
from tests.bench.measured import latency

PACE = Pace(rate=100.0, seconds=10.0, commit_interval_seconds=0.1)
SENT = np.arange(1_000, dtype=np.int64) * 10_000_000
MILLIS = 1_000_000


def test_percentiles_are_of_the_events_after_the_first_second() -> None:
    """Clients and caches warm up in it."""
    took = np.full(1_000, 5)
    took[:100] = 900
    took[100:120] = 50  # more than one in a hundred of the other 900
    found = latency_of(PACE, SENT, SENT + took * MILLIS, 10.0, 0)
    assert found.events == 900
    assert (found.p50, found.p95, found.p99, found.longest) == (5.0, 5.0, 50.0, 50.0)
    assert found.written_rate == 100.0


def test_of_a_short_run_the_first_fifth_does_not_count() -> None:
    """Else nothing would be left."""
    found = latency_of(PACE, SENT[:50], SENT[:50] + MILLIS, 0.5, 0)
    assert found.events == 40


@pytest.mark.parametrize(("on_the_way", "kept_up"), [(0, True), (120, True), (121, False)])
def test_a_worker_keeps_up_if_little_is_on_its_way_in_the_end(
    on_the_way: int, *, kept_up: bool
) -> None:
    """A second's events, and those of two commit intervals."""
    assert latency_of(PACE, SENT, SENT + MILLIS, 10.0, on_the_way).kept_up is kept_up


def test_a_rate_that_was_not_written_is_known() -> None:
    """Within a twentieth it was."""
    assert latency(rate=100.0, written_rate=95.0).written_as_asked
    assert not latency(rate=100.0, written_rate=94.0).written_as_asked


@pytest.mark.parametrize(
    ("rate", "seconds", "count"), [(100.0, 10.0, 1_000), (0.05, 10.0, 1), (1e6, 10.0, MOST_EVENTS)]
)
def test_a_pace_takes_at_least_one_event_and_not_without_bound(
    rate: float, seconds: float, count: int
) -> None:
    """What was sent is in memory."""
    assert Pace(rate, seconds, 0.1).count == count
