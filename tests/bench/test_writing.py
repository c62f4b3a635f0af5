"""What a measurement writes, on a real Kafka: how much, where, and when it was."""

from __future__ import annotations

import os
import time

import pytest

from stream_scorer.avro.schema import Schema
from stream_scorer.bench.events import FramedEvents
from stream_scorer.bench.ground import Ground
from stream_scorer.bench.writing import CHUNK, NotedEvents, fill
from stream_scorer.errors import Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.verify.topics import Names
from tests.conftest import Kafka, TopicFactory
from tests.topics import read, wait_for

pytestmark = pytest.mark.kafka


class Numbers:
    """Events whose datums are numbers."""

    schema: Schema

    def __init__(self) -> None:
        self._next = 0

    def take(self, count: int) -> list[bytes]:
        """The next ones."""
        first, self._next = self._next, self._next + count
        return [b"%d" % number for number in range(first, self._next)]


def ground_on(kafka: Kafka, topic: str, partitions: int) -> Ground:
    """A ground whose input is that topic."""
    client: dict[str, Property] = {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0}
    names = Names(topic, f"{topic}-out", f"{topic}-dead", f"{topic}-group")
    return Ground(client, names, (), partitions, embedded=True)


def test_a_backlog_is_spread_evenly_and_its_bytes_are_counted(
    kafka: Kafka, topic: TopicFactory
) -> None:
    """Event after event in its partition, under its number, stamped with the time."""
    name, count = topic(3), 2 * CHUNK + 7
    began_ms = time.time() * 1000
    size_bytes = fill(ground_on(kafka, name, 3), FramedEvents(Numbers(), b"p"), count)
    found = read(kafka.bootstrap_servers, name)
    assert size_bytes == sum(len(message.value()) for message in found)
    for partition in range(3):
        own = [message for message in found if message.partition() == partition]
        numbers = list(range(partition, count, 3))
        assert [message.value() for message in own] == [b"p%d" % number for number in numbers]
        assert [message.key() for message in own] == [b"%d" % number for number in numbers]
    assert all(began_ms - 1 <= message.timestamp()[1] <= time.time() * 1000 for message in found)


def test_a_backlog_that_the_brokers_refuse_is_one_sentence(
    kafka: Kafka, topic: TopicFactory
) -> None:
    """With the topic and the reason."""
    name = topic(1, {"max.message.bytes": "1000"})
    events = FramedEvents(Numbers(), os.urandom(5000))  # which nothing compresses
    with pytest.raises(
        Unreachable, match=rf"^The brokers don't accept the events for {name} \(Message"
    ):
        fill(ground_on(kafka, name, 1), events, 10)


@pytest.fixture
def two_partitions(kafka: Kafka, topic: TopicFactory) -> Ground:
    """A ground of its own."""
    return ground_on(kafka, topic(2), 2)


def test_noted_events_are_handed_over_at_their_rate(kafka: Kafka, two_partitions: Ground) -> None:
    """Each one's moment is noted, not before its turn; the values go round."""
    noted = NotedEvents(two_partitions, [b"a", b"b", b"c"], 100, b"k-")
    traffic = noted.at_rate(200.0)
    before = time.perf_counter_ns()
    traffic.start()
    wait_for(lambda: traffic.done, "100 events")
    traffic.check()

    since = (noted.sent - before) / 1e9
    assert all(at >= number / 200 for number, at in enumerate(since))
    assert noted.seconds >= since[-1] - since[0]
    found = read(kafka.bootstrap_servers, two_partitions.names.input)
    written = {message.key(): (message.partition(), message.value()) for message in found}
    assert len(found) == 100
    assert written == {b"k-%d" % n: (n % 2, b"abc"[n % 3 : n % 3 + 1]) for n in range(100)}


def test_what_was_not_handed_over_has_no_moment(two_partitions: Ground) -> None:
    """A halt leaves the rest unwritten."""
    noted = NotedEvents(two_partitions, [b"a"], 100_000, b"k-")
    traffic = noted.at_rate(200.0)
    traffic.start()
    wait_for(lambda: traffic.acknowledged > 10, "ten events")
    traffic.halt()
    sent = int((noted.sent > 0).sum())
    assert sent in (traffic.acknowledged, traffic.acknowledged + 1)
    assert not noted.sent[sent:].any()
