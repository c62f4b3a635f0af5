"""How far a consumer group is on a topic, asked of the brokers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaException, TopicPartition

_TIMEOUT_SECONDS = 10.0


class GroupProgress:
    """Looks at a group from outside; the topic begins at zero and has no control markers.

    A consumer that never subscribes is no member. ``AdminClient.list_consumer_group_offsets`` would
    be the obvious call, but librdkafka 2.16 crashes in it while a group has no coordinator yet.
    """

    def __init__(self, consumer: Consumer, topic: str, partitions: int) -> None:
        self._consumer = consumer
        self._places = [TopicPartition(topic, number) for number in range(partitions)]

    def committed(self) -> int:
        """Return how many events the group has done."""
        return sum(self.offsets())

    def offsets(self) -> tuple[int, ...]:
        """Return how many events of each partition the group has done."""
        try:
            places = self._consumer.committed(self._places, timeout=_TIMEOUT_SECONDS)
        except KafkaException:  # no coordinator yet
            return (0,) * len(self._places)
        return tuple(max(place.offset, 0) for place in places)

    def lag(self) -> int | None:
        """Return how many events the group has not done; ``None`` if no broker says it in time."""
        committed = self.committed()
        try:
            ends = [
                self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)[1]
                for place in self._places
            ]
        except KafkaException:
            return None
        produced: int = sum(ends)
        return produced - committed


@contextmanager
def group_progress(
    bootstrap_servers: str, group: str, topic: str, partitions: int
) -> Iterator[GroupProgress]:
    """Look at a group as long as the block."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            # Else each look would wait until no transaction is open on the group's offsets.
            "isolation.level": "read_uncommitted",
        }
    )
    try:
        yield GroupProgress(consumer, topic, partitions)
    finally:
        consumer.close()


def make_known(bootstrap_servers: str, group: str, topic: str, partitions: int) -> None:
    """Commit the begin of each partition for a group, as if it had been here before.

    Its members then need not ask where a partition begins.
    """
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": group})
    places = [TopicPartition(topic, number, 0) for number in range(partitions)]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()
