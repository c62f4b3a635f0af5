"""What a test of conformance asks of a Kafka: the clients as the loop knows them, and the brokers.

The fake and the real clients have these in common; ``tests/kafka/clusters.py`` has both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from stream_scorer.records import Batch, Held, Position, ScoredEvents, TopicPartition

End = Literal["plain", "committed", "aborted"]


@dataclass
class Recorded:
    """A listener that takes notes, and does something when partitions are revoked."""

    kinds: list[str] = field(default_factory=list)
    on_revoke: Callable[[Sequence[TopicPartition]], None] = lambda _: None

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """They came."""
        if partitions:
            self.kinds.append("assigned")

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """They go once this returns."""
        self.kinds.append("revoked")
        self.on_revoke(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """They went."""
        del partitions
        self.kinds.append("lost")


class ConsumerUnderTest(Protocol):
    """The consumer's side of the loop."""

    epoch: int

    def subscribe(self, listener: Recorded) -> None:
        """Join."""

    def poll_batch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float = 0.0
    ) -> Batch:
        """Read."""

    def rewind(
        self, wait_seconds: float = 0.0, may_wait: Callable[[], bool] = lambda: True
    ) -> None:
        """Read again, after a wait."""

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Let partitions wait at these offsets."""

    def positions(self) -> Mapping[TopicPartition, int]:
        """Tell how far it read."""

    def starts(self) -> Mapping[TopicPartition, int]:
        """Tell where it began that nobody has committed yet."""

    def progress(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, Position]:
        """Tell what to commit for these offsets."""

    def waiting(self, offsets: Mapping[TopicPartition, int]) -> int:
        """Tell what is known to wait."""

    def group_metadata(self) -> bytes:
        """Tell its membership."""

    def close(self) -> None:
        """Leave."""


class Block(Protocol):
    """The inside of a transaction."""

    def produce(self, topic: str, events: ScoredEvents) -> None:
        """Write."""

    def send_offsets(self, positions: Mapping[TopicPartition, Position], membership: bytes) -> None:
        """Commit offsets."""


class ProducerUnderTest(Protocol):
    """The producer's side of the loop."""

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether the next transaction must have a new client."""

    def rebuild(self) -> None:
        """Start over."""

    def partitions(self, topic: str, within_seconds: float) -> int | None:
        """Tell how many partitions a topic has."""

    def transaction(self, within_seconds: float | None = None) -> AbstractContextManager[Block]:
        """All or nothing."""


class Unfinished(Protocol):
    """An open transaction of the input's writer."""

    def commit(self) -> None:
        """End it: its events count."""

    def abort(self) -> None:
        """End it: its events are none."""


class Cluster(Protocol):
    """What a test does with a Kafka."""

    def create(self, partitions: int = 1, max_message_bytes: int | None = None) -> str:
        """Create a topic and return its name; it refuses events of more than an hour ahead."""

    def add_partition(self, topic: str) -> None:
        """Let the topic have one partition more."""

    def write(self, source: TopicPartition, values: Sequence[bytes], end: End = "plain") -> None:
        """Append events, in a transaction unless they are plain."""

    def begin(self, source: TopicPartition, values: Sequence[bytes]) -> Unfinished:
        """Append events in a transaction that stays open."""

    def visible(self, topic: str) -> list[bytes | None]:
        """Return what a reader of committed events gets."""

    def committed(self, group: str, source: TopicPartition) -> int | None:
        """Return the offset that the group has committed."""

    def consumer(
        self, topic: str, group: str, *, policy: Literal["earliest", "latest"] = "earliest"
    ) -> ConsumerUnderTest:
        """Return a consumer that has not joined, and begins so where nothing is committed."""

    def impatient(self, topic: str, group: str) -> ConsumerUnderTest:
        """Return a consumer that may not be idle for long."""

    def idle_out(self, consumer: ConsumerUnderTest, group: str) -> None:
        """Do not poll the only member, an impatient one, until the group has let it go."""

    def producer(self, transactional_id: str, transaction_seconds: float = 15) -> ProducerUnderTest:
        """Return a producer that has no client yet."""

    def flush(self, producer: ProducerUnderTest) -> None:
        """Return when the brokers have all that it produced."""

    def close(self) -> None:
        """Let all consumers leave."""
