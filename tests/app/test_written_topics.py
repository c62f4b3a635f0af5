"""What the topics that are written to take: known at the start, and again after a refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream_scorer.app.written_topics import (
    ASK_SECONDS,
    LONGEST_REST_SECONDS,
    REST_SECONDS,
    OutputTopics,
    WrittenTopics,
    limits_of,
)
from stream_scorer.kafka.cluster import Cluster, TopicFacts
from stream_scorer.records import TopicLimits
from tests.conftest import Kafka, TopicFactory
from tests.fakes.kafka import FakeClock

OUT = TopicFacts("out", 1, 1, None, 1_000_000, 1, False)
DEAD = replace(OUT, name="dead")


class Brokers:
    """Whoever describes the topics."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.known: dict[str, TopicFacts] = {"out": OUT, "dead": DEAD}
        self.asked = 0
        self.topics = WrittenTopics(OutputTopics(OUT, DEAD), self.describe, self.clock)

    def describe(self, name: str) -> TopicFacts | None:
        """Describe a topic, if there is an answer."""
        self.asked += 1
        return self.known.get(name)


def test_what_changed_is_known_once_it_is_read_again() -> None:
    """Of either topic."""
    brokers = Brokers()
    assert not brokers.topics.read_again()
    brokers.known["out"] = replace(OUT, max_message_bytes=2000, after_max_ms=5)
    brokers.clock.advance(REST_SECONDS)
    assert brokers.topics.read_again()
    assert brokers.topics.scored_limits() == TopicLimits(2000 - 512, after_max_ms=5)
    assert brokers.topics.now.dead_letters == DEAD


def test_refusals_in_numbers_do_not_ask_each_time() -> None:
    """Where nobody says what a topic takes, each of them would."""
    brokers = Brokers()
    for _ in range(10):
        brokers.topics.read_again()
    assert brokers.asked == 2


def test_who_does_not_answer_changes_nothing() -> None:
    """What was known may still be true."""
    brokers = Brokers()
    brokers.known.clear()
    assert not brokers.topics.read_again()
    assert brokers.topics.now == OutputTopics(OUT, DEAD)


def test_a_topic_that_is_gone_takes_nothing_and_stops_nobody() -> None:
    """It has no partition, and what it takes is not known."""
    brokers = Brokers()
    brokers.known["out"] = TopicFacts("out", 0, 0, None, None, None, None)
    assert brokers.topics.read_again()
    assert brokers.topics.scored_limits() == TopicLimits(may_set_time=True)
    lacks = brokers.topics.lacking(1)
    assert lacks is not None
    assert lacks[0].startswith("the output topic out does not exist any more; create it again")
    assert lacks[1] == REST_SECONDS


def test_partitions_that_are_there_are_not_asked_for() -> None:
    """Nobody is, for a batch like any other."""
    brokers = Brokers()
    brokers.topics.ask(lambda _topic, _seconds: pytest.fail("it was asked"))
    assert brokers.topics.lacking(1) is None


def test_partitions_that_are_lacking_are_asked_for_again_at_a_bounded_rate() -> None:
    """An answer that takes long, or does not come, makes the rest longer; within bounds."""
    brokers, asked = Brokers(), list[float]()
    answers: list[tuple[float, int | None]] = [
        *((0.1, 1), (2.0, None), (0.1, 2), (3600.0, 2), (0.1, 5))
    ]

    def count(topic: str, within_seconds: float) -> int | None:
        assert (topic, within_seconds) == ("out", ASK_SECONDS)
        asked.append(brokers.clock())
        seconds, partitions = answers[len(asked) - 1]
        brokers.clock.advance(seconds)
        return partitions

    brokers.topics.ask(count)
    waits: list[float] = []
    while (lacks := brokers.topics.lacking(5)) is not None:
        waits.append(lacks[1])
        brokers.clock.advance(lacks[1] / 2)
        again = brokers.topics.lacking(4)
        assert again is not None
        assert again[1] == pytest.approx(lacks[1] / 2)
        brokers.clock.advance(again[1])
    assert waits == pytest.approx([REST_SECONDS, 10 * 2.0, REST_SECONDS, LONGEST_REST_SECONDS])
    assert len(asked) == 5
    assert brokers.topics.now.scored.partitions == 5


def test_without_a_right_to_ask_nothing_is_known() -> None:
    """The brokers decide then; they may well set the time."""
    assert limits_of(replace(OUT, max_message_bytes=None)) == TopicLimits(may_set_time=True)
    assert limits_of(replace(OUT, is_append_time=True)).may_set_time
    assert not limits_of(OUT).may_set_time
    assert limits_of(None) == TopicLimits()


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("settings", "limits"),
    [
        ({"message.timestamp.before.max.ms": "5000"}, (5000, 3_600_000, False)),
        ({"message.timestamp.after.max.ms": "7000"}, (None, 7000, False)),
        ({"message.timestamp.type": "LogAppendTime"}, (None, None, False)),
        ({"cleanup.policy": "compact,delete"}, (None, 3_600_000, True)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_the_brokers_say_what_a_topic_takes(
    kafka: Kafka,
    topic: TopicFactory,
    settings: dict[str, str],
    limits: tuple[int | None, int | None, bool],
) -> None:
    """Kafka 4 takes no record of more than an hour ahead unless it is told to."""
    cluster = Cluster({"bootstrap.servers": kafka.bootstrap_servers}, warn=pytest.fail)
    facts = cluster.topic(topic(1, settings))
    assert facts is not None
    assert (facts.before_max_ms, facts.after_max_ms, facts.is_compacted) == limits
