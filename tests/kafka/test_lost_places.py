"""A committed place that the log has no more: it expired, was cut back, or is another topic's."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
from confluent_kafka import Consumer, Message

from stream_scorer.errors import DataLost, TransactionAborted
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.kafka.identity import LogId, note_of
from stream_scorer.kafka.messages import client_position, committed_position
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.records import Position, TopicPartition
from tests import topics
from tests.kafka.clusters import QUICK_GROUP, RealCluster, gather, joined, ready_producer, values_of
from tests.kafka.test_offsets import polled_until_it_raises

pytestmark = pytest.mark.kafka


def _plain(real: RealCluster, group: str) -> Consumer:
    return Consumer(
        {"bootstrap.servers": real.bootstrap_servers, "group.id": group, "log_level": 0}
    )


def _commit(real: RealCluster, group: str, source: TopicPartition, position: Position) -> None:
    """Commit for a group that nobody is in, once it has a coordinator."""
    client = _plain(real, group)
    client.committed([client_position(source, position)], topics.PATIENCE_SECONDS)
    client.commit(offsets=[client_position(source, position)], asynchronous=False)
    client.close()


def _committed(real: RealCluster, group: str, source: TopicPartition) -> Position | None:
    client = _plain(real, group)
    asked = [client_position(source, Position(0))]
    (found,) = client.committed(asked, topics.PATIENCE_SECONDS)
    client.close()
    return committed_position(found)


def _note(real: RealCluster, topic: str) -> str:
    return note_of(real.identify([topic])[topic])


def _numbered(count: int, prefix: str = "") -> list[bytes]:
    return [f"{prefix}{each}".encode() for each in range(count)]


def _commit_what_is_read(
    real: RealCluster, group: str, consumer: EventConsumer, source: TopicPartition, offset: int
) -> None:
    with ready_producer(real, group).transaction() as transaction:
        transaction.send_offsets(consumer.progress({source: offset}), consumer.group_metadata())


def _done_with(
    real: RealCluster, group: str, source: TopicPartition, count: int, **settings: Any
) -> EventConsumer:
    """Write so many events, and return a member that has read and committed them."""
    real.write(source, _numbered(count, "old "))
    consumer = joined(real.consumer(source.topic, group, **settings))
    gather(consumer, count)
    _commit_what_is_read(real, group, consumer, source, count)
    return consumer


def _read_again_to(consumer: EventConsumer, count: int) -> list[bytes | None]:
    """Return so many events; what was read before the place was lost is read again."""
    found: list[bytes | None] = []

    def enough() -> bool:
        try:
            found.extend(consumer.poll_batch(1000, 0.05).values)
        except TransactionAborted:
            found.clear()
        return len(found) >= count

    topics.wait_for(enough, lambda: f"{count} events; there are {len(found)}")
    return found


# ------------------------------------------------------------------ what is committed


def test_a_committed_offset_names_its_log_and_the_leader_epoch(
    real: RealCluster, group: str
) -> None:
    """In a transaction, and outside of one."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, _numbered(3))
    consumer = joined(real.consumer(topic, group))
    gather(consumer, 3)
    _commit_what_is_read(real, group, consumer, source, 2)
    assert _committed(real, group, source) == Position(2, 0, _note(real, topic))
    consumer.commit(consumer.progress({source: 3}))

    def is_committed() -> bool:
        consumer.poll_batch(1, 0.02)
        return _committed(real, group, source) == Position(3, 0, _note(real, topic))

    topics.wait_for(is_committed, "the offset is committed")


# ------------------------------------------------------------------ another topic


@pytest.mark.parametrize("count", [3, 5, 8])
def test_a_topic_that_is_made_anew_while_it_is_read_begins_at_its_start(
    real: RealCluster, group: str, count: int
) -> None:
    """However many events the new one has; the client would go on at the old offset."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    consumer = _done_with(real, group, source, 5, on_data_loss="continue")
    real.make_anew(topic)
    real.write(source, _numbered(count, "new "))
    assert _read_again_to(consumer, count) == _numbered(count, "new ")
    assert any("deleted and made anew" in each for each in real.warnings)
    assert consumer.starts() == {source: 0}
    _commit_what_is_read(real, group, consumer, source, count)
    assert _committed(real, group, source) == Position(count, 0, _note(real, topic))


def test_a_topic_that_is_made_anew_stops_the_worker_unless_it_may_go_on(
    real: RealCluster, group: str
) -> None:
    """It is told how."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    consumer = _done_with(real, group, source, 5)
    real.make_anew(topic)
    real.write(source, _numbered(8))
    with pytest.raises(DataLost, match=r"made anew.*from 0 to 8\..*on_data_loss"):
        _read_again_to(consumer, 8)


