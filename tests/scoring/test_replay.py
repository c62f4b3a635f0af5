"""Dead letters that are refused again: the one that is meant, whatever else is in the set."""

from __future__ import annotations

import numpy as np
import pytest

from stream_scorer.app.back_to_input import BackToInput
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.errors import RecordsRefused
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
from stream_scorer.scoring.replay import Refusals, ReplayScorer, ReturnToInput
from tests.fakes import FakeConsumer, FakeKafka, FakeProducer
from tests.kafka.under_test import Recorded

DEAD = TopicPartition("dead", 0)
A, B = TopicPartition("a", 0), TopicPartition("b", 0)
FORMAT = DeadLetterFormat("group", "0", "model", partitions=1)


class Remembering:
    """A scorer that writes its events as they are, and remembers what was rejected."""

    def __init__(self) -> None:
        self.rejected: list[tuple[TopicPartition, int, str]] = []

    def score(self, batch: Batch) -> ScoredBatch:
        """Let everything pass."""
        scored = ScoredEvents(
            batch.values, batch.keys, batch.headers, batch.timestamps, batch.source_index
        )
        return ScoredBatch(scored, (), batch.next_offsets(), np.arange(len(batch)))

    def reject(self, source: TopicPartition, offset: int, why: str) -> None:
        """Take note."""
        self.rejected.append((source, offset, why))


def dead_letters(first: int, *events: tuple[TopicPartition, int]) -> Batch:
    """Return a batch of dead letters of these events, from an offset on."""
    problem = Problem(Reason.TOO_LARGE, Stage.ENCODE, "as a test has it")
    letters = [DeadLetter(b"%d" % at, b"k", None, 1, source, at, problem) for source, at in events]
    records, rows = FORMAT.records(letters), len(letters)
    return Batch(
        records.values,
        records.keys,
        records.headers,
        records.timestamps,
        (DEAD,),
        np.zeros(rows, np.int64),
        np.arange(first, first + rows, dtype=np.int64),
    )


def test_a_dead_letter_of_any_batch_of_the_set_may_be_rejected() -> None:
    """Until it is committed what it was is remembered, and no longer."""
    inner = Remembering()
    replaying = ReplayScorer(inner, Refusals(3))
    replaying.score(dead_letters(0, (A, 7), (A, 8)))
    replaying.score(dead_letters(2, (B, 40)))
    replaying.reject(DEAD, 1, "INVALID_TIMESTAMP")
    assert inner.rejected == [(A, 8, "INVALID_TIMESTAMP")]
    replaying.forget({DEAD: 2})
    assert set(replaying._origins) == {(DEAD, 2)}


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
    scored = ReturnToInput(Refusals(3)).score(dead_letters(0, (A, 1), (B, 2), (A, 3), (B, 4)))
    with pytest.raises(RecordsRefused) as refusal:
        output.commit([scored], {}, consumer.group_metadata())
    assert set(refusal.value.refused) == {2}
