"""Instruments between the parts of a worker under test: history entries, and injuries at points.

The worker itself is composed as ``run`` composes it and is unaware of them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Producer
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer import protocols
from stream_scorer.kafka.transactional_client import TransactionalClient
from stream_scorer.records import Batch, Held, Position, ScoredBatch, TopicPartition
from stream_scorer.verify.hand import Hand
from stream_scorer.verify.history import HistoryFile
from stream_scorer.verify.injuries import Injuries
from stream_scorer.verify.points import Point
from stream_scorer.verify.values import TRANSACTION_HEADER

#: When an injury is due, queued records reach the brokers first, so that it leaves something open.
REACH_BROKERS_SECONDS = 2.0


class InstrumentedClient:
    """A transactional librdkafka client that writes the history and tags its records.

    The entries that end a transaction or a set record for how long events were uncommitted.
    """

    def __init__(
        self,
        client: TransactionalClient,
        history: HistoryFile,
        injuries: Injuries,
        hand: Hand | None = None,
    ) -> None:
        self._client = client
        self._history = history
        self._injuries = injuries
        self._hand = hand or Hand()
        self._transaction = ""
        self._records = 0
        self._is_sent = False

    def init_transactions(self, timeout_seconds: float) -> None:
        """Resolve any transaction that an earlier client with the same id left open."""
        with self._injuries.during(Point.IN_INIT):
            self._client.init_transactions(timeout_seconds)

    def begin_transaction(self) -> None:
        """Begin a transaction with a name of its own."""
        self._client.begin_transaction()
        self._transaction, self._records, self._is_sent = uuid.uuid4().hex, 0, False
        self._history.write("begun", transaction=self._transaction)
        self._injuries.passing(Point.AFTER_BEGIN)

    def produce(self, *record: Any) -> None:
        """Queue a record with its transaction's name; headers come last, as in `queue`."""
        *start, headers = record
        tag = (TRANSACTION_HEADER, self._transaction.encode())
        self._client.produce(*start, [*(headers or ()), tag])
        self._records += 1
        if self._records == 1 and self._injuries.pending(Point.MID_PRODUCE):
            self._client.flush(REACH_BROKERS_SECONDS)
            self._injuries.passing(Point.MID_PRODUCE)

    def send_offsets_to_transaction(
        self, positions: Sequence[ClientPartition], membership: bytes, timeout_seconds: float
    ) -> None:
        """Send the offsets; then everything of the transaction is handed over."""
        self._client.send_offsets_to_transaction(positions, membership, timeout_seconds)
        self._is_sent = True
        offsets = [[each.topic, each.partition, each.offset] for each in positions]
        self._history.write(
            "sent", transaction=self._transaction, records=self._records, offsets=offsets
        )
        self._injuries.passing(Point.AFTER_SEND_OFFSETS)

    def commit_transaction(self, timeout_seconds: float) -> None:
        """Commit; the caller repeats a call that timed out."""
        if self._injuries.pending(Point.END_UNANSWERED):
            self._client.flush(REACH_BROKERS_SECONDS)
        with self._injuries.during(Point.END_UNANSWERED):
            self._client.commit_transaction(timeout_seconds)
        self._ended("committed")
        self._injuries.passing(Point.AFTER_COMMIT)

    def abort_transaction(self, timeout_seconds: float) -> None:
        """Abort the transaction."""
        self._injuries.passing(Point.WHILE_ABORTING)
        self._client.abort_transaction(timeout_seconds)
        self._ended("aborted")

    def poll(self, timeout_seconds: float) -> int:
        """Serve callbacks."""
        return int(self._client.poll(timeout_seconds))

    def flush(self, timeout_seconds: float) -> int:
        """Wait for deliveries."""
        return int(self._client.flush(timeout_seconds))

    def purge(self) -> None:
        """Drop the queued records."""
        self._client.purge()

    def list_topics(self, topic: str, timeout_seconds: float) -> Any:
        """Return the metadata of a topic."""
        return self._client.list_topics(topic, timeout_seconds)

    def set_sasl_credentials(self, username: str, password: str) -> None:
        """Use these credentials from the next connection on."""
        self._client.set_sasl_credentials(username, password)

    def _ended(self, how: str) -> None:
        held = self._hand.put_down()
        details = {} if held is None else {"held_seconds": held}
        self._history.write(how, transaction=self._transaction, **details)


