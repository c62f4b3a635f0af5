"""Reads whole topics as a plain downstream consumer does, while brokers fail and recover."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.client_log import ClientLog
from stream_scorer.kafka.messages import source_of
from stream_scorer.records import TopicPartition, next_offset

#: How often to look for new partitions, which a topic may get at any time.
LOOK_SECONDS = 2.0
LOOK_TIMEOUT_SECONDS = 1.0
ROWS = 2000
#: Brokers may answer a fetch of committed records only after this wait, because they look at the
#: end of the log, not at the last stable offset.
FETCH_WAIT_MS = 50


def partitions_of(
    client: Consumer, topic: str, timeout_seconds: float
) -> list[TopicPartition] | None:
    """Return the partitions of a topic, ``None`` if the brokers don't answer."""
    try:
        found = client.list_topics(topic, timeout=timeout_seconds).topics.get(topic)
    except KafkaException:
        return None
    if found is None or found.error is not None:
        return None
    return [TopicPartition(topic, number) for number in sorted(found.partitions)]


class Follower:
    """Follows topics from their beginning, read committed and without a group.

    Calls are bounded and don't raise while brokers are away: they just return nothing new. Each
    offset is returned once. A client that has lost its position may start over; the records that it
    reads again are skipped, so a log that was really truncated shows up as missing records.
    """

    def __init__(self, client: Mapping[str, Property], topics: Sequence[str]) -> None:
        self._client = Consumer(
            {
                **client,
                "group.id": f"{topics[0]}-follower",  # the client wants one; it never joins
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": FETCH_WAIT_MS,
                "error_cb": ClientLog().heard,
            }
        )
        self._topics = topics
        self._next: dict[TopicPartition, int] = {}
        self._look_at = 0.0

    def read(self, timeout_seconds: float) -> list[Message]:
        """Return newly visible records, at most :data:`ROWS`; none if none appeared in time."""
        if time.monotonic() >= self._look_at:
            self._look_for_partitions()
            self._look_at = time.monotonic() + LOOK_SECONDS
        with suppress(KafkaException):
            first = self._client.poll(timeout_seconds)
            if first is not None:
                return [
                    message
                    for message in (first, *self._client.consume(ROWS - 1, 0))
                    if message.error() is None and self._is_new(message)
                ]
        return []

    def next_offsets(self) -> dict[TopicPartition, int]:
        """Return, for each partition, the offset after the last returned record."""
        return dict(self._next)

    def has_reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Tell whether everything below these offsets was returned, control markers passed."""
        ahead = [p for p, end in ends.items() if end > self._next.get(p, 0)]
        if not all(partition in self._next for partition in ahead):
            return False
        wanted = [ClientPartition(p.topic, p.partition) for p in ahead]
        with suppress(KafkaException):
            positions = self._client.position(wanted) if wanted else []
            return all(
                position.offset >= ends[TopicPartition(position.topic, position.partition)]
                for position in positions
            )
        return False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _look_for_partitions(self) -> None:
        for topic in self._topics:
            found = partitions_of(self._client, topic, LOOK_TIMEOUT_SECONDS)
            if found is None:
                return
            new = [partition for partition in found if partition not in self._next]
            if new:
                self._client.incremental_assign(
                    [ClientPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in new]
                )
                self._next.update(dict.fromkeys(new, 0))

    def _is_new(self, message: Message) -> bool:
        source = source_of(message)
        if message.offset() < self._next[source]:
            return False
        self._next[source] = next_offset(message.offset())
        return True
