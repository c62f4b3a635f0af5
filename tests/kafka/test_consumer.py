"""The consumer on a real Kafka: what it reads, and its group."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

import pytest

from stream_scorer.errors import Broken, TransactionAborted, Unanswered
from stream_scorer.kafka import consumer as module
from stream_scorer.kafka import plain_commits
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.records import Held, Position, TopicPartition
from tests import topics
from tests.conftest import Kafka, TopicFactory
from tests.kafka.clusters import QUICK_GROUP, RealCluster, gather, joined, values_of
from tests.kafka.under_test import Recorded

pytestmark = pytest.mark.kafka


# ------------------------------------------------------------------ what is read


def test_events_carry_all_that_they_were_written_with(real: RealCluster, group: str) -> None:
    """Keys, headers, timestamps, nulls."""
    topic = real.create(2)
    headers: Sequence[tuple[str, bytes | None]] = [("a", b"1"), ("a", None)]
    written = [
        topics.Event(b"v", b"k", 1, headers, 1_700_000_000_123),
        topics.Event(None, b"k", 1),
    ]
    topics.write(real.bootstrap_servers, topic, written)
    (batch,) = gather(joined(real.consumer(topic, group)), 2)
    assert list(batch.values) == [b"v", None]
    assert list(batch.keys) == [b"k", b"k"]
    assert list(batch.headers) == [headers, None]
    assert batch.sources == (TopicPartition(topic, 1),)
    assert batch.timestamps[0] == 1_700_000_000_123
    assert abs(batch.timestamps[1] - time.time() * 1000) < 60_000


def test_several_topics_and_patterns_are_read_together(
    real: RealCluster, kafka: Kafka, group: str
) -> None:
    """A name, and all topics that a pattern matches."""
    one = real.create()
    prefix = f"pattern-{uuid.uuid4().hex[:6]}"
    for name in ("a", "b"):
        kafka.create_topic(f"{prefix}.{name}")
        real.write(TopicPartition(f"{prefix}.{name}", 0), [name.encode()])
    real.write(TopicPartition(one, 0), [b"one"])
    consumer = joined(real.consumer(one, group, topics=[one, rf"^{prefix}\..*"]))
    assert set(values_of(gather(consumer, 3))) == {b"one", b"a", b"b"}


def test_a_batch_waits_for_more_while_it_may(real: RealCluster, group: str) -> None:
    """Until it is full or the time is over, from its first event on; without one it returns."""
    topic = real.create()
    consumer = joined(real.consumer(topic, group))
    started = time.monotonic()

    def is_placed() -> bool:
        assert len(consumer.poll_batch(3, 0.05, 60.0)) == 0
        return consumer.starts() == {TopicPartition(topic, 0): 0}

    topics.wait_for(is_placed, "the partition gets its first offset")
    assert time.monotonic() - started < 60, "there was nothing to wait with"
    real.write(TopicPartition(topic, 0), [b"a", b"b"])
    sizes: list[int] = []

    def has_come() -> bool:
        sizes.append(len(consumer.poll_batch(3, 0.05, 0.3)))
        return sizes[-1] > 0

    topics.wait_for(has_come, "the two events")
    assert sizes[-1] == 2


# ------------------------------------------------------------------ the group


def test_a_partition_that_went_during_a_pause_and_came_back_is_read(
    real: RealCluster, group: str
) -> None:
    """The client would remember the pause."""
    topic = real.create(2)
    first = joined(real.consumer(topic, group))
    for partition in (0, 1):
        real.write(TopicPartition(topic, partition), [b"%d" % partition])
    gather(first, 2)
    first.rewind(module.LONG_WAIT_SECONDS, lambda: False)
    second = real.consumer(topic, group)
    heard = Recorded()
    second.subscribe(heard)

    def second_has_one() -> bool:
        first.rewind(0.02)
        second.rewind(0.02)
        return "assigned" in heard.kinds

    topics.wait_for(second_has_one, "a partition moves")
    second.close()

    def first_has_both() -> bool:
        first.rewind(0.02)
        return len(first._client.assignment()) == 2

    topics.wait_for(first_has_both, "and comes back")
    assert set(values_of(gather(first, 2))) == {b"0", b"1"}


def test_a_hold_that_the_client_does_not_take_ends_in_a_rewind(
    real: RealCluster, group: str
) -> None:
    """Its partition can't be read on: what is gathered must be read again."""
    topic = real.create()
    consumer = joined(real.consumer(topic, group))
    with pytest.raises(TransactionAborted, match="can't be held"):
        consumer.hold({TopicPartition(topic, 0): Held(0, "not assigned", 1.0)})


