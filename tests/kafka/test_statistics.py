"""librdkafka's statistics: the few numbers that are taken from it, and what it may not do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from stream_scorer.kafka.at_least_once import AtLeastOnceProducer
from stream_scorer.kafka.statistics import heard_by, read
from stream_scorer.records import ClientStatistics, PartitionStatistics, TopicPartition
from tests import topics
from tests.conftest import Kafka, TopicFactory

UNKNOWN = -1001


def partition(**more: int) -> dict[str, int]:
    """A partition as a consumer's client tells of it."""
    return {
        "committed_offset": UNKNOWN,
        "lo_offset": UNKNOWN,
        "ls_offset": UNKNOWN,
        "hi_offset": UNKNOWN,
        "fetchq_cnt": 0,
        "fetchq_size": 0,
        **more,
    }


def emission(
    partitions: Mapping[str, Mapping[str, int]] | None = None, states: str = "UP"
) -> dict[str, Any]:
    """What a client says of itself, as far as it is read; each number is another one."""
    return {
        "brokers": {str(n): {"state": state} for n, state in enumerate(states.split())},
        "topics": {"t": {"topic": "t", "partitions": dict(partitions or {})}},
        "msg_cnt": 1,
        "msg_size": 2,
        "tx": 3,
        "tx_bytes": 4,
        "rx": 5,
        "rx_bytes": 6,
        "txmsgs": 7,
        "txmsg_bytes": 8,
        "rxmsgs": 9,
        "rxmsg_bytes": 10,
    }


def test_a_producer_s_queue_is_what_is_not_sent_yet() -> None:
    """And its messages are those that it has sent; it has no partitions to follow."""
    said = read(json.dumps(emission({"0": partition(ls_offset=5)})), "producer")
    assert said == ClientStatistics("producer", 1, 1, 2, 3, 4, 5, 6, 7, 8, {})


def test_a_consumer_s_queue_is_what_it_has_fetched_ahead() -> None:
    """Its partitions share one queue, and each says how long that is; it is not their sum."""
    found = emission(
        {
            "0": partition(fetchq_cnt=400, fetchq_size=4000),
            "1": partition(fetchq_cnt=400, fetchq_size=4000),
            "-1": partition(),
        }
    )
    said = read(json.dumps(found), "consumer")
    assert (said.queue_messages, said.queue_bytes) == (400, 4000)
    assert (said.messages, said.message_bytes) == (9, 10)


def test_offsets_that_the_client_does_not_know_are_unknown() -> None:
    """Its logical offsets are below zero; the partition -1 is its own."""
    found = emission(
        {
            "0": partition(committed_offset=3, lo_offset=1, ls_offset=7, hi_offset=9),
            "1": partition(),
            "-1": partition(),
        }
    )
    assert read(json.dumps(found), "consumer").partitions == {
        TopicPartition("t", 0): PartitionStatistics(committed=3, start=1, end=7, high=9),
        TopicPartition("t", 1): PartitionStatistics(None, None, None, None),
    }


def test_a_broker_is_up_while_its_login_is_renewed_and_not_while_it_is_away() -> None:
    """Its connection goes on with what it does."""
    said = read(json.dumps(emission(states="UP REAUTH DOWN TRY_CONNECT INIT AUTH_REQ")), "consumer")
    assert said.brokers_up == 2


@pytest.mark.parametrize("text", ['{"client_id":"a"b"}', "", "{}", '{"brokers":{}}'])
def test_statistics_that_cannot_be_read_are_none(text: str) -> None:
    """They end no worker: an exception would come out of its next poll."""
    heard: list[ClientStatistics] = []
    heard_by(heard.append, "consumer")["stats_cb"](text)
    assert heard == []


def test_nobody_hears_and_nothing_is_asked_of_the_client() -> None:
    """Without a listener there is no callback."""
    assert heard_by(None, "producer") == {}


@pytest.mark.kafka
def test_a_real_client_says_all_of_it(kafka: Kafka, topic: TopicFactory) -> None:
    """Two partitions with four events each, and a group that has committed nothing."""
    name = topic(2)
    heard: list[ClientStatistics] = []
    common = {"bootstrap.servers": kafka.bootstrap_servers, "statistics.interval.ms": 50}
    producer = Producer({**common, **heard_by(heard.append, "producer")})
    for number in range(8):
        producer.produce(name, b"v", partition=number % 2)
    assert producer.flush(topics.PATIENCE_SECONDS) == 0
    topics.wait_for(lambda: producer.poll(0) or _last(heard, "producer").messages == 8, "8 sent")
    consumer = Consumer(
        {
            **common,
            "group.id": name,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            **heard_by(heard.append, "consumer"),
        }
    )
    consumer.subscribe([name])
    both = dict.fromkeys((TopicPartition(name, 0), TopicPartition(name, 1)), (0, 4))

    def all_is_said() -> bool:
        consumer.poll(0.05)
        said = _last(heard, "consumer").partitions
        return {each: (place.start, place.end) for each, place in said.items()} == both

    topics.wait_for(all_is_said, lambda: f"the ends of both partitions: {heard[-1]}")
    said = _last(heard, "consumer")
    consumer.close()
    assert said.brokers_up >= 1
    assert said.requests > 0 < said.responses
    assert {place.committed for place in said.partitions.values()} == {None}


def _last(heard: list[ClientStatistics], client: str) -> ClientStatistics:
    nothing = ClientStatistics("consumer", 0, 0, 0, 0, 0, 0, 0, 0, 0, {})
    return next((each for each in reversed(heard) if each.client == client), nothing)


@pytest.mark.kafka
def test_a_producer_that_has_nothing_to_do_does_not_hoard_its_statistics(kafka: Kafka) -> None:
    """Each round of the loop asks it something, and takes them off it."""
    heard: list[ClientStatistics] = []
    producer = AtLeastOnceProducer(
        {"bootstrap.servers": kafka.bootstrap_servers, "statistics.interval.ms": 20},
        lambda _: None,
        1.0,
        hears=heard.append,
    )
    topics.wait_for(lambda: not producer.needs_rebuild and len(heard) >= 2, "statistics")
