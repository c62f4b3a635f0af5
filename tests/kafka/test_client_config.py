"""The properties that reach librdkafka: what is derived, what the user sets, what can't be set."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer

from stream_scorer.kafka.client_config import (
    Deadlines,
    Property,
    SetLimits,
    consumer_properties,
    producer_properties,
    transaction_timeout_seconds,
)

LIMITS = SetLimits(records=50_000, size_bytes=32 << 20)


def consumer(**properties: Property) -> dict[str, Property]:
    """Return a consumer's properties with these set by the user."""
    return consumer_properties(
        bootstrap_servers="broker:9092",
        group_id="g",
        limits=LIMITS,
        common={},
        consumer={name.replace("_", "."): each for name, each in properties.items()},
    )


def producer(
    *topic_bytes: int, transactional_id: str | None = "id", **properties: Property
) -> dict[str, Property]:
    """Return a producer's properties with these set by the user."""
    return producer_properties(
        bootstrap_servers="broker:9092",
        transactional_id=transactional_id,
        limits=LIMITS,
        compression="lz4",
        common={},
        producer={name.replace("_", "."): each for name, each in properties.items()},
        topic_message_bytes=topic_bytes,
    )


def test_timeouts_lie_within_the_transaction_s() -> None:
    """A late answer is noticed while the coordinator still holds the transaction open."""
    properties = producer(transaction_timeout_ms=10_000)
    assert properties["transaction.timeout.ms"] == 10_000
    assert properties["message.timeout.ms"] == 8_000
    assert properties["socket.timeout.ms"] == 5_000
    assert Deadlines(15.0).message_ms == 12_000


@pytest.mark.parametrize(
    ("common", "own", "expected"),
    [({}, {}, 15.0), ({}, {"transaction.timeout.ms": "4000"}, 4.0)],
)
def test_the_transaction_s_timeout_is_a_default_that_can_be_set(
    common: dict[str, Property], own: dict[str, Property], expected: float
) -> None:
    """Text or number, in seconds."""
    assert transaction_timeout_seconds(common, own) == expected


def test_what_the_guarantee_rests_on_wins_over_the_user() -> None:
    """The configuration refuses such keys; this is the second lock."""
    read = consumer(isolation_level="read_uncommitted", enable_auto_commit=True)
    assert (read["isolation.level"], read["enable.auto.commit"]) == ("read_committed", False)
    written = producer(enable_idempotence=False, message_timeout_ms=1)
    assert (written["enable.idempotence"], written["message.timeout.ms"]) == (True, 12_000)


def test_the_user_wins_over_a_default() -> None:
    """Such as for throughput."""
    assert producer(linger_ms=50)["linger.ms"] == 50
    assert consumer(fetch_queue_backoff_ms=1)["fetch.queue.backoff.ms"] == 1


def test_the_strategy_is_cooperative_where_there_is_one() -> None:
    """With KIP-848 the brokers decide, and the client refuses the setting."""
    assert consumer()["partition.assignment.strategy"] == "cooperative-sticky"
    assert "partition.assignment.strategy" not in consumer(group_protocol="consumer")


def test_a_batch_fits_the_smallest_topic_and_a_record_the_largest() -> None:
    """The client never splits a batch, and refuses itself what no topic takes."""
    properties = producer(100_000, 5_000_000)
    assert int(properties["batch.size"]) < 100_000
    assert properties["message.max.bytes"] == 5_000_000
    assert int(producer(5_000_000)["batch.size"]) == 1_000_000


def test_the_queue_holds_two_sets() -> None:
    """A set is queued whole before it is committed."""
    assert int(producer()["queue.buffering.max.messages"]) >= 2 * LIMITS.records


def test_without_a_transactional_id_nothing_is_transactional() -> None:
    """At least once: idempotent all the same."""
    properties = producer(transactional_id=None, transaction_timeout_ms=9_000)
    assert "transactional.id" not in properties
    assert "transaction.timeout.ms" not in properties
    assert properties["enable.idempotence"] is True
    assert properties["message.timeout.ms"] == 7_200


def test_what_waits_in_the_client_is_a_small_part_of_a_set() -> None:
    """However many partitions there are: an answer to a fetch is bounded as a whole."""
    properties = consumer()
    assert properties["queued.min.messages"] == 5_000
    assert properties["queued.max.messages.kbytes"] == 4 * 1024
    assert properties["fetch.max.bytes"] == 2**20


def test_an_answer_may_be_as_large_as_a_message() -> None:
    """The client refuses to start otherwise."""
    assert consumer(message_max_bytes=9_000_000)["fetch.max.bytes"] == 9_000_000
    Consumer(consumer(message_max_bytes=9_000_000)).close()
