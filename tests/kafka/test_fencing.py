"""Fenced by another process: once is told, three times is enough."""

from __future__ import annotations

import pytest

from stream_scorer.errors import Fenced, ProducerLost
from stream_scorer.kafka.fencing import Fencing
from stream_scorer.kafka.producer import TransactionalProducer
from tests.fakes import FakeClock
from tests.kafka.clusters import RealCluster, events


def test_each_time_is_told_and_the_third_ends_the_worker() -> None:
    """With the setting that is wrong, and its exit code."""
    said: list[str] = []
    fencing = Fencing("scorer-a", said.append, FakeClock())
    assert fencing.by_another("_FENCED: why") is None
    assert fencing.by_another("_FENCED: why") is None
    enough = fencing.by_another("_FENCED: why")
    assert isinstance(enough, Fenced)
    assert enough.exit_code == 2
    assert len(said) == 2
    for words in (*said, str(enough)):
        assert "transactional id scorer-a" in words
        assert "kafka.transactional_id" in words


def test_three_times_in_a_long_life_are_no_twin() -> None:
    """A process that ended hands its id over once."""
    clock, said = FakeClock(), list[str]()
    fencing = Fencing("scorer-a", said.append, clock)
    for _ in range(5):
        assert fencing.by_another("_FENCED: why") is None
        clock.advance(151)
    assert len(said) == 5


def test_after_many_times_long_ago_it_takes_three_again() -> None:
    """What is counted is the last five minutes."""
    clock, said = FakeClock(), list[str]()
    fencing = Fencing("scorer-a", said.append, clock)
    fencing.by_another("_FENCED: why")
    fencing.by_another("_FENCED: why")
    clock.advance(301)
    assert fencing.by_another("_FENCED: why") is None
    assert fencing.by_another("_FENCED: why") is None
    assert isinstance(fencing.by_another("_FENCED: why"), Fenced)


@pytest.mark.kafka
def test_a_twin_on_a_real_kafka_is_noticed(real: RealCluster, group: str) -> None:
    """Two producers of one id take turns; each hears of the other."""
    output = real.create()
    said: list[str] = []
    properties = real.producer(group)._properties
    first = TransactionalProducer(properties, 15.0, warn=said.append)
    twin = real.producer(group)
    raised: list[type[Exception]] = []
    for _ in range(3):
        first.rebuild()
        twin.rebuild()
        with pytest.raises((ProducerLost, Fenced)) as failure, first.transaction() as transaction:
            transaction.produce(output, events(b"v"))
        raised.append(failure.type)
    assert raised == [ProducerLost, ProducerLost, Fenced]
    assert len(said) == 2
    assert real.visible(output) == []


@pytest.mark.kafka
def test_after_a_connection_broke_being_fenced_says_nothing_of_a_twin(
    real: RealCluster, group: str
) -> None:
    """It may be a late copy of its own request for an epoch that fences a producer."""
    said: list[str] = []
    properties = real.producer(group)._properties
    first = TransactionalProducer(properties, 15.0, warn=said.append)
    twin = real.producer(group)
    output = real.create()
    for _ in range(4):
        first.rebuild()
        first._connections.hear("FAIL", "b1: Disconnected (after 12ms in state UP)")
        twin.rebuild()
        with pytest.raises(ProducerLost), first.transaction() as transaction:
            transaction.produce(output, events(b"v"))
    assert said == []
