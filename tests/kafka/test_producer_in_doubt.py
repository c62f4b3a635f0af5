"""The transactional producer in doubt: late answers, broken connections, brokers that are gone."""

from __future__ import annotations

import time

import psutil
import pytest

from stream_scorer.errors import (
    ProducerLost,
    StreamScorerError,
    TransactionAborted,
    Unanswered,
)
from stream_scorer.kafka import producer as module
from stream_scorer.kafka.client_config import Deadlines
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.records import ScoredEvents
from tests import topics
from tests.conftest import ProxiedKafka
from tests.fakes import FakeClock
from tests.kafka.clusters import RealCluster, events

pytestmark = pytest.mark.kafka


def write(producer: TransactionalProducer, topic: str, written: ScoredEvents) -> None:
    """Write the events in a transaction of their own."""
    if producer.needs_rebuild:
        producer.rebuild()
    with producer.transaction() as transaction:
        transaction.produce(topic, written)


@pytest.mark.parametrize(("seconds", "expected"), [(7.0, False), (7.5, True)])
def test_after_a_transaction_that_took_long_the_next_one_has_a_new_client(
    real: RealCluster, group: str, seconds: float, *, expected: bool
) -> None:
    """From ``socket.timeout.ms`` on a request may be on its way a second time (KIP-890)."""
    output, clock = real.create(), FakeClock()
    producer = TransactionalProducer(real.producer(group)._properties, 15.0, clock)
    producer.rebuild()
    with producer.transaction() as transaction:
        transaction.produce(output, events(b"v"))
        clock.advance(seconds)  # only so: a busy machine takes no time
    assert producer.needs_rebuild == expected
    assert real.visible(output) == [b"v"]


@pytest.mark.parametrize("api", [ApiKey.END_TXN, ApiKey.PRODUCE, ApiKey.ADD_PARTITIONS_TO_TXN])
def test_after_a_connection_broke_the_next_transaction_has_a_new_client(
    proxied: ProxiedKafka, group: str, api: ApiKey
) -> None:
    """The client asked again and the transaction succeeded in no time: the clock shows nothing."""
    cluster = proxied_cluster(proxied, group)
    producer = cluster.producer(group, 15, **{"client.id": group})
    topics.wait_for(lambda: _rebuilt(producer), "the broker is ready for transactions")
    write(producer, group, events(b"before"))
    doubts = [producer.needs_rebuild]
    started = time.monotonic()
    with proxied.proxy.drop_answer(group, api, close=True):
        write(producer, group, events(b"amid"))
    assert time.monotonic() - started < Deadlines(15).socket_ms / 1000
    doubts.append(producer.needs_rebuild)
    for each in (b"after", b"and after"):
        write(producer, group, events(each))
        doubts.append(producer.needs_rebuild)
    assert doubts == [False, True, False, False]
    assert cluster.visible(group) == [b"before", b"amid", b"after", b"and after"]


def fail_amid(producer: TransactionalProducer, topic: str) -> None:
    """Begin a transaction and abort it; nothing of it is referred to when this returns."""
    with pytest.raises(ZeroDivisionError), producer.transaction() as transaction:
        transaction.produce(topic, events(b"gone"))
        raise ZeroDivisionError


def test_a_client_that_is_replaced_leaves_nothing_behind(real: RealCluster, group: str) -> None:
    """No thread of it, whether it was fine or lost."""
    output, producer = real.create(), real.producer(group)
    process = psutil.Process()
    write(producer, output, events(b"v"))
    producer.rebuild()  # the producer's own thread is there from now on
    before = process.num_threads()
    for _ in range(10):
        producer.rebuild()
        fail_amid(producer, output)
        producer.abandon()
    write(producer, output, events(b"v"))
    topics.wait_for(
        lambda: process.num_threads() <= before,
        lambda: f"their threads end; there were {before}, and are {process.num_threads()}",
    )


