"""The fake Kafka and a real one behind the same few calls, so that the same tests bind both."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from stream_scorer.kafka.client_config import (
    Property,
    SetLimits,
    consumer_properties,
    producer_properties,
)
from stream_scorer.kafka.cluster import Cluster as Brokers
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.kafka.identity import LogId
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.local.topics import Topics
from stream_scorer.records import Batch, ScoredEvents, TopicPartition
from tests import topics
from tests.fakes import FakeConsumer, FakeKafka, FakeProducer
from tests.fakes.log import FakeTransaction
from tests.kafka.under_test import Cluster, ConsumerUnderTest, End, ProducerUnderTest, Recorded

LIMITS = SetLimits(records=10_000, size_bytes=16 << 20)
#: A rebalance takes a heartbeat, and a dead member a session.
QUICK_GROUP: Mapping[str, Property] = {
    "heartbeat.interval.ms": 100,
    "session.timeout.ms": 6000,
    "log_level": 0,
}


class FakeCluster:
    """The one in memory."""

    def __init__(self) -> None:
        self.kafka = FakeKafka()

    def create(self, partitions: int = 1, max_message_bytes: int | None = None) -> str:
        """Create a topic and return its name."""
        name = f"topic-{len(self.kafka.partitions)}"
        self.kafka.create_topic(name, partitions)
        self.kafka.latest_ms[name] = int(time.time() * 1000) + 3_600_000
        if max_message_bytes is not None:
            self.kafka.refuses = lambda topic, value: (
                topic == name and len(value or b"") > max_message_bytes
            )
        return name

    def add_partition(self, topic: str) -> None:
        """Let the topic have one partition more."""
        self.kafka.add_partitions(topic, self.kafka.partitions[topic] + 1)

    def write(self, source: TopicPartition, values: Sequence[bytes], end: End = "plain") -> None:
        """Append events, in a transaction unless they are plain."""
        self.kafka.write(source, values, end=end)

    def begin(self, source: TopicPartition, values: Sequence[bytes]) -> FakeUnfinished:
        """Append events in a transaction that stays open."""
        transaction = self.kafka.write(source, values, end="open")
        assert transaction is not None
        return FakeUnfinished(self.kafka, transaction)

    def visible(self, topic: str) -> list[bytes | None]:
        """Return what a reader of committed events gets; looking takes a moment."""
        self.kafka.clock.advance(0.1)
        return [record.value for record in self.kafka.visible(topic)]

    def committed(self, group: str, source: TopicPartition) -> int | None:
        """Return the offset that the group has committed."""
        return self.kafka.groups[group].committed.get(source)

    def consumer(
        self, topic: str, group: str, *, policy: Literal["earliest", "latest"] = "earliest"
    ) -> ConsumerUnderTest:
        """Return a consumer that has not joined, and begins so where nothing is committed."""
        return FakeConsumer(self.kafka, [topic], group, policy)

    def impatient(self, topic: str, group: str) -> ConsumerUnderTest:
        """Return a consumer that may not be idle for long."""
        return self.consumer(topic, group)

    def idle_out(self, consumer: ConsumerUnderTest, group: str) -> None:
        """Do not poll the only member, an impatient one, until the group has let it go."""
        assert isinstance(consumer, FakeConsumer)
        assert self.kafka.groups[group].members == [consumer]
        consumer.fall_silent()
        self.kafka.clock.advance(self.kafka.session_seconds)
        consumer.speak_again()

    def producer(self, transactional_id: str, transaction_seconds: float = 15) -> ProducerUnderTest:
        """Return a producer that has no client yet."""
        return FakeProducer(self.kafka, transactional_id, transaction_seconds)

    def flush(self, producer: ProducerUnderTest) -> None:
        """Return when the brokers have all that it produced: at once."""

    def close(self) -> None:
        """Nothing is left behind."""


@dataclass(frozen=True)
class FakeUnfinished:
    """An open transaction of the input's writer."""

    kafka: FakeKafka
    transaction: FakeTransaction

    def commit(self) -> None:
        """End it: its events count."""
        self.kafka.finish(self.transaction, "committed")

    def abort(self) -> None:
        """End it: its events are none."""
        self.kafka.finish(self.transaction, "aborted")


