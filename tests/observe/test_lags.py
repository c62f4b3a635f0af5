"""How far the worker is behind: events, not offsets; unknown is not zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream_scorer.observe.lags import Lag, Lags
from stream_scorer.records import Batch, TopicPartition
from tests.observe.making import CARDS, OTHER, batch, place


@pytest.fixture
def lags() -> Lags:
    """A worker that holds partition 0 of ``cards``."""
    made = Lags()
    made.assigned([CARDS])
    return made


def lag(lags: Lags, now: float = 0.0, source: TopicPartition = CARDS) -> Lag:
    """What is said of a partition."""
    (found,) = (each for each in lags.all(now) if each.source == source)
    return found


def test_what_nobody_has_said_is_unknown_and_not_zero(lags: Lags) -> None:
    """An alert on the lag must not be told that all is well."""
    assert lag(lags) == Lag(CARDS, None, None, None)
    lags.known({CARDS: place(end=7)}, 0.0)
    assert lag(lags) == Lag(CARDS, None, None, None, 0, 0.0), "where the worker begins is not known"
    lags.known({CARDS: place(committed=5, end=None)}, 0.0)
    assert lag(lags).events == 2, "where it ends was said before"


def test_before_the_first_event_the_lag_is_counted_from_what_the_group_had_committed(
    lags: Lags,
) -> None:
    """How old what waits is, nobody knows yet."""
    lags.known({CARDS: place(committed=3, end=10)}, 0.0)
    assert lag(lags) == Lag(CARDS, 3, 7, None, 0, 0.0)


def test_an_empty_partition_has_no_lag(lags: Lags) -> None:
    """Though nothing was ever committed there, and maybe never will."""
    lags.known({CARDS: place(start=40, end=40)}, 0.0)
    assert lag(lags) == Lag(CARDS, None, 0, 0.0, 0, 0.0)


def test_where_nothing_was_committed_the_first_event_says_where_it_begins(lags: Lags) -> None:
    """A group that begins at the latest event is not behind by the whole topic."""
    lags.read(batch([100, 101]))
    lags.known({CARDS: place(start=0, end=110)}, 0.0)
    assert (lag(lags).committed, lag(lags).events) == (100, 10)


def test_markers_that_were_stepped_over_are_no_events(lags: Lags) -> None:
    """The end of a transaction takes an offset; a worker without work commits past it."""
    lags.read(batch([0]))
    lags.committed({CARDS: 1})
    lags.known({CARDS: place(committed=0, end=2)}, 0.0)
    lags.committed({CARDS: 2})
    assert (lag(lags).events, lag(lags).seconds) == (0, 0.0)


@pytest.mark.parametrize("rows", [1, 10, 1000])
def test_a_backlog_of_transactions_is_estimated_by_what_was_read_last(
    lags: Lags, rows: int
) -> None:
    """One event a transaction: every second offset is a marker, between batches too."""
    for first in range(0, 2000, 2 * rows):
        lags.read(batch(range(first, first + 2 * rows, 2)))
    lags.committed({CARDS: 1999})
    lags.known({CARDS: place(committed=0, end=1999 + 10_000)}, 0.0)
    assert lag(lags).events == pytest.approx(5000, rel=0.01)


def test_the_estimate_follows_what_is_read(lags: Lags) -> None:
    """After plain events there come transactions."""
    lags.read(batch(range(30_000)))
    lags.read(batch(range(30_000, 110_000, 2)))
    lags.committed({CARDS: 110_000})
    lags.known({CARDS: place(committed=0, end=110_000 + 10_000)}, 0.0)
    assert 5000 <= (lag(lags).events or 0) < 6500


def test_without_transactions_the_lag_is_exact(lags: Lags) -> None:
    """Each offset is an event."""
    for first in range(0, 50_000, 1000):
        lags.read(batch(range(first, first + 1000)))
    lags.committed({CARDS: 50_000})
    lags.known({CARDS: place(committed=0, end=50_123)}, 0.0)
    assert lag(lags).events == 123


def test_events_that_are_read_again_count_as_they_did(lags: Lags) -> None:
    """A rewind makes the estimate neither larger nor smaller."""
    for _ in range(5):
        lags.read(batch(range(0, 200, 2)))
    lags.committed({CARDS: 200})
    lags.known({CARDS: place(committed=0, end=1200)}, 0.0)
    assert lag(lags).events == pytest.approx(500, abs=5)


def test_a_worker_that_is_ahead_of_what_the_client_has_said_is_not_behind(lags: Lags) -> None:
    """The statistics are seconds old."""
    lags.read(batch(range(20)))
    lags.known({CARDS: place(committed=0, end=10)}, 0.0)
    lags.committed({CARDS: 20})
    assert lag(lags).events == 0


def test_statistics_of_an_earlier_assignment_do_not_stay(lags: Lags) -> None:
    """Another worker had the partition meanwhile; nothing more comes, so nothing is committed."""
    lags.known({CARDS: place(committed=100, end=100)}, 0.0)
    lags.gone([CARDS])
    lags.assigned([CARDS])
    lags.known({CARDS: place(committed=100, end=100)}, 0.0)
    lags.known({CARDS: place(committed=500, end=500)}, 0.0)
    assert (lag(lags).committed, lag(lags).events) == (500, 0)


def test_statistics_do_not_undo_what_was_committed(lags: Lags) -> None:
    """They keep what the group had committed when the partition came."""
    lags.committed({CARDS: 50})
    lags.known({CARDS: place(committed=10, end=60)}, 0.0)
    assert (lag(lags).committed, lag(lags).events) == (50, 10)


def test_a_partition_that_goes_takes_its_lag_with_it(lags: Lags) -> None:
    """What is late for it is nobody's."""
    lags.assigned([OTHER])
    lags.gone([CARDS, TopicPartition("never", 0)])
    lags.known({CARDS: place(committed=0, end=9)}, 0.0)
    lags.read(batch([1]))
    lags.committed({CARDS: 2})
    assert [each.source for each in lags.all(0.0)] == [OTHER]


