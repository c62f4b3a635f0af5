"""The transactional producer on a real Kafka: what is refused, fenced, timed out, in doubt."""

from __future__ import annotations

import os
import time

import psutil
import pytest
from confluent_kafka import KafkaException

from stream_scorer.errors import (
    ProducerLost,
    RecordRefused,
    StreamScorerError,
    TransactionAborted,
    Unanswered,
)
from stream_scorer.kafka import producer as module
from stream_scorer.kafka.client_config import Deadlines
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.records import ScoredEvents
from tests import topics
from tests.conftest import ProxiedKafka, TopicFactory
from tests.kafka.clusters import RealCluster, events

pytestmark = pytest.mark.kafka

NOW = int(time.time() * 1000)


def write(producer: TransactionalProducer, topic: str, written: ScoredEvents) -> None:
    """Write the events in a transaction of their own."""
    if producer.needs_rebuild:
        producer.rebuild()
    with producer.transaction() as transaction:
        transaction.produce(topic, written)


@pytest.mark.parametrize(
    ("settings", "row", "name"),
    [
        ({"max.message.bytes": "2000"}, (os.urandom(5000), b"k", NOW), "MSG_SIZE_TOO_LARGE"),
        ({}, (os.urandom(2_000_000), b"k", NOW), "MSG_SIZE_TOO_LARGE"),
        (
            {"message.timestamp.before.max.ms": "86400000"},
            (b"v", b"k", 1000),
            "INVALID_(TIMESTAMP|RECORD)",
        ),
        ({"cleanup.policy": "compact"}, (b"v", None, NOW), "INVALID_RECORD"),
    ],
    ids=["too large for the topic", "too large for the client", "too old", "no key to compact by"],
)
def test_a_refused_record_takes_its_transaction_with_it(
    real: RealCluster,
    topic: TopicFactory,
    settings: dict[str, str],
    row: tuple[bytes, bytes | None, int],
    name: str,
) -> None:
    """Nothing is visible; the next transaction on the same partition is fine."""
    output = topic(1, settings)
    producer = real.producer(output)
    value, key, timestamp = row
    mixed = ScoredEvents(
        [b"good", value, b"good"],
        [b"k", key, b"k"],
        [None] * 3,
        [NOW, timestamp, NOW],
        [0] * 3,
    )
    with pytest.raises(RecordRefused, match=name):
        write(producer, output, mixed)
    assert real.visible(output) == []
    write(producer, output, events(b"good", key=b"k"))
    assert real.visible(output) == [b"good"]


def test_a_fatal_error_is_the_loop_s_to_hear_of_and_no_one_else_s(
    real: RealCluster, group: str
) -> None:
    """The client would raise it from whatever serves its queue: dropping the client, for one."""
    output, producer, twin = real.create(), real.producer(group), real.producer(group)
    producer.rebuild()
    client = producer._client
    assert client is not None
    client.begin_transaction()
    twin.rebuild()
    client.produce(output, b"v")

    def is_fenced() -> bool:
        try:
            client.flush(0.1)
        except KafkaException:
            return True
        return False

    topics.wait_for(is_fenced, "the client hears that it is fenced")
    producer.abandon()
    with pytest.raises(ProducerLost), producer.transaction():
        pass
    write(producer, output, events(b"next"))
    assert real.visible(output) == [b"next"]


def test_a_full_queue_makes_the_loop_wait(real: RealCluster, group: str) -> None:
    """What does not fit is queued as soon as there is room, in order."""
    output = real.create()
    producer = real.producer(group, 15, **{"queue.buffering.max.messages": 10})
    values = [b"%d" % each for each in range(200)]
    write(producer, output, events(*values))
    assert real.visible(output) == values


def test_an_unknown_partition_aborts(real: RealCluster, group: str) -> None:
    """The output may have lost partitions; the client looks again."""
    output, producer = real.create(1), real.producer(group)
    with pytest.raises(TransactionAborted, match="_UNKNOWN_PARTITION"):
        write(producer, output, events(b"v", partition=7))
    write(producer, output, events(b"v"))
    assert real.visible(output) == [b"v"]


