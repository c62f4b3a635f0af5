"""A partition without a usable offset: a new one starts by policy, lost data stops the worker.

The client runs with ``auto.offset.reset=error`` and reports every such partition. Only here is it
decided whether the group never committed there (``auto.offset.reset`` as the user set it) or a
committed offset fell off the log (``on_data_loss``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException
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
                ClientPartition(*partition, offset)
                for partition, offset in self._starts(client, committed).items()
            ]
            # A partition whose reset failed is not being fetched, and `seek` refuses those;
            # assigning it anew starts it.
            client.incremental_unassign(starts)
            client.incremental_assign(starts)
        except KafkaException as exception:
            raise Unanswered(
                f"The brokers don't say where a partition begins: {describe(error_of(exception))}."
            ) from exception

    def first_offsets(
        self, client: Consumer, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Return where reading of partitions without a committed offset began, or begins now.

        Raises:
            DataLost: one has not begun, and the policy is ``error``.
        """
        new = [each for each in partitions if each not in self._first]
        if new and self.policy == "error":
            raise DataLost(
                f"{new[0].topic} [{new[0].partition}] has no committed offset for this "
                "group, and auto.offset.reset is `error`; set it to earliest or latest, or commit "
                "an offset with kafka-consumer-groups --reset-offsets."
            )
        end = OFFSET_BEGINNING if self.policy == "earliest" else OFFSET_END
        self._first |= _ends(client, new, end)
        return {each: self._first[each] for each in partitions}

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is known of partitions that are no longer held."""
        for partition in partitions:
            self._first.pop(partition, None)

    def _starts(
        self, client: Consumer, committed: Sequence[ClientPartition]
    ) -> dict[TopicPartition, int]:
        offsets = {TopicPartition(p.topic, p.partition): int(p.offset) for p in committed}
        known = [each for each, offset in offsets.items() if offset >= 0]
        lows, highs = (_ends(client, known, end) for end in (OFFSET_BEGINNING, OFFSET_END))
        starts = {
            each: self._within(each, offsets[each], lows[each], highs[each]) for each in known
        }
        new = [each for each, offset in offsets.items() if offset < 0]
        return starts | self.first_offsets(client, new)

    def _within(self, partition: TopicPartition, committed: int, low: int, high: int) -> int:
        """Return the committed offset, or the log's start where it is gone and may be."""
        if low <= committed <= high:
            return committed
        gap = (
            f"{partition.topic} [{partition.partition}]: the group committed offset "
            f"{committed}, but the log now runs from {low} to {high}"
        )
        if self.on_data_loss == "stop":
            raise DataLost(f"{gap}; {_way_out(committed, high)}")
        self.warn(f"{gap}; going on from {low} as kafka.on_data_loss says")
        return low


def _way_out(committed: int, high: int) -> str:
    if committed > high:
        return (
            "it was cut back, as by an unclean leader election, or the topic was made anew. Commit "
            f"an offset up to {high} with kafka-consumer-groups --reset-offsets, or set "
            "kafka.on_data_loss to `continue` to score again all that is in the log."
        )
    return (
        "the events between were deleted before they were scored (or the topic was made anew). Set "
        "kafka.on_data_loss to `continue` to go on from the log's start, or commit another offset "
        "with kafka-consumer-groups --reset-offsets."
    )


def _ends(
    client: Consumer, partitions: Sequence[TopicPartition], end: int
) -> dict[TopicPartition, int]:
    """Return the first (``OFFSET_BEGINNING``) or next (``OFFSET_END``) offset of the logs.

    All of them in one request a broker: an answer may have to wait until a fetch on the same
    connection is over, up to ``fetch.wait.max.ms``. Asked for one by one, a few hundred partitions
    would take minutes.
    """
    if not partitions:
        return {}
    asked = [ClientPartition(*each, end) for each in partitions]
    answers = client.offsets_for_times(asked, timeout=BROKER_TIMEOUT_SECONDS)
    for answer in answers:
        if answer.error is not None:
            raise KafkaException(answer.error)
    return {TopicPartition(each.topic, each.partition): int(each.offset) for each in answers}