def test_a_topic_that_is_made_anew_takes_the_offsets_with_it(real: RealCluster, group: str) -> None:
    """The way out says so: with `latest`, a restart would skip what the new one holds by then."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, _numbered(5))
    _commit(real, group, source, Position(2))
    consumer = joined(real.consumer(topic, group, policy="latest"))
    gather(consumer, 3)
    real.make_anew(topic)
    real.write(source, _numbered(8))
    with pytest.raises(DataLost, match=r"Commit offset 0 .*auto\.offset\.reset, which is `latest`"):
        _read_again_to(consumer, 8)
    assert _committed(real, group, source) is None


def test_what_is_polled_as_a_topic_changes_is_read_again(
    real: RealCluster, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a new client, which has all partitions from where they are committed."""
    topic = real.create(2)
    for partition in range(2):
        real.write(TopicPartition(topic, partition), [b"%d" % partition])
    consumer = joined(real.consumer(topic, group))
    gather(consumer, 2)
    before = consumer._client
    for partition in range(2):
        real.write(TopicPartition(topic, partition), [b"%d" % (2 + partition)])
    topic_id = real.identify([topic])[topic].topic
    fetch = consumer._fetch

    def fetch_and_hear(rows: int, seconds: float, more_seconds: float) -> list[Message]:
        found = fetch(rows, seconds, more_seconds)
        if found:
            said = f"Topic {topic} changed id from another to {topic_id}"
            consumer._topics_anew.hear("METADATA", said)
        return found

    monkeypatch.setattr(consumer, "_fetch", fetch_and_hear)
    with pytest.raises(TransactionAborted, match="joins its group again"):
        polled_until_it_raises(consumer)
    monkeypatch.undo()
    assert sorted(map(str, values_of(gather(consumer, 4)))) == ["b'0'", "b'1'", "b'2'", "b'3'"]
    assert consumer._client is not before
    assert real.warnings == []


def test_a_topic_with_a_history_of_leaders_may_be_made_anew(
    mortal: EmbeddedKafka, group: str
) -> None:
    """The epochs of the new one begin at 0, and the client has known later ones."""
    mortal.create_topic(group)
    real = RealCluster(mortal.bootstrap_servers, lambda _: group, QUICK_GROUP)
    source = TopicPartition(group, 0)
    real.write(source, _numbered(3))
    mortal.restart()
    real.write(source, _numbered(5)[3:])
    consumer = joined(real.consumer(group, group, on_data_loss="continue"))
    assert values_of(gather(consumer, 5)) == _numbered(5)
    _commit_what_is_read(real, group, consumer, source, 5)
    real.make_anew(group)
    real.write(source, _numbered(8, "new "))
    assert _read_again_to(consumer, 8) == _numbered(8, "new ")
    assert consumer.progress({source: 8})[source].leader_epoch == 0
    real.close()


@pytest.mark.parametrize("count", [3, 5, 8])
def test_a_committed_offset_of_an_earlier_topic_is_noticed_at_the_assignment(
    real: RealCluster, group: str, count: int
) -> None:
    """Also where the new one has as many events: there, nothing would be out of range."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    before = _note(real, topic)
    real.make_anew(topic)
    real.write(source, _numbered(count))
    _commit(real, group, source, Position(5, 0, before))
    consumer = joined(real.consumer(topic, group, on_data_loss="continue"))
    assert values_of(gather(consumer, count)) == _numbered(count)
    (warning,) = real.warnings
    assert f"after the group committed offset 5; the log now runs from 0 to {count}" in warning


@pytest.mark.parametrize(
    "note", ["", "of another program", note_of(LogId("another-cluster", "2" * 22))]
)
def test_an_offset_of_unknown_origin_is_no_loss(real: RealCluster, group: str, note: str) -> None:
    """Offsets are set by hand, by other programs, and copied from other clusters."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, _numbered(8))
    _commit(real, group, source, Position(5, 0, note))
    consumer = joined(real.consumer(topic, group))
    assert values_of(gather(consumer, 3)) == _numbered(8)[5:]
    assert real.warnings == []


