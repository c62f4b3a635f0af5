"""Deaths, timeouts and what is pending, on the fake Kafka as on a real one with either protocol.

The model of ``tests/worker/test_model.py`` is worth as much as these sentences are true of both.
"""

from __future__ import annotations

import os

import pytest

from stream_scorer.errors import ProducerLost, RecordsRefused, TransactionAborted, Unanswered
from stream_scorer.kafka import offset_reset
from stream_scorer.records import Position, TopicPartition
from tests.kafka.clusters import ahead, events, gather, member, ready_producer, values_of
from tests.kafka.under_test import Cluster, ConsumerUnderTest, ProducerUnderTest, Recorded
from tests.topics import wait_for

PROCESS_DIED = "the process died"


def _die_with_offsets_pending(
    producer: ProducerUnderTest, source: TopicPartition, offset: int, membership: bytes
) -> None:
    with pytest.raises(ProducerLost, match=PROCESS_DIED), producer.transaction() as transaction:
        transaction.send_offsets({source: Position(offset)}, membership)
        raise ProducerLost(PROCESS_DIED)


def _gets_nothing(consumer: ConsumerUnderTest, listener: Recorded) -> None:
    """Poll for long enough to see an event, once the partition is assigned."""

    def is_assigned() -> bool:
        assert len(consumer.poll_batch(10, 0.05)) == 0
        return "assigned" in listener.kinds

    wait_for(is_assigned, "the partition is assigned")
    for _ in range(5):
        assert len(consumer.poll_batch(10, 0.1)) == 0


def test_a_new_owner_waits_while_offsets_of_its_partition_are_pending(
    cluster: Cluster, group: str
) -> None:
    """It goes on once they are decided: here the dead one's successor aborts them (KIP-447)."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b"])
    first, _ = member(cluster, topic, group)
    gather(first, 2)
    _die_with_offsets_pending(ready_producer(cluster, group), source, 2, first.group_metadata())
    first.close()
    second, heard = member(cluster, topic, group)
    _gets_nothing(second, heard)
    cluster.producer(group).rebuild()
    assert values_of(gather(second, 2)) == [b"a", b"b"]


def test_what_a_dead_worker_left_open_is_aborted_after_its_timeout(
    cluster: Cluster, group: str
) -> None:
    """Nobody has to take its transactional id over for that."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b"])
    first, _ = member(cluster, topic, group)
    gather(first, 2)
    _die_with_offsets_pending(ready_producer(cluster, group, 3), source, 2, first.group_metadata())
    first.close()
    second, _ = member(cluster, topic, group)
    assert values_of(gather(second, 2)) == [b"a", b"b"]
    assert cluster.committed(group, source) is None