class InstrumentedScorer:
    """A scorer with points after scoring, and extra model time for each row."""

    def __init__(
        self,
        scorer: protocols.Scorer,
        injuries: Injuries,
        hand: Hand | None = None,
        seconds_per_row: float = 0.0,
    ) -> None:
        self._scorer = scorer
        self._injuries = injuries
        self._hand = hand or Hand()
        self._seconds_per_row = seconds_per_row

    def score(self, batch: Batch) -> ScoredBatch:
        """Score, then pass a point; the first batch of a set passes one more before it."""
        scored = self._scorer.score(batch)
        if self._seconds_per_row > 0:
            time.sleep(self._seconds_per_row * len(batch))
        if self._hand.take():
            self._injuries.passing(Point.SET_OPENED)
        self._injuries.passing(Point.AFTER_SCORING)
        return scored

    def reject(self, source: TopicPartition, offset: int, why: str, *, is_letter: bool) -> None:
        """Write this event in another form from now on."""
        self._scorer.reject(source, offset, why, is_letter=is_letter)

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget the rejections before these offsets."""
        self._scorer.forget(offsets)


class InstrumentedConsumer:
    """A consumer with points after a fetch and in a revocation; everything else is delegated.

    A history, if given, records the partitions that the group assigns to the worker, and the
    uncommitted events that were dropped with them.
    """

    def __init__(
        self,
        consumer: protocols.Consumer,
        injuries: Injuries,
        hand: Hand | None = None,
        history: HistoryFile | None = None,
    ) -> None:
        self._consumer = consumer
        self._injuries = injuries
        self._hand = hand or Hand()
        self._history = history

    def subscribe(self, listener: protocols.RebalanceListener) -> None:
        """Join the group."""
        self._consumer.subscribe(_InjuredListener(listener, self._injuries, self._history))

    def poll_batch(
        self, max_records: int, timeout_seconds: float, max_wait_seconds: float
    ) -> Batch:
        """Return the next events; pass the point if there are any."""
        batch = self._consumer.poll_batch(max_records, timeout_seconds, max_wait_seconds)
        if len(batch) > 0:
            self._injuries.passing(Point.AFTER_FETCH)
        return batch

    def rewind(self, wait_seconds: float, may_wait: Callable[[], bool]) -> None:
        """Make the next poll start from the committed offsets, after a wait in the group."""
        held = self._hand.put_down()
        if held is not None and self._history is not None:
            self._history.write("dropped", held_seconds=held)
        self._consumer.rewind(wait_seconds, may_wait)

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Return no events of these partitions for a while, then continue at these offsets."""
        self._consumer.hold(places)

    def positions(self) -> Mapping[TopicPartition, int]:
        """Return the offsets after the last event read."""
        return self._consumer.positions()

    def starts(self) -> Mapping[TopicPartition, int]:
        """Return where reading began because of a decision that is not committed yet."""
        return self._consumer.starts()

    def progress(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, Position]:
        """Return what to commit now so that the group continues at these offsets."""
        return self._consumer.progress(offsets)

    def waiting(self, offsets: Mapping[TopicPartition, int]) -> int:
        """Return how many events are known to be waiting."""
        return self._consumer.waiting(offsets)

    def group_metadata(self) -> bytes:
        """Return the group metadata that fences a commit."""
        return self._consumer.group_metadata()

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


class _InjuredListener:
    def __init__(
        self,
        listener: protocols.RebalanceListener,
        injuries: Injuries,
        history: HistoryFile | None,
    ) -> None:
        self._listener = listener
        self._injuries = injuries
        self._history = history

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        if self._history is not None:
            given = [[each.topic, each.partition] for each in partitions]
            self._history.write("assigned", partitions=given)
        self._listener.assigned(partitions)

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self._injuries.passing(Point.IN_REVOKE)
        self._listener.revoked(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        self._listener.lost(partitions)


def instrumented_client(
    properties: Mapping[str, Any],
    log: Any,
    history: HistoryFile,
    injuries: Injuries,
    hand: Hand | None = None,
) -> InstrumentedClient:
    """Return a librdkafka client wrapped in these instruments."""
    return InstrumentedClient(Producer(properties, logger=log), history, injuries, hand)
