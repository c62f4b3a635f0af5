"""A partition without a usable offset: a new one starts by policy, lost data stops the worker.

The client runs with ``auto.offset.reset=error`` and reports every such partition. Only here is it
decided whether the group never committed there (``auto.offset.reset`` as the user set it) or a
committed offset fell off the log (``on_data_loss``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.errors import DataLost, Unanswered
from stream_scorer.kafka.translation import describe, error_of
from stream_scorer.records import TopicPartition

BROKER_TIMEOUT_SECONDS = 10.0

Policy = Literal["earliest", "latest", "error"]


@dataclass(slots=True)
class OffsetReset:
    """Where to start, and where each partition without a committed offset has started.

    With ``latest``, a rewind before the first commit must not skip to the end again; so the first
    offset is kept for as long as the partition is held.
    """

    policy: Policy
    on_data_loss: Literal["stop", "continue"]
    warn: Callable[[str], None]
    _first: dict[TopicPartition, int] = field(default_factory=dict)

    def resolve(self, client: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """Give each partition an offset to read from.

        Raises:
            DataLost: a committed offset is gone, or there is none and the policy is ``error``.
            Unanswered: the brokers don't answer; the client reports the partition again.
        """
        try:
            committed = client.committed(
                [ClientPartition(p.topic, p.partition) for p in partitions],
                timeout=BROKER_TIMEOUT_SECONDS,
            )
            starts = [
                ClientPartition(p.topic, p.partition, self._start(client, p)) for p in committed
            ]
            # A partition whose reset failed is not being fetched, and `seek` refuses those;
            # assigning it anew starts it.
            client.incremental_unassign(starts)
            client.incremental_assign(starts)
        except KafkaException as exception:
            raise Unanswered(
                f"The brokers don't say where a partition begins: {describe(error_of(exception))}."
            ) from exception

    def first_offset(self, client: Consumer, partition: TopicPartition) -> int:
        """Return where reading of a partition without a committed offset began."""
        if partition not in self._first:
            self._first[partition] = self._by_policy(client, partition)
        return self._first[partition]

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is known of partitions that are no longer held."""
        for partition in partitions:
            self._first.pop(partition, None)

    def _start(self, client: Consumer, committed: ClientPartition) -> int:
        partition = TopicPartition(committed.topic, committed.partition)
        if committed.offset < 0:
            return self.first_offset(client, partition)
        low, high = _watermarks(client, partition)
        if low <= committed.offset <= high:
            return int(committed.offset)
        gap = (
            f"{partition.topic} [{partition.partition}]: the group committed offset "
            f"{committed.offset}, but the log now runs from {low} to {high}"
        )
        if self.on_data_loss == "stop":
            raise DataLost(
                f"{gap}; the events between were deleted before they were scored (or the topic was "
                "made anew). Set kafka.on_data_loss to `continue` to go on from the log's start, "
                "or commit another offset with kafka-consumer-groups --reset-offsets."
            )
        self.warn(f"{gap}; going on from {low} as kafka.on_data_loss says")
        return low

    def _by_policy(self, client: Consumer, partition: TopicPartition) -> int:
        if self.policy == "error":
            raise DataLost(
                f"{partition.topic} [{partition.partition}] has no committed offset for this "
                "group, and auto.offset.reset is `error`; set it to earliest or latest, or commit "
                "an offset with kafka-consumer-groups --reset-offsets."
            )
        low, high = _watermarks(client, partition)
        return low if self.policy == "earliest" else high


def _watermarks(client: Consumer, partition: TopicPartition) -> tuple[int, int]:
    low, high = client.get_watermark_offsets(
        ClientPartition(partition.topic, partition.partition), timeout=BROKER_TIMEOUT_SECONDS
    )
    return int(low), int(high)
