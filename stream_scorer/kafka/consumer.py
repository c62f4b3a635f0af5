"""The input side: polls batches, follows the group, rewinds to what is committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.errors import Broken, Refused, TransactionAborted, Unanswered
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.kafka.translation import RIGHTS, describe, error_of
from stream_scorer.records import Batch, TopicPartition

#: One call of the client blocks no longer than this, so that a signal is seen soon.
POLL_SLICE_SECONDS = 0.2
#: How long the brokers may take to say what is committed. They hold the answer back while a
#: transaction of a dead member is open (KIP-447), so this bounds one attempt, not the wait.
COMMITTED_TIMEOUT_SECONDS = 10.0

_PREFIX = b"CGMDv2:"


class RebalanceListener(Protocol):
    """What the loop must do when partitions leave, called inside ``poll_batch`` and ``close``."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Commit what is gathered; the partitions are still ours until this returns."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Drop what is gathered; the partitions may belong to someone else already."""

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Take note of new partitions."""


class EventConsumer:
    """Owns the client and its position. Every method belongs to the polling thread.

    ``epoch`` counts the assignments that ended (revoked or lost): a batch or an open set of an
    older epoch is void.
    """

    def __init__(
        self,
        properties: Mapping[str, Property],
        topics: Sequence[str],
        reset: OffsetReset,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = Consumer(dict(properties))
        self._topics = list(topics)
        self._reset = reset
        self._clock = clock
        self._listener: RebalanceListener | None = None
        self._must_rewind = False
        #: Partitions whose position has moved past events that the client gave us.
        self._read_from: set[TopicPartition] = set()
        self.epoch = 0

    def subscribe(self, listener: RebalanceListener) -> None:
        """Join the group; partitions arrive during later polls."""
        self._listener = listener
        self._client.subscribe(
            self._topics,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    # ------------------------------------------------------------------ polling

    def poll_batch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float = 0.0
    ) -> Batch:
        """Return up to ``max_records`` events, none if nothing came within ``timeout_seconds``.

        Waits at most ``max_wait_seconds`` for more once the first event is here. A rewind that is
        due happens first. If partitions leave during the call the batch is void: it comes back
        empty, and the next call starts from what is committed.

        Raises:
            Unanswered: the brokers did not say what is committed; the rewind stays due.
            DataLost: a committed offset no longer exists.
            Refused: a right is missing.
        """
        if self._must_rewind:
            self._rewind_now()
        epoch = self.epoch
        messages = self._fetch(max_records, timeout_seconds, max_wait_seconds)
        batch = batch_of(messages)
        self._read_from.update(batch.sources)
        if self.epoch != epoch:
            # `consume` after `poll` can serve a revocation with a row already in hand. The rows of
            # partitions that stay are behind the client's position now.
            self.rewind()
            return batch_of([])
        return batch

    def stand_by(self, seconds: float) -> None:
        """Stay in the group for a while without taking events; what arrives is read again."""
        deadline = self._clock() + seconds
        self.rewind()
        while (left := deadline - self._clock()) > 0:
            message = self._client.poll(min(left, POLL_SLICE_SECONDS))
            if message is not None and self._usable([message]):
                self._read_from.add(TopicPartition(message.topic(), message.partition()))

    def _fetch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float
    ) -> list[Message]:
        # `consume(n, t)` waits the whole of t unless n arrive; `poll(t)` returns with the first.
        first = self._client.poll(min(timeout_seconds, POLL_SLICE_SECONDS))
        if first is None:
            return []
        messages = self._usable([first])
        if max_records > 1:
            messages += self._usable(self._client.consume(max_records - 1, 0))
        full_at = self._clock() + max_wait_seconds
        while len(messages) < max_records and (left := full_at - self._clock()) > 0:
            more = self._client.poll(min(left, POLL_SLICE_SECONDS))
            if more is None:
                continue
            messages += self._usable([more])
            if len(messages) < max_records:
                messages += self._usable(self._client.consume(max_records - len(messages), 0))
        return messages

    def _usable(self, messages: list[Message]) -> list[Message]:
        events = [message for message in messages if message.error() is None]
        if len(events) != len(messages):
            self._answer([message for message in messages if message.error() is not None])
        return events

    def _answer(self, failures: list[Message]) -> None:
        without_offset = []
        for message in failures:
            error = message.error()
            if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                without_offset.append(TopicPartition(message.topic(), message.partition()))
            elif error.code() in RIGHTS:
                raise Refused(f"The brokers refuse to let the worker read: {describe(error)}.")
            elif error.code() in _ENDS_MEMBERSHIP or error.fatal():
                raise Broken(f"The consumer can't go on: {describe(error)}.")
            # Anything else is the client's own retry, told for information.
        if without_offset:
            self._reset.resolve(self._client, without_offset)

    # ------------------------------------------------------------------ position

    def rewind(self) -> None:
        """Let the next poll start from what the brokers say is committed."""
        self._must_rewind = True

    def _rewind_now(self) -> None:
        try:
            held = self._client.assignment()
            moved = [partition for partition in held if _partition(partition) in self._read_from]
            committed = self._client.committed(moved, timeout=COMMITTED_TIMEOUT_SECONDS)
            for partition in committed:
                offset = partition.offset
                if offset < 0:
                    offset = self._reset.first_offset(self._client, _partition(partition))
                self._client.seek(ClientPartition(partition.topic, partition.partition, offset))
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() in RIGHTS:
                raise Refused(
                    f"The brokers refuse to say what is committed: {describe(error)}."
                ) from exception
            raise Unanswered(
                f"The brokers don't say what is committed ({describe(error)}); "
                "the worker asks again and takes no events until then."
            ) from exception
        self._must_rewind = False

    def positions(self) -> dict[TopicPartition, int]:
        """Return the offset after the last thing read of each partition, control markers included.

        Only meaningful when no event is in hand: it is already past those.
        """
        if self._must_rewind:
            return {}
        return {
            _partition(partition): partition.offset
            for partition in self._client.position(self._client.assignment())
            if partition.offset >= 0
        }

    def group_metadata(self) -> bytes:
        """Return the membership that fences the offsets of a transaction (KIP-447).

        Raises:
            TransactionAborted: this process is no member now. Offsets sent with such metadata
                would not be fenced at all.
        """
        metadata: bytes = self._client.consumer_group_metadata()
        if not _is_membership(metadata):
            raise TransactionAborted("the worker is not a member of its group at the moment")
        return metadata

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit outside of a transaction, for ``delivery: at_least_once``."""
        try:
            self._client.commit(
                offsets=[ClientPartition(p.topic, p.partition, o) for p, o in offsets.items()],
                asynchronous=False,
            )
        except KafkaException as exception:
            raise TransactionAborted(describe(error_of(exception))) from exception

    def close(self) -> None:
        """Leave the group. The listener hears of the partitions that go."""
        self._client.close()

    # ------------------------------------------------------------------ rebalance

    def _on_assign(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        # The client library makes the assignment itself once this returns.
        if self._listener is not None:
            self._listener.assigned([_partition(p) for p in partitions])

    def _on_revoke(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        if self._listener is not None:
            self._listener.revoked([_partition(p) for p in partitions])
        self._forget(partitions)

    def _on_lost(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        if self._listener is not None:
            self._listener.lost([_partition(p) for p in partitions])
        self._forget(partitions)

    def _forget(self, partitions: list[ClientPartition]) -> None:
        self.epoch += 1
        gone = {_partition(p) for p in partitions}
        self._read_from -= gone
        self._reset.forget(gone)


_ENDS_MEMBERSHIP = frozenset({KafkaError.FENCED_INSTANCE_ID, KafkaError.UNRELEASED_INSTANCE_ID})


def _partition(partition: ClientPartition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition)


def _is_membership(metadata: bytes) -> bool:
    """Tell a member's metadata from that of a consumer outside of its group.

    librdkafka serialises it as ``CGMDv2:``, a native int32 generation, then group and member id,
    each ended by a zero byte.
    """
    if not metadata.startswith(_PREFIX):
        return False
    generation = int(np.frombuffer(metadata, np.int32, count=1, offset=len(_PREFIX))[0])
    _, member, *_ = metadata[len(_PREFIX) + 4 :].split(b"\0")
    return generation >= 0 and member != b""


def batch_of(messages: list[Message]) -> Batch:
    """Lay the messages out as columns."""
    index: dict[TopicPartition, int] = {}
    pairs = zip(
        [message.topic() for message in messages],
        [message.partition() for message in messages],
        strict=True,
    )
    source_index = [index.setdefault(pair, len(index)) for pair in pairs]  # type: ignore[arg-type]
    stamps = [message.timestamp() for message in messages]
    return Batch(
        values=[message.value() for message in messages],
        keys=[message.key() for message in messages],
        headers=[message.headers() for message in messages],
        timestamps=np.array([ms if kind else -1 for kind, ms in stamps], np.int64),
        sources=tuple(TopicPartition(*pair) for pair in index),
        source_index=np.array(source_index, np.int64),
        offsets=np.array([message.offset() for message in messages], np.int64),
    )
