"""Without transactions: events first, then the offsets, so that nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from stream_scorer.errors import RecordsRefused, TransactionAborted
from stream_scorer.kafka.at_least_once import AtLeastOnceProducer
from stream_scorer.kafka.client_config import producer_properties
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.records import Position, TopicPartition
from tests import topics
from tests.conftest import TopicFactory
from tests.kafka.clusters import LIMITS, RealCluster, events

pytestmark = pytest.mark.kafka

SOURCE = TopicPartition("in", 0)


class Offsets:
    """What was committed, and what was visible by then."""

    def __init__(self) -> None:
        self.committed: list[dict[TopicPartition, int]] = []

    def commit(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Take note."""
        self.committed.append({each: at.offset for each, at in positions.items()})


def producer(
    bootstrap_servers: str, offsets: Offsets, seconds: float = 15.0
) -> AtLeastOnceProducer:
    """Return a producer that commits to ``offsets``."""
    properties = producer_properties(
        bootstrap_servers=bootstrap_servers,
        transactional_id=None,
        limits=LIMITS,
        compression="lz4",
        common={"log_level": 0},
        producer={"transaction.timeout.ms": int(seconds * 1000)},
    )
    return AtLeastOnceProducer(properties, offsets.commit, seconds)


def test_offsets_are_committed_once_the_events_are_written(real: RealCluster) -> None:
    """Not before, though there is no transaction."""
    output, offsets = real.create(), Offsets()
    made = producer(real.bootstrap_servers, offsets)
    with made.transaction() as transaction:
        transaction.produce(output, events(b"a", b"b"))
        transaction.send_offsets({SOURCE: Position(2)}, b"")
        assert offsets.committed == []
    assert offsets.committed == [{SOURCE: 2}]
    assert real.visible(output) == [b"a", b"b"]
    assert not made.needs_rebuild


def test_a_refused_event_keeps_the_offsets_back(real: RealCluster, topic: TopicFactory) -> None:
    """Its neighbours may have been written, and are written again: that is the bargain."""
    output, offsets = topic(1, {"message.timestamp.before.max.ms": "86400000"}), Offsets()
    made = producer(real.bootstrap_servers, offsets)
    old = events(b"old")
    old.timestamps[0] = 1
    with (
        pytest.raises(RecordsRefused, match="Invalid timestamp") as refusal,
        made.transaction() as transaction,
    ):
        transaction.produce(output, old)
        transaction.send_offsets({SOURCE: Position(1)}, b"")
    assert set(refusal.value.refused) == {0}
    assert offsets.committed == []
    made.rebuild()
    with made.transaction() as transaction:
        transaction.produce(output, events(b"new"))
        transaction.send_offsets({SOURCE: Position(1)}, b"")
    assert offsets.committed == [{SOURCE: 1}]
    assert real.visible(output) == [b"new"]


def test_an_unknown_partition_keeps_the_offsets_back(real: RealCluster) -> None:
    """What is queued already is dropped."""
    output, offsets = real.create(1), Offsets()
    made = producer(real.bootstrap_servers, offsets)
    with pytest.raises(TransactionAborted), made.transaction() as transaction:
        transaction.produce(output, events(b"v", partition=5))
    assert offsets.committed == []


def test_brokers_that_are_away_keep_the_offsets_back(mortal: EmbeddedKafka, group: str) -> None:
    """Within the bound; after their return the events are written once more."""
    mortal.create_topic(group)
    offsets = Offsets()
    made = producer(mortal.bootstrap_servers, offsets, 1.0)

    def writes(value: bytes) -> bool:
        try:
            with made.transaction() as transaction:
                transaction.produce(group, events(value))
                transaction.send_offsets({SOURCE: Position(len(value))}, b"")
        except TransactionAborted:
            made.rebuild()
            return False
        return True

    topics.wait_for(lambda: writes(b"before"), "the broker takes events")
    mortal.kill()
    started = time.monotonic()
    assert not writes(b"amid")
    assert time.monotonic() - started < 4
    mortal.start()
    topics.wait_for(lambda: writes(b"after"), "the broker takes events again")
    real = RealCluster(mortal.bootstrap_servers, lambda _: group, {})
    assert offsets.committed == [{SOURCE: 6}, {SOURCE: 5}]
    assert set(real.visible(group)) >= {b"before", b"after"}
