"""The input, and the set that is gathered from it: neither moves without the other.

::

    gather ─► the open set ─┬─ commit ──────► the set is gone, the position stays
       │                    └─ start_over ──► the set is void, its events are read again
       └─► what can't be scored now ────────► its partition is held where the set ends

An event of the set is behind the client's position. If the position went back and the set stayed,
the event would be read into the set a second time and committed twice; if the set went and the
position stayed, the event would be lost. So there is one operation for both, it is the only one
that waits, and whatever fails ends in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from stream_scorer.errors import Terminated
from stream_scorer.open_set import OpenSet
from stream_scorer.protocols import Consumer, RebalanceListener
from stream_scorer.records import Batch, Held, Position, ScoredBatch, TopicPartition

#: Writes a set and where the group goes on in one transaction, fenced by the membership.
Write = Callable[[OpenSet, Mapping[TopicPartition, Position], bytes], None]


def at_once() -> bool:
    """Wait for nothing but the time."""
    return True


class Intake:
    """Owns the consumer and the open set; every method belongs to the loop's thread.

    It hears of rebalances before its listener does: no set outlives its assignment.
    """

    def __init__(self, consumer: Consumer, clock: Callable[[], float]) -> None:
        self._consumer = consumer
        self._clock = clock
        self._listener: RebalanceListener | None = None
        self._open: OpenSet | None = None
        self._committed: dict[TopicPartition, int] = {}
        self._held: dict[TopicPartition, Held] = {}

    @property
    def open(self) -> OpenSet | None:
        """The set that is gathered and not committed; ``None`` if there is none."""
        return self._open

    @property
    def held(self) -> Mapping[TopicPartition, Held]:
        """Which partitions wait, from when an event there is held until it has its trace."""
        return self._held

    def subscribe(self, listener: RebalanceListener) -> None:
        """Join the group; ``listener.revoked`` commits what it wants to keep."""
        self._listener = listener
        self._consumer.subscribe(self)

    def gather(
        self,
        max_records: int,
        timeout_seconds: float,
        max_wait_seconds: float,
        score: Callable[[Batch], ScoredBatch],
    ) -> Batch:
        """Poll, score, and add what comes of it to the open set; return the batch.

        Partitions with an event that can't be scored now are held there; the others go on.

        Raises:
            Terminated: the batch is dropped, for nothing polls any more; the set is still good.
            StreamScorerError: whatever the consumer or ``score`` raises; the set is void.
        """
        with self._starting_over_on_failure():
            batch = self._consumer.poll_batch(max_records, timeout_seconds, max_wait_seconds)
            if len(batch) > 0:
                began = self._clock()
                scored = score(batch)
                if self._held:
                    self._release(scored.next_offsets)
                if scored.held:
                    self._consumer.hold(scored.held)
                    self._held.update(scored.held)
                if scored.next_offsets:
                    self._open = self._open or OpenSet(began)
                    self._open.add(scored, batch)
        return batch

    def _release(self, done: Mapping[TopicPartition, int]) -> None:
        """Forget what is held before these offsets: it has its trace, or the log has it no more."""
        for source, offset in done.items():
            if source in self._held and self._held[source].offset < offset:
                del self._held[source]

    def waiting(self) -> int:
        """Return how many events are known to wait behind the set; nobody is asked."""
        return 0 if self._open is None else self._consumer.waiting(self._open.offsets)

    def commit(self, write: Write) -> None:
        """Let the set be written, if there is one; whatever ``write`` raises makes it void.

        Starts that were chosen go with it, and alone with empty hands. The membership is read here,
        after the set's last poll and before any further one: newer metadata with these offsets
        would be accepted by the brokers even if a partition had moved away.
        """
        if self._open is not None:
            self._write(self._open, write)
        elif starts := self._consumer.starts():
            self._write(OpenSet(self._clock(), offsets=dict(starts)), write)

    def step_over(self, write: Write) -> Mapping[TopicPartition, int]:
        """Let the position be written, with empty hands, where it is further than the last commit.

        It steps over control markers, so that an idle transactional topic reaches a lag of zero. A
        start that was chosen is written wherever it is.

        Returns:
            the offsets that were written.
        """
        if self._open is not None:
            return {}
        read = self._consumer.positions()
        known = self._committed
        ahead = {each: at for each, at in read.items() if at > known.get(each, -1)}
        offsets = {**self._consumer.starts(), **ahead}
        if offsets:
            self._write(OpenSet(self._clock(), offsets=offsets), write)
        return offsets

    def _write(self, gathered: OpenSet, write: Write) -> None:
        with self._starting_over_on_failure():
            offsets = {**self._consumer.starts(), **gathered.offsets}
            write(gathered, self._consumer.progress(offsets), self._consumer.group_metadata())
            self._open = None
        self._committed.update(offsets)
        self._release(offsets)

    def start_over(self, wait_seconds: float = 0.0, may_wait: Callable[[], bool] = at_once) -> None:
        """Void the set, wait in the group, and let the next poll begin at what is committed.

        ``may_wait`` is asked while it waits; once it says no, the wait is over.
        """
        self._open = None
        self._consumer.rewind(wait_seconds, may_wait)

    def close(self) -> None:
        """Void the set and leave the group."""
        self._open = None
        self._consumer.close()

    @contextmanager
    def _starting_over_on_failure(self) -> Iterator[None]:
        try:
            yield
        except Terminated:
            raise
        except BaseException:
            self.start_over()
            raise

    # ------------------------------------------------------------------ rebalance

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Tell the listener; nothing that is gathered is touched."""
        if self._listener is not None:
            self._listener.assigned(partitions)

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Let the listener commit; what it leaves is void."""
        try:
            if self._listener is not None:
                self._listener.revoked(partitions)
        finally:
            self._left(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Void the set before anybody can commit it: others may own the partitions by now."""
        self._left(partitions)
        if self._listener is not None:
            self._listener.lost(partitions)

    def _left(self, partitions: Sequence[TopicPartition]) -> None:
        if self._open is not None:
            self.start_over()
        for partition in partitions:
            self._committed.pop(partition, None)
            self._held.pop(partition, None)
