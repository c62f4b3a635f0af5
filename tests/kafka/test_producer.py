"""The transactional producer on a real Kafka: what is refused, fenced, timed out, written."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import numpy as np
import pytest
from confluent_kafka import KafkaException

from stream_scorer.errors import (
    ProducerLost,
    RecordsRefused,
    TransactionAborted,
)
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.records import ScoredEvents
from tests import topics
from tests.conftest import TopicFactory
from tests.kafka.clusters import RealCluster, ahead, events

pytestmark = pytest.mark.kafka

NOW = int(time.time() * 1000)


def write(producer: TransactionalProducer, topic: str, written: ScoredEvents) -> None:
    """Write the events in a transaction of their own."""
    if producer.needs_rebuild:
        producer.rebuild()
    with producer.transaction() as transaction:
        transaction.produce(topic, written)


def refusal(
    producer: TransactionalProducer, topic: str, written: ScoredEvents
) -> RecordsRefused | None:
    """Write the events; return why they are refused, if they are."""
    try:
        write(producer, topic, written)
    except RecordsRefused as refused:
        return refused
    return None


@pytest.mark.parametrize(
    ("settings", "row", "name"),
    [
        ({"max.message.bytes": "2000"}, (os.urandom(5000), b"k", NOW), "Message size too large"),
        ({}, (os.urandom(2_000_000), b"k", NOW), "Message size too large"),
        (
            {"message.timestamp.before.max.ms": "86400000"},
            (b"v", b"k", 1000),
            "Invalid timestamp|failed to validate record",
        ),
        ({"cleanup.policy": "compact"}, (b"v", None, NOW), "failed to validate record"),
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
        np.array([NOW, timestamp, NOW]),
        np.zeros(3, np.int64),
    )
    with pytest.raises(RecordsRefused, match=name):
        write(producer, output, mixed)
    assert real.visible(output) == []
    write(producer, output, events(b"good", key=b"k"))
    assert real.visible(output) == [b"good"]


def test_a_burst_tells_of_all_that_is_refused_in_it(real: RealCluster, group: str) -> None:
    """One in fifty, in four partitions: a few bursts find them all, and nobody else."""
    output, producer = real.create(4), real.producer(group)
    refused = set(range(0, 4000, 50))
    left, blamed, aborts = list(range(4000)), set[int](), -1
    error: RecordsRefused | None = RecordsRefused("nothing is written yet", {})
    while error is not None:
        aborts += 1
        blamed |= {left[number] for number in error.refused}
        left = [each for each in left if each not in blamed]
        mine = events(*(b"%d" % each for each in left), key=b"k")
        mine = replace(mine, partitions=np.array([each // 50 % 4 for each in left]))
        bad = [row for row, each in enumerate(left) if each in refused]
        error = refusal(producer, output, ahead(mine, bad))
    assert blamed == refused
    assert aborts <= 12
    assert len(real.visible(output)) == len(left)


def test_a_refusal_does_not_wait_for_what_is_never_sent(real: RealCluster, group: str) -> None:
    """After the first one the client sends nothing more, and a commit would wait for it."""
    output = real.create(2)
    producer = real.producer(group, 15, **{"batch.num.messages": 10})
    producer.rebuild()
    started = time.monotonic()
    with pytest.raises(RecordsRefused):
        write(producer, output, ahead(events(*[b"v%d" % each for each in range(500)]), [0, 1]))
    # The client would give its messages up after 12 s.
    assert time.monotonic() - started < 6


def test_topics_that_take_less_get_smaller_batches(real: RealCluster, group: str) -> None:
    """Also where nobody says what they take: the refusals do."""
    output = real.create(max_message_bytes=20_000)
    producer = real.producer(group, 15, **{"compression.type": "none"})
    values, aborts = [b"%04d" % each + b"x" * 200 for each in range(1000)], 0
    for _ in range(3):
        while (error := refusal(producer, output, events(*values))) is not None:
            aborts += 1
            assert error.refused == {}
    assert aborts <= 4
    assert real.visible(output) == values * 3


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
    with pytest.raises(TransactionAborted, match="Unknown partition"):
        write(producer, output, events(b"v", partition=7))
    write(producer, output, events(b"v"))
    assert real.visible(output) == [b"v"]


def test_a_transaction_that_outlives_its_timeout_is_lost(real: RealCluster, group: str) -> None:
    """The coordinator aborts it, readers that waited behind it go on, and no twin is suspected."""
    said: list[str] = []
    properties = real.producer(group, 1.0)._properties
    output, producer = real.create(), TransactionalProducer(properties, 1.0, warn=said.append)
    producer.rebuild()
    with (
        pytest.raises(ProducerLost, match="has been fenced by a newer"),
        producer.transaction() as transaction,
    ):
        transaction.produce(output, events(b"late"))
        client = producer._client
        assert client is not None
        assert client.flush(topics.PATIENCE_SECONDS) == 0
        topics.write(real.bootstrap_servers, output, [topics.Event(b"behind")])
        topics.wait_for(lambda: real.visible(output) == [b"behind"], "the coordinator aborts")
    write(producer, output, events(b"next"))
    assert real.visible(output) == [b"behind", b"next"]
    assert said == []


def test_headers_keys_and_timestamps_arrive_as_they_were(real: RealCluster, group: str) -> None:
    """A null header value and a repeated name too; -1 is a timestamp that the broker never had."""
    output, producer = real.create(), real.producer(group)
    headers: list[list[tuple[str, bytes | None]] | None] = [
        [("a", b"1"), ("a", None), ("ü", b"\xff")],
        None,
        [],
    ]
    values, keys = [b"v", None, b""], [b"k", b"", None]
    rows = ScoredEvents(values, keys, headers, np.array([NOW, 1, -1]), np.zeros(3, np.int64))
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
    now, any_partition = np.full(rows, NOW), np.full(rows, -1)
    keyed = ScoredEvents([b"v"] * rows, list(hashes), [None] * rows, now, any_partition)
    write(real.producer(group), output, keyed)
    chosen = {each.key(): each.partition() for each in topics.read(real.bootstrap_servers, output)}
    assert chosen == {key: (each & 0x7FFFFFFF) % partitions for key, each in hashes.items()}