def test_a_client_whose_abort_takes_several_attempts_leaves_nothing_behind(
    proxied: ProxiedKafka, group: str
) -> None:
    """For each that fails confluent-kafka keeps a reference to the exception that is handled."""
    cluster = proxied_cluster(proxied, group)
    producer = cluster.producer(group, 4, **{"client.id": group})
    topics.wait_for(lambda: _rebuilt(producer), "the producer is made")
    process = psutil.Process()
    producer.abandon()  # the thread for calls apart is there from now on
    topics.wait_for(lambda: _rebuilt(producer), "the producer is made anew")
    write(producer, group, events(b"v"))
    before = process.num_threads()
    for _ in range(2):
        with proxied.proxy.cut(group), pytest.raises((TransactionAborted, ProducerLost)):
            write(producer, group, events(b"v"))
        topics.wait_for(lambda: _rebuilt(producer), "the producer is made anew")
    topics.wait_for(
        lambda: process.num_threads() <= before,
        lambda: f"their threads end; there were {before}, and are {process.num_threads()}",
    )


def proxied_cluster(proxied: ProxiedKafka, topic: str) -> RealCluster:
    """Return the cluster behind the proxy, with this topic."""
    proxied.kafka.create_topic(topic)
    return RealCluster(proxied.kafka.bootstrap_servers, lambda _: topic, {})


# ------------------------------------------------------------------ brokers that go away


@pytest.fixture
def hasty(mortal: EmbeddedKafka, group: str, monkeypatch: pytest.MonkeyPatch) -> RealCluster:
    """The mortal broker, and clients with little patience."""
    monkeypatch.setattr(module, "INIT_TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(module, "ATTEMPT_SECONDS", 0.5)

    def create(partitions: int) -> str:
        mortal.create_topic(group, partitions)
        return group

    return RealCluster(mortal.bootstrap_servers, create, {})


def test_brokers_that_are_gone_end_the_transaction_within_its_bound(
    mortal: EmbeddedKafka, hasty: RealCluster, group: str
) -> None:
    """No call waits for ever, a rebuild says who is away, and after the restart it goes on."""
    output, producer = hasty.create(), hasty.producer(group, 2.0)
    topics.wait_for(lambda: _rebuilt(producer), "the broker is ready for transactions")
    write(producer, output, events(b"before"))
    mortal.kill()
    started = time.monotonic()
    with pytest.raises(StreamScorerError) as failure, producer.transaction() as transaction:
        transaction.produce(output, events(b"amid"))
    assert isinstance(failure.value, TransactionAborted | ProducerLost)
    assert producer.needs_rebuild
    with pytest.raises(Unanswered, match="No transaction coordinator answers"):
        producer.rebuild()
    assert time.monotonic() - started < 2 * 2.0 + 1.0 + 2.0
    mortal.start()
    topics.wait_for(lambda: _rebuilt(producer), "the producer is made anew")
    write(producer, output, events(b"after"))
    assert hasty.visible(output) == [b"before", b"after"]


def test_a_commit_without_an_answer_is_in_doubt(
    mortal: EmbeddedKafka, hasty: RealCluster, group: str
) -> None:
    """The broker froze with the transaction open: it counts whole or not at all."""
    output, producer = hasty.create(), hasty.producer(group, 2.0)
    topics.wait_for(lambda: _rebuilt(producer), "the broker is ready for transactions")
    broker = mortal._brokers[1]._java
    assert broker is not None
    started = time.monotonic()
    try:
        with pytest.raises(ProducerLost), producer.transaction() as transaction:
            transaction.produce(output, events(b"a", b"b"))
            client = producer._client
            assert client is not None
            assert client.flush(topics.PATIENCE_SECONDS) == 0
            broker.pause()
            process = psutil.Process(broker.pid)
            topics.wait_for(lambda: process.status() == psutil.STATUS_STOPPED, "it is frozen")
        assert time.monotonic() - started < 2 * 2.0 + 2.0
        assert producer.needs_rebuild
    finally:
        broker.resume()
    topics.wait_for(lambda: _rebuilt(producer), "the producer is made anew")
    write(producer, output, events(b"c"))
    assert hasty.visible(output) in ([b"c"], [b"a", b"b", b"c"])


def _rebuilt(producer: TransactionalProducer) -> bool:
    try:
        producer.rebuild()
    except Unanswered:
        return False
    return True
