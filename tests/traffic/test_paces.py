"""The shapes of a load, without a Kafka: when the next burst's turn is."""

from __future__ import annotations

import pytest

from stream_scorer.traffic.paces import Backlog, Bursts, Pace, Progress, Steady


def turns(pace: Pace, burst_events: int, count: int) -> list[float]:
    """When each burst is written, in seconds, by a writer that loses no time."""
    now, found = 0.0, list[float]()
    for number in range(count):
        now += max(0.0, pace.wait_seconds(Progress(now, number * burst_events, 0)))
        found.append(now)
    return found


def test_a_steady_rate_is_one_burst_after_the_other() -> None:
    """The first one at once."""
    assert turns(Steady(200), 50, 4) == pytest.approx([0, 0.25, 0.5, 0.75])


def test_bursts_are_lumps_of_that_rate() -> None:
    """300 events/s are 600 every 2 s, in twelve bursts of 50."""
    assert turns(Bursts(300, 2), 50, 36) == pytest.approx([0] * 12 + [2] * 12 + [4] * 12)


def test_a_burst_that_crosses_the_end_of_a_lump_belongs_to_it() -> None:
    """Its events count for the next one, so that the rate is kept on average."""
    found = turns(Bursts(10, 1), 4, 10)
    assert found == pytest.approx([0, 0, 0, 1, 1, 2, 2, 2, 3, 3])


@pytest.mark.parametrize("pace", [Steady(100), Bursts(100, 2)])
def test_who_is_late_is_told_by_how_much(pace: Pace) -> None:
    """200 events are due after 2 s."""
    assert pace.wait_seconds(Progress(2.5, 200, 0)) == pytest.approx(-0.5)


def test_a_backlog_is_filled_up_at_once_and_then_looked_at_again() -> None:
    """However much time has passed, it is never late."""
    behind = 0
    pace = Backlog(1_000, lambda: behind)
    assert pace.wait_seconds(Progress(0.0, 0, 0)) == 0
    behind = 999
    assert pace.wait_seconds(Progress(99.0, 5_000, 0)) == 0
    behind = 1_000
    assert 0 < pace.wait_seconds(Progress(99.0, 5_000, 0)) < 0.1


def test_what_kafka_has_not_taken_counts_as_backlog() -> None:
    """Else all of it would pile up in the client while brokers are away."""
    pace = Backlog(1_000, lambda: 400)
    assert pace.wait_seconds(Progress(9.0, 5_000, 599)) == 0
    assert pace.wait_seconds(Progress(9.0, 5_000, 600)) > 0
