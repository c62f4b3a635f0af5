"""A scored batch in two: nothing is lost, nothing doubled, and each half can be committed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_scorer.halving import Places, halves_of
from stream_scorer.open_set import OpenSet
from stream_scorer.profile import Profile
from stream_scorer.records import (
    Batch,
    DeadLetter,
    Problem,
    Reason,
    ScoredBatch,
    ScoredEvents,
    Stage,
    TopicPartition,
)

SOURCES = (TopicPartition("in", 0), TopicPartition("in", 1))
PROBLEM = Problem(Reason.UNDECODABLE, Stage.DECODE, "it is bad")
SCORED, DEAD, WITHOUT_TRACE = "scored", "dead", "without trace"
Row = tuple[int, str]


def batch_of(rows: list[Row]) -> Batch:
    """Return a batch with these rows: the source's number, and what becomes of the event."""
    index = np.array([source for source, _ in rows], np.int64)
    offsets = [int((index[:row] == source).sum()) for row, (source, _) in enumerate(rows)]
    nothing = [None] * len(rows)
    numbers = np.arange(len(rows))
    values = [b"%d" % row for row in numbers]
    return Batch(values, nothing, nothing, numbers, SOURCES, index, np.array(offsets, np.int64))


def scored_of(batch: Batch, rows: list[Row]) -> ScoredBatch:
    """Return the traces of the batch."""
    good = [row for row, (_, fate) in enumerate(rows) if fate == SCORED]
    dead = [row for row, (_, fate) in enumerate(rows) if fate == DEAD]
    everything = ScoredEvents(
        batch.values,
        batch.keys,
        batch.headers,
        batch.timestamps,
        np.zeros(len(batch), np.int64),
    )
    letters = tuple(
        DeadLetter(
            batch.values[row], None, None, 0, batch.source_of(row), int(batch.offsets[row]), PROBLEM
        )
        for row in dead
    )
    return ScoredBatch(
        everything.take(np.array(good, np.intp)),
        letters,
        batch.next_offsets(),
        np.array([*good, *dead], np.intp),
    )


def values_of(scored: ScoredBatch) -> list[bytes | None]:
    """Return the values of all traces, in the order of ``rows``."""
    return [*scored.scored.values, *(letter.value for letter in scored.dead_letters)]


ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([SCORED, DEAD, WITHOUT_TRACE])), max_size=30
).filter(lambda rows: sum(fate != WITHOUT_TRACE for _, fate in rows) >= 2)


@given(ROWS)
def test_halves_hold_each_trace_once_and_know_whose_it_is(rows: list[Row]) -> None:
    """Two of about equal size; ``rows`` still says which event of the batch each is of."""
    batch = batch_of(rows)
    whole = scored_of(batch, rows)
    (first, _), (second, _) = halves_of(whole, Places.of(batch, whole.rows))
    assert abs(len(first) - len(second)) <= 1
    assert sorted(map(str, values_of(first) + values_of(second))) == sorted(
        map(str, values_of(whole))
    )
    for half in (first, second):
        assert values_of(half) == [batch.values[row] for row in half.rows]


@given(ROWS)
def test_the_first_half_can_be_committed_before_the_second(rows: list[Row]) -> None:
    """In each partition it ends before the second begins; together they end where the whole did."""
    batch = batch_of(rows)
    whole = scored_of(batch, rows)
    (first, first_places), (second, second_places) = halves_of(whole, Places.of(batch, whole.rows))
    for source, end in first.next_offsets.items():
        mine, theirs = (
            [offset for at, offset in map(places.at, range(len(places.offsets))) if at == source]
            for places in (first_places, second_places)
        )
        assert max(mine) < end
        assert all(offset >= end for offset in theirs)
    assert {**first.next_offsets, **second.next_offsets} == whole.next_offsets


@given(ROWS, st.lists(st.booleans(), max_size=5))
def test_what_a_batch_looked_like_is_counted_once(rows: list[Row], choices: list[bool]) -> None:
    """With the last of all parts, however often it is halved."""
    batch = batch_of(rows)
    parts = [replace(scored_of(batch, rows), profile=Profile(len(rows), {"a": 1}))]
    for takes_first in choices:
        at = 0 if takes_first else len(parts) - 1
        if len(parts[at]) > 1:
            halves = halves_of(parts[at], Places.of(batch, parts[at].rows))
            parts[at : at + 1] = [half for half, _ in halves]
    assert [part.profile.rows for part in parts] == [0] * (len(parts) - 1) + [len(rows)]
    assert Profile.of_all(part.profile for part in parts).missing == {"a": 1}


@pytest.mark.parametrize("culprit", range(9))
def test_halving_a_set_again_and_again_ends_at_any_trace(culprit: int) -> None:
    """A set of several batches, some of them without a trace."""
    kinds = [
        [(0, WITHOUT_TRACE)],
        [(0, SCORED), (1, DEAD)] * 3,
        [(1, DEAD), (0, SCORED), (0, DEAD)],
    ]
    gathered = OpenSet(0.0)
    for number, rows in enumerate(kinds):
        batch = batch_of(rows)
        moved = Batch(
            [b"%d/%s" % (number, value or b"") for value in batch.values],
            batch.keys,
            batch.headers,
            batch.timestamps,
            batch.sources,
            batch.source_index,
            batch.offsets + 100 * number,
        )
        gathered.add(scored_of(moved, rows), moved)
    wanted = [value for scored in gathered.batches for value in values_of(scored)][culprit]
    part = gathered
    while part.traces() > 1:
        first, second = part.halves()
        is_in_first = any(wanted in values_of(scored) for scored in first.batches)
        part = first if is_in_first else second
    assert [value for scored in part.batches for value in values_of(scored)] == [wanted]
    source, offset = part.first_place()
    assert part.offsets[source] > offset
