"""A worker's transactional producer on a real Kafka, and what readers see of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, Producer
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.errors import TransactionAborted, Unanswered
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.records import Position, TopicPartition
from tests import topics
from tests.kafka.clusters import QUICK_GROUP, RealCluster, events, gather, joined

#: What is written outside of any transaction, to see that those before it have ended.
_END = b"end of "


@dataclass(frozen=True)
class Bench:
    """A worker's clients under one name: transactional id, group and output topic.

    ``servers`` are for those who look on, past what stands before the brokers.
    """

    cluster: RealCluster
    servers: str
    name: str
    transaction_seconds: float
    onlooker: Consumer

    def producer(self) -> TransactionalProducer:
        """Return a producer that is ready."""
        made = self._made()
        topics.wait_for(lambda: rebuilt(made), "the producer is made")
        return made

    def plain(self) -> Producer:
        """Return a client of librdkafka's with the same settings, which is ready."""
        made = Producer(self._made()._properties)
        made.init_transactions(topics.PATIENCE_SECONDS)
        return made

    def _made(self) -> TransactionalProducer:
        return self.cluster.producer(
            self.name, self.transaction_seconds, **{"client.id": self.clients}
        )

    def membership(self, rows: int) -> bytes:
        """Join the worker's group as the owner of the input, which holds so many events."""
        self.cluster.write(self.source, [b"in"] * rows)
        consumer = joined(self.cluster.consumer(self.input, self.name))
        gather(consumer, rows)
        return consumer.group_metadata()

    @property
    def input(self) -> str:
        """The input topic."""
        return f"{self.name}-input"

    @property
    def source(self) -> TopicPartition:
        """The only partition of the input."""
        return TopicPartition(self.input, 0)

    @property
    def clients(self) -> str:
        """The client id of the producer."""
        return f"{self.name}-producer"

    def shows(self, *written: bytes) -> None:
        """Check what readers of committed events get, up to a record that is written now.

        Whoever reads that one has waited for the end of every transaction before it.
        """
        end = _END + uuid.uuid4().bytes
        topics.write(self.servers, self.name, [topics.Event(end)])

        def seen() -> list[bytes | None]:
            return [each.value() for each in topics.read(self.servers, self.name)]

        topics.wait_for(lambda: end in seen()[-1:], "every transaction has ended")
        found = [each for each in seen() if each is None or not each.startswith(_END)]
        assert found == list(written)

    def has_committed(self, offset: int | None) -> None:
        """Check the group's offset; it follows a commit by the time that the marker takes."""
        asked = [ClientPartition(self.input, 0)]
        expected = OFFSET_INVALID if offset is None else offset

        def is_so() -> bool:
            try:
                (found,) = self.onlooker.committed(asked, topics.PATIENCE_SECONDS)
            except KafkaException as exception:
                if exception.args[0].code() in topics._COMING_UP:
                    return False
                raise
            return bool(found.offset == expected)

        topics.wait_for(is_so, f"the group has committed {offset}")


def rebuilt(producer: TransactionalProducer) -> bool:
    """Give the producer a new client, if the brokers answer."""
    try:
        producer.rebuild()
    except Unanswered:
        return False
    return True


def write(producer: TransactionalProducer, bench: Bench, *values: bytes) -> None:
    """Write the events in a transaction of their own."""
    with producer.transaction() as transaction:
        transaction.produce(bench.name, events(*values))


def attempt(
    producer: TransactionalProducer, bench: Bench, value: bytes, offset: int, membership: bytes
) -> bool:
    """Write an event and commit an offset; tell whether they are committed or aborted."""
    try:
        with producer.transaction() as transaction:
            transaction.produce(bench.name, events(value))
            transaction.send_offsets({bench.source: Position(offset)}, membership)
    except TransactionAborted:
        return False
    return True


def wants_a_new_client(producer: TransactionalProducer) -> bool:
    """Tell whether the loop must rebuild before the next transaction."""
    return producer.needs_rebuild


def flushed(producer: TransactionalProducer) -> None:
    """Return when all records are on the broker."""
    client = producer._client
    assert client is not None
    assert client.flush(topics.PATIENCE_SECONDS) == 0


@contextmanager
def bench_on(
    kafka: EmbeddedKafka,
    transaction_seconds: float,
    consumer: Mapping[str, Property] = QUICK_GROUP,
) -> Iterator[Bench]:
    """Create a topic for input and one for output, and let the clients leave in the end."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name)
    kafka.create_topic(f"{name}-input")
    named = {**consumer, "client.id": name}
    cluster = RealCluster(kafka.bootstrap_servers, lambda _: name, named)
    # No member of the group; what is committed now, however long a transaction is open.
    onlooker = Consumer(
        {
            "bootstrap.servers": kafka.internal_servers,
            "group.id": name,
            "isolation.level": "read_uncommitted",
            "log_level": 0,
        }
    )
    try:
        yield Bench(cluster, kafka.internal_servers, name, transaction_seconds, onlooker)
    finally:
        onlooker.close()
        cluster.close()
