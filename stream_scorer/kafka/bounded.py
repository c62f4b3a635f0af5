"""A consumer that goes no further than given offsets, for work that has an end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from stream_scorer.protocols import Consumer, RebalanceListener
from stream_scorer.records import Batch, Held, Position, TopicPartition


class BoundedConsumer:
    """The same consumer as the loop's, blind to everything at or after ``ends``."""

    def __init__(self, consumer: Consumer, ends: Mapping[TopicPartition, int]) -> None:
        self._consumer = consumer
        self._ends = dict(ends)
        #: The last poll brought nothing, so all that was read may be committed.
        self.is_idle = False

    def subscribe(self, listener: RebalanceListener) -> None:
        """Join the group."""
        self._consumer.subscribe(listener)

    def poll_batch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float
    ) -> Batch:
        """Return the next events before the ends."""
        batch = self._consumer.poll_batch(max_records, timeout_seconds, max_wait_seconds)
        ends = np.array([self._ends.get(source, 0) for source in batch.sources], np.int64)
        if len(batch) > 0 and not (within := batch.offsets < ends[batch.source_index]).all():
            batch = batch.take(np.flatnonzero(within))
        self.is_idle = len(batch) == 0
        return batch

    def rewind(self, wait_seconds: float, may_wait: Callable[[], bool]) -> None:
        """Let the next poll start from what is committed, after a wait in the group."""
        self._consumer.rewind(wait_seconds, may_wait)

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Give no events of these partitions for a while, and then go on at these offsets."""
        self._consumer.hold(places)

    def positions(self) -> Mapping[TopicPartition, int]:
        """Return the offsets after the last thing read, at most the ends."""
        return {
            each: min(position, self._ends[each])
            for each, position in self._consumer.positions().items()
            if each in self._ends
        }

    def starts(self) -> Mapping[TopicPartition, int]:
        """Return where reading began by a decision that waits to be committed, up to the ends."""
        return {
            each: start
            for each, start in self._consumer.starts().items()
            if start <= self._ends.get(each, -1)
        }

    def progress(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, Position]:
        """Return what to commit at once for the group to go on at these offsets."""
        return self._consumer.progress(offsets)

    def waiting(self, offsets: Mapping[TopicPartition, int]) -> int:
        """Return how many events are known to wait, those after the ends included."""
        return self._consumer.waiting(offsets)

    def group_metadata(self) -> bytes:
        """Return the membership that fences a commit."""
        return self._consumer.group_metadata()

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
