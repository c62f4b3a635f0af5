"""A worker over a Kafka in memory, on a clock that only waiting moves."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from stream_scorer.app.written_topics import OutputTopics, WrittenTopics
from stream_scorer.budget import Budget, BudgetLedger
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.errors import StreamScorerError, Unanswered
from stream_scorer.kafka.cluster import TopicFacts
from stream_scorer.open_set import Pace
from stream_scorer.output import DeadLetterOutput, TransactionalOutput
from stream_scorer.records import (
    Batch,
    DeadLetter,
    Held,
    Problem,
    Reason,
    ScoredBatch,
    ScoredEvents,
    Stage,
    TopicPartition,
)
from stream_scorer.scoring.holding import (
    Lacking,
    held_at,
    held_beyond,
    lacks_nothing,
    score_before,
)
from stream_scorer.scoring.rejections import Rejections
from stream_scorer.worker import Worker
from tests.fakes import FakeConsumer, FakeKafka, FakeProducer

INPUT, OUTPUT, DEAD, GROUP = "in", "out", "dead", "group"
P0, P1 = TopicPartition(INPUT, 0), TopicPartition(INPUT, 1)
PACE = Pace(
    max_records=4,
    max_wait_seconds=0.0,
    commit_interval_seconds=0.1,
    min_commit_interval_seconds=0.01,
    transaction_max_records=100,
    transaction_max_bytes=1_000_000,
    max_poll_interval_seconds=300.0,
)


@dataclass
class Scoring:
    """Writes an event's own value behind ``scored:``; what goes wrong is up to the test."""

    kafka: FakeKafka
    seconds_per_row: float = 0.0
    before: Callable[[Batch], None] = lambda _: None
    #: Raises ``Unanswered`` for the events that can't be scored now.
    ask: Callable[[bytes | None], None] = lambda _: None
    #: Whether the output has so many partitions.
    lacking: Lacking = lacks_nothing
    rejections: Rejections = field(default_factory=Rejections)
    batches: list[int] = field(default_factory=list)

    def score(self, batch: Batch) -> ScoredBatch:
        """Score a batch; a value that begins with ``bad`` is a dead letter."""
        self.before(batch)
        return self._traces(batch)

    def _traces(self, batch: Batch) -> ScoredBatch:
        if beyond := held_beyond(batch, self.lacking, by_key=False):
            return score_before(beyond, batch, self._traces)
        if waiting := self._waiting(batch):
            return score_before(held_at(batch, waiting), batch, self._score)
        return self._score(batch)

    def _waiting(self, batch: Batch) -> dict[int, tuple[str, float]]:
        waiting: dict[int, tuple[str, float]] = {}
        for row, value in enumerate(batch.values):
            try:
                self.ask(value)
            except Unanswered as error:
                waiting[row] = (str(error), error.seconds)
        return waiting

    def _score(self, batch: Batch) -> ScoredBatch:
        self.batches.append(len(batch))
        self.kafka.clock.advance(self.seconds_per_row * len(batch))
        rejected = self.rejections.problems(batch)
        bad = {row: _BAD for row, value in enumerate(batch.values) if _is_bad(value)}
        problems = bad | rejected
        dead = sorted(problems)
        good = [row for row in range(len(batch)) if row not in dead]
        values = [b"scored:" + (batch.values[row] or b"") for row in good]
        scored = ScoredBatch(
            ScoredEvents(
                values,
                [batch.keys[row] for row in good],
                [batch.headers[row] for row in good],
                batch.timestamps[good],
                np.array([batch.source_of(row).partition for row in good], np.int64),
            ),
            tuple(_dead_letter(batch, row, problems[row]) for row in dead),
            batch.next_offsets(),
            np.array([*good, *dead], np.intp),
            size_bytes=sum(map(len, values)),
        )
        return self.rejections.marked(scored, batch)

    def reject(self, source: TopicPartition, offset: int, why: str, *, is_letter: bool) -> None:
        """Take note, or stop the worker, as the real scorer does."""
        self.rejections.add(source, offset, why, is_letter=is_letter)

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget what is committed."""
        self.rejections.forget(offsets)


_BAD = Problem(Reason.UNDECODABLE, Stage.DECODE, "it is bad")


def _is_bad(value: bytes | None) -> bool:
    return (value or b"").startswith(b"bad")


def _dead_letter(batch: Batch, row: int, problem: Problem) -> DeadLetter:
    source, offset = batch.source_of(row), int(batch.offsets[row])
    return DeadLetter(batch.values[row], None, None, -1, source, offset, problem)


@dataclass
class Heard:
    """What the loop tells its observer."""

    committed_rows: list[int] = field(default_factory=list)
    aborts: list[StreamScorerError] = field(default_factory=list)
    in_a_row: list[int] = field(default_factory=list)
    rebalances: list[str] = field(default_factory=list)
    waits: list[StreamScorerError] = field(default_factory=list)
    held: list[dict[TopicPartition, Held]] = field(default_factory=list)
    stepped_over_to: dict[TopicPartition, int] = field(default_factory=dict)
    rounds: int = 0

    def polled(self, batch: Batch, seconds: float) -> None:
        """Events arrived."""

    def committed(self, scored: Sequence[ScoredBatch], seconds: float) -> None:
        """A transaction committed."""
        del seconds
        self.committed_rows.append(sum(map(len, scored)))

    def aborted(self, error: StreamScorerError, in_a_row: int) -> None:
        """A transaction left no trace."""
        self.aborts.append(error)
        self.in_a_row.append(in_a_row)

    def rebalanced(self, kind: str, partitions: Sequence[TopicPartition]) -> None:
        """Partitions came or went."""
        del partitions
        self.rebalances.append(kind)

    def waiting(self, error: StreamScorerError) -> None:
        """Something is away."""
        self.waits.append(error)

    def stepped_over(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Positions without an event before them were committed."""
        self.stepped_over_to.update(offsets)

    def working(self, held: Mapping[TopicPartition, Held]) -> None:
        """A round went well."""
        if held and (not self.held or self.held[-1] != held):
            self.held.append(dict(held))

    def alive(self) -> None:
        """The loop went round."""
        self.rounds += 1


