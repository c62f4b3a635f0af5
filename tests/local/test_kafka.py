"""The embedded Kafka is a real one: it keeps data, survives, and leaves nothing behind."""

from __future__ import annotations

import socket
import uuid
from typing import TYPE_CHECKING

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from stream_scorer.errors import ConfigError, Unreachable
from stream_scorer.local.kafka import SHORT_TIMEOUTS, EmbeddedKafka, cluster_id_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Kafka, TopicFactory

pytestmark = pytest.mark.kafka

# Brokers are killed under these clients: their complaints belong on no terminal.
QUIET = {"log_level": 0}


def write(kafka: Kafka, topic: str, *values: bytes) -> None:
    """Writes events that every in-sync replica has acknowledged."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "acks": "all", **QUIET})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0


def read(kafka: Kafka, topic: str, count: int) -> list[bytes | None]:
    """Reads the first events of partition 0."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": "reader",
            "enable.auto.commit": False,
            **QUIET,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        return [message.value() for message in consumer.consume(count, timeout=30)]
    finally:
        consumer.close()


def setting(kafka: EmbeddedKafka, name: str, broker: int = 1) -> str | None:
    """What a running broker says that a setting of it is."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, **QUIET})
    resource = ConfigResource(ResourceType.BROKER, str(broker))
    value: str | None = admin.describe_configs([resource])[resource].result(30)[name].value
    return value


def children() -> set[int]:
    """The processes that we started and that still run, with theirs."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def is_listening(address: str) -> bool:
    """Whether somebody accepts connections there."""
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_an_event_comes_back_from_each_partition_it_was_written_to(
    kafka: Kafka, topic: TopicFactory
) -> None:
    """The fixtures give a cluster that works and a topic with as many partitions as asked for."""
    name = topic(3)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    assert set(admin.list_topics(name, timeout=30).topics[name].partitions) == {0, 1, 2}
    write(kafka, name, b"first", b"second")
    assert read(kafka, name, 2) == [b"first", b"second"]


def test_a_topic_takes_its_own_settings(kafka: Kafka, topic: TopicFactory) -> None:
    """Tests of too large events need topics with a small ``max.message.bytes``."""
    name = topic(1, {"max.message.bytes": "1234"})
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    resource = ConfigResource(ResourceType.TOPIC, name)
    assert admin.describe_configs([resource])[resource].result(30)["max.message.bytes"].value == (
        "1234"
    )


def test_a_topic_that_was_not_created_is_not_there(kafka: Kafka) -> None:
    """A broker that creates topics on demand would hide a misspelt name."""
    if not isinstance(kafka, EmbeddedKafka):
        pytest.skip("the given cluster has its own rules")
    assert setting(kafka, "auto.create.topics.enable") == "false"


def test_acknowledged_events_survive_a_killed_broker_and_a_new_cluster(tmp_path: Path) -> None:
    """Killed, started, frozen, found again by a later cluster: what was written stays."""
    with EmbeddedKafka(folder=tmp_path) as kafka:
        address = kafka.bootstrap_servers
        kafka.create_topic("kept")
        write(kafka, "kept", b"before")
        kafka.kill()
        assert not is_listening(address)
        kafka.start()
        assert kafka.bootstrap_servers == address
        kafka.pause()
        producer = Producer({"bootstrap.servers": address, **QUIET})
        producer.produce("kept", b"after")
        assert producer.flush(0.5) == 1
        kafka.resume()
        assert producer.flush(30) == 0
        assert read(kafka, "kept", 2) == [b"before", b"after"]
    with EmbeddedKafka(folder=tmp_path) as kafka:
        assert read(kafka, "kept", 2) == [b"before", b"after"]
        assert kafka.logs().read_text().count("Kafka Server started") == 3


def test_a_clean_stop_leaves_no_process_and_no_folder() -> None:
    """Whoever runs the demo finds the machine as it was; timeouts are Kafka's own if wanted."""
    before = children()
    with EmbeddedKafka(kafka_defaults=True) as kafka:
        address, folder = kafka.bootstrap_servers, kafka.logs().parents[1]
        assert is_listening(address)
        assert children() > before
        assert setting(kafka, "group.consumer.session.timeout.ms") == "45000"
        assert setting(kafka, "transaction.state.log.num.partitions") == "50"
    assert not is_listening(address)
    assert not folder.exists()
    assert children() == before


def test_three_brokers_lose_one_and_go_on() -> None:
    """Every topic, the internal ones too, is on all three, and two of them are enough."""
    with EmbeddedKafka(3, properties={"log.retention.hours": "7"}) as kafka:
        kafka.create_topic("replicated")
        producer = Producer(
            {"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "writer", **QUIET}
        )
        producer.init_transactions(30)
        kafka.kill(2)
        producer.begin_transaction()
        producer.produce("replicated", b"written by two", partition=0)
        producer.commit_transaction(30)
        assert read(kafka, "replicated", 1) == [b"written by two"]
        kafka.start(2)
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, **QUIET})
        for topic in ("replicated", "__transaction_state"):
            for partition in admin.list_topics(topic, timeout=30).topics[topic].partitions.values():
                assert sorted(partition.replicas) == [1, 2, 3]
        assert setting(kafka, "min.insync.replicas") == "2"
        assert setting(kafka, "transaction.state.log.min.isr") == "2"
        assert setting(kafka, "log.retention.hours") == "7"


def test_no_cluster_id_looks_like_an_option() -> None:
    """One random id in 64 would begin with a hyphen, and that cluster would not start."""
    ids = [cluster_id_of(uuid.UUID(bytes=bytes([first]) * 16)) for first in range(256)]
    assert len(set(ids)) == 256
    assert not [one for one in ids if "-" in one or len(one) != 22]


def test_two_brokers_are_refused() -> None:
    """A quorum of two is lost with either of them."""
    with pytest.raises(ConfigError, match="1 or 3 brokers, not 2"):
        EmbeddedKafka(2)


def test_a_killed_worker_is_noticed_within_seconds(kafka: Kafka) -> None:
    """Kafka's own timeouts, made for data centres, would make that 45."""
    if not isinstance(kafka, EmbeddedKafka):
        pytest.skip("the given cluster has its own rules")
    assert {name: setting(kafka, name) for name in SHORT_TIMEOUTS} == SHORT_TIMEOUTS


def test_a_setting_that_kafka_refuses_is_said_in_its_own_words(tmp_path: Path) -> None:
    """The end of the log is in the error, and the log stays."""
    kafka = EmbeddedKafka(folder=tmp_path, properties={"log.retention.bytes": "many"})
    with pytest.raises(Unreachable, match=r"many for configuration log\.retention\.bytes"), kafka:
        pytest.fail("it started")
    assert "log.retention.bytes" in kafka.logs().read_text()
