"""Where the consumer begins to read, on a real Kafka, and what it does where data is gone."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient

from stream_scorer import repeats
from stream_scorer.errors import DataLost, TransactionAborted, Unanswered
from stream_scorer.kafka import consumer as polling
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.kafka.data_loss import Trouble
from stream_scorer.kafka.identity import LogId
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.records import Position, TopicPartition
from tests import topics
from tests.kafka.clusters import RealCluster, gather, joined, values_of

pytestmark = pytest.mark.kafka


def set_offset(real: RealCluster, group: str, topic: str, offset: int) -> None:
    """Commit an offset for a group that nobody is in."""
    admin = AdminClient({"bootstrap.servers": real.bootstrap_servers})
    wanted = ConsumerGroupTopicPartitions(group, [ClientPartition(topic, 0, offset)])
    admin.alter_consumer_group_offsets([wanted])[group].result(topics.PATIENCE_SECONDS)


def polled_until_it_raises(consumer: EventConsumer) -> None:
    """Poll until something is raised."""
    deadline = time.monotonic() + topics.PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert len(consumer.poll_batch(10, 0.05)) == 0


# ------------------------------------------------------------------ where reading begins


@pytest.mark.parametrize(
    ("policy", "expected"), [("earliest", [b"old", b"new"]), ("latest", [b"new"])]
)
def test_without_a_committed_offset_the_policy_decides(
    real: RealCluster, group: str, policy: str, expected: list[bytes]
) -> None:
    """Also after a rewind: `latest` goes back to where it began, not to the end of now."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, [b"old"])
    consumer = joined(real.consumer(topic, group, policy=policy))

    def has_begun() -> bool:
        consumer.poll_batch(1, 0.05)
        return source in consumer.starts()

    topics.wait_for(has_begun, "the partition gets its first offset")
    real.write(source, [b"new"])
    consumer.rewind()
    if policy == "earliest":
        assert values_of(gather(consumer, 2))[-2:] == expected
    else:
        assert values_of(gather(consumer, 1)) == expected
    real.write(source, [b"newer"])
    consumer.rewind()
    assert values_of(gather(consumer, len(expected) + 1)) == [*expected, b"newer"]