def topics_written(kafka: FakeKafka, producer: FakeProducer) -> WrittenTopics:
    """Return what a worker with this producer knows of the topics that it writes to."""

    def facts(topic: str) -> TopicFacts:
        return TopicFacts(topic, kafka.partitions[topic], 1, None, None, None, None)

    def describe(topic: str) -> TopicFacts | None:
        return None if kafka.is_away else facts(topic)

    topics = WrittenTopics(OutputTopics(facts(OUTPUT), facts(DEAD)), describe, kafka.clock)
    topics.ask(producer.partitions)
    return topics


class Loop:
    """A worker and all that it stands on."""

    _numbers = itertools.count(1)

    def __init__(
        self,
        kafka: FakeKafka | None = None,
        budget: Budget | None = None,
        policy: Literal["earliest", "latest"] = "earliest",
        **pace: Any,
    ) -> None:
        self.kafka = kafka or FakeKafka()
        for topic in {INPUT, OUTPUT, DEAD} - self.kafka.partitions.keys():
            self.kafka.create_topic(topic, 2)
        self.consumer = FakeConsumer(self.kafka, [INPUT], GROUP, policy)
        self.producer = FakeProducer(self.kafka, f"id-{next(self._numbers)}")
        self.topics = topics_written(self.kafka, self.producer)
        self.scoring = Scoring(self.kafka, lacking=self.topics.lacking)
        self.heard = Heard()
        ledger = BudgetLedger(budget or Budget(1.0, 60.0, 0))
        dead = DeadLetterOutput(DEAD, DeadLetterFormat(GROUP, "0", "model", 2), ledger)
        self._ends_at = float("inf")
        self._is_done: Callable[[], bool] = lambda: False
        self.worker = Worker(
            self.consumer,
            self.scoring,
            TransactionalOutput(
                self.producer,
                OUTPUT,
                dead,
                self.kafka.clock,
                look_again=self.topics.read_again,
            ),
            replace(PACE, **pace),
            self.heard,
            stopping=self._stopping,
            clock=self.kafka.clock,
        )

    def _stopping(self) -> bool:
        assert self.kafka.clock() < self._ends_at, "the loop does not get there"
        return self._is_done()

    def run_until(self, is_done: Callable[[], bool], seconds: float = 120.0) -> None:
        """Run until it is done; fail if that takes longer in the clock's seconds."""
        self._is_done = is_done
        self._ends_at = self.kafka.clock() + seconds
        self.worker.run()

    def run(self) -> None:
        """Run until everything that is in the input is committed, and the group is at its end."""
        self.run_until(lambda: self.kafka.lag(GROUP, INPUT) == 0)

    def another(self) -> Loop:
        """Return a second worker's loop on the same Kafka that has joined already."""
        other = Loop(self.kafka)
        other.worker._intake.subscribe(other.worker)
        return other

    def scored(self) -> list[bytes]:
        """Return the scored events that a reader of committed events gets."""
        return [(each.value or b"").removeprefix(b"scored:") for each in self.kafka.visible(OUTPUT)]

    def dead(self) -> list[tuple[bytes | None, bytes | None]]:
        """Return the dead letters' values and reasons."""
        letters = self.kafka.visible(DEAD)
        return [(each.value, dict(each.headers or ())["stream_scorer.reason"]) for each in letters]


def numbered(count: int, first: int = 0) -> list[bytes]:
    """Return so many different values."""
    return [b"%d" % each for each in range(first, first + count)]
