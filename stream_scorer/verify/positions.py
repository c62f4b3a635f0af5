"""The group's committed offsets and the logs' end offsets, queried from outside with a timeout."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, IsolationLevel, KafkaException
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.client_log import ClientLog
from stream_scorer.records import TopicPartition
from stream_scorer.verify.follower import partitions_of

PAUSE_SECONDS = 0.1
#: The last stable offset and the high watermark of each partition.
Bounds = dict[TopicPartition, tuple[int, int]]


class CommittedOffsets:
    """Queries the committed offsets of a group without joining it.

    Args:
        client: properties with ``bootstrap.servers``.
        group: the group.
        topic: the topic.
        stable: wait for the outcome of pending transactions (KIP-447); otherwise the answer is what
            was committed before them. A transaction that hangs blocks a stable answer, so don't use
            it to find out whether the group makes progress.
    """

    def __init__(
        self, client: Mapping[str, Property], group: str, topic: str, *, stable: bool = True
    ) -> None:
        # The client requests stable offsets if it reads committed records.
        isolation_level = "read_committed" if stable else "read_uncommitted"
        self._client = _onlooker(client, group, isolation_level)
        self._topic = topic

    def now(self, timeout_seconds: float = 2.0) -> dict[TopicPartition, int] | None:
        """Return the offset of each partition, 0 where there is none yet.

        Return ``None`` if the brokers don't answer in time.
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
        """Close the connections."""
        self._client.close()


class LogEnds:
    """Queries the end offsets of topics' partitions, for all readers and for committed reads.

    It needs no permission on a group.
    """

    def __init__(self, client: Mapping[str, Property], topics: Sequence[str]) -> None:
        properties = {**client, "error_cb": ClientLog().heard}
        self._admin = AdminClient(properties)
        self._client = _onlooker(client, f"{topics[0]}-ends", "read_uncommitted")
        self._topics = topics

    def now(self, timeout_seconds: float = 2.0) -> Bounds | None:
        """Return last stable offset and high watermark of each partition, or ``None`` as above."""
        wanted: list[TopicPartition] = []
        for topic in self._topics:
            found = partitions_of(self._client, topic, timeout_seconds)
            if found is None:
                return None
            wanted += found
        # The high watermark comes last: an earlier one could equal a stable offset that has since
        # moved past records but not past their marker.
        stable = self._ends(wanted, IsolationLevel.READ_COMMITTED, timeout_seconds)
        high = stable and self._ends(wanted, IsolationLevel.READ_UNCOMMITTED, timeout_seconds)
        if not stable or not high:
            return None
        return {partition: (stable[partition], high[partition]) for partition in wanted}

    def settled(self, patience_seconds: float) -> Bounds | None:
        """Wait until no transaction is open; the writers must be gone. Return the last answer.

        The markers of a transaction reach its partitions after the answer to its end reaches the
        producer. Transactions that a dead producer left open end by the brokers' timeout.
        """
        deadline = time.monotonic() + patience_seconds
        while True:
            bounds = self.now()
            is_settled = bounds is not None and all(low == high for low, high in bounds.values())
            if is_settled or time.monotonic() >= deadline:
                return bounds
            time.sleep(PAUSE_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ends(
        self, partitions: Sequence[TopicPartition], level: IsolationLevel, timeout_seconds: float
    ) -> dict[TopicPartition, int] | None:
        """Query all of them at once, with one request for each broker that leads some."""
        wanted = {ClientPartition(p.topic, p.partition): OffsetSpec.latest() for p in partitions}
        answers = self._admin.list_offsets(
            wanted, isolation_level=level, request_timeout=timeout_seconds
        )
        try:
            return {
                TopicPartition(asked.topic, asked.partition): answer.result().offset
                for asked, answer in answers.items()
            }
        except KafkaException:
            return None


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