def test_a_start_that_would_be_another_one_later_comes_before_any_event(
    real: RealCluster, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of these events may end each worker that reads it, before anything is committed."""
    monkeypatch.setattr(polling, "POLL_SLICE_SECONDS", topics.PATIENCE_SECONDS)
    topic = real.create(2)
    begins = TopicPartition(topic, 1)
    real.write(TopicPartition(topic, 0), [b"a"])
    set_offset(real, group, topic, 0)
    consumer = joined(real.consumer(topic, group, policy="latest"))
    while begins not in consumer.starts():
        batch = consumer.poll_batch(10, topics.PATIENCE_SECONDS)
    assert len(batch) == 0
    consumer.progress(consumer.starts())
    assert values_of(gather(consumer, 1)) == [b"a"]


def test_a_start_counts_until_the_brokers_have_another_place(real: RealCluster, group: str) -> None:
    """Commits outside of a transaction are not waited for: several may have failed by then."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, [b"old"])
    consumer = joined(real.consumer(topic, group, policy="latest"))

    def has_begun() -> bool:
        consumer.poll_batch(1, 0.05)
        return source in consumer.starts()

    topics.wait_for(has_begun, "the partition gets its first offset")
    real.write(source, [b"new", b"newer"])
    gather(consumer, 2)
    for read in (2, 3):
        consumer.progress({source: read})
    consumer.rewind()
    assert values_of(gather(consumer, 2)) == [b"new", b"newer"]


def test_without_a_committed_offset_the_policy_error_stops(real: RealCluster, group: str) -> None:
    """And names the partition and the way out."""
    topic = real.create()
    consumer = joined(real.consumer(topic, group, policy="error"))
    with pytest.raises(DataLost, match=rf"{topic} \[0\] has no committed offset.*earliest"):
        polled_until_it_raises(consumer)


def test_with_a_committed_offset_no_policy_is_asked(real: RealCluster, group: str) -> None:
    """It is in the log, or at its end."""
    topic = real.create()
    real.write(TopicPartition(topic, 0), [b"a", b"b"])
    set_offset(real, group, topic, 1)
    consumer = joined(real.consumer(topic, group, policy="error"))
    assert values_of(gather(consumer, 1)) == [b"b"]


# ------------------------------------------------------------------ data that is gone


@pytest.mark.parametrize(
    ("offset", "low", "why"), [(1, 3, "deleted before they were scored"), (9, 0, "was cut back")]
)
def test_an_offset_outside_of_the_log_stops_the_worker(
    real: RealCluster, group: str, offset: int, low: int, why: str
) -> None:
    """Before its start retention was quicker, beyond its end the log is another one."""
    topic = real.create()
    real.write(TopicPartition(topic, 0), [b"a", b"b", b"c", b"d"])
    set_offset(real, group, topic, offset)
    topics.delete_before(real.bootstrap_servers, topic, low)
    consumer = joined(real.consumer(topic, group))
    gap = (
        rf"{topic} \[0\]: the group committed offset {offset}, but the log now runs from {low} to 4"
    )
    with pytest.raises(DataLost, match=f"{gap}.*{why}") as stopped:
        polled_until_it_raises(consumer)
    assert stopped.value.exit_code == 4
    assert real.committed(group, TopicPartition(topic, 0)) == offset


def test_a_gap_can_be_stepped_over(real: RealCluster, group: str) -> None:
    """With `on_data_loss: continue`; it is said nevertheless."""
    topic = real.create()
    real.write(TopicPartition(topic, 0), [b"a", b"b", b"c", b"d"])
    set_offset(real, group, topic, 1)
    topics.delete_before(real.bootstrap_servers, topic, 3)
    consumer = joined(real.consumer(topic, group, on_data_loss="continue"))
    assert values_of(gather(consumer, 1)) == [b"d"]
    (warning,) = real.warnings
    assert "Going on from offset 3" in warning


def test_a_place_that_is_lost_while_it_is_read_voids_what_was_read(
    real: RealCluster, group: str
) -> None:
    """The log is cut behind the reader's back: what it has and did not commit comes again."""
    topic = real.create()
    source = TopicPartition(topic, 0)
    real.write(source, [b"a", b"b", b"c"])
    consumer = joined(real.consumer(topic, group, on_data_loss="continue"))
    gather(consumer, 2)
    consumer._client.seek(ClientPartition(topic, 0, 77))
    with pytest.raises(TransactionAborted, match="fell off the log"):
        polled_until_it_raises(consumer)
    assert values_of(gather(consumer, 3)) == [b"a", b"b", b"c"]


def test_a_new_group_begins_at_once_however_many_partitions_there_are(
    real: RealCluster, group: str
) -> None:
    """They are asked for together: one by one, each answer waits until a fetch is over."""
    topic = real.create(200)
    source = TopicPartition(topic, 199)
    real.write(source, [b"a"])
    asked: list[int] = []

    class Counted(OffsetReset):
        def place(
            self,
            client: Consumer,
            partitions: Mapping[TopicPartition, Trouble | None],
            *more: float,
        ) -> dict[TopicPartition, Position]:
            asked.append(len(partitions))
            return super().place(client, partitions, *more)

    consumer = joined(real.consumer(topic, group, reset=Counted))
    found: list[bytes | None] = []

    def it_is_there() -> bool:
        found.extend(consumer.poll_batch(1000, 0.2).values)
        return bool(found)

    topics.wait_for(it_is_there, "the event of the last partition")
    assert found == [b"a"]
    assert len(asked) < 20


class Hesitant(OffsetReset):
    """Brokers that don't say at first where a partition begins."""

    tries = 0

    def place(
        self, client: Consumer, partitions: Mapping[TopicPartition, Trouble | None], *more: float
    ) -> dict[TopicPartition, Position]:
        """Fail twice."""
        Hesitant.tries += 1
        if Hesitant.tries <= 2:
            raise Unanswered("not now")
        return super().place(client, partitions, *more)


def test_brokers_that_never_say_where_to_begin_are_spoken_of_again(
    real: RealCluster, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else tells that these partitions wait."""
    monkeypatch.setattr(repeats, "SECONDS_BETWEEN", 0.1)
    topic = real.create()

    def says_nothing(_: Collection[str]) -> dict[str, LogId]:
        raise Unanswered("not now")

    consumer = joined(
        real.consumer(
            topic,
            group,
            reset=lambda policy, loss, warn, _: OffsetReset(policy, loss, warn, says_nothing),
        )
    )

    def is_said_again() -> bool:
        consumer.poll_batch(10, 0.05)
        return len(real.warnings) > 2

    topics.wait_for(is_said_again, "it is said again")
    assert set(real.warnings) == {"1 new partitions wait: not now"}


def test_brokers_that_do_not_say_where_to_begin_are_asked_again(
    real: RealCluster, group: str
) -> None:
    """Those that have a place are read meanwhile; nothing is read of those that have none."""
    topic = real.create()
    real.write(TopicPartition(topic, 0), [b"a"])
    consumer = joined(real.consumer(topic, group, reset=Hesitant))
    assert values_of(gather(consumer, 1)) == [b"a"]
    assert Hesitant.tries == 3