def test_a_note_that_was_cut_is_none(real: RealCluster, group: str) -> None:
    """It passed through a program that keeps so many characters; the topic is the same."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, _numbered(8))
    _commit(real, group, source, Position(5, 0, _note(real, topic)[:-3]))
    consumer = joined(real.consumer(topic, group))
    assert values_of(gather(consumer, 3)) == _numbered(8)[5:]
    assert real.warnings == []


def test_new_partitions_of_a_topic_that_was_made_anew_begin_at_their_start(
    real: RealCluster, group: str
) -> None:
    """Also with `latest`: whoever writes to the new topic does not wait for the group."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    consumer = joined(real.consumer(topic, group, policy="latest", on_data_loss="continue"))

    def has_begun() -> bool:
        consumer.poll_batch(10, 0.05)
        return source in consumer.starts()

    topics.wait_for(has_begun, "it begins")
    real.make_anew(topic, 3)
    for number in range(3):
        real.write(TopicPartition(topic, number), [b"new %d" % number])
    assert sorted(map(str, _read_again_to(consumer, 3))) == ["b'new 0'", "b'new 1'", "b'new 2'"]


def test_a_topic_that_was_made_anew_is_one_in_partitions_of_others_too(
    real: RealCluster, group: str
) -> None:
    """As it is noticed the group's partitions move: who gets one had another, or none."""
    topic = real.create()
    source, others = TopicPartition(topic, 0), TopicPartition(topic, 2)
    reset = OffsetReset("latest", "continue", real.warnings.append, real.identify)
    consumer = joined(real.consumer(topic, group, reset=lambda *_: reset))

    def has_begun() -> bool:
        consumer.poll_batch(10, 0.05)
        return source in consumer.starts()

    topics.wait_for(has_begun, "it begins")
    real.make_anew(topic, 3)
    real.write(others, [b"new"])

    def its_partitions_are_known() -> bool:
        found = consumer._client.list_topics(topic, timeout=topics.PATIENCE_SECONDS)
        return len(found.topics[topic].partitions) == 3

    topics.wait_for(its_partitions_are_known, "the client knows the new partitions")
    reset.forget([source])  # it left
    assert reset.place(consumer._client, {others: None}) == {others: Position(0)}
    (warning,) = real.warnings
    assert "[2]: the topic was deleted and made anew; the log now runs from 0 to 1" in warning


def test_a_static_member_gets_all_partitions_of_a_topic_that_was_made_anew(
    real: RealCluster, group: str
) -> None:
    """To the group it is the member that it was, unless it leaves, and has what it had."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    settings = {"on_data_loss": "continue", "properties": {"group.instance.id": "the only one"}}
    consumer = _done_with(real, group, source, 5, **settings)
    real.make_anew(topic, 3)
    for number in range(3):
        real.write(TopicPartition(topic, number), [b"new %d" % number])
    assert sorted(map(str, _read_again_to(consumer, 3))) == ["b'new 0'", "b'new 1'", "b'new 2'"]


def test_a_broker_that_is_behind_does_not_stop_a_partition_for_ever(
    real: RealCluster, group: str
) -> None:
    """The client heard of an old id from it; all the others say what they said before."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, _numbered(2))

    consumer = joined(
        real.consumer(
            topic,
            group,
            reset=partial(OffsetReset, clock=lambda: 100 * time.monotonic()),
        )
    )
    gather(consumer, 2)
    topic_id = real.identify([topic])[topic].topic
    said = f"Topic {topic} changed id from {topic_id} to {'1' * 22}"
    consumer._topics_anew.hear("METADATA", said)
    with pytest.raises(TransactionAborted, match="joins its group again"):
        polled_until_it_raises(consumer)
    assert values_of(gather(consumer, 2)) == _numbered(2)


