"""Leaders and coordinators move between three real brokers, and clients follow them."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from stream_scorer.errors import Unreachable
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.moves import Moves, coordinating_partition
from stream_scorer.local.topics import Topics
from tests import topics


@pytest.fixture(scope="module")
def moves(three_brokers: EmbeddedKafka) -> Moves:
    """What moves their leaders."""
    return Moves(three_brokers.internal_servers)


def leaders(kafka: EmbeddedKafka, topic: str) -> dict[int, int]:
    """Who leads each partition, as clients are told."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    found = admin.list_topics(topic, timeout=topics.PATIENCE_SECONDS).topics[topic].partitions
    return {number: each.leader for number, each in found.items()}


def producer(kafka: EmbeddedKafka, transactional_id: str) -> Producer:
    """A transactional client, ready."""
    made = Producer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "transactional.id": transactional_id,
            "log_level": 0,
        }
    )
    made.init_transactions(topics.PATIENCE_SECONDS)
    return made


@pytest.mark.kafka
def test_a_leader_moves_and_clients_follow(three_brokers: EmbeddedKafka, moves: Moves) -> None:
    """Round all three, and only the partition that was asked for."""
    three_brokers.create_topic("led", 2)
    # Each broker hears of it a moment later than the last one, and any of them may be asked.
    topics.wait_for(lambda: len(leaders(three_brokers, "led")) == 2, "the brokers know it")
    before = leaders(three_brokers, "led")
    writer = Producer({"bootstrap.servers": three_brokers.bootstrap_servers, "log_level": 0})
    seen = []
    for number in range(3):
        seen.append(moves.leader("led", 0))
        expected = {0: seen[-1], 1: before[1]}
        topics.wait_for(lambda: leaders(three_brokers, "led") == expected, "clients are told")  # noqa: B023
        writer.produce("led", b"%d" % number, partition=0)
        assert writer.flush(topics.PATIENCE_SECONDS) == 0
    assert sorted(seen) == [1, 2, 3]
    assert seen[-1] == before[0]
    found = topics.read(three_brokers.bootstrap_servers, "led")
    assert [each.value() for each in found] == [b"0", b"1", b"2"]


@pytest.mark.kafka
def test_the_coordinator_of_a_transaction_moves_in_the_middle_of_it(
    three_brokers: EmbeddedKafka, moves: Moves
) -> None:
    """The next one reads from the log that it is open, and commits it."""
    three_brokers.create_topic("moved")
    client = producer(three_brokers, "moving")
    client.begin_transaction()
    client.produce("moved", b"v", partition=0)
    assert client.flush(topics.PATIENCE_SECONDS) == 0
    place = coordinating_partition("moving", 4)
    before = leaders(three_brokers, "__transaction_state")
    after = {**before, place: moves.transaction_coordinator("moving")}
    assert after != before
    assert leaders(three_brokers, "__transaction_state") == after
    client.commit_transaction(topics.PATIENCE_SECONDS)
    assert [each.value() for each in topics.read(three_brokers.bootstrap_servers, "moved")] == [
        b"v"
    ]


@pytest.mark.kafka
def test_the_coordinator_of_a_group_moves_with_its_offsets(
    three_brokers: EmbeddedKafka, moves: Moves
) -> None:
    """The cluster itself says who coordinates a group."""
    three_brokers.create_topic("read")
    admin = AdminClient({"bootstrap.servers": three_brokers.bootstrap_servers, "log_level": 0})
    for group in ("g", "a group with a long name", "größe-\U0001f600"):
        client = Consumer(
            {
                "bootstrap.servers": three_brokers.bootstrap_servers,
                "group.id": group,
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        client.commit(offsets=[TopicPartition("read", 0, 7)], asynchronous=False)
        moved = moves.group_coordinator(group)
        client.close()

        def has_offsets(group: str = group) -> bool:
            found = topics.committed(three_brokers.bootstrap_servers, group, "read")
            return found == {("read", 0): 7}

        topics.wait_for(has_offsets, "the next one has read the offsets from the log")
        described = admin.describe_consumer_groups([group])[group]
        assert described.result(topics.PATIENCE_SECONDS).coordinator.id == moved


@pytest.mark.kafka
def test_a_topic_grows_while_it_is_written_to(three_brokers: EmbeddedKafka) -> None:
    """The old partitions stay as they are."""
    three_brokers.create_topic("grown", 2)
    topics.write(three_brokers.bootstrap_servers, "grown", [topics.Event(b"before", partition=1)])
    Topics(three_brokers.internal_servers).add_partitions("grown", 3)
    topics.write(three_brokers.bootstrap_servers, "grown", [topics.Event(b"after", partition=4)])
    found = topics.read(three_brokers.bootstrap_servers, "grown")
    assert [(each.partition(), each.value()) for each in found] == [(1, b"before"), (4, b"after")]


@pytest.mark.kafka
def test_what_can_t_move_says_why(three_brokers: EmbeddedKafka, moves: Moves) -> None:
    """One sentence each, and nothing has moved."""
    with pytest.raises(Unreachable, match="Topic absent does not exist"):
        moves.leader("absent", 0)
    Topics(three_brokers.internal_servers).create("single", 1, 1)
    with pytest.raises(Unreachable, match=r"Topic single has no partition 1\."):
        moves.leader("single", 1)
    with pytest.raises(Unreachable, match=r"No other replica of single\[0\] is in sync\."):
        moves.leader("single", 0)


@pytest.mark.parametrize(
    ("name", "partition"),
    [
        ("", 0),
        ("a", 97 % 50),
        ("polygenelubricants", 0),
        ("stream-scorer", 11),
    ],
)
def test_names_belong_to_the_partition_that_java_gives_them(name: str, partition: int) -> None:
    """The hash of ``polygenelubricants`` is the smallest integer, which has no absolute value."""
    assert coordinating_partition(name, 50) == partition
