"""The topics that are written to: what they take, and their partitions, as it is known now.

Both may change while the worker runs. So they are read again when a record is more than its topic
takes, or was not written because its topic may lack the partition; and as long as a partition of
the input waits for one of the output.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from stream_scorer.app.renewed_logins import as_now
from stream_scorer.check.wording import counted
from stream_scorer.config.settings import KafkaConfig
from stream_scorer.errors import RefusesToStart
from stream_scorer.kafka.client_config import BATCH_OVERHEAD_BYTES
from stream_scorer.kafka.cluster import Cluster, TopicFacts
from stream_scorer.records import TopicLimits

#: The events of a refused set wait meanwhile; who does not answer by then is asked next time.
ASK_SECONDS = 2.0
#: Such records come in numbers, and so do events of a partition that waits.
REST_SECONDS = 5.0
#: The loop stands still while it asks: it rests for so many times as long, within bounds. A process
#: that was frozen amid a question would rest for hours.
REST = 10.0
LONGEST_REST_SECONDS = 30.0

#: Asks for the number of a topic's partitions, for so long: 0 if there is no such topic, ``None``
#: if there is no answer.
Count = Callable[[str, float], int | None]


@dataclass(frozen=True, slots=True)
class OutputTopics:
    """The topics that are written to, as the brokers describe them.

    ``others`` are there when events are given back to several topics, ``scored`` being the first.
    """

    scored: TopicFacts
    dead_letters: TopicFacts | None
    others: tuple[TopicFacts, ...] = ()

    def message_bytes(self) -> list[int]:
        """Return their ``max.message.bytes``, those that are known."""
        topics = (self.scored, self.dead_letters, *self.others)
        return [topic.max_message_bytes for topic in topics if topic and topic.max_message_bytes]


def limits_of(topic: TopicFacts | None) -> TopicLimits:
    """Return what the topic takes, as far as known; without a size nothing is."""
    if topic is None:
        return TopicLimits()
    size = topic.max_message_bytes
    return TopicLimits(
        max_bytes=None if size is None else max(0, size - BATCH_OVERHEAD_BYTES),
        before_max_ms=topic.before_max_ms,
        after_max_ms=topic.after_max_ms,
        needs_key=topic.is_compacted,
        may_set_time=topic.is_append_time or size is None,
    )


class WrittenTopics:
    """Holds the last description of the topics; it is read by those who score and write.

    Args:
        topics: the description at the start.
        describe: asks the brokers for a topic; ``None`` if they don't answer.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        topics: OutputTopics,
        describe: Callable[[str], TopicFacts | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now = topics
        self._describe = describe
        self._count: Count = lambda _topic, _seconds: None
        self._described, self._counted = _Turns(clock), _Turns(clock)

    def ask(self, count: Count) -> None:
        """Ask this producer for the output's partitions from now on.

        It must know of them itself before it takes a record for one.
        """
        self._count = count

    def scored_limits(self) -> TopicLimits:
        """Return what the output topic takes."""
        return limits_of(self.now.scored)

    def lacking(self, partitions: int) -> tuple[str, float] | None:
        """Return why the output topic has not so many partitions, ``None`` if it has.

        The brokers are asked, unless that was just done; the seconds beside the sentence are those
        until they are asked again.
        """
        scored = self.now.scored
        if partitions > scored.partitions and self._counted.is_due():
            with self._counted.turn():
                count = self._count(scored.name, ASK_SECONDS)
            if count is not None:
                scored = replace(scored, partitions=count)
                self.now = replace(self.now, scored=scored)
        if partitions <= scored.partitions:
            return None
        return why_lacking(scored, "output"), self._counted.seconds_left()

    def read_again(self) -> bool:
        """Ask the brokers, unless that was just done; tell whether something is another now."""
        if not self._described.is_due():
            return False
        before, dead = self.now, self.now.dead_letters
        with self._described.turn():
            self.now = OutputTopics(
                self._describe(before.scored.name) or before.scored,
                dead and (self._describe(dead.name) or dead),
                before.others,
            )
        return self.now != before


class _Turns:
    """When a question may be asked again: not at once, and not for most of the time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due = float("-inf")

    def is_due(self) -> bool:
        return self._clock() >= self._due

    def seconds_left(self) -> float:
        return max(0.0, self._due - self._clock())

    @contextmanager
    def turn(self) -> Iterator[None]:
        began = self._clock()
        yield
        now = self._clock()
        self._due = now + min(max(REST_SECONDS, REST * (now - began)), LONGEST_REST_SECONDS)


def why_lacking(topic: TopicFacts, kind: str) -> str:
    """Return why a topic lacks partitions; ``kind``: ``output`` or ``dead-letter``."""
    if topic.partitions == 0:
        return (
            f"the {kind} topic {topic.name} does not exist any more; create it again "
            f"(kafka-topics.sh --create --topic {topic.name})"
        )
    return (
        f"the {kind} topic {topic.name} has {counted(topic.partitions, 'partition')}, and with "
        "output.partition `source` each partition of the input needs the one of its own number; "
        f"add partitions (kafka-topics.sh --alter --topic {topic.name} --partitions …)"
    )


def written_topics(kafka: KafkaConfig, topics: OutputTopics) -> WrittenTopics:
    """Return the topics, to be read again with the login that is in force then."""
    return WrittenTopics(topics, partial(_describe, kafka))


def cluster_as_now(kafka: KafkaConfig, request_seconds: float) -> closing[Cluster]:
    """Return a cluster to ask while running, with the login that is in force now; it is closed.

    Raises:
        ConfigError: the client refuses that login.
    """
    properties: Mapping[str, str] = as_now(kafka.common)
    return closing(
        Cluster(
            {**properties, "bootstrap.servers": kafka.bootstrap_servers},
            warn=lambda _: None,
            request_seconds=request_seconds,
        )
    )


def _describe(kafka: KafkaConfig, topic: str) -> TopicFacts | None:
    try:
        with cluster_as_now(kafka, ASK_SECONDS) as cluster:
            return cluster.topic(topic) or _gone(topic)
    except RefusesToStart:
        return None


def _gone(topic: str) -> TopicFacts:
    return TopicFacts(topic, 0, 0, None, None, None, None)
