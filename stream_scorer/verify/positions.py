"""Where the group is, and where the logs end: asked from outside, and bounded."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.client_log import ClientLog
from stream_scorer.records import TopicPartition
from stream_scorer.verify.follower import partitions_of

PAUSE_SECONDS = 0.1
#: The last stable offset and the high watermark of each partition.
Bounds = dict[TopicPartition, tuple[int, int]]


class CommittedOffsets:
    """Asks for the committed offsets of a group, which it does not join.

    Args:
        client: properties with ``bootstrap.servers``.
        group: whose offsets.
        topic: of which topic.
        stable: wait for the outcome of transactions that are under way (KIP-447); else the answer
            is what was committed before them. A transaction that hangs holds a stable answer back,
            so who asks whether the group moves does not ask for a stable one.
    """

    def __init__(
        self, client: Mapping[str, Property], group: str, topic: str, *, stable: bool = True
    ) -> None:
        # The client asks for stable offsets if it reads committed records.
        isolation_level = "read_committed" if stable else "read_uncommitted"
        self._client = _onlooker(client, group, isolation_level)
        self._topic = topic

    def now(self, timeout_seconds: float = 2.0) -> dict[TopicPartition, int] | None:
        """Return the offset of each partition, 0 where there is none yet.

        ``None`` if the brokers don't say it in time.
        """
        partitions = partitions_of(self._client, self._topic, timeout_seconds)
        if partitions is None:
            return None
        wanted = [ClientPartition(p.topic, p.partition) for p in partitions]
        try:
            found = self._client.committed(wanted, timeout=timeout_seconds)
        except KafkaException:
            return None
        if any(each.error is not None for each in found):
            return None
        return {TopicPartition(each.topic, each.partition): max(each.offset, 0) for each in found}

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()


class LogEnds:
    """Asks where the partitions of topics end, for all readers and for those of committed records.

    It needs no right on a group.
    """

    def __init__(self, client: Mapping[str, Property], topics: Sequence[str]) -> None:
        self._stable = _onlooker(client, f"{topics[0]}-ends", "read_committed")
        self._high = _onlooker(client, f"{topics[0]}-ends", "read_uncommitted")
        self._topics = topics

    def now(self, timeout_seconds: float = 2.0) -> Bounds | None:
        """Return last stable offset and high watermark of each partition; ``None`` as above."""
        bounds: Bounds = {}
        for topic in self._topics:
            partitions = partitions_of(self._high, topic, timeout_seconds)
            if partitions is None:
                return None
            for partition in partitions:
                # The high watermark last: asked for first, it could be equal to a stable offset
                # that has moved meanwhile, over records but not over their marker.
                stable = _end(self._stable, partition, timeout_seconds)
                high = None if stable is None else _end(self._high, partition, timeout_seconds)
                if stable is None or high is None:
                    return None
                bounds[partition] = (stable, high)
        return bounds

    def settled(self, patience_seconds: float) -> Bounds | None:
        """Wait until no transaction is open, since the writers are gone; return the last answer.

        The markers of a transaction reach its partitions later than the answer to its end reaches
        the producer, and what a dead producer left open ends by the brokers' clock.
        """
        deadline = time.monotonic() + patience_seconds
        while True:
            bounds = self.now()
            is_settled = bounds is not None and all(low == high for low, high in bounds.values())
            if is_settled or time.monotonic() >= deadline:
                return bounds
            time.sleep(PAUSE_SECONDS)

    def close(self) -> None:
        """Let the connections go."""
        self._stable.close()
        self._high.close()


def _onlooker(client: Mapping[str, Property], group: str, isolation_level: str) -> Consumer:
    return Consumer(
        {
            **client,
            "group.id": group,
            "isolation.level": isolation_level,
            "enable.auto.commit": False,
            "error_cb": ClientLog().heard,
        }
    )


def _end(client: Consumer, partition: TopicPartition, timeout_seconds: float) -> int | None:
    try:
        found = client.get_watermark_offsets(
            ClientPartition(partition.topic, partition.partition), timeout=timeout_seconds
        )
    except KafkaException:
        return None
    return None if found is None else int(found[1])
