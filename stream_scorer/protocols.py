"""The interfaces of the loop's partners: consumer, scorer, output and observer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from stream_scorer.errors import StreamScorerError
from stream_scorer.records import (
    Batch,
    Held,
    Position,
    ScoredBatch,
    ScoredEvents,
    TopicPartition,
)


class RebalanceListener(Protocol):
    """The loop's rebalance callbacks, called inside ``poll_batch`` and ``close``."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Commit what is gathered; the partitions are still ours until this returns."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Drop what is gathered; the partitions may belong to someone else already."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Take note of new partitions."""


class Consumer(Protocol):
    """The input; see :class:`stream_scorer.kafka.consumer.EventConsumer`."""

    def subscribe(self, listener: RebalanceListener) -> None:
        """Join the group."""

    def poll_batch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float
    ) -> Batch:
        """Return the next events; rewind first if that is due."""

    def rewind(self, wait_seconds: float, may_wait: Callable[[], bool]) -> None:
        """Let the next poll start from what is committed; wait first, in the group.

        The wait takes no events, and ends early once ``may_wait`` says no.
        """

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Give no events of these partitions for a while, and then go on at these offsets.

        What was read from there on is read again. A rewind ends it.
        """

    def positions(self) -> Mapping[TopicPartition, int]:
        """Return the offsets after the last thing read, control markers included.

        Of a partition that is held it is where it goes on.
        """

    def starts(self) -> Mapping[TopicPartition, int]:
        """Return where reading began by a decision of ours that nobody has committed yet."""

    def progress(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, Position]:
        """Return what to commit at once for the group to go on at these offsets."""

    def waiting(self, offsets: Mapping[TopicPartition, int]) -> int:
        """Return how many events are known to wait from these offsets on."""

    def group_metadata(self) -> bytes:
        """Return the membership that fences a commit."""

    def close(self) -> None:
        """Leave the group."""


class Output(Protocol):
    """The other end: writes scored batches in one transaction with their input offsets."""

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether the next commit must have a new producer; with this one it would fail."""

    def commit(
        self,
        scored: Sequence[ScoredBatch],
        positions: Mapping[TopicPartition, Position],
        membership: bytes,
        within_seconds: float | None = None,
    ) -> None:
        """Write and commit, or raise and leave no trace."""

    def rebuild(self) -> None:
        """Start over with a new producer of the same name."""


class Transaction(Protocol):
    """The operations inside the block that commits or leaves no trace."""

    def produce(self, topic: str, events: ScoredEvents) -> None:
        """Queue the events in order; a partition of -1 is chosen from the key."""

    def send_offsets(self, positions: Mapping[TopicPartition, Position], membership: bytes) -> None:
        """Commit where the input goes on with the outputs, fenced by the membership."""


class Scorer(Protocol):
    """Pure: no Kafka, no clock but the one that it was given."""

    def score(self, batch: Batch) -> ScoredBatch:
        """Give every event its one trace, or hold its partition from there on."""

    def reject(self, source: TopicPartition, offset: int, why: str, *, is_letter: bool) -> None:
        """Write this event otherwise from now on: the broker does not take its trace.

        A dead letter in place of a score; a dead letter (``is_letter``) with less in it.
        """

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget what was rejected before these offsets, which are committed."""


class Observer(Protocol):
    """The observer of the loop, called once a batch or less often."""

    def polled(self, batch: Batch, seconds: float) -> None:
        """Events arrived."""

    def committed(self, scored: Sequence[ScoredBatch], seconds: float) -> None:
        """A transaction committed."""

    def stepped_over(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Positions were committed that are behind control markers, or were chosen."""

    def aborted(self, error: StreamScorerError, in_a_row: int) -> None:
        """A transaction left no trace."""

    def rebalanced(self, kind: str, partitions: Sequence[TopicPartition]) -> None:
        """Partitions were assigned, revoked or lost."""

    def waiting(self, error: StreamScorerError) -> None:
        """Something outside is away; the loop keeps its place."""

    def working(self, held: Mapping[TopicPartition, Held]) -> None:
        """A round went well; these partitions wait."""

    def alive(self) -> None:
        """The loop goes round."""