def test_a_member_that_did_not_poll_for_too_long_hears_that_its_partitions_are_lost(
    real: RealCluster, group: str
) -> None:
    """The batch that it polls then is void, and it joins again."""
    topic = real.create()
    real.write(TopicPartition(topic, 0), [b"a"])
    properties = {"max.poll.interval.ms": 1000, "session.timeout.ms": 1000}
    consumer = real.consumer(topic, group, properties=properties)
    heard = Recorded()
    consumer.subscribe(heard)
    gather(consumer, 1)
    other = joined(real.consumer(topic, group))
    assert values_of(gather(other, 1)) == [b"a"], "the other member gets what this one held"

    def has_heard() -> bool:
        assert len(consumer.poll_batch(10, 0.02)) == 0
        other.rewind(0.02)
        return heard.kinds == ["assigned", "lost"]

    topics.wait_for(has_heard, "the loss is heard of")
    assert consumer.epoch == 1


def test_a_member_whose_static_id_someone_else_has_taken_is_broken(
    real: RealCluster, group: str
) -> None:
    """The client is of no use any more, so the process must end."""
    topic = real.create()
    static = {"group.instance.id": "one"}
    first = joined(real.consumer(topic, group, properties=static))
    real.write(TopicPartition(topic, 0), [b"a"])
    gather(first, 1)
    second = joined(real.consumer(topic, group, properties=static))

    def is_fenced() -> bool:
        second.rewind(0.02)
        try:
            first.poll_batch(1, 0.02)
        except Broken as broken:
            return "Static consumer fenced" in str(broken)
        return False

    topics.wait_for(is_fenced, "the first one hears that it is fenced")


def test_leaving_is_bounded_while_the_group_rebalances(
    real: RealCluster, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member that never polls holds the rebalance up, and with it the client's close."""
    monkeypatch.setattr(module, "LEAVE_SECONDS", 0.5)
    topic = real.create()
    busy = joined(real.consumer(topic, group, properties={"session.timeout.ms": 6000}))
    topics.wait_for(
        lambda: busy.poll_batch(1, 0.05) is not None and busy._client.assignment(),
        "a member has the partition, and polls no more",
    )
    late = joined(real.consumer(topic, group))
    late.poll_batch(1, 0.1)
    started = time.monotonic()
    late.close()
    assert time.monotonic() - started < 2


def test_after_it_left_another_member_takes_over_at_once(real: RealCluster, group: str) -> None:
    """Not after a session timeout."""
    topic = real.create()
    real.write(TopicPartition(topic, 0), [b"a"])
    properties = {"session.timeout.ms": 60_000}
    first = joined(real.consumer(topic, group, properties=properties))
    gather(first, 1)
    second = joined(real.consumer(topic, group, properties=properties))
    first.close()
    started = time.monotonic()
    assert values_of(gather(second, 1)) == [b"a"]
    assert time.monotonic() - started < 10


def test_an_offset_outside_of_a_transaction_is_committed_before_it_is_asked_for(
    real: RealCluster, group: str, topic: TopicFactory
) -> None:
    """That is for `delivery: at_least_once`; a rewind goes there."""
    name = topic()
    real.write(TopicPartition(name, 0), [b"a", b"b"])
    consumer = joined(real.consumer(name, group))
    gather(consumer, 2)
    consumer.commit({TopicPartition(name, 0): Position(1)})
    consumer.rewind()
    assert values_of(gather(consumer, 1)) == [b"b"]
    assert real.committed(group, TopicPartition(name, 0)) == 1


def test_a_commit_that_nobody_answers_holds_the_loop_up_and_blocks_nothing(
    mortal: EmbeddedKafka, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop is told so after a bound, and goes on once there is an answer."""
    monkeypatch.setattr(plain_commits, "ANSWER_SECONDS", 0.5)
    mortal.create_topic(group)
    cluster = RealCluster(mortal.bootstrap_servers, lambda _: group, QUICK_GROUP)
    source = TopicPartition(group, 0)
    cluster.write(source, [b"a", b"b"])
    consumer = joined(cluster.consumer(group, group, properties={"session.timeout.ms": 60_000}))
    gather(consumer, 2)
    broker = mortal._brokers[1]._java
    assert broker is not None
    broker.pause()
    try:
        started = time.monotonic()
        consumer.commit({source: Position(1)})
        assert time.monotonic() - started < 0.5

        def is_told() -> bool:
            try:
                consumer.poll_batch(1, 0.02)
            except Unanswered:
                return True
            return False

        topics.wait_for(is_told, "the loop is told that nobody answers")
    finally:
        broker.resume()

    def is_committed() -> bool:
        consumer.rewind(0.02)
        return cluster.committed(group, source) == 1

    topics.wait_for(is_committed, "the offset is committed")
    found: list[bytes | None] = []

    def reads_on() -> bool:
        try:
            found.extend(consumer.poll_batch(1, 0.02).values)
        except Unanswered:  # the answer may be on its way still: the loop stands by, too
            consumer.rewind(0.02)
        return bool(found)

    topics.wait_for(reads_on, "the loop goes on")
    assert found == [b"b"]
    cluster.close()
