"""The topics that are written to: what they take, as it is known now.

Their settings may change while the worker runs, so they are read again when a record is more than
they take: it may have been refused for a limit that is new, or be dead for one that is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from stream_scorer.app.renewed_logins import as_now
from stream_scorer.config.settings import KafkaConfig
from stream_scorer.errors import RefusesToStart
from stream_scorer.kafka.client_config import BATCH_OVERHEAD_BYTES
from stream_scorer.kafka.cluster import Cluster, TopicFacts
from stream_scorer.records import TopicLimits

#: The events of a refused set wait meanwhile; who does not answer by then is asked next time.
ASK_SECONDS = 2.0
#: Such records come in numbers.
REST_SECONDS = 5.0


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
    """Return what the topic takes, as far as known."""
    if topic is None:
        return TopicLimits()
    size = topic.max_message_bytes
    return TopicLimits(
        max_bytes=None if size is None else max(0, size - BATCH_OVERHEAD_BYTES),
        before_max_ms=topic.before_max_ms,
        after_max_ms=topic.after_max_ms,
        needs_key=topic.is_compacted,
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
        self._clock = clock
        self._asked = float("-inf")

    def scored_limits(self) -> TopicLimits:
        """Return what the output topic takes."""
        return limits_of(self.now.scored)

    def read_again(self) -> bool:
        """Ask the brokers, unless that was just done; tell whether something is another now."""
        if self._clock() - self._asked < REST_SECONDS:
            return False
        before, dead = self.now, self.now.dead_letters
        self.now = OutputTopics(
            self._describe(before.scored.name) or before.scored,
            dead and (self._describe(dead.name) or dead),
            before.others,
        )
        self._asked = self._clock()
        return self.now != before


def written_topics(kafka: KafkaConfig, topics: OutputTopics) -> WrittenTopics:
    """Return the topics, to be read again with the login that is in force then."""
    return WrittenTopics(topics, partial(_describe, kafka))


def _describe(kafka: KafkaConfig, topic: str) -> TopicFacts | None:
    properties: Mapping[str, str] = as_now(kafka.common)
    try:
        cluster = Cluster(
            {**properties, "bootstrap.servers": kafka.bootstrap_servers},
            warn=lambda _: None,
            request_seconds=ASK_SECONDS,
        )
        with closing(cluster):
            return cluster.topic(topic)
    except RefusesToStart:
        return None
