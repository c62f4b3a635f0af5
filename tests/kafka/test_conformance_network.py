"""Answers that are lost and requests that are late, on the fake Kafka as on a real one.

The last two show why a producer must be made anew: they go on without.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stream_scorer.errors import ProducerLost, TransactionAborted
from stream_scorer.kafka import producer as module
from stream_scorer.records import Position, TopicPartition
from tests.conftest import ProxiedKafka
from tests.kafka.clusters import events, gather
from tests.kafka.under_test import ProducerUnderTest, Recorded
from tests.kafka.wires import FakeWire, RealWire, Wire
from tests.topics import wait_for


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.kafka)])
def wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Producers whose network can be injured."""
    if request.param == "fake":
        yield FakeWire()
        return
    monkeypatch.setattr(module, "ATTEMPT_SECONDS", 0.5)
    proxied: ProxiedKafka = request.getfixturevalue("proxied")
    group: str = request.getfixturevalue("group")
    names = iter(range(100))

    def create(partitions: int) -> str:
        name = f"{group}-topic-{next(names)}"
        proxied.kafka.create_topic(name, partitions)
        return name

    made = RealWire(proxied.proxy, proxied.kafka.bootstrap_servers, create)
    yield made
    made.cluster.close()


def _producer(wire: Wire, group: str) -> ProducerUnderTest:
    producer = wire.producer(group)
    producer.rebuild()
    return producer


def _careless(wire: Wire, group: str) -> ProducerUnderTest:
    producer = wire.careless(group)
    producer.rebuild()
    return producer


def _write(producer: ProducerUnderTest, topic: str, value: bytes) -> None:
    with producer.transaction() as transaction:
        transaction.produce(topic, events(value))


def _shows(wire: Wire, topic: str, *values: bytes) -> None:
    wait_for(lambda: wire.cluster.visible(topic) == list(values), f"readers get {values}")


def test_a_commit_whose_answer_is_lost_is_in_doubt(wire: Wire, group: str) -> None:
    """It counts all the same; only the successor's view of it can be trusted."""
    output, producer = wire.cluster.create(), _producer(wire, group)
    with wire.unanswered(group), pytest.raises(ProducerLost):
        _write(producer, output, b"in doubt")
    assert producer.needs_rebuild
    producer.rebuild()
    _write(producer, output, b"next")
    _shows(wire, output, b"in doubt", b"next")


def test_a_late_commit_is_nothing_to_a_new_client(wire: Wire, group: str) -> None:
    """The one that sent it twice wants to be replaced; the higher epoch fences what is late."""
    output, producer = wire.cluster.create(), _producer(wire, group)
    with wire.held(group, "commit") as late:
        _write(producer, output, b"first")
        assert producer.needs_rebuild
        producer.rebuild()
        with pytest.raises(ZeroDivisionError), producer.transaction() as transaction:
            transaction.produce(output, events(b"aborted"))
            wire.cluster.flush(producer)
            late.release()
            raise ZeroDivisionError
    _write(producer, output, b"last")
    _shows(wire, output, b"first", b"last")


def test_no_transaction_begins_after_a_connection_broke(wire: Wire, group: str) -> None:
    """A request may be under way a second time; only a new client may go on."""
    output, producer = wire.cluster.create(), _producer(wire, group)
    _write(producer, output, b"first")
    assert not producer.needs_rebuild
    wire.breaks(group)
    wait_for(lambda: producer.needs_rebuild, "the producer hears of it")
    with pytest.raises(ProducerLost):
        _write(producer, output, b"never begun")
    producer.rebuild()
    _write(producer, output, b"last")
    _shows(wire, output, b"first", b"last")


def test_a_late_commit_ends_the_next_transaction_of_the_same_client(wire: Wire, group: str) -> None:
    """In its middle; what comes after it is refused (KIP-890)."""
    output, producer = wire.cluster.create(), _careless(wire, group)
    with wire.held(group, "commit") as late:
        _write(producer, output, b"first")
        failed = pytest.raises((ProducerLost, TransactionAborted))
        with failed, producer.transaction() as transaction:
            transaction.produce(output, events(b"half"))
            wire.cluster.flush(producer)
            late.release()
            _shows(wire, output, b"first", b"half")
            transaction.produce(output, events(b"the other half"))
    assert producer.needs_rebuild
    _shows(wire, output, b"first", b"half")


def test_late_offsets_join_the_next_transaction_of_the_same_client(wire: Wire, group: str) -> None:
    """They undo later ones: the events between would be read and written again."""
    topic, producer = wire.cluster.create(), _careless(wire, group)
    source = TopicPartition(topic, 0)
    wire.cluster.write(source, [b"a", b"b"])
    consumer = wire.cluster.consumer(topic, group)
    consumer.subscribe(Recorded())
    gather(consumer, 2)
    with wire.held(group, "send_offsets") as late:
        with producer.transaction() as transaction:
            transaction.send_offsets({source: Position(1)}, consumer.group_metadata())
        with producer.transaction() as transaction:
            transaction.send_offsets({source: Position(2)}, consumer.group_metadata())
            late.release()
    wait_for(lambda: wire.cluster.committed(group, source) == 1, "the late offset counts")
