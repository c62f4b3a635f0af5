"""Reads a topic from start to end, read-committed, without a group: a look, not a consumption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.errors import Unreachable
from stream_scorer.kafka.client_config import RECEIVE_BYTES, Property, onlooker_sizes
from stream_scorer.kafka.messages import batch_of
from stream_scorer.kafka.refused_logins import properties_from
from stream_scorer.kafka.translation import describe, error_of
from stream_scorer.records import Batch, TopicPartition

BROKER_TIMEOUT_SECONDS = 10.0
#: Reading that brings nothing for this long while there is more to read is given up.
SILENCE_SECONDS = 30.0
POLL_SECONDS = 0.2
ROWS = 1000
_ABSENT = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - librdkafka's local codes start so
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    }
)


def read_to_end(properties: Mapping[str, Property], topic: str) -> Iterator[Batch]:
    """Yield what the topic holds now, in batches; what arrives meanwhile is left out.

    Raises:
        Unreachable: the topic can't be read.
    """
    ends = bounds_of(properties, topic)
    client = _client(properties, "read_committed")
    try:
        unread = {p for p, (low, high) in ends.items() if high > low}
        client.assign([ClientPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in unread])
        silent_seconds = 0.0
        while unread:
            messages = client.consume(ROWS, POLL_SECONDS)
            silent_seconds = 0.0 if messages else silent_seconds + POLL_SECONDS
            if silent_seconds >= SILENCE_SECONDS:
                raise Unreachable(
                    f"{topic}: nothing more arrives though there is more; a transaction that is "
                    "still open holds it back."
                )
            events = [message for message in messages if message.error() is None]
            if events:
                yield batch_of(events)
            unread = {p for p in unread if _position(client, p) < ends[p][1]}
    except KafkaException as exception:
        raise _unreadable(topic, error_of(exception)) from exception
    finally:
        client.close()


def bounds_of(
    properties: Mapping[str, Property], topic: str
) -> dict[TopicPartition, tuple[int, int]]:
    """Return each partition's first offset, and the one after the last record in it.

    Records of transactions that are still open count, and so do those of a transaction whose
    commit has returned a moment ago: its markers reach the partitions later than the answer
    reaches the producer, so a read-committed end could lie before them.

    Raises:
        Unreachable: the topic can't be read.
    """
    client = _client(properties, "read_uncommitted")
    try:
        return _bounds(client, topic)
    except KafkaException as exception:
        raise _unreadable(topic, error_of(exception)) from exception
    finally:
        client.close()


def _unreadable(topic: str, error: KafkaError) -> Unreachable:
    if error.code() in _ABSENT:
        return Unreachable(
            f"There is no topic {topic}, or these credentials may not see it: create it, correct "
            "its name, or grant DESCRIBE and READ on it."
        )
    return Unreachable(f"Topic {topic} can't be read ({describe(error)}).")


def _client(properties: Mapping[str, Property], isolation_level: str) -> Consumer:
    with properties_from("kafka.common"):
        return Consumer(
            {
                "receive.message.max.bytes": RECEIVE_BYTES,
                **onlooker_sizes(properties),
                **properties,
                "group.id": "stream-scorer-reading",  # required by the client; it never joins
                "isolation.level": isolation_level,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )


def _bounds(client: Consumer, topic: str) -> dict[TopicPartition, tuple[int, int]]:
    metadata = client.list_topics(topic, timeout=BROKER_TIMEOUT_SECONDS).topics[topic]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    bounds = {}
    for number in metadata.partitions:
        low, high = client.get_watermark_offsets(
            ClientPartition(topic, number), timeout=BROKER_TIMEOUT_SECONDS
        )
        bounds[TopicPartition(topic, number)] = (int(low), int(high))
    return bounds


def _position(client: Consumer, partition: TopicPartition) -> int:
    [found] = client.position([ClientPartition(partition.topic, partition.partition)])
    return int(found.offset)