def test_a_rewind_waits_while_offsets_are_pending(
    cluster: Cluster, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unanswered, and stays due, until they are decided."""
    monkeypatch.setattr(offset_reset, "BROKER_TIMEOUT_SECONDS", 0.5)
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 1)
    producer = ready_producer(cluster, group)
    _die_with_offsets_pending(producer, source, 1, consumer.group_metadata())
    consumer.rewind()
    for _ in range(2):
        with pytest.raises(Unanswered):
            consumer.poll_batch(10, 0.1)
    producer.rebuild()
    monkeypatch.undo()
    assert values_of(gather(consumer, 2)) == [b"a", b"b"]


def test_a_transaction_that_outlives_its_timeout_fences_its_producer(
    cluster: Cluster, group: str
) -> None:
    """What it wrote is not there; a new client of the same id goes on."""
    output = cluster.create()
    producer = ready_producer(cluster, group, 2)
    with pytest.raises(ProducerLost), producer.transaction() as transaction:
        transaction.produce(output, events(b"too late"))
        cluster.flush(producer)
        cluster.write(TopicPartition(output, 0), [b"behind it"])
        wait_for(lambda: cluster.visible(output) == [b"behind it"], "the brokers abort it")
    assert producer.needs_rebuild
    producer.rebuild()
    with producer.transaction() as transaction:
        transaction.produce(output, events(b"next"))
    assert cluster.visible(output) == [b"behind it", b"next"]


def test_a_member_that_was_let_go_commits_nothing_and_hears_of_it(
    cluster: Cluster, group: str
) -> None:
    """Nor does it with the membership that it knows itself by; it is in again once it polls."""
    topic, output = cluster.create(), cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a"])
    consumer, heard = cluster.impatient(topic, group), Recorded()
    consumer.subscribe(heard)
    gather(consumer, 1)
    before = consumer.group_metadata()
    cluster.idle_out(consumer, group)
    producer = ready_producer(cluster, group)
    with pytest.raises(TransactionAborted), producer.transaction() as transaction:
        transaction.produce(output, events(b"A"))
        transaction.send_offsets({source: Position(1)}, before)
    with pytest.raises(TransactionAborted), producer.transaction() as transaction:
        transaction.produce(output, events(b"A"))
        transaction.send_offsets({source: Position(1)}, consumer.group_metadata())
    assert heard.kinds == ["assigned"]
    assert values_of(gather(consumer, 1)) == [b"a"]
    assert heard.kinds == ["assigned", "lost", "assigned"]
    assert cluster.visible(output) == []


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_events_behind_an_open_transaction_wait_for_its_end(
    cluster: Cluster, group: str, end: str
) -> None:
    """So an event is never read before one that stands before it."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    unfinished = cluster.begin(source, [b"a"])
    cluster.write(source, [b"b"])
    consumer, heard = member(cluster, topic, group)
    _gets_nothing(consumer, heard)
    getattr(unfinished, end)()
    expected = [b"a", b"b"] if end == "commit" else [b"b"]
    assert values_of(gather(consumer, len(expected))) == expected


def test_partitions_that_are_added_are_read_from_their_beginning(
    cluster: Cluster, group: str
) -> None:
    """The group hears of them by itself."""
    topic = cluster.create()
    cluster.write(TopicPartition(topic, 0), [b"a"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 1)
    cluster.add_partition(topic)
    cluster.write(TopicPartition(topic, 1), [b"b", b"c"])
    found: set[bytes | None] = set()

    def all_are_read() -> bool:
        found.update(consumer.poll_batch(10, 0.05).values)
        return {b"b", b"c"} <= found

    wait_for(all_are_read, "the new partition's events come")


@pytest.mark.parametrize("refused", [{17}, {0, 1, 30, 59}, {40, 41}], ids=str)
def test_all_records_that_are_refused_are_named_by_their_numbers(
    cluster: Cluster, group: str, refused: set[int]
) -> None:
    """No other one ever is. Several attempts may be needed, for the client reports batches."""
    output = cluster.create(2)
    producer = cluster.producer(group)
    left, named, attempts = list(range(60)), set[int](), 0
    while True:
        attempts += 1
        if producer.needs_rebuild:
            producer.rebuild()
        try:
            with producer.transaction() as transaction:
                for partition in (0, 1):
                    mine = [each for each in left if each % 2 == partition]
                    values = [b"%d" % each for each in mine]
                    rows = [row for row, each in enumerate(mine) if each in refused]
                    transaction.produce(output, ahead(events(*values, partition=partition), rows))
        except RecordsRefused as error:
            order = sorted(left, key=lambda each: each % 2)
            named |= {order[number] for number in error.refused}
            left = [each for each in left if each not in named]
        else:
            break
    assert named == refused
    assert attempts <= 1 + 2 * len(refused)
    assert set(cluster.visible(output)) == {b"%d" % each for each in left}


def test_a_refused_record_takes_its_neighbours_and_its_client_with_it(
    cluster: Cluster, group: str
) -> None:
    """The error says that it was a record; the next transaction needs a new client."""
    topic, output = cluster.create(), cluster.create(max_message_bytes=1000)
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 1)
    producer = ready_producer(cluster, group)
    with pytest.raises(RecordsRefused), producer.transaction() as transaction:
        transaction.produce(output, events(b"small", os.urandom(5000)))
        transaction.send_offsets({source: Position(1)}, consumer.group_metadata())
    assert producer.needs_rebuild
    producer.rebuild()
    with producer.transaction() as transaction:
        transaction.produce(output, events(b"next"))
    assert cluster.visible(output) == [b"next"]
    assert cluster.committed(group, source) is None
