"""The loop: poll, score, commit, and start over when a commit left no trace.

::

    gather: poll ─► score ─► the open set ─► one transaction: outputs, dead letters, offsets
        ▲                                      ├─ committed ─────────► go on
        └─ start over: the set void, a wait, ◄─┼─ TransactionAborted
           a producer without doubt, and       ├─ ProducerLost
           reading from what is committed      └─ Unanswered

The loop knows scoring and Kafka through :mod:`stream_scorer.protocols` only, and the input through
its :class:`~stream_scorer.intake.Intake`. Everything runs on one thread; the rebalance callbacks
run inside ``gather``, ``start_over`` and ``close``, so nothing moves between a set's last poll and
its commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from stream_scorer.errors import (
    ProducerLost,
    RecordsRefused,
    StreamScorerError,
    Terminated,
    TransactionAborted,
    Unanswered,
)
from stream_scorer.intake import Intake
from stream_scorer.open_set import BatchSize, OpenSet, Pace, SetSize
from stream_scorer.protocols import Consumer, Observer, Output, Scorer
from stream_scorer.records import Batch, Position, ScoredBatch, TopicPartition

IDLE_POLL_SECONDS = 0.2
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
#: Between two questions to brokers that are away.
AWAY_BACKOFF_SECONDS = 1.0
#: So many aborts in a row are none that this producer gets over by itself, whatever they say.
ABORTS_OF_A_PRODUCER = 3
#: What a revocation may wait for the commit of what is gathered; it takes milliseconds.
REVOKE_COMMIT_SECONDS = 5.0


class Worker:
    """Runs the loop on the calling thread until told to stop."""

    def __init__(
        self,
        consumer: Consumer,
        scorer: Scorer,
        output: Output,
        pace: Pace,
        observer: Observer,
        *,
        stopping: Callable[[], bool],
        seconds_per_row: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intake = Intake(consumer, clock)
        self._scorer = scorer
        self._output = output
        self._pace = pace
        self._observer = observer
        self._stopping = stopping
        self._clock = clock
        #: The last poll was short, but a full batch waits on the brokers: its fetch is under way.
        self._more_comes = False
        self._last_commit = float("-inf")
        self._aborts_in_a_row = 0
        self._set_size = SetSize(pace.transaction_max_records)
        self._batch_size = BatchSize(pace, seconds_per_row)

    def run(self) -> None:
        """Consume until stopped; then commit what is gathered and leave the group.

        Raises:
            StopsTheWorker: the open set was dropped; nothing of it is committed.
        """
        self._start()
        try:
            # A stop may end the inference that runs; what was gathered before it still counts.
            with suppress(Terminated):
                while not self._stopping():
                    self._observer.alive()
                    self._go_round()
            self._commit_or_note(REVOKE_COMMIT_SECONDS)
        finally:
            self._intake.close()

    def _start(self) -> None:
        """Have a producer before there is anything to commit, and join the group."""
        self._renew()
        self._intake.subscribe(self)

    def _go_round(self) -> None:
        """Run one iteration. On an expected failure, rewind: events are read and scored again."""
        if self._output.needs_rebuild:
            if (gathered := self._intake.open) is not None:
                # Where connections break again and again, a smaller set gets through between.
                self._set_size.aborted(gathered.rows)
            self._renew()
        failure = self._attempt()
        try:
            self._go_on_after(failure)
        finally:
            # Its frames lead back to this one, and hold the client: that cycle would keep it alive.
            del failure

    def _attempt(self) -> StreamScorerError | None:
        """Run one step, and return its failure if it is an expected one."""
        try:
            self._step()
        except (Unanswered, TransactionAborted, ProducerLost) as error:
            return error
        return None

    def _go_on_after(self, failure: StreamScorerError | None) -> None:
        # While no exception is handled: calls of the client that fail would keep it alive.
        match failure:
            case None:
                self._observer.working(self._intake.held)
            case Unanswered():
                self._observer.waiting(failure)
                self._start_over(AWAY_BACKOFF_SECONDS)
            case _:
                self._note(failure)
                self._start_over(self._backoff_seconds(failure))
                if self._aborts_in_a_row % ABORTS_OF_A_PRODUCER == 0:
                    self._renew()

    # ------------------------------------------------------------------ one round

    def _step(self) -> None:
        asked, started = self._room(), self._clock()

        def score(batch: Batch) -> ScoredBatch:
            self._observer.polled(batch, self._clock() - started)
            return self._score(batch)

        batch = self._intake.gather(asked, self._poll_seconds(), self._fill_seconds(), score)
        if self._intake.open is not None:
            short = len(batch) < asked
            self._more_comes = short and self._intake.waiting() >= asked
            if self._is_due(dry=short and not self._more_comes):
                self._commit()
        elif len(batch) == 0:
            self._step_over_markers()

    def _score(self, batch: Batch) -> ScoredBatch:
        started = self._clock()
        scored = self._scorer.score(batch)
        if not scored.held:  # else it is a question that took the time
            self._batch_size.scored(batch, self._clock() - started)
        return scored

    def _room(self) -> int:
        """Return how many rows the next batch may have."""
        gathered = self._intake.open.rows if self._intake.open else 0
        return max(min(self._batch_size.rows, self._set_size.rows - gathered), 1)

    def _poll_seconds(self) -> float:
        gathered = self._intake.open
        if gathered is None:
            return IDLE_POLL_SECONDS
        due = gathered.opened_at + self._pace.commit_interval_seconds
        if not self._more_comes:
            due = min(due, self._last_commit + self._pace.min_commit_interval_seconds)
        return max(0.0, min(due - self._clock(), IDLE_POLL_SECONDS))

    def _fill_seconds(self) -> float:
        """Return how long a batch may wait to fill once its first event is here.

        As long as no commit is allowed it may as well: one batch costs less than several.
        """
        rested = self._last_commit + self._pace.min_commit_interval_seconds - self._clock()
        return max(self._pace.max_wait_seconds, min(rested, IDLE_POLL_SECONDS))

    def _is_due(self, *, dry: bool) -> bool:
        gathered, now = self._intake.open, self._clock()
        if gathered is None:
            return False
        rested = now - self._last_commit >= self._pace.min_commit_interval_seconds
        return (
            (dry and rested)
            or now - gathered.opened_at >= self._pace.commit_interval_seconds
            or gathered.rows >= self._set_size.rows
            or gathered.size_bytes >= self._pace.transaction_max_bytes
        )

    # ------------------------------------------------------------------ commit

    def _commit(self, within_seconds: float | None = None) -> None:
        """Commit the open set, all of it in one transaction."""

        def write(
            gathered: OpenSet, positions: Mapping[TopicPartition, Position], membership: bytes
        ) -> None:
            started = self._clock()
            self._write(gathered, positions, membership, within_seconds)
            # Counted from here, slow commits pace themselves and quick ones keep their distance.
            self._last_commit = started
            self._observer.committed(gathered.batches, self._clock() - started)
            others = positions.keys() - gathered.offsets.keys()
            if others:  # where reading began of partitions without an event here
                self._observer.stepped_over({each: positions[each].offset for each in others})

        self._intake.commit(write)

    def _write(
        self,
        gathered: OpenSet,
        positions: Mapping[TopicPartition, Position],
        membership: bytes,
        within_seconds: float | None,
    ) -> None:
        """Write a set; learn from what becomes of it."""
        try:
            self._output.commit(gathered.batches, positions, membership, within_seconds)
        except (TransactionAborted, ProducerLost) as error:
            refused = error.refused if isinstance(error, RecordsRefused) else {}
            for number, why in refused.items():
                # When its event comes again it becomes a dead letter, or one that says less.
                place = gathered.place(number)
                self._scorer.reject(place.source, place.offset, why, is_letter=place.is_letter)
            if not refused:
                self._set_size.aborted(gathered.rows)
            raise
        self._aborts_in_a_row = 0
        self._scorer.forget(gathered.offsets)
        self._set_size.committed(gathered.rows)

    def _commit_or_note(self, within_seconds: float) -> None:
        try:
            self._commit(within_seconds)
        except (TransactionAborted, ProducerLost) as error:
            self._note(error)

    def _step_over_markers(self) -> None:
        def write(
            _: OpenSet, positions: Mapping[TopicPartition, Position], membership: bytes
        ) -> None:
            self._output.commit((), positions, membership)

        if stepped_over := self._intake.step_over(write):
            self._observer.stepped_over(stepped_over)

    # ------------------------------------------------------------------ failure

    def _start_over(self, wait_seconds: float) -> None:
        self._intake.start_over(wait_seconds, self._may_wait)

    def _renew(self) -> None:
        """Get a new producer, however long the brokers are away, with empty hands and in the group.

        What the old one has left open is decided by its successor. Only then is there an answer to
        what is committed, and only the next poll asks for that.
        """
        self._intake.start_over()
        while not self._stopping():
            try:
                self._output.rebuild()
            except Unanswered as error:
                self._observer.waiting(error)
                self._start_over(AWAY_BACKOFF_SECONDS)
            else:
                return

    def _may_wait(self) -> bool:
        self._observer.alive()
        return not self._stopping()

    def _note(self, error: StreamScorerError) -> None:
        self._aborts_in_a_row += 1
        self._observer.aborted(error, self._aborts_in_a_row)

    def _backoff_seconds(self, error: StreamScorerError) -> float:
        if isinstance(error, RecordsRefused) and error.refused:
            return 0.0  # it is known what to do otherwise
        doublings = min(self._aborts_in_a_row - 1, 10)
        return float(min(FIRST_BACKOFF_SECONDS * 2**doublings, LONGEST_BACKOFF_SECONDS))

    # ------------------------------------------------------------------ rebalance

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Take note; nothing that is gathered is touched."""
        self._observer.rebalanced("assigned", partitions)

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Commit what is gathered while it is still ours; whatever fails is read again."""
        self._observer.rebalanced("revoked", partitions)
        self._commit_or_note(REVOKE_COMMIT_SECONDS)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Take note; what was gathered is void already."""
        self._observer.rebalanced("lost", partitions)
