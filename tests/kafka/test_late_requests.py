"""Copies of requests that arrive long after their client has sent them again, behind a proxy.

Of our own errors it says which one; of the broker's it says nothing.
"""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.errors import ProducerLost, Unanswered
from stream_scorer.kafka import producer as module
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.proxy import Proxy
from stream_scorer.records import Position
from tests import topics
from tests.kafka.bench import Bench, attempt, flushed, rebuilt, wants_a_new_client, write
from tests.kafka.clusters import events

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize(
    "api", [ApiKey.PRODUCE, ApiKey.TXN_OFFSET_COMMIT, ApiKey.END_TXN], ids=lambda api: api.name
)
def test_a_late_copy_of_a_request_does_not_join_the_next_transaction(
    bench: Bench, proxy: Proxy, api: ApiKey
) -> None:
    """A new client stands between the two: its epoch is higher, the copy's is fenced."""
    membership, producer = bench.membership(9), bench.producer()
    with proxy.hold(bench.clients, api) as late:
        first = [b"first"] if attempt(producer, bench, b"first", 5, membership) else []
        late.caught(0)
        assert wants_a_new_client(producer)
        producer.rebuild()
        with producer.transaction() as transaction:
            transaction.produce(bench.name, events(b"second"))
            transaction.send_offsets({bench.source: Position(9)}, membership)
            flushed(producer)
            late.release()
    assert not wants_a_new_client(producer)
    bench.shows(*first, b"second")
    bench.has_committed(9)


def test_a_late_commit_does_not_end_the_next_transaction(bench: Bench, proxy: Proxy) -> None:
    """What that one aborts is invisible."""
    producer = bench.producer()
    with proxy.hold(bench.clients, ApiKey.END_TXN) as late:
        write(producer, bench, b"first")
        assert wants_a_new_client(producer)
        producer.rebuild()
        with pytest.raises(RuntimeError, match="a bug"), producer.transaction() as transaction:
            transaction.produce(bench.name, events(b"aborted"))
            flushed(producer)
            late.release()
            raise RuntimeError("a bug")
    write(producer, bench, b"last")
    bench.shows(b"first", b"last")


def test_without_a_new_client_a_late_commit_makes_half_a_transaction_visible(
    bench: Bench, proxy: Proxy
) -> None:
    """Why there must be one: this is a plain client that goes on (KIP-890)."""
    client = bench.plain()
    with proxy.hold(bench.clients, ApiKey.END_TXN) as late:
        client.begin_transaction()
        client.produce(bench.name, b"first", partition=0)
        client.commit_transaction(topics.PATIENCE_SECONDS)
        client.begin_transaction()
        client.produce(bench.name, b"half", partition=0)
        assert client.flush(topics.PATIENCE_SECONDS) == 0
        late.release()
        bench.shows(b"first", b"half")
    client.produce(bench.name, b"the other half", partition=0)
    with pytest.raises(KafkaException):
        client.commit_transaction(topics.PATIENCE_SECONDS)


def test_without_a_new_client_late_offsets_undo_later_ones(bench: Bench, proxy: Proxy) -> None:
    """Why there must be one: the events from 5 to 9 would be read and written again."""
    membership, client = bench.membership(9), bench.plain()
    with proxy.hold(bench.clients, ApiKey.TXN_OFFSET_COMMIT) as late:
        for offset in (5, 9):
            client.begin_transaction()
            client.send_offsets_to_transaction(
                [ClientPartition(bench.input, 0, offset)], membership, topics.PATIENCE_SECONDS
            )
            if offset == 9:
                late.release()
            client.commit_transaction(topics.PATIENCE_SECONDS)
    bench.shows()
    bench.has_committed(5)


def test_a_late_copy_of_an_initialisation_fences_its_own_client_once(
    bench: Bench, proxy: Proxy
) -> None:
    """It raises the epoch like any other; what was under way is written by the next client."""
    with proxy.hold(bench.clients, ApiKey.INIT_PRODUCER_ID) as late:
        producer = bench.producer()
        late.release()
    with pytest.raises(ProducerLost):
        write(producer, bench, b"fenced")
    producer.rebuild()
    write(producer, bench, b"next")
    bench.shows(b"next")


def test_a_late_initialisation_of_a_client_that_was_given_up_is_no_twin_s(
    bench: Bench, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is gone, its request is not. Brokers that throttle hold one back like this."""
    monkeypatch.setattr(module, "INIT_TIMEOUT_SECONDS", 1.0)
    said: list[str] = []
    properties = bench.producer()._properties
    producer = TransactionalProducer(properties, bench.transaction_seconds, warn=said.append)
    with proxy.hold(bench.clients, ApiKey.INIT_PRODUCER_ID) as late:
        with pytest.raises(Unanswered):
            producer.rebuild()
        topics.wait_for(lambda: rebuilt(producer), "the next client is made")
        late.release()
    with pytest.raises(ProducerLost):
        write(producer, bench, b"fenced")
    assert said == []
    producer.rebuild()
    write(producer, bench, b"next")
    bench.shows(b"next")