def test_a_partition_that_comes_back_begins_anew(lags: Lags) -> None:
    """With what is not known."""
    lags.read(batch([5]))
    lags.known({CARDS: place(committed=5, end=9)}, 0.0)
    lags.gone([CARDS])
    lags.assigned([CARDS])
    assert lag(lags) == Lag(CARDS, None, None, None)


def test_a_batch_of_several_partitions_tells_of_each(lags: Lags) -> None:
    """And of those only that have an event in it."""
    lags.assigned([OTHER])
    rows = 4
    lags.read(
        Batch(
            [b""] * rows,
            [None] * rows,
            [None] * rows,
            np.array([1000, 2000, 3000, 4000]),
            (CARDS, OTHER, TopicPartition("cards", 2)),
            np.array([0, 1, 0, 1]),
            np.array([10, 20, 11, 22]),
        )
    )
    lags.known({CARDS: place(end=15), OTHER: place(end=23)}, 0.0)
    assert lag(lags, 10.0) == Lag(CARDS, 10, 5, 7.0, 0, 0.0)
    assert lag(lags, 10.0, OTHER) == Lag(OTHER, 20, 2, 6.0, 0, 0.0)


def test_seconds_are_the_age_of_the_last_event_read_while_more_wait(lags: Lags) -> None:
    """And none when nothing does, however old that event is."""
    lags.read(batch([0], timestamps=[1_000_000]))
    lags.known({CARDS: place(committed=0, end=5)}, 0.0)
    assert lag(lags, 1030.0).seconds == 30.0
    lags.committed({CARDS: 5})
    assert lag(lags, 9999.0).seconds == 0.0


def test_a_clock_that_is_behind_the_producers_makes_no_negative_age(lags: Lags) -> None:
    """Or one that was set back."""
    lags.read(batch([0], timestamps=[1_000_000]))
    lags.known({CARDS: place(committed=0, end=5)}, 0.0)
    assert lag(lags, 10.0).seconds == 0.0


def test_events_without_a_timestamp_have_no_age(lags: Lags) -> None:
    """Unknown is not zero here either."""
    lags.read(batch([0]))
    lags.known({CARDS: place(committed=0, end=5)}, 0.0)
    assert (lag(lags, 10.0).events, lag(lags, 10.0).seconds) == (5, None)


def test_an_empty_batch_says_nothing(lags: Lags) -> None:
    """No partition, no event."""
    lags.read(batch([]))
    assert lag(lags) == Lag(CARDS, None, None, None)


def test_a_lone_event_that_waits_is_not_rounded_away(lags: Lags) -> None:
    """Half of the offsets were markers so far; the next one may be an event all the same."""
    for offset in range(0, 20, 2):
        lags.read(batch([offset]))
    lags.committed({CARDS: 20})
    lags.known({CARDS: place(committed=0, end=21)}, 0.0)
    assert lag(lags).events == 1


def test_a_transaction_that_nobody_ends_is_seen_though_the_lag_is_zero(lags: Lags) -> None:
    """By what it holds back, and for how long; both are over when the stable offset moves."""
    seen = []
    for now, end, high in ((5, 7, 7), (10, 7, 9), (15, 7, 12), (20, 7, 12), (25, 9, 12)):
        lags.known({CARDS: place(committed=7, end=end, high=high)}, float(now))
        found = lag(lags)
        seen.append((found.unstable, found.unstable_seconds))
        assert found.events == end - 7
    assert seen == [(0, 0.0), (2, 5.0), (5, 10.0), (5, 15.0), (3, 0.0)]


def test_transactions_that_come_and_go_hold_nothing_back(lags: Lags) -> None:
    """One is always open in a busy topic, but never the same."""
    for now in range(0, 1000, 5):
        lags.known({CARDS: place(committed=0, end=now, high=now + 3)}, float(now))
        assert (lag(lags).unstable, lag(lags).unstable_seconds) == (3, 0.0)


def test_where_the_high_watermark_is_not_known_nothing_is_said_of_it(lags: Lags) -> None:
    """Unknown is not zero."""
    lags.known({CARDS: replace(place(committed=0, end=7), high=None)}, 0.0)
    assert (lag(lags).unstable, lag(lags).unstable_seconds) == (None, None)


def test_how_long_is_counted_anew_by_another_owner(lags: Lags) -> None:
    """It can't know more."""
    for now in (0.0, 100.0):
        lags.known({CARDS: place(committed=0, end=7, high=9)}, now)
    lags.gone([CARDS])
    lags.assigned([CARDS])
    lags.known({CARDS: place(committed=0, end=7, high=9)}, 200.0)
    assert (lag(lags).unstable, lag(lags).unstable_seconds) == (2, 0.0)
