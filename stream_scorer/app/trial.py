"""Creates both Kafka clients without brokers, to find properties that librdkafka refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stream_scorer.app.clients import read_properties, write_properties
from stream_scorer.app.written_topics import OutputTopics
from stream_scorer.check.findings import Finding, error
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.config.text import Secret
from stream_scorer.errors import ConfigError
from stream_scorer.kafka.cluster import TopicFacts
from stream_scorer.kafka.trial import why_no_consumer, why_no_producer

_LONGEST = 300


def judge_clients(settings: Settings, kafka: KafkaConfig) -> Iterator[Finding]:
    """Yield why a client can't be made, once if both refuse a property of both.

    No broker is asked.
    """
    why = why_no_consumer(read_properties(settings, kafka), kafka.input_topics)
    if why is not None:
        yield _refused(kafka, "consumer", kafka.consumer, why)
        if _names_one_of(kafka.common, why):
            return
    # What the topics take bounds sizes that the user may set as well; unknown, nothing is bounded.
    topic = TopicFacts(kafka.output_topic, 1, 1, None, None, None, None)
    why = why_no_producer(write_properties(settings, kafka, OutputTopics(topic, None)))
    if why is not None:
        yield _refused(kafka, "producer", kafka.producer, why)


def _refused(kafka: KafkaConfig, client: str, own: Mapping[str, str], why: str) -> Finding:
    for value in (*kafka.common.values(), *own.values()):
        if isinstance(value, Secret) and value:
            why = why.replace(value, value.shown)
    why = " ".join(why.split())
    if len(why) > _LONGEST:
        why = f"{why[:_LONGEST]}…"
    if "subscription" in why:
        patterns = ", ".join(topic for topic in kafka.input_topics if topic.startswith("^"))
        return error(
            f"kafka.input_topics: the client does not take the pattern {patterns}: it knows the "
            "characters . * + ? ^ $ [] () | {m,n} and no group that begins with ?.",
            ConfigError,
        )
    in_common = _names_one_of(kafka.common, why) and not _names_one_of(own, why)
    section = "common" if in_common else client
    return error(f"kafka.{section}: the client refuses the properties: {why}", ConfigError)


def _names_one_of(properties: Mapping[str, str], why: str) -> bool:
    return any(re.search(rf"(?<![\w.]){re.escape(name)}(?!\.?\w)", why) for name in properties)
