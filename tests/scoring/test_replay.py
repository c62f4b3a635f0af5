"""Dead letters that are refused again: the one that is meant, whatever else is in the set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from stream_scorer.app.back_to_input import BackToInput
from stream_scorer.dead_letters import DeadLetterFormat, counted
from stream_scorer.errors import RecordsRefused
from stream_scorer.records import (
    Batch,
    DeadLetter,
    Headers,
    Problem,
    Reason,
    ScoredBatch,
    ScoredEvents,
    Stage,
    TopicLimits,
    TopicPartition,
)
from stream_scorer.scoring.replay import Refusals, ReplayScorer, ReturnToInput
from tests.fakes import FakeConsumer, FakeKafka, FakeProducer
from tests.kafka.under_test import Recorded

DEAD = TopicPartition("dead", 0)
A, B = TopicPartition("a", 0), TopicPartition("b", 0)
FORMAT = DeadLetterFormat("group", "0", "model", partitions=1)
PROBLEM = Problem(Reason.TOO_LARGE, Stage.ENCODE, "as a test has it")


@dataclass
class Passing:
    """A scorer that writes its events as they are, those with a problem as dead letters."""

    batches: list[Batch] = field(default_factory=list)

    def score(self, batch: Batch) -> ScoredBatch:
        """Let everything pass that has no problem."""
        self.batches.append(batch)
        dead = sorted(batch.problems)
        good = np.delete(np.arange(len(batch)), dead)
        taken = batch.take(good)
        columns = (taken.keys, taken.headers, taken.timestamps, taken.source_index)
        letters = tuple(
            DeadLetter(
                batch.values[row],
                batch.keys[row],
                batch.headers[row],
                int(batch.timestamps[row]),
                batch.source_of(row),
                int(batch.offsets[row]),
                batch.problems[row],
            )
            for row in dead
        )
        rows = np.concatenate([good, np.array(dead, np.intp)])
        return ScoredBatch(ScoredEvents(taken.values, *columns), letters, {}, rows)


def letter(source: TopicPartition, offset: int, **more: Any) -> DeadLetter:
    """Return a dead letter of this event."""
    plain = DeadLetter(b"%d" % offset, b"k", None, 1, source, offset, PROBLEM)
    return replace(plain, **more)


def buried(
    first: int, *letters: DeadLetter, form: DeadLetterFormat = FORMAT, now_ms: int = 0
) -> Batch:
    """Return a batch of these dead letters, from an offset on."""
    records, rows = form.records(letters, now_ms), len(letters)
    return Batch(
        records.values,
        records.keys,
        records.headers,
        records.timestamps,
        (DEAD,),
        np.zeros(rows, np.int64),
        np.arange(first, first + rows, dtype=np.int64),
    )


def dead_letters(first: int, *events: tuple[TopicPartition, int]) -> Batch:
    """Return a batch of dead letters of these events, from an offset on."""
    return buried(first, *(letter(*event) for event in events))


def anywhere(_: str) -> int:
    """Have every topic, with enough partitions."""
    return 100


def test_any_dead_letter_of_the_set_may_be_rejected() -> None:
    """Of an earlier batch, and of several of one event that one alone."""
    replaying = ReplayScorer(Passing(), Refusals(3, "group"))
    first, second = dead_letters(0, (A, 7), (A, 8)), dead_letters(2, (A, 8), (B, 40))
    replaying.score(first)
    replaying.score(second)
    replaying.reject(DEAD, 1, "INVALID_TIMESTAMP", is_letter=False)
    again = replaying.score(first)
    assert list(again.scored.values) == [b"7"]
    assert [(each.offset, each.problem.message) for each in again.dead_letters] == [
        (8, "INVALID_TIMESTAMP")
    ]
    assert again.rows.tolist() == [0, 1]
    assert replaying.score(second).dead_letters == ()
    replaying.reject(DEAD, 1, "INVALID_TIMESTAMP", is_letter=True)
    assert [each.refusals for each in replaying.score(first).dead_letters] == [1]
    replaying.forget({DEAD: 2})
    assert replaying.score(first).dead_letters == ()


def test_an_event_comes_back_as_it_was() -> None:
    """Its own time, no key where it had none, and all of its own headers, whatever their names."""
    limits = TopicLimits(after_max_ms=1000, needs_key=True)
    form = replace(FORMAT, limits=limits)
    own: Headers = [
        ("stream_scorer.replays", b"x"),
        ("stream_scorer.value_bytes", b"x"),
        ("__streams.errors.topic", b"elsewhere"),
        ("stream_scorer.group", b"another"),
        ("__streams.errors.exception", b"?"),
    ]
    inner = Passing()
    found = ReplayScorer(inner, Refusals(1, "group")).score(
        buried(0, letter(A, 7, headers=own, timestamp=99_000, key=None), form=form)
    )
    [event] = inner.batches
    assert (event.timestamps.tolist(), event.keys) == ([99_000], [None])
    assert event.headers == [counted(own, 1, "group")]
    assert (event.source_of(0), event.offsets.tolist()) == (A, [7])
    assert found.rows.tolist() == [0]


def test_what_is_passed_over_is_counted_once_and_told() -> None:
    """However often it is read, and only once that is committed."""
    refusals = Refusals(2, "group")
    replaying = ReplayScorer(Passing(), refusals)
    unreadable = replace(PROBLEM, headers_lost=True)
    batch = buried(
        0,
        letter(A, 1, headers=counted([], 2, "group")),
        letter(A, 2, problem=unreadable),
        letter(A, 3, headers=[("stream_scorer.replays", b"2")]),
    )
    others = buried(3, letter(A, 4), form=replace(FORMAT, group="another"))
    for _ in range(2):
        assert list(replaying.score(batch).scored.values) == [b"3"]
        assert len(replaying.score(others)) == 0
    assert refusals.sentences() == []
    replaying.forget({DEAD: 4})
    assert refusals.sentences() == [
        "1 dead letters were replayed 2 times already (--max-replays); they stay.",
        "1 dead letters lack headers of their event; they stay.",
        "1 dead letters are of the group another (--group); they stay.",
    ]


def test_what_comes_from_a_place_that_is_gone_is_passed_over() -> None:
    """A topic that does not exist, or a partition; each topic is asked for once."""
    asked: list[str] = []

    def partitions_of(topic: str) -> int:
        asked.append(topic)
        return {"a": 1}.get(topic, 0)

    refusals = Refusals(3, "group")
    giving_back = ReturnToInput(refusals, partitions_of)
    batch = dead_letters(0, (A, 1), (TopicPartition("a", 1), 2), (B, 3), (A, 4))
    assert [each.offset for each in giving_back.score(batch).dead_letters] == [1, 4]
    assert sorted(asked) == ["a", "b"]
    giving_back.reject(DEAD, 3, "INVALID_TIMESTAMP", is_letter=True)
    again = giving_back.score(batch)
    assert ([each.offset for each in again.dead_letters], again.rows.tolist()) == ([1], [0])
    giving_back.forget({DEAD: 4})
    assert len(refusals.sentences()) == 3


def test_what_goes_back_to_several_topics_is_numbered_as_it_came() -> None:
    """So a refusal is of the dead letter that it says."""
    kafka = FakeKafka()
    for topic in ("a", "b", "dead"):
        kafka.create_topic(topic)
    consumer = FakeConsumer(kafka, ["dead"], "group")
    consumer.subscribe(Recorded())
    consumer.poll_batch(1, 0.0)
    kafka.refuses = lambda topic, value: (topic, value) == ("a", b"3")
    producer = FakeProducer(kafka, "id")
    output = BackToInput(producer)
    output.rebuild()
    scored = ReturnToInput(Refusals(3, "group"), anywhere).score(
        dead_letters(0, (A, 1), (B, 2), (A, 3), (B, 4))
    )
    with pytest.raises(RecordsRefused) as refusal:
        output.commit([scored], {}, consumer.group_metadata())
    assert set(refusal.value.refused) == {2}


def test_a_dead_letter_of_another_program_is_nobody_s() -> None:
    """Kafka Streams writes headers of the same names, and none that names a group of ours."""
    ours = buried(0, letter(A, 1))
    headers = [[each for each in ours.headers[0] or [] if each[0].startswith("__streams")]]
    refusals = Refusals(3, "group")
    replaying = ReplayScorer(Passing(), refusals)
    assert len(replaying.score(replace(ours, headers=headers))) == 0
    replaying.forget({DEAD: 1})
    assert refusals.sentences() == [
        "1 dead letters have no header that names their group; they stay."
    ]
