"""How large a set may be, after what became of the ones before it."""

from __future__ import annotations

import numpy as np
import pytest

from stream_scorer.open_set import BatchSize, Pace, SetSize
from stream_scorer.records import Batch, TopicPartition


def pace(*, max_records: int = 1000, max_calls: int = 4) -> Pace:
    """A pace whose commits are 100 ms apart."""
    return Pace(
        max_records=max_records,
        max_wait_seconds=0,
        commit_interval_seconds=0.1,
        min_commit_interval_seconds=0.01,
        transaction_max_records=50_000,
        transaction_max_bytes=1 << 25,
        max_poll_interval_seconds=300,
        max_calls=max_calls,
    )


def batch(rows: int, value_bytes: int) -> Batch:
    """Events of this size."""
    numbers = np.zeros(rows, np.int64)
    nothing = [None] * rows
    where = (TopicPartition("events", 0),)
    return Batch([bytes(value_bytes)] * rows, nothing, nothing, numbers, where, numbers, numbers)


def rows_after(events: Batch, seconds: float, **changes: int) -> int:
    """How many rows are polled at once after this batch took so long."""
    size = BatchSize(pace(**changes), 0.0)
    size.scored(events, seconds)
    return size.rows


def test_small_quick_events_come_several_calls_at_once() -> None:
    """But never more than so many, nor before it is known that they are small and quick."""
    assert BatchSize(pace(), 1e-6).rows == 1000
    assert rows_after(batch(1000, 200), 0.001) == 4000
    assert rows_after(batch(1000, 200), 0.001, max_calls=1) == 1000


def test_large_events_fill_a_cache_or_one_call() -> None:
    """A megabyte, or the rows of one inference call if those are more."""
    assert rows_after(batch(1000, 512), 0.001) == 2048
    assert rows_after(batch(1000, 5000), 0.001) == 1000


def test_a_slow_model_commits_in_time() -> None:
    """Several calls at once take no more than a quarter of the commit interval."""
    assert rows_after(batch(1000, 200), 0.01) == 2500
    assert rows_after(batch(1000, 200), 1.0) == 1000


def test_a_very_slow_model_keeps_its_place_in_the_group() -> None:
    """A row of a second: no more of them than a quarter of max.poll.interval.ms lets through."""
    assert rows_after(batch(10, 200), 10.0) == 75
    assert rows_after(batch(1, 200), 1000.0) == 1


def test_an_abort_halves_what_did_not_get_through() -> None:
    """A small set that aborted says more than the limit that it did not reach."""
    size = SetSize(1000)
    size.aborted(1000)
    assert size.rows == 500
    size.aborted(60)
    assert size.rows == 30
    for _ in range(10):
        size.aborted(size.rows)
    assert size.rows == 1


def test_full_sets_that_commit_bring_it_back() -> None:
    """From a single row to a thousand in a few dozen commits, which take milliseconds each."""
    size = SetSize(1000)
    size.aborted(1)
    commits = 0
    while size.rows < 1000:
        size.committed(size.rows)
        commits += 1
    assert commits < 60
    size.committed(1000)
    assert size.rows == 1000


def test_a_set_that_was_not_full_proves_nothing() -> None:
    """Few events in a quiet hour are no reason to try the full size in a burst."""
    size = SetSize(1000)
    size.aborted(100)
    for _ in range(100):
        size.committed(49)
    assert size.rows == 50


@pytest.mark.parametrize("takes", [8, 24, 700])
def test_it_settles_near_what_gets_through(takes: int) -> None:
    """Of a hundred sets few abort, and the others have more than half of what could be."""
    size = SetSize(1000)
    through: list[int] = []
    for _ in range(100):
        if size.rows > takes:
            size.aborted(size.rows)
        else:
            through.append(size.rows)
            size.committed(size.rows)
    assert len(through) > 66
    assert sum(through) / len(through) > takes / 2