class RealCluster:
    """The one on this machine, through the package's own clients."""

    def __init__(
        self,
        bootstrap_servers: str,
        create_topic: Callable[..., str],
        consumer: Mapping[str, Property],
    ) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.warnings: list[str] = []
        self._create_topic = create_topic
        self._consumer = consumer
        self._joined: list[EventConsumer] = []

    def create(self, partitions: int = 1, max_message_bytes: int | None = None) -> str:
        """Create a topic and return its name; it refuses events of more than an hour ahead."""
        if max_message_bytes is None:
            return self._create_topic(partitions)  # an hour is Kafka's default
        return self._create_topic(partitions, {"max.message.bytes": str(max_message_bytes)})

    def add_partition(self, topic: str) -> None:
        """Let the topic have one partition more."""
        Topics(self.bootstrap_servers).add_partitions(topic, 1)

    def make_anew(self, topic: str, partitions: int = 1) -> None:
        """Delete the topic, and create one of the same name."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        admin.delete_topics([topic])[topic].result(topics.PATIENCE_SECONDS)
        made = Topics(self.bootstrap_servers)
        topics.wait_for(lambda: is_made(made, topic, partitions), "the name is free again")

    def write(self, source: TopicPartition, values: Sequence[bytes], end: End = "plain") -> None:
        """Append events, in a transaction unless they are plain."""
        events = [topics.Event(value, partition=source.partition) for value in values]
        name = None if end == "plain" else f"writer-{uuid.uuid4().hex[:8]}"
        commit = end != "aborted"
        topics.write(self.bootstrap_servers, source.topic, events, transaction=name, commit=commit)

    def begin(self, source: TopicPartition, values: Sequence[bytes]) -> topics.Unfinished:
        """Append events in a transaction that stays open."""
        events = [topics.Event(value, partition=source.partition) for value in values]
        name = f"writer-{uuid.uuid4().hex[:8]}"
        return topics.begin(self.bootstrap_servers, source.topic, events, name)

    def visible(self, topic: str) -> list[bytes | None]:
        """Return what a reader of committed events gets."""
        return [message.value() for message in topics.read(self.bootstrap_servers, topic)]

    def committed(self, group: str, source: TopicPartition) -> int | None:
        """Return the offset that the group has committed."""
        return topics.committed(self.bootstrap_servers, group, source.topic).get(source)

    def consumer(self, topic: str, group: str, **more: Any) -> EventConsumer:
        """Return a consumer that has not joined.

        ``more``: policy, on_data_loss, topics, properties, and reset, a class.
        """
        properties = consumer_properties(
            bootstrap_servers=self.bootstrap_servers,
            group_id=group,
            limits=LIMITS,
            common={},
            consumer={**self._consumer, **more.get("properties", {})},
        )
        reset = more.get("reset", OffsetReset)(
            more.get("policy", "earliest"),
            more.get("on_data_loss", "stop"),
            self.warnings.append,
            self.identify,
        )
        made = EventConsumer(properties, more.get("topics", [topic]), reset)
        self._joined.append(made)
        return made

    def identify(self, names: Collection[str]) -> dict[str, LogId]:
        """Return which logs these topics are now."""
        servers: dict[str, Property] = {"bootstrap.servers": self.bootstrap_servers}
        with closing(Brokers(servers, warn=self.warnings.append)) as brokers:
            return brokers.logs(names)

    def impatient(self, topic: str, group: str) -> EventConsumer:
        """Return a consumer that may not be idle for long."""
        short: dict[str, Property] = {"max.poll.interval.ms": 2000}
        if "group.protocol" not in self._consumer:
            short["session.timeout.ms"] = 2000
        return self.consumer(topic, group, properties=short)

    def idle_out(self, _: ConsumerUnderTest, group: str) -> None:
        """Do not poll the only member, an impatient one, until the group has let it go."""
        topics.wait_for(
            lambda: topics.members(self.bootstrap_servers, group) == 0, "the group lets it go"
        )

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

    def flush(self, producer: ProducerUnderTest) -> None:
        """Return when the brokers have all that it produced."""
        assert isinstance(producer, TransactionalProducer)
        assert producer._client is not None
        assert producer._client.flush(topics.PATIENCE_SECONDS) == 0

    def close(self) -> None:
        """Let all consumers leave."""
        for each in self._joined:
            each.close()


def is_made(made: Topics, topic: str, partitions: int) -> bool:
    """Create a topic, if its name is not in use."""
    try:
        made.create(topic, partitions, replicas=-1)
    except KafkaException as exception:
        if exception.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True


def member(cluster: Cluster, topic: str, group: str) -> tuple[ConsumerUnderTest, Recorded]:
    """Return a consumer that has joined, and what it hears."""
    consumer, listener = cluster.consumer(topic, group), Recorded()
    consumer.subscribe(listener)
    return consumer, listener


def ready_producer(cluster: Cluster, name: str, seconds: float = 15) -> ProducerUnderTest:
    """Return a producer that has a client."""
    producer = cluster.producer(name, seconds)
    producer.rebuild()
    return producer


def joined(consumer: EventConsumer) -> EventConsumer:
    """Subscribe with a listener that only takes notes."""
    consumer.subscribe(Recorded())
    return consumer


def ahead(written: ScoredEvents, rows: Sequence[int]) -> ScoredEvents:
    """Return the events, these rows of which are of the day after tomorrow: no topic takes them."""
    timestamps = written.timestamps.copy()
    timestamps[list(rows)] += 2 * 86_400_000
    return replace(written, timestamps=timestamps)


def events(*values: bytes | None, partition: int = 0, key: bytes | None = None) -> ScoredEvents:
    """Events of now, for one partition."""
    rows = len(values)
    now = np.full(rows, time.time() * 1000, np.int64)
    partitions = np.full(rows, partition, np.int64)
    return ScoredEvents(values, [key] * rows, [None] * rows, now, partitions)


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
