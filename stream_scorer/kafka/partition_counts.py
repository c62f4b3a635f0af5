"""The number of partitions of a topic, as the client that writes to it sees them.

A client takes no record for a partition that it does not know of, and hears of new ones by itself
once in ``topic.metadata.refresh.interval.ms`` (5 minutes). What it is asked for it takes for
itself, so that the number that is acted on and the one that the client knows are the same.
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from stream_scorer.kafka.transactional_client import TransactionalClient


def partition_count(client: TransactionalClient, topic: str, within_seconds: float) -> int | None:
    """Return the number, 0 if there is no such topic, ``None`` if the brokers don't say."""
    try:
        found = client.list_topics(topic, within_seconds).topics.get(topic)
    except KafkaException:
        return None
    if found is None or found.error is None:
        return None if found is None else len(found.partitions)
    return 0 if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART else None