def test_a_transaction_that_outlives_its_timeout_is_lost(real: RealCluster, group: str) -> None:
    """The coordinator aborts it, readers that waited behind it go on, and no twin is suspected."""
    said: list[str] = []
    properties = real.producer(group, 1.0)._properties
    output, producer = real.create(), TransactionalProducer(properties, 1.0, warn=said.append)
    producer.rebuild()
    with pytest.raises(ProducerLost, match="_FENCED"), producer.transaction() as transaction:
        transaction.produce(output, events(b"late"))
        client = producer._client
        assert client is not None
        assert client.flush(topics.PATIENCE_SECONDS) == 0
        topics.write(real.bootstrap_servers, output, [topics.Event(b"behind")])
        topics.wait_for(lambda: real.visible(output) == [b"behind"], "the coordinator aborts")
    write(producer, output, events(b"next"))
    assert real.visible(output) == [b"behind", b"next"]
    assert said == []


class Skewed:
    """The real clock, and what a test adds to it."""

    late_seconds = 0.0

    def __call__(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic() + self.late_seconds


@pytest.mark.parametrize(("seconds", "expected"), [(7.0, False), (7.5, True)])
def test_after_a_transaction_that_took_long_the_next_one_has_a_new_client(
    real: RealCluster, group: str, seconds: float, *, expected: bool
) -> None:
    """From ``socket.timeout.ms`` on a request may be on its way a second time (KIP-890)."""
    output, clock = real.create(), Skewed()
    producer = TransactionalProducer(real.producer(group)._properties, 15.0, clock)
    producer.rebuild()
    with producer.transaction() as transaction:
        transaction.produce(output, events(b"v"))
        clock.late_seconds = seconds
    assert producer.needs_rebuild == expected
    assert real.visible(output) == [b"v"]


@pytest.mark.parametrize("api", [ApiKey.END_TXN, ApiKey.PRODUCE, ApiKey.ADD_PARTITIONS_TO_TXN])
def test_after_a_connection_broke_the_next_transaction_has_a_new_client(
    proxied: ProxiedKafka, group: str, api: ApiKey
) -> None:
    """The client asked again and the transaction succeeded in no time: the clock shows nothing."""
    cluster = proxied_cluster(proxied, group)
    producer = cluster.producer(group, 15, **{"client.id": group})
    topics.wait_for(lambda: _rebuilt(producer), "the broker is ready for transactions")
    write(producer, group, events(b"before"))
    doubts = [producer.needs_rebuild]
    started = time.monotonic()
    with proxied.proxy.drop_answer(group, api, close=True):
        write(producer, group, events(b"amid"))
    assert time.monotonic() - started < Deadlines(15).socket_ms / 1000
    doubts.append(producer.needs_rebuild)
    for each in (b"after", b"and after"):
        write(producer, group, events(each))
        doubts.append(producer.needs_rebuild)
    assert doubts == [False, True, False, False]
    assert cluster.visible(group) == [b"before", b"amid", b"after", b"and after"]


def test_a_client_that_is_replaced_leaves_nothing_behind(real: RealCluster, group: str) -> None:
    """No thread of it, whether it was fine or lost."""
    output, producer = real.create(), real.producer(group)
    process = psutil.Process()
    write(producer, output, events(b"v"))
    before = process.num_threads()
    for _ in range(10):
        producer.rebuild()
        with pytest.raises(ZeroDivisionError), producer.transaction() as transaction:
            transaction.produce(output, events(b"gone"))
            raise ZeroDivisionError
        producer.abandon()
    write(producer, output, events(b"v"))
    topics.wait_for(
        lambda: process.num_threads() <= before,
        f"the threads of ten clients end; there were {before}, and are {process.num_threads()}",
    )


def test_headers_keys_and_timestamps_arrive_as_they_were(real: RealCluster, group: str) -> None:
    """A null header value and a repeated name too; -1 is a timestamp that the broker never had."""
    output, producer = real.create(), real.producer(group)
    headers: list[list[tuple[str, bytes | None]] | None] = [
        [("a", b"1"), ("a", None), ("ü", b"\xff")],
        None,
        [],
    ]
    rows = ScoredEvents([b"v", None, b""], [b"k", b"", None], headers, [NOW, 1, -1], [0, 0, 0])
    write(producer, output, rows)
    first, second, third = topics.read(real.bootstrap_servers, output)
    assert first.headers() == headers[0]
    assert (second.headers(), third.headers()) == (None, None)
    assert [each.key() for each in (first, second, third)] == [b"k", b"", None]
    assert [each.value() for each in (first, second, third)] == [b"v", None, b""]
    assert first.timestamp()[1] == NOW
    assert second.timestamp()[1] == 1
    assert abs(third.timestamp()[1] - time.time() * 1000) < 60_000


def test_keys_choose_the_partitions_that_java_clients_choose(real: RealCluster, group: str) -> None:
    """So that streams of both can be joined. Kafka's own vectors: ``UtilsTest.testMurmur2``."""
    hashes = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }
    partitions, rows = 13, len(hashes)
    output = real.create(partitions)
    keyed = ScoredEvents([b"v"] * rows, list(hashes), [None] * rows, [NOW] * rows, [-1] * rows)
    write(real.producer(group), output, keyed)
    chosen = {each.key(): each.partition() for each in topics.read(real.bootstrap_servers, output)}
    assert chosen == {key: (each & 0x7FFFFFFF) % partitions for key, each in hashes.items()}


