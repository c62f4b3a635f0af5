"""The output side without transactions: produce, flush, then commit the input's offsets.

A crash between the flush and the commit writes events again; none is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException, Producer

from stream_scorer.errors import (
    ProducerLost,
    RecordsRefused,
    StreamScorerError,
    TransactionAborted,
)
from stream_scorer.kafka.client_config import Property, login, login_of
from stream_scorer.kafka.client_log import ClientLog
from stream_scorer.kafka.partition_counts import partition_count
from stream_scorer.kafka.producer import queue
from stream_scorer.kafka.reports import Reports
from stream_scorer.kafka.statistics import Hears, heard_by
from stream_scorer.kafka.translation import error_of, translated
from stream_scorer.protocols import Transaction
from stream_scorer.records import Position, ScoredEvents, TopicPartition

FLUSH_SLICE_SECONDS = 1.0


class AtLeastOnceProducer:
    """The same block as the transactional producer's, with weaker contents.

    ``commit_offsets`` is the consumer's own commit, which does not wait for an answer. ``hears`` is
    given each client's statistics while it writes.
    """

    def __init__(
        self,
        properties: Mapping[str, Property],
        commit_offsets: Callable[[Mapping[TopicPartition, Position]], None],
        flush_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        hears: Hears | None = None,
    ) -> None:
        self._log = ClientLog()
        self._reports = Reports()
        callbacks = {
            "on_delivery": self._reports.heard,
            "error_cb": self._log.heard,
            **heard_by(hears, "producer"),
        }
        self._properties = {**properties, **callbacks}
        self._client = Producer(self._properties, logger=self._log)
        self._commit_offsets = commit_offsets
        self._flush_seconds = flush_seconds
        self._clock = clock
        self._must_rebuild = False

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether the next block must have a new client."""
        self._client.poll(0)  # hands its statistics over, which pile up in it otherwise
        return self._must_rebuild

    def rebuild(self) -> None:
        """Go on with a new client.

        Purging the old one is not over when the call returns: it could take events of the next
        block with it.
        """
        self._client.purge()
        properties = self._properties
        self._client = Producer(self._reports.fitted(properties), logger=self._log)
        if self._properties is not properties:  # renewed meanwhile
            self._client.set_sasl_credentials(*login_of(self._properties))
        self._must_rebuild = False

    def fit(self, properties: Mapping[str, Property]) -> None:
        """Go on with a client of these properties, for topics that take other sizes now."""
        self._reports.fit(properties)
        self._must_rebuild = True

    def partitions(self, topic: str, within_seconds: float) -> int | None:
        """Return how many partitions a topic has; the client knows of them from then on.

        0 if there is no such topic, ``None`` if the brokers don't say.
        """
        return partition_count(self._client, topic, within_seconds)

    def renew_login(self, username: str, password: str) -> None:
        """Log in so from the next connection on; any thread may call it."""
        self._properties = {**self._properties, **login(username, password)}
        self._client.set_sasl_credentials(username, password)

    @contextmanager
    def transaction(self, within_seconds: float | None = None) -> Iterator[Transaction]:
        """Write what is produced inside, within the bound, then commit its offsets.

        Raises:
            TransactionAborted: something was not written; rewind and write it again.
            Refused: a right is missing.
        """
        if self._must_rebuild:
            raise TransactionAborted("the last events may still be under way in this client")
        self._reports.begin()
        self._must_rebuild = True  # unless all goes well
        block = _Block(self._client, self._reports)
        try:
            yield block
        except KafkaException as exception:
            raise self._failure(error_of(exception)) from exception
        self._flush(within_seconds or self._flush_seconds)
        if block.positions:
            self._commit_offsets(block.positions)
        self._must_rebuild = self._reports.written()

    def _flush(self, within_seconds: float) -> None:
        deadline = self._clock() + within_seconds
        while self._client.flush(FLUSH_SLICE_SECONDS) > 0:
            if self._clock() >= deadline:
                raise TransactionAborted(
                    f"the brokers did not take the scored events within {within_seconds:.0f} s"
                )
        if self._reports.cause is not None:
            raise self._failure(self._reports.cause)

    def _failure(self, error: KafkaError) -> StreamScorerError:
        failure = translated(error, "producing")
        if isinstance(failure, RecordsRefused):
            return self._reports.refusal(str(failure), self._properties)
        # Without a transaction there is nothing to be fenced from: whatever it was, write it again.
        return TransactionAborted(str(failure)) if isinstance(failure, ProducerLost) else failure


class _Block:
    def __init__(self, client: Producer, reports: Reports) -> None:
        self._client = client
        self._reports = reports
        self.positions: dict[TopicPartition, Position] = {}

    def produce(self, topic: str, events: ScoredEvents) -> None:
        queue(self._client, topic, events, self._reports)

    def send_offsets(self, positions: Mapping[TopicPartition, Position], membership: bytes) -> None:
        del membership  # the consumer's own commit is fenced by its membership
        self.positions.update(positions)
