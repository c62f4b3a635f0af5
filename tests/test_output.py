"""One transaction a set: outputs, dead letters, offsets; the budget is asked before it begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream_scorer.budget import Budget, BudgetLedger
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.errors import (
    RecordsRefused,
    TooManyDeadLetters,
    TopicInDoubt,
    TransactionAborted,
)
from stream_scorer.output import DeadLetterOutput, TransactionalOutput
from stream_scorer.records import (
    DeadLetter,
    Position,
    Problem,
    Reason,
    ScoredBatch,
    ScoredEvents,
    Stage,
    TopicLimits,
    TopicPartition,
)
from tests.fakes import FakeConsumer, FakeKafka, FakeProducer

SOURCE = TopicPartition("in", 0)
BUDGET = Budget(1.0, 60.0, 0)
PROBLEM = Problem(Reason.NO_SCHEMA, Stage.DECODE, "schema id 7 is not known")


class Silent:
    """A listener with nothing to do."""

    def assigned(self, partitions: object) -> None:
        """They came."""

    def revoked(self, partitions: object) -> None:
        """They go."""

    def lost(self, partitions: object) -> None:
        """They went."""


class Written:
    """An output on a Kafka in memory, and what came of it."""

    def __init__(self, budget: Budget | None, *, has_topic: bool = True) -> None:
        self.kafka = FakeKafka()
        for topic in ("in", "out", "dead"):
            self.kafka.create_topic(topic)
        consumer = FakeConsumer(self.kafka, ["in"], "group")
        consumer.subscribe(Silent())
        consumer.poll_batch(1, 0.0)
        self.membership = consumer.group_metadata()
        self.producer = FakeProducer(self.kafka, "id")
        ledger = BudgetLedger(budget or BUDGET)
        dead = DeadLetterOutput("dead", DeadLetterFormat("group", "0", "m", 1), ledger)
        self.output = TransactionalOutput(
            self.producer, "out", dead if has_topic else None, self.kafka.clock
        )
        self.output.rebuild()

    def commit(self, *batches: ScoredBatch, offset: int = 1) -> None:
        """Commit the batches with one offset."""
        self.output.commit(batches, {SOURCE: Position(offset)}, self.membership)

    def counts(self) -> tuple[int, int, int | None]:
        """Return the numbers of scored events and dead letters, and the committed offset."""
        scored, dead = self.kafka.visible("out"), self.kafka.visible("dead")
        return len(scored), len(dead), self.kafka.groups["group"].committed.get(SOURCE)


def batch(good: int, bad: int = 0) -> ScoredBatch:
    """Return a batch of so many scored events and dead letters."""
    zeros, nothing = np.zeros(good, np.int64), [None] * good
    scored = ScoredEvents([b"s"] * good, nothing, nothing, zeros, zeros)
    letters = [DeadLetter(b"v", None, None, 0, SOURCE, 40 + row, PROBLEM) for row in range(bad)]
    return ScoredBatch(scored, tuple(letters), {SOURCE: good + bad}, np.arange(good + bad))


def test_scores_dead_letters_and_offsets_become_visible_together() -> None:
    """Several batches, one transaction."""
    written = Written(None)
    written.commit(batch(3, 1), batch(2), offset=6)
    assert written.counts() == (5, 1, 6)
    assert len(written.producer.bounds) == 1


def test_an_abort_leaves_nothing_of_either() -> None:
    """Nor does it spend anything of the budget."""
    written = Written(Budget(0.5, 60.0, 2))
    written.kafka.fail("commit", TransactionAborted("not now"))
    with pytest.raises(TransactionAborted):
        written.commit(batch(1, 1))
    assert written.counts() == (0, 0, None)
    written.output.rebuild()
    written.commit(batch(1, 1))
    assert written.counts() == (1, 1, 1)


def test_without_a_dead_letter_topic_the_first_bad_event_stops_the_worker() -> None:
    """The sentence names the event and the way out; nothing is begun."""
    written = Written(None, has_topic=False)
    with pytest.raises(TooManyDeadLetters) as stopped:
        written.commit(batch(3, 2))
    assert "in [0] at offset 40 can't be scored (no_schema: schema id 7" in str(stopped.value)
    assert "Set a dead-letter topic" in str(stopped.value)
    assert stopped.value.exit_code == 5
    assert written.producer.bounds == []
    written.commit(batch(3))
    assert written.counts() == (3, 0, 1)


def test_the_budget_is_asked_before_anything_is_written() -> None:
    """The set that would cross it is not committed, not even its good events."""
    written = Written(Budget(0.5, 60.0, 2))
    written.commit(batch(3, 1))
    with pytest.raises(TooManyDeadLetters, match="4 of the next 4 would cross"):
        written.commit(batch(0, 4), offset=9)
    assert written.counts() == (3, 1, 1)


def test_the_budget_recovers_with_time() -> None:
    """It counts what was committed within its window."""
    written = Written(Budget(0.5, 60.0, 2))
    written.commit(batch(0, 1))
    with pytest.raises(TooManyDeadLetters):
        written.commit(batch(0, 1))
    written.kafka.clock.advance(60)
    written.commit(batch(0, 1))
    assert written.counts() == (0, 2, 1)


def test_what_topics_take_may_be_asked_again_when_a_record_is_more() -> None:
    """The brokers say so, or it is known: either may be another now. After nothing else."""
    asked: list[str] = []
    written = Written(None)
    output = TransactionalOutput(
        written.producer, "out", None, written.kafka.clock, look_again=lambda: asked.append("!")
    )
    written.kafka.fail("commit", TransactionAborted("not now"))
    with pytest.raises(TransactionAborted):
        output.commit([batch(1)], {SOURCE: Position(1)}, written.membership)
    assert asked == []
    output.rebuild()
    written.kafka.refuses = lambda _topic, _value: True
    with pytest.raises(RecordsRefused) as refused:
        output.commit([batch(1)], {SOURCE: Position(1)}, written.membership)
    assert asked == ["!"]
    assert set(refused.value.refused) == {0}


def test_topics_are_asked_for_again_when_one_may_lack_the_partition() -> None:
    """It was made anew with fewer, or is gone."""
    asked: list[str] = []
    written = Written(None)
    output = TransactionalOutput(
        written.producer, "out", None, written.kafka.clock, look_again=lambda: asked.append("!")
    )
    written.kafka.partitions["out"] = 0
    with pytest.raises(TopicInDoubt):
        output.commit([batch(1)], {SOURCE: Position(1)}, written.membership)
    assert asked == ["!"]


@pytest.mark.parametrize(("reason", "times"), [(Reason.TOO_LARGE, 1), (Reason.UNDECODABLE, 0)])
def test_a_limit_may_be_gone_that_events_are_dead_for(reason: Reason, times: int) -> None:
    """It is asked for once they are committed."""
    asked: list[str] = []
    written = Written(None)
    output = TransactionalOutput(
        written.producer,
        "out",
        DeadLetterOutput("dead", DeadLetterFormat("group", "0", "m", 1), BudgetLedger(BUDGET)),
        written.kafka.clock,
        look_again=lambda: asked.append("!"),
    )
    problem = Problem(reason, Stage.ENCODE, "as a test has it")
    letter = DeadLetter(b"v", None, None, 0, SOURCE, 40, problem)
    dead = replace(batch(1, 1), dead_letters=(letter,))
    output.commit([dead], {SOURCE: Position(1)}, written.membership)
    assert len(asked) == times


def test_a_dead_letter_fits_what_its_topic_takes_now() -> None:
    """Its value is left out if it does not."""
    dead = DeadLetterOutput("dead", DeadLetterFormat("group", "0", "m", 1), BudgetLedger(BUDGET))
    letter = DeadLetter(b"v" * 5000, None, None, 0, SOURCE, 40, PROBLEM)
    assert dead.record_format.records([letter], 0).values == [letter.value]
    dead.fit(TopicLimits(max_bytes=2000), 1)
    assert dead.record_format.records([letter], 0).values == [None]


@pytest.mark.parametrize(
    ("partitions", "where"), [(8, 5), (2, 1), (0, 1)], ids=["grown", "made anew", "gone"]
)
def test_a_dead_letter_goes_to_a_partition_that_its_topic_has_now(
    partitions: int, where: int
) -> None:
    """Its source's number, modulo theirs; of a topic that is gone the old number still counts."""
    dead = DeadLetterOutput("dead", DeadLetterFormat("group", "0", "m", 4), BudgetLedger(BUDGET))
    letter = DeadLetter(b"v", None, None, 0, TopicPartition("in", 5), 40, PROBLEM)
    dead.fit(TopicLimits(), partitions)
    assert dead.record_format.records([letter], 0).partitions.tolist() == [where]
