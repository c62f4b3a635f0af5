"""The loop: poll, score, commit, and rewind when a commit left no trace.

::

    poll_batch ─► score ─► gather in the open set ─► one transaction: outputs, dead letters, offsets
        ▲                                               ├─ committed ──────────► go on
        └────────────── rewind to what is committed ◄───┼─ TransactionAborted
                                                        └─ ProducerLost: rebuild first

The loop knows scoring and Kafka through :mod:`stream_scorer.protocols` only. Everything runs on one
thread; the rebalance callbacks run inside ``poll_batch`` and ``close``, so nothing moves between a
set's last poll and its commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from stream_scorer.errors import (
    ProducerLost,
    RecordRefused,
    StreamScorerError,
    Terminated,
    TransactionAborted,
    Unanswered,
)
from stream_scorer.open_set import BatchSize, OpenSet, Pace, SetSize
from stream_scorer.protocols import Consumer, Observer, Output, Scorer
from stream_scorer.records import Batch, TopicPartition

IDLE_POLL_SECONDS = 0.2
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
#: Between two questions to a registry or to brokers that are away.
AWAY_BACKOFF_SECONDS = 1.0
#: From this long on it pays to fetch nothing while waiting; getting going again takes a second.
LONG_WAIT_SECONDS = 1.0
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
        self._consumer = consumer
        self._scorer = scorer
        self._output = output
        self._pace = pace
        self._observer = observer
        self._stopping = stopping
        self._clock = clock
        self._open: OpenSet | None = None
        #: The last poll was short, but a full batch waits on the brokers: its fetch is under way.
        self._more_comes = False
        self._committed: dict[TopicPartition, int] = {}
        self._last_commit = float("-inf")
        self._aborts_in_a_row = 0
        self._set_size = SetSize(pace.transaction_max_records)
        self._batch_size = BatchSize(pace, seconds_per_row)

    def run(self) -> None:
        """Consume until stopped; then commit what is gathered and leave the group.

        Raises:
            StopsTheWorker: the open set was dropped; nothing of it is committed.
        """
        self._rebuild()
        self._consumer.subscribe(self)
        try:
            # A stop may end the inference that runs; what was gathered before it still counts.
            with suppress(Terminated):
                while not self._stopping():
                    self._observer.alive()
                    self._go_round()
            self._commit_or_retreat(REVOKE_COMMIT_SECONDS)
        finally:
            self._open = None
            self._consumer.close()

    def _go_round(self) -> None:
        """Take one step; whatever fails in a foreseen way is read and scored again."""
        if self._output.needs_rebuild:
            self._rebuild()
        try:
            self._step()
        except Unanswered as error:
            self._drop()
            self._observer.waiting(error)
            self._stand_by(AWAY_BACKOFF_SECONDS)
        except (TransactionAborted, ProducerLost) as error:
            self._retreat(error)
            if not isinstance(error, RecordRefused):
                self._stand_by(self._backoff_seconds())
        else:
            self._observer.working()

    # ------------------------------------------------------------------ one round

    def _step(self) -> None:
        asked = self._room()
        started = self._clock()
        batch = self._consumer.poll_batch(asked, self._poll_seconds(), self._fill_seconds())
        if len(batch) > 0:
            self._observer.polled(batch, self._clock() - started)
            self._gather(batch)
        if self._open is not None:
            short = len(batch) < asked
            self._more_comes = short and self._consumer.waiting(self._open.offsets) >= asked
            if self._is_due(dry=short and not self._more_comes):
                self._commit()
        elif len(batch) == 0:
            self._commit_positions()

    def _gather(self, batch: Batch) -> None:
        started = self._clock()
        try:
            scored = self._scorer.score(batch)
        except Unanswered:
            # What is gathered need not wait with this batch for the registry.
            self._commit()
            raise
        self._batch_size.scored(batch, self._clock() - started)
        if self._open is None:
            self._open = OpenSet(started)
        self._open.add(scored, batch)

    def _room(self) -> int:
        """Return how many rows the next batch may have."""
        gathered = self._open.rows if self._open else 0
        return max(min(self._batch_size.rows, self._set_size.rows - gathered), 1)

    def _poll_seconds(self) -> float:
        if self._open is None:
            return IDLE_POLL_SECONDS
        due = self._open.opened_at + self._pace.commit_interval_seconds
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
        gathered, now = self._open, self._clock()
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
        """Commit the open set, all of it in one transaction unless the broker refuses a record.

        Where there is a bound there is no time to look for such a record.
        """
        gathered = self._open
        if gathered is None:
            return
        if within_seconds is None:
            self._commit_up_to_the_refused(gathered)
        else:
            self._commit_part(gathered, within_seconds)
        self._open = None

    def _commit_part(self, part: OpenSet, within_seconds: float | None = None) -> None:
        started = self._clock()
        # Read after the set's last poll and before any further one: newer metadata with these
        # offsets would be accepted by the broker even if a partition has moved away.
        membership = self._consumer.group_metadata()
        self._output.commit(part.batches, part.offsets, membership, within_seconds)
        # Counted from here, slow commits pace themselves and quick ones keep their distance.
        self._last_commit = started
        self._committed.update(part.offsets)
        self._aborts_in_a_row = 0
        self._set_size.committed(part.rows)
        self._observer.committed(part.batches, self._clock() - started)

    def _commit_up_to_the_refused(self, part: OpenSet) -> None:
        """Commit a part, or what of it comes before a record that the broker refuses.

        The broker does not say which it is. Halves find it, without reading or scoring anything
        again; when its event comes again, it becomes a dead letter.

        Raises:
            RecordRefused: it is found; what is behind it is not committed.
        """
        try:
            self._commit_part(part)
        except RecordRefused as refused:
            if part.traces() == 1:
                self._scorer.reject(*part.first_place(), str(refused))
                raise
        else:
            return
        for half in part.halves():
            self._observer.alive()
            self._output.rebuild()
            self._commit_up_to_the_refused(half)

    def _commit_or_retreat(self, within_seconds: float) -> None:
        try:
            self._commit(within_seconds)
        except (TransactionAborted, ProducerLost) as error:
            self._retreat(error)

    def _commit_positions(self) -> None:
        """Step over control markers: an idle transactional topic reaches a lag of zero."""
        ahead = {
            partition: position
            for partition, position in self._consumer.positions().items()
            if position > self._committed.get(partition, -1)
        }
        if ahead:
            self._output.commit((), ahead, self._consumer.group_metadata())
            self._committed.update(ahead)
            self._observer.stepped_over(ahead)

    # ------------------------------------------------------------------ failure

    def _drop(self) -> None:
        """Void what is gathered; its events are read again."""
        self._open = None
        self._consumer.rewind()

    def _retreat(self, error: StreamScorerError) -> None:
        """Drop the set; make the next one smaller, unless it was one record's fault."""
        gathered = self._open
        self._drop()
        self._aborts_in_a_row += 1
        self._observer.aborted(error, self._aborts_in_a_row)
        if gathered is not None and not isinstance(error, RecordRefused):
            self._set_size.aborted(gathered.rows)

    def _backoff_seconds(self) -> float:
        doublings = min(self._aborts_in_a_row - 1, 10)
        return float(min(FIRST_BACKOFF_SECONDS * 2**doublings, LONGEST_BACKOFF_SECONDS))

    def _stand_by(self, seconds: float) -> None:
        until = self._clock() + seconds
        if seconds >= LONG_WAIT_SECONDS:
            self._consumer.pause()
        while not self._stopping() and (left := until - self._clock()) > 0:
            self._observer.alive()
            self._consumer.stand_by(min(left, IDLE_POLL_SECONDS))

    def _rebuild(self) -> None:
        """Get a working producer, however long the brokers are away; stay in the group."""
        while not self._stopping():
            try:
                self._output.rebuild()
            except Unanswered as error:
                self._observer.waiting(error)
                self._stand_by(AWAY_BACKOFF_SECONDS)
            else:
                return

    # ------------------------------------------------------------------ rebalance

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Take note; nothing that is gathered is touched."""
        self._observer.rebalanced("assigned", partitions)

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Commit what is gathered while it is still ours; whatever fails is read again."""
        self._observer.rebalanced("revoked", partitions)
        self._commit_or_retreat(REVOKE_COMMIT_SECONDS)
        self._forget(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Drop what is gathered and never commit it: someone else may own the partitions."""
        self._observer.rebalanced("lost", partitions)
        self._drop()
        self._forget(partitions)

    def _forget(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self._committed.pop(partition, None)
