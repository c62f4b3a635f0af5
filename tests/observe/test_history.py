"""The last minutes in intervals, whatever the clock does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stream_scorer.observe.history import INTERVAL_SECONDS, INTERVALS, SAMPLED_AGES, History

NO_AGES = np.empty(0)
#: The beginning of an interval.
NOW = 1_700_000_000.0


def ages(*seconds: float) -> NDArray[np.float64]:
    """Ages of some events."""
    return np.array(seconds)


def series_of(history: History, now: float) -> Any:
    """What a chart gets."""
    return history.series(now)


@pytest.fixture
def history() -> History:
    """Nothing has happened yet."""
    return History()


def test_before_anything_happened_there_is_nothing(history: History) -> None:
    """No interval, and no crash."""
    series = series_of(history, NOW)
    assert (series["scored"], series["age_p99_seconds"], series["until"]) == ([], [], NOW)
    assert history.stages(NOW) == {}


def test_what_happens_within_an_interval_is_added_up(history: History) -> None:
    """The interval that is not over yet is left out."""
    history.committed(3, 1, NO_AGES, NOW)
    history.committed(4, 0, NO_AGES, NOW + 1.9)
    history.committed(9, 9, NO_AGES, NOW + 2.0)
    series = series_of(history, NOW + 3.9)
    assert (series["scored"], series["dead_letters"]) == ([7], [1])
    assert (series["until"], series["interval_seconds"]) == (NOW + 2, INTERVAL_SECONDS)


def test_intervals_without_events_are_there_too(history: History) -> None:
    """A gap in a chart is not a steep line."""
    history.committed(1, 0, NO_AGES, NOW)
    history.committed(2, 0, NO_AGES, NOW + 6)
    series = series_of(history, NOW + 10)
    assert series["scored"] == [1, 0, 0, 2, 0]
    assert series["age_p50_seconds"] == [None] * 5


def test_five_minutes_are_kept_and_each_series_is_as_long(history: History) -> None:
    """However long the worker runs, and whether it had events or none."""
    for number in range(400):
        history.committed(number, 0, ages(1.0), NOW + number * INTERVAL_SECONDS)
    end = NOW + 400 * INTERVAL_SECONDS
    series = series_of(history, end)
    assert series["scored"] == list(range(400 - INTERVALS, 400))
    lengths = {len(each) for each in series.values() if isinstance(each, list)}
    assert lengths == {INTERVALS}
    assert series_of(history, end + 100_000)["scored"] == [0] * INTERVALS


def test_ages_are_quantiles_within_a_fifth(history: History) -> None:
    """Never younger than they are."""
    history.committed(100, 0, np.linspace(0.01, 1.0, 100), NOW)
    series = series_of(history, NOW + 2)
    (median,), (high,) = series["age_p50_seconds"], series["age_p99_seconds"]
    assert 0.5 <= median <= 0.6
    assert 0.99 <= high <= 1.2


def test_an_age_beyond_the_scale_is_its_end(history: History) -> None:
    """New events, and those of last week."""
    history.committed(1, 0, ages(0.0, -5.0), NOW)
    history.committed(1, 0, ages(7 * 86_400.0), NOW + 2)
    assert series_of(history, NOW + 4)["age_p50_seconds"] == pytest.approx([0.001, 86_400.0])


def test_many_ages_are_sampled_from_end_to_end(history: History) -> None:
    """A large transaction costs no more than a small one."""
    history.committed(1, 0, np.repeat([0.01, 1.0], 50 * SAMPLED_AGES), NOW)
    series = series_of(history, NOW + 2)
    (median,), (high,) = series["age_p50_seconds"], series["age_p99_seconds"]
    assert (median < 0.02, high >= 1.0) == (True, True)


def test_stages_are_those_of_the_last_minute(history: History) -> None:
    """Those of the interval that is not over among them."""
    history.spent("infer", 5.0, NOW - 70)
    history.spent("infer", 1.0, NOW - 50)
    history.spent("infer", 0.5, NOW)
    history.spent("commit", 0.25, NOW)
    assert history.stages(NOW) == {"infer": 1.5, "commit": 0.25}


def test_a_clock_that_jumps_ahead_leaves_a_gap(history: History) -> None:
    """And the history goes on from there."""
    history.committed(1, 0, NO_AGES, NOW)
    history.committed(2, 0, NO_AGES, NOW + 86_400)
    series = series_of(history, NOW + 86_402)
    assert (len(series["scored"]), series["scored"][-1], sum(series["scored"])) == (150, 2, 2)


@pytest.mark.parametrize("back", [2.0, 60.0, 86_400.0])
def test_a_clock_that_was_set_back_goes_on_from_there(history: History, back: float) -> None:
    """What was noted of times that are still to come is dropped."""
    history.committed(1, 0, NO_AGES, NOW - back - 2)
    history.committed(100, 0, ages(1.0), NOW)
    history.spent("infer", 7.0, NOW)
    history.committed(2, 0, NO_AGES, NOW - back)
    series = series_of(history, NOW - back + 2)
    assert series["scored"] == [1, 2]
    assert series["until"] == NOW - back + 2
    assert history.stages(NOW - back + 2) == {}


def test_a_clock_that_was_set_back_while_nothing_happens_shows_nothing_from_ahead(
    history: History,
) -> None:
    """Whoever looks gets an answer all the same."""
    history.committed(100, 0, ages(1.0), NOW)
    history.spent("infer", 7.0, NOW)
    series = series_of(history, NOW - 3600)
    assert (series["scored"], series["until"]) == ([], NOW - 3600)
    assert history.stages(NOW - 3600) == {}
