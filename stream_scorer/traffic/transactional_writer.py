"""The producer that writes bursts in transactions, some of which abort."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.translation import error_of
from stream_scorer.traffic.events import Burst, Outcome, Outgoing
from stream_scorer.traffic.failures import is_refusal, refusal, unheard
from stream_scorer.traffic.plain_writer import ATTEMPT_SECONDS, MOST_WAITING_KBYTES, POLL_SECONDS

#: The wait after a failure that may be transient.
PAUSE_SECONDS = 0.5


class TransactionalWriter:
    """Writes a burst in one transaction, repeatedly until it has the intended outcome."""

    def __init__(
        self,
        client: Mapping[str, Property],
        topic: str,
        halted: threading.Event,
        transaction_seconds: float,
    ) -> None:
        self._properties = {
            "queue.buffering.max.kbytes": MOST_WAITING_KBYTES,
            **client,
            "transactional.id": f"{topic}-{uuid.uuid4().hex[:8]}",
            "transaction.timeout.ms": int(transaction_seconds * 1000),
            "message.timeout.ms": int(transaction_seconds * 800),
            "linger.ms": 0,
            "retry.backoff.ms": 5,
            "retry.backoff.max.ms": 50,
            "delivery.report.only.error": True,
            "error_cb": unheard,
        }
        self._topic = topic
        self._halted = halted
        self._client: Producer | None = None
        self._refused: KafkaError | None = None
        self.acknowledged = 0
        #: Events of a transaction whose outcome was unknown at the halt.
        self.in_doubt = 0

    def write(self, burst: Burst) -> None:
        """Write a burst; repeat it if its transaction fails or its outcome stays unknown.

        Nothing is written after the halt.

        Raises:
            Unreachable: the brokers refuse an event or the transactional id.
        """
        while not self._halted.is_set():
            try:
                self._attempt(burst)
            except KafkaException as exception:
                self._recover(error_of(exception))
                if self._halted.wait(PAUSE_SECONDS):
                    self.in_doubt = len(burst.events)
            else:
                if burst.outcome is Outcome.COMMITTED:
                    self.acknowledged += len(burst.events)
                return

    def close(self) -> int:
        """Release the client; return how many events have an unknown outcome."""
        self._client = None
        return self.in_doubt

    def _attempt(self, burst: Burst) -> None:
        if self._client is None:
            client = Producer(self._properties)
            self._repeat(client.init_transactions)
            self._client = client
        client = self._client
        client.begin_transaction()
        for event in burst.events:
            self._produce(client, event)
        if burst.outcome is Outcome.ABORTED:
            client.flush(ATTEMPT_SECONDS)  # so that aborted records are in the log
            self._repeat(client.abort_transaction)
        else:
            self._repeat(client.commit_transaction)

    def _produce(self, client: Producer, event: Outgoing) -> None:
        while True:
            try:
                client.produce(
                    self._topic,
                    event.value,
                    event.key,
                    event.partition,
                    timestamp=event.timestamp_ms,
                    headers=event.headers,
                    on_delivery=self._failed,
                )
            except BufferError:
                client.poll(POLL_SECONDS)
            else:
                return

    def _repeat(self, call: Callable[[float], None]) -> None:
        # After a timeout the call is still in progress: repeating it resumes it.
        while True:
            try:
                call(ATTEMPT_SECONDS)
            except KafkaException as exception:
                if not error_of(exception).retriable() or self._halted.is_set():
                    raise
            else:
                return

    def _recover(self, error: KafkaError) -> None:
        refused = self._refused or (error if is_refusal(error) else None)
        if refused is not None:
            ids = f"transactional ids that begin with {self._topic}-"
            rights = f"WRITE on {self._topic}, and WRITE and DESCRIBE on {ids}"
            raise refusal(self._topic, refused, rights)
        if self._client is not None and error.txn_requires_abort():
            try:
                self._repeat(self._client.abort_transaction)
            except KafkaException:
                pass
            else:
                return
        # Its open transaction is aborted by the successor, or by the brokers after the timeout.
        self._client = None

    def _failed(self, error: KafkaError, _: Message) -> None:
        if is_refusal(error):
            self._refused = error
