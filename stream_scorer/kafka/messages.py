"""What the consumer client hands over, as values of ours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from confluent_kafka import Message
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.records import Batch, TopicPartition

_PREFIX = b"CGMDv2:"


def partition_of(partition: ClientPartition) -> TopicPartition:
    """Return the client's partition as ours, without its offset."""
    return TopicPartition(partition.topic, partition.partition)


def source_of(message: Message) -> TopicPartition:
    """Return where a message came from."""
    return TopicPartition(message.topic(), message.partition())


def sources_of(messages: Sequence[Message]) -> set[TopicPartition]:
    """Return where messages came from; a value is made for each source, not for each message."""
    pairs = set(zip(map(Message.topic, messages), map(Message.partition, messages), strict=True))
    return {TopicPartition(*pair) for pair in pairs}


def batch_of(messages: Sequence[Message]) -> Batch:
    """Lay the messages out as columns."""
    index: dict[tuple[str, int], int] = {}
    pairs = zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)
    source_index = [index.setdefault(pair, len(index)) for pair in pairs]
    stamps = map(Message.timestamp, messages)
    return Batch(
        values=list(map(Message.value, messages)),
        keys=list(map(Message.key, messages)),
        headers=list(map(Message.headers, messages)),
        timestamps=np.array([ms if kind else -1 for kind, ms in stamps], np.int64),
        sources=tuple(TopicPartition(*pair) for pair in index),
        source_index=np.array(source_index, np.int64),
        offsets=np.fromiter(map(Message.offset, messages), np.int64, len(messages)),
    )


def is_membership(metadata: bytes) -> bool:
    """Tell a member's group metadata from that of a consumer outside of its group.

    librdkafka serialises it as ``CGMDv2:``, a native int32 generation, then group and member id,
    each ended by a zero byte.
    """
    if not metadata.startswith(_PREFIX):
        return False
    generation = int(np.frombuffer(metadata, np.int32, count=1, offset=len(_PREFIX))[0])
    _, member, *_ = metadata[len(_PREFIX) + 4 :].split(b"\0")
    return generation >= 0 and member != b""