def proxied_cluster(proxied: ProxiedKafka, topic: str) -> RealCluster:
    """Return the cluster behind the proxy, with this topic."""
    proxied.kafka.create_topic(topic)
    return RealCluster(proxied.kafka.bootstrap_servers, lambda _: topic, {})


# ------------------------------------------------------------------ brokers that go away


@pytest.fixture
def hasty(mortal: EmbeddedKafka, group: str, monkeypatch: pytest.MonkeyPatch) -> RealCluster:
    """The mortal broker, and clients with little patience."""
    monkeypatch.setattr(module, "INIT_TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(module, "ATTEMPT_SECONDS", 0.5)

    def create(partitions: int) -> str:
        mortal.create_topic(group, partitions)
        return group

    return RealCluster(mortal.bootstrap_servers, create, {})


def test_brokers_that_are_gone_end_the_transaction_within_its_bound(
    mortal: EmbeddedKafka, hasty: RealCluster, group: str
) -> None:
    """No call waits for ever, a rebuild says who is away, and after the restart it goes on."""
    output, producer = hasty.create(), hasty.producer(group, 2.0)
    topics.wait_for(lambda: _rebuilt(producer), "the broker is ready for transactions")
    write(producer, output, events(b"before"))
    mortal.kill()
    started = time.monotonic()
    with pytest.raises(StreamScorerError) as failure, producer.transaction() as transaction:
        transaction.produce(output, events(b"amid"))
    assert isinstance(failure.value, TransactionAborted | ProducerLost)
    assert producer.needs_rebuild
    with pytest.raises(Unanswered, match="No transaction coordinator answers"):
        producer.rebuild()
    assert time.monotonic() - started < 2 * 2.0 + 1.0 + 2.0
    mortal.start()
    topics.wait_for(lambda: _rebuilt(producer), "the producer is made anew")
    write(producer, output, events(b"after"))
    assert hasty.visible(output) == [b"before", b"after"]


def test_a_commit_without_an_answer_is_in_doubt(
    mortal: EmbeddedKafka, hasty: RealCluster, group: str
) -> None:
    """The broker froze with the transaction open: it counts whole or not at all."""
    output, producer = hasty.create(), hasty.producer(group, 2.0)
    topics.wait_for(lambda: _rebuilt(producer), "the broker is ready for transactions")
    broker = mortal._brokers[1]._java
    assert broker is not None
    started = time.monotonic()
    try:
        with pytest.raises(ProducerLost), producer.transaction() as transaction:
            transaction.produce(output, events(b"a", b"b"))
            client = producer._client
            assert client is not None
            assert client.flush(topics.PATIENCE_SECONDS) == 0
            broker.pause()
            process = psutil.Process(broker.pid)
            topics.wait_for(lambda: process.status() == psutil.STATUS_STOPPED, "it is frozen")
        assert time.monotonic() - started < 2 * 2.0 + 2.0
        assert producer.needs_rebuild
    finally:
        broker.resume()
    topics.wait_for(lambda: _rebuilt(producer), "the producer is made anew")
    write(producer, output, events(b"c"))
    assert hasty.visible(output) in ([b"c"], [b"a", b"b", b"c"])


def _rebuilt(producer: TransactionalProducer) -> bool:
    try:
        producer.rebuild()
    except Unanswered:
        return False
    return True
