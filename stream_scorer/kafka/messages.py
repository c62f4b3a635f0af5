"""Converts the client's messages to batches."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from confluent_kafka import KafkaError, Message
from confluent_kafka import TopicPartition as ClientPartition
from numpy.typing import NDArray

from stream_scorer.kafka.translation import describe
from stream_scorer.records import (
    Batch,
    Headers,
    Position,
    Problem,
    Problems,
    Reason,
    Stage,
    TopicPartition,
)

_PREFIX = b"CGMDv2:"
_SECOND = itemgetter(1)


def partition_of(partition: ClientPartition) -> TopicPartition:
    """Return the client's partition as ours, without its offset."""
    return TopicPartition(partition.topic, partition.partition)


def client_position(partition: TopicPartition, position: Position) -> ClientPartition:
    """Return where to go on in a partition, as the client takes it."""
    return ClientPartition(
        *partition, position.offset, position.metadata, leader_epoch=position.leader_epoch
    )


def committed_position(partition: ClientPartition) -> Position | None:
    """Return what the brokers say is committed; ``None``: nothing is."""
    if partition.offset < 0:
        return None
    try:
        metadata = partition.metadata or ""
    except UnicodeDecodeError:  # another program's
        metadata = ""
    epoch = partition.leader_epoch
    return Position(int(partition.offset), -1 if epoch is None else epoch, metadata)


def source_of(message: Message) -> TopicPartition:
    """Return where a message came from."""
    return TopicPartition(message.topic(), message.partition())


def batch_of(messages: Sequence[Message]) -> Batch:
    """Lay the messages out as columns.

    Each accessor is mapped over all of them: a loop in Python would cost as much as the decoding.
    """
    rows = len(messages)
    sources, source_index = _sources(messages)
    headers, problems = _headers(messages)
    # A pair of type and time, the time being -1 where there is none.
    stamps = map(_SECOND, map(Message.timestamp, messages))
    return Batch(
        values=list(map(Message.value, messages)),
        keys=list(map(Message.key, messages)),
        headers=headers,
        timestamps=np.fromiter(stamps, np.int64, rows),
        sources=sources,
        source_index=source_index,
        offsets=np.fromiter(map(Message.offset, messages), np.int64, rows),
        problems=problems,
    )


def failures_among(messages: Sequence[Message]) -> list[Message]:
    """Return those that are no event but an error of the client."""
    if not any(map(Message.error, messages)):
        return []
    return [message for message in messages if message.error() is not None]


def why_unreadable(message: Message) -> str | None:
    """Return a sentence where the client can't make events of what it has fetched.

    It fetches that again and again, and nothing behind it.
    """
    error = message.error()
    if error is None or error.code() not in _UNREADABLE:
        return None
    place = source_of(message)
    return (
        f"{place.topic}[{place.partition}] can't be read from offset {message.offset()} on "
        f"({describe(error)}). If kafka.consumer.receive.message.max.bytes is set, omit it: it "
        "bounds what is decompressed, too."
    )


_UNREADABLE = frozenset(
    {
        KafkaError._BAD_COMPRESSION,  # noqa: SLF001 - librdkafka's local codes start so
        KafkaError._BAD_MSG,  # noqa: SLF001
        KafkaError._CRIT_SYS_RESOURCE,  # noqa: SLF001
        KafkaError.MSG_SIZE_TOO_LARGE,
    }
)


def _headers(messages: Sequence[Message]) -> tuple[list[Headers | None], Problems]:
    """Return each message's headers, and of which messages the client can't hand them over.

    The client raises where a header's name is not UTF-8, as producers in other languages may write
    it. It must not be asked again: from then on it returns a list that has a hole in place of the
    name. Called through ``map``: a direct call may return that list before it raises.
    """
    headers: list[Headers | None] = []
    problems: Problems = {}
    rest = iter(messages)
    while len(headers) < len(messages):
        try:
            headers.extend(map(Message.headers, rest))
        except (SystemError, UnicodeDecodeError):
            # Those in front are in the list, and the iterator has passed the one that it is.
            problems[len(headers)] = _NO_HEADERS
            headers.append(None)
    return headers, problems


_NO_HEADERS = Problem(
    Reason.UNDECODABLE,
    Stage.POLL,
    "the name of a header is not UTF-8, so the Kafka client can't hand over the event's headers",
    headers_lost=True,
)


def _sources(
    messages: Sequence[Message],
) -> tuple[tuple[TopicPartition, ...], NDArray[np.int64]]:
    """Return where the messages came from, and for each message which of these it is."""
    topics = list(map(Message.topic, messages))
    partitions = list(map(Message.partition, messages))
    if topics and topics.count(topics[0]) == len(topics):
        numbers = sorted(set(partitions))
        places = np.zeros(numbers[-1] + 1, np.int64)
        places[numbers] = np.arange(len(numbers))
        index = places[np.fromiter(partitions, np.int64, len(partitions))]
        return tuple(TopicPartition(topics[0], number) for number in numbers), index
    pairs = list(zip(topics, partitions, strict=True))
    order = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
    return (
        tuple(TopicPartition(*pair) for pair in order),
        np.fromiter(map(order.__getitem__, pairs), np.int64, len(pairs)),
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
