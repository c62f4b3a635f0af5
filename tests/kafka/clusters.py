"""The fake Kafka and a real one behind the same few calls, so that the same tests bind both."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from stream_scorer.kafka.client_config import (
    Property,
    SetLimits,
    consumer_properties,
    producer_properties,
)
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.records import Batch, ScoredEvents, TopicPartition
from tests import topics
from tests.fakes import FakeConsumer, FakeKafka, FakeProducer

End = Literal["plain", "committed", "aborted"]
LIMITS = SetLimits(records=10_000, size_bytes=16 << 20)
#: A rebalance takes a heartbeat, and a dead member a session.
QUICK_GROUP: Mapping[str, Property] = {
    "heartbeat.interval.ms": 100,
    "session.timeout.ms": 6000,
    "log_level": 0,
}


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

    def stand_by(self, seconds: float) -> None:
        """Wait."""

    def pause(self) -> None:
        """Fetch nothing."""

    def rewind(self) -> None:
        """Read again."""

    def positions(self) -> Mapping[TopicPartition, int]:
        """Tell how far it read."""

    def group_metadata(self) -> bytes:
        """Tell its membership."""

    def close(self) -> None:
        """Leave."""


class Block(Protocol):
    """The inside of a transaction."""

    def produce(self, topic: str, events: ScoredEvents) -> None:
        """Write."""

    def send_offsets(self, offsets: Mapping[TopicPartition, int], membership: bytes) -> None:
        """Commit offsets."""


class ProducerUnderTest(Protocol):
    """The producer's side of the loop."""

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether the next transaction must have a new client."""

    def rebuild(self) -> None:
        """Start over."""

    def transaction(self, within_seconds: float | None = None) -> AbstractContextManager[Block]:
        """All or nothing."""


class Cluster(Protocol):
    """What a test does with a Kafka."""

    def create(self, partitions: int = 1) -> str:
        """Create a topic and return its name."""

    def write(self, source: TopicPartition, values: Sequence[bytes], end: End = "plain") -> None:
        """Append events, in a transaction unless they are plain."""

    def visible(self, topic: str) -> list[bytes | None]:
        """Return what a reader of committed events gets."""

    def committed(self, group: str, source: TopicPartition) -> int | None:
        """Return the offset that the group has committed."""

    def consumer(self, topic: str, group: str) -> ConsumerUnderTest:
        """Return a consumer that has not joined."""

    def producer(self, transactional_id: str) -> ProducerUnderTest:
        """Return a producer that has no client yet."""

    def close(self) -> None:
        """Let all consumers leave."""


class FakeCluster:
    """The one in memory."""

    def __init__(self) -> None:
        self.kafka = FakeKafka()

    def create(self, partitions: int = 1) -> str:
        """Create a topic and return its name."""
        name = f"topic-{len(self.kafka.partitions)}"
        self.kafka.create_topic(name, partitions)
        return name

    def write(self, source: TopicPartition, values: Sequence[bytes], end: End = "plain") -> None:
        """Append events, in a transaction unless they are plain."""
        self.kafka.write(source, values, end=end)

    def visible(self, topic: str) -> list[bytes | None]:
        """Return what a reader of committed events gets."""
        return [record.value for record in self.kafka.visible(topic)]

    def committed(self, group: str, source: TopicPartition) -> int | None:
        """Return the offset that the group has committed."""
        return self.kafka.groups[group].committed.get(source)

    def consumer(self, topic: str, group: str) -> ConsumerUnderTest:
        """Return a consumer that has not joined."""
        return FakeConsumer(self.kafka, [topic], group)

    def producer(self, transactional_id: str) -> ProducerUnderTest:
        """Return a producer that has no client yet."""
        return FakeProducer(self.kafka, transactional_id)

    def close(self) -> None:
        """Nothing is left behind."""


class RealCluster:
    """The one on this machine, through the package's own clients."""

    def __init__(
        self,
        bootstrap_servers: str,
        create_topic: Callable[[int], str],
        consumer: Mapping[str, Property],
    ) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.warnings: list[str] = []
        self._create_topic = create_topic
        self._consumer = consumer
        self._joined: list[EventConsumer] = []

    def create(self, partitions: int = 1) -> str:
        """Create a topic and return its name."""
        return self._create_topic(partitions)

    def write(self, source: TopicPartition, values: Sequence[bytes], end: End = "plain") -> None:
        """Append events, in a transaction unless they are plain."""
        events = [topics.Event(value, partition=source.partition) for value in values]
        name = None if end == "plain" else f"writer-{uuid.uuid4().hex[:8]}"
        commit = end != "aborted"
        topics.write(self.bootstrap_servers, source.topic, events, transaction=name, commit=commit)

    def visible(self, topic: str) -> list[bytes | None]:
        """Return what a reader of committed events gets."""
        return [message.value() for message in topics.read(self.bootstrap_servers, topic)]

    def committed(self, group: str, source: TopicPartition) -> int | None:
        """Return the offset that the group has committed."""
        return topics.committed(self.bootstrap_servers, group, source.topic).get(source)

    def consumer(self, topic: str, group: str, **more: Any) -> EventConsumer:
        """Return a consumer that has not joined.

        ``more``: policy, on_data_loss, topics, properties.
        """
        properties = consumer_properties(
            bootstrap_servers=self.bootstrap_servers,
            group_id=group,
            limits=LIMITS,
            common={},
            consumer={**self._consumer, **more.get("properties", {})},
        )
        reset = OffsetReset(
            more.get("policy", "earliest"), more.get("on_data_loss", "stop"), self.warnings.append
        )
        made = EventConsumer(properties, more.get("topics", [topic]), reset)
        self._joined.append(made)
        return made

    def producer(
        self, transactional_id: str, transaction_seconds: float = 15, **properties: Property
    ) -> TransactionalProducer:
        """Return a producer that has no client yet."""
        own = producer_properties(
            bootstrap_servers=self.bootstrap_servers,
            transactional_id=transactional_id,
            limits=LIMITS,
            compression="lz4",
            common={"log_level": 0},
            producer={"transaction.timeout.ms": int(transaction_seconds * 1000), **properties},
        )
        return TransactionalProducer(own, transaction_seconds)

    def close(self) -> None:
        """Let all consumers leave."""
        for each in self._joined:
            each.close()


def joined(consumer: EventConsumer) -> EventConsumer:
    """Subscribe with a listener that only takes notes."""
    consumer.subscribe(Recorded())
    return consumer


def events(*values: bytes | None, partition: int = 0, key: bytes | None = None) -> ScoredEvents:
    """Events of now, for one partition."""
    rows = len(values)
    now = int(time.time() * 1000)
    return ScoredEvents(values, [key] * rows, [None] * rows, [now] * rows, [partition] * rows)


def gather(consumer: ConsumerUnderTest, rows: int) -> list[Batch]:
    """Poll until so many events are here; not one more arrives with them."""
    found: list[Batch] = []

    def enough() -> bool:
        batch = consumer.poll_batch(rows - sum(map(len, found)), 0.05)
        if len(batch):
            found.append(batch)
        return sum(map(len, found)) == rows

    topics.wait_for(enough, f"{rows} events; there are {sum(map(len, found))}")
    return found


def values_of(batches: Sequence[Batch]) -> list[bytes | None]:
    """Return the events' values, in the order in which they came."""
    return [value for batch in batches for value in batch.values]
