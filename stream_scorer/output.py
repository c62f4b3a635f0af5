"""Writes scored batches: scored events, dead letters and offsets in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from stream_scorer.budget import BudgetLedger
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.errors import RecordsRefused, TooManyDeadLetters, TopicInDoubt
from stream_scorer.protocols import Transaction
from stream_scorer.records import Position, Reason, ScoredBatch, TopicLimits, TopicPartition


class Producer(Protocol):
    """The two producers of :mod:`stream_scorer.kafka` are such."""

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether the next transaction must begin with a rebuild."""

    def transaction(
        self, within_seconds: float | None = None
    ) -> AbstractContextManager[Transaction]:
        """Commit what happens inside the block, or leave no trace of it."""

    def rebuild(self) -> None:
        """Start over."""


class DeadLetterOutput:
    """The dead-letter topic, and how many may go there."""

    def __init__(self, topic: str, record_format: DeadLetterFormat, ledger: BudgetLedger) -> None:
        self.topic = topic
        self.record_format = record_format
        self.ledger = ledger

    def fit(self, limits: TopicLimits, partitions: int) -> None:
        """Write no records from now on that the topic does not take, and into partitions it has.

        No partition: the topic is gone, and its number stays as it was.
        """
        self.record_format = replace(
            self.record_format,
            limits=limits,
            partitions=partitions or self.record_format.partitions,
        )


class TransactionalOutput:
    """Commits each set in one transaction; the dead-letter budget is asked before it begins.

    ``dead_letters`` is ``None`` without a dead-letter topic: the first bad event stops the worker.
    ``clock`` is monotonic seconds, ``now_ms`` the wall clock in milliseconds. ``look_again`` is
    called when a record was more than its topic takes, as the brokers say or as it is known, and
    when its partition may not be there: that may have changed.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        dead_letters: DeadLetterOutput | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        look_again: Callable[[], object] = lambda: None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._dead_letters = dead_letters
        self._clock = clock
        self._look_again = look_again
        self._now_ms = now_ms

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether the next commit must have a new producer."""
        return self._producer.needs_rebuild

    def rebuild(self) -> None:
        """Start over with a new producer."""
        self._producer.rebuild()

    def commit(
        self,
        scored: Sequence[ScoredBatch],
        positions: Mapping[TopicPartition, Position],
        membership: bytes,
        within_seconds: float | None = None,
    ) -> None:
        """Write the batches and commit the positions, or leave no trace.

        Raises:
            TooManyDeadLetters: before anything is written.
            TransactionAborted: see the producers of :mod:`stream_scorer.kafka`.
            RecordsRefused: the same; records are numbered over all batches, in each the scored
                events first and then the dead letters.
            ProducerLost: the same.
            Refused: the same.
        """
        self._check_budget(scored)
        try:
            with self._producer.transaction(within_seconds) as transaction:
                for batch in scored:
                    transaction.produce(self._topic, batch.scored)
                    if batch.dead_letters and self._dead_letters is not None:
                        form = self._dead_letters.record_format
                        records = form.records(batch.dead_letters, self._now_ms())
                        transaction.produce(self._dead_letters.topic, records)
                transaction.send_offsets(positions, membership)
        except (RecordsRefused, TopicInDoubt):
            self._look_again()
            raise
        if self._dead_letters is not None:
            self._dead_letters.ledger.spend(self._clock(), *_counted(scored))
        letters = (letter for batch in scored for letter in batch.dead_letters)
        if any(letter.problem.reason in _FOR_ITS_TOPIC for letter in letters):
            self._look_again()

    def _check_budget(self, scored: Sequence[ScoredBatch]) -> None:
        events, dead = _counted(scored)
        if dead == 0:
            return
        first = next(letter for batch in scored for letter in batch.dead_letters)
        where = f"{first.source.topic} [{first.source.partition}] at offset {first.offset}"
        if self._dead_letters is None:
            raise TooManyDeadLetters(
                f"{where} can't be scored ({first.problem.reason}: {first.problem.message}), and "
                "kafka.dead_letter_topic is not set. The offset was not committed, so nothing is "
                "lost. Set a dead-letter topic and start again."
            )
        if self._dead_letters.ledger.would_overspend(self._clock(), events, dead):
            raise TooManyDeadLetters(
                f"Too many events can't be scored: {dead} of the next {events} would cross "
                f"dead_letters.budget. The first is {where} ({first.problem.reason}: "
                f"{first.problem.message}). None of these events is committed. Fix the cause or "
                "raise the budget, and start again."
            )


#: Why an event is dead that another setting of a topic would let live.
_FOR_ITS_TOPIC = frozenset({Reason.TOO_LARGE, Reason.REJECTED_BY_BROKER})


def _counted(scored: Sequence[ScoredBatch]) -> tuple[int, int]:
    dead = sum(len(batch.dead_letters) for batch in scored)
    return sum(len(batch) for batch in scored), dead
