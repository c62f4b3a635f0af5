"""The generated events: framed, evolving, and broken exactly where they say so."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import fastavro
import pytest

from stream_scorer.demo.events import FAULT_EVERY, GeneratedEvent, events, fault_of
from stream_scorer.demo.faults import UNKNOWN_SCHEMA_ID
from stream_scorer.demo.stories import CARD_FRAUD, STORIES, Story
from stream_scorer.records import Reason

COUNT = 2 * FAULT_EVERY * 7  # each fault of either story at least twice
every_story = pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)


@pytest.fixture(scope="module", params=STORIES)
def generated(request: pytest.FixtureRequest) -> tuple[Story, list[GeneratedEvent]]:
    """A story and a run of its events."""
    story = STORIES[request.param]
    return story, list(events(story, COUNT, seed=11))


def _decoded(story: Story, event: GeneratedEvent) -> dict[str, Any]:
    assert event.value is not None
    schema_id = int.from_bytes(event.value[1:5], "big")
    stream = io.BytesIO(event.value[5:])
    writer = fastavro.schema.load_schema(story.writers[schema_id])
    row: Any = fastavro.schemaless_reader(stream, writer, fastavro.schema.load_schema(story.reader))
    assert stream.tell() == len(event.value) - 5
    return dict(row)


def test_sound_events_decode_to_the_last_byte(
    generated: tuple[Story, list[GeneratedEvent]],
) -> None:
    """With the schema of their id, keyed by the story's key, each with an id of its own."""
    story, run = generated
    sound = [event for event in run if event.reason is None][::37]
    rows = [_decoded(story, event) for event in sound]
    assert [row[story.key].encode() for row in rows] == [event.key for event in sound]
    assert len({row["event_id"] for row in rows}) == len(rows)


def test_the_same_seed_gives_the_same_bytes(
    generated: tuple[Story, list[GeneratedEvent]],
) -> None:
    """A run can be repeated, and another seed gives another."""
    story, run = generated
    assert list(events(story, COUNT, seed=11)) == run
    assert [e.value for e in events(story, 50, seed=12)] != [e.value for e in run[:50]]


def test_each_fault_of_the_story_occurs_in_turn(
    generated: tuple[Story, list[GeneratedEvent]],
) -> None:
    """One event in ``FAULT_EVERY`` is broken, and says for which reason it must fail."""
    story, run = generated
    turns = COUNT // FAULT_EVERY
    expected = Counter(story.faults[turn % len(story.faults)].reason for turn in range(turns))
    assert Counter(event.reason for event in run if event.reason) == expected
    assert all(event.reason is None for event in run[: FAULT_EVERY - 1])


def test_broken_events_are_broken_in_the_way_that_they_name(
    generated: tuple[Story, list[GeneratedEvent]],
) -> None:
    """Only faults of the content still decode; those of the bytes don't, or have no schema."""
    story, run = generated
    readable = {Reason.MISSING_FEATURE, Reason.NOT_REPRESENTABLE, Reason.NON_FINITE_SCORE}
    for event in (event for event in run if event.reason):
        if event.reason in readable:
            assert _decoded(story, event)
        elif event.reason is Reason.TOMBSTONE:
            assert event.value is None
        elif event.reason is Reason.NO_SCHEMA:
            assert event.value is not None
            unknown = b"\x00" + UNKNOWN_SCHEMA_ID.to_bytes(4, "big")
            assert event.value.startswith((unknown, b"{"))
        else:
            assert event.reason is Reason.UNDECODABLE
            with pytest.raises((AssertionError, EOFError, IndexError, ValueError)):
                _decoded(story, event)


def test_producers_move_from_the_old_card_schema_to_the_new_one_bit_by_bit() -> None:
    """Old first, new last, both in between: what a rolling upgrade looks like."""
    run = [event for event in events(CARD_FRAUD, 4_000, seed=3) if event.reason is None]
    ids = [event.value[4] for event in run if event.value]
    assert set(ids[:1_500]) == {1}
    assert set(ids[1_800:2_200]) == {1, 2}
    assert set(ids[-1_500:]) == {2}


@every_story
def test_an_unknown_schema_id_is_one_that_no_story_uses(story: Story) -> None:
    """Else the event would be sound."""
    assert UNKNOWN_SCHEMA_ID not in {*story.writers, story.scored_schema_id}


@every_story
def test_broken_events_stay_well_below_the_dead_letter_budget(story: Story) -> None:
    """The default budget stops a worker at one event in twenty."""
    broken = sum(fault_of(story, number) is not None for number in range(10_000))
    assert 0 < broken < 10_000 / 20 / 5