# ------------------------------------------------------------------ a log that was cut


def test_beyond_the_end_reading_goes_on_at_the_end(real: RealCluster, group: str) -> None:
    """What is in the log was scored, as far as anybody knows; the range is named."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, _numbered(4))
    _commit(real, group, source, Position(9))
    consumer = joined(real.consumer(topic, group, on_data_loss="continue"))

    def goes_on() -> bool:
        assert len(consumer.poll_batch(10, 0.05)) == 0
        return consumer.starts() == {source: 4}

    topics.wait_for(goes_on, "it goes on at the end")
    real.write(source, [b"new"])
    assert values_of(gather(consumer, 1)) == [b"new"]
    (warning,) = real.warnings
    assert "offsets 4 to 8" in warning


def test_an_idle_partition_whose_log_expired_is_committed_at_its_start(
    real: RealCluster, group: str
) -> None:
    """There is nothing to score that would move the group on."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, _numbered(4))
    _commit(real, group, source, Position(1))
    topics.delete_before(real.bootstrap_servers, topic, 4)
    consumer = joined(real.consumer(topic, group, on_data_loss="continue"))

    def goes_on() -> bool:
        assert len(consumer.poll_batch(10, 0.05)) == 0
        return consumer.starts() == {source: 4}

    topics.wait_for(goes_on, "it goes on at the start")
    _commit_what_is_read(real, group, consumer, source, 4)
    assert real.committed(group, source) == 4
    assert consumer.starts() == {}


@pytest.fixture(scope="module")
def two_epochs(mortal: EmbeddedKafka) -> tuple[EmbeddedKafka, str]:
    """A topic with five events of its first leader epoch, and five of a later one."""
    mortal.create_topic("two-epochs")
    real = RealCluster(mortal.bootstrap_servers, lambda _: "two-epochs", QUICK_GROUP)
    source = TopicPartition("two-epochs", 0)
    real.write(source, _numbered(5))
    mortal.restart()
    real.write(source, _numbered(10)[5:])
    return mortal, "two-epochs"


def test_a_log_that_was_cut_and_has_grown_again_goes_on_where_it_was_cut(
    two_epochs: tuple[EmbeddedKafka, str], group: str
) -> None:
    """The group has read to 8 under a leader whose log ended at 5: the others are new events."""
    kafka, topic = two_epochs
    real = RealCluster(kafka.bootstrap_servers, lambda _: topic, QUICK_GROUP)
    source = TopicPartition(topic, 0)
    _commit(real, group, source, Position(8, 0, _note(real, topic)))
    consumer = joined(real.consumer(topic, group, on_data_loss="continue"))
    assert values_of(gather(consumer, 5)) == _numbered(10)[5:]
    (warning,) = real.warnings
    assert "cut back to 5" in warning
    assert "offsets 5 to 7" in warning
    assert consumer.starts() == {source: 5}
    real.close()


def test_a_log_that_was_cut_stops_the_worker_unless_it_may_go_on(
    two_epochs: tuple[EmbeddedKafka, str], group: str
) -> None:
    """What was scored is not what the log holds."""
    kafka, topic = two_epochs
    real = RealCluster(kafka.bootstrap_servers, lambda _: topic, QUICK_GROUP)
    _commit(real, group, TopicPartition(topic, 0), Position(8, 0, _note(real, topic)))
    with pytest.raises(DataLost, match="cut back to 5"):
        polled_until_it_raises(joined(real.consumer(topic, group)))
    real.close()


def test_a_log_that_was_not_cut_goes_on_where_it_was(
    two_epochs: tuple[EmbeddedKafka, str], group: str
) -> None:
    """The epochs agree."""
    kafka, topic = two_epochs
    real = RealCluster(kafka.bootstrap_servers, lambda _: topic, QUICK_GROUP)
    source = TopicPartition(topic, 0)
    _commit(real, group, source, Position(5, 0, _note(real, topic)))
    consumer = joined(real.consumer(topic, group))
    assert values_of(gather(consumer, 5)) == _numbered(10)[5:]
    later = consumer.progress({source: 10})[source].leader_epoch
    assert later > 0
    real.close()
