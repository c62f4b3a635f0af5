"""The producer that writes events without transactions, and never gives one up."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from stream_scorer.errors import Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.translation import error_of
from stream_scorer.traffic.events import Burst, Outgoing
from stream_scorer.traffic.failures import is_refusal, refusal, unheard

POLL_SECONDS = 0.1
#: How long one call waits for brokers before it checks for a halt.
ATTEMPT_SECONDS = 2.0
#: Queued events in the client use memory.
MOST_WAITING_KBYTES = 256 * 1024


class PlainWriter:
    """An idempotent producer that never gives up an event (``message.timeout.ms`` 0).

    Only one thread at a time may call its methods; any thread may read its numbers.
    """

    def __init__(self, client: Mapping[str, Property], topic: str, halted: threading.Event) -> None:
        self._properties = {
            "linger.ms": 5,
            "queue.buffering.max.kbytes": MOST_WAITING_KBYTES,
            **client,
            "enable.idempotence": True,
            "message.timeout.ms": 0,
            # A callback for each accepted event would cost more than writing it.
            "delivery.report.only.error": True,
            "error_cb": unheard,
        }
        self._topic = topic
        self._halted = halted
        self._client: Producer | None = None
        self._again: deque[Outgoing] = deque()
        self._refused: KafkaError | None = None
        self._handed_over = 0
        self._undelivered = 0
        #: How many events Kafka has accepted, according to the client.
        self.acknowledged = 0
        #: Events whose outcome was unknown when the writer was closed.
        self.in_doubt = 0

    @property
    def under_way(self) -> int:
        """Return how many events Kafka has not accepted yet."""
        return len(self._client or ()) + len(self._again)

    def write(self, burst: Burst) -> None:
        """Hand the events over, after those that must be written again.

        Raises:
            Unreachable: the brokers refuse an event for good.
        """
        self._write_again()
        for event in burst.events:
            self._hand_over(event)

    def serve(self, seconds: float) -> None:
        """Serve the client until it reports something, at most this many seconds.

        Raises:
            Unreachable: the brokers refuse an event for good.
        """
        self._opened().poll(seconds)
        self._count()
        if self._refused is not None:
            raise self._refusal(self._refused)

    def drain(self) -> None:
        """Serve the client until everything is acknowledged, or until the halt.

        Raises:
            Unreachable: the brokers refuse an event for good.
        """
        while self.under_way and not self._halted.is_set():
            self._write_again()
            self.serve(POLL_SECONDS)

    def close(self, deadline: float) -> int:
        """Wait for events in flight; return how many are left at the deadline.

        The client is released, because it would ask for the topic from time to time, and brokers
        may create a topic that is asked for.
        """
        while self._client is not None and len(self._client) and time.monotonic() < deadline:
            self._client.poll(POLL_SECONDS)
        self._count()
        left = len(self._client or ())
        self._undelivered += left
        self.in_doubt += left + len(self._again)
        self._again.clear()
        self._client = None
        return self.in_doubt

    def _opened(self) -> Producer:
        if self._client is None:
            self._client = Producer(self._properties)
        return self._client

    def _write_again(self) -> None:
        while self._again and self._hand_over(self._again[0]):
            self._again.popleft()

    def _hand_over(self, event: Outgoing) -> bool:
        """Hand the event over once the client has room; return whether that was before the halt."""
        while not self._halted.is_set():
            try:
                self._opened().produce(
                    self._topic,
                    event.value,
                    event.key,
                    event.partition,
                    timestamp=event.timestamp_ms,
                    headers=event.headers,
                    on_delivery=partial(self._failed, event),
                )
            except BufferError:
                self.serve(POLL_SECONDS)
            except KafkaException as exception:
                self._recover(error_of(exception))
            else:
                self._handed_over += 1
                return True
        return False

    def _recover(self, error: KafkaError) -> None:
        if error.code() == KafkaError._FATAL:  # noqa: SLF001 - librdkafka's local codes
            self._renew()
        elif is_refusal(error):
            raise self._refusal(error)
        else:
            # A partition that was just added is found when the topic's metadata is read.
            self._halted.wait(POLL_SECONDS)
            with suppress(KafkaException):
                self._opened().list_topics(self._topic, timeout=ATTEMPT_SECONDS)

    def _count(self) -> None:
        # An event may count twice as outstanding until its delivery callback is served.
        taken = self._handed_over - self._undelivered - len(self._client or ())
        self.acknowledged = max(self.acknowledged, taken)

    def _renew(self) -> None:
        # Everything that it still holds is reported as undelivered, and is written again.
        client = self._opened()
        client.purge()
        while len(client) and not self._halted.is_set():
            client.flush(ATTEMPT_SECONDS)
        if not len(client):
            self._client = None

    def _failed(self, event: Outgoing, error: KafkaError, _: Message) -> None:
        self._undelivered += 1
        if is_refusal(error):
            self._refused = error
        else:
            self._again.append(event)

    def _refusal(self, error: KafkaError) -> Unreachable:
        return refusal(self._topic, error, f"WRITE on {self._topic}")
