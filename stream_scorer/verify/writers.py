"""Events that are to be written, and the producer that writes them plainly, whatever dies."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from stream_scorer.errors import Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.translation import RECORD_REFUSALS, RIGHTS, describe, error_of
from stream_scorer.records import Headers

POLL_SECONDS = 0.1
ATTEMPT_SECONDS = 2.0


class Outcome(StrEnum):
    """How a burst is written."""

    PLAIN = "plain"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event to be written; the timestamp is milliseconds since the epoch."""

    partition: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Burst:
    """Events that are written one after the other: in one transaction, unless plainly."""

    events: tuple[Outgoing, ...]
    outcome: Outcome = Outcome.PLAIN


class PlainWriter:
    """An idempotent producer that never gives an event up (``message.timeout.ms`` 0).

    Its methods belong to one thread at a time.
    """

    def __init__(self, client: Mapping[str, Property], topic: str, halted: threading.Event) -> None:
        self._properties = {
            **client,
            "enable.idempotence": True,
            "message.timeout.ms": 0,
            "linger.ms": 5,
            "error_cb": unheard,
        }
        self._topic = topic
        self._halted = halted
        self._client: Producer | None = None
        self._again: deque[Outgoing] = deque()
        self._refused: KafkaError | None = None
        self.acknowledged = 0
        #: Events whose fate was unknown when it was closed.
        self.in_doubt = 0

    def write(self, burst: Burst) -> None:
        """Hand the events over, after those that must be written again.

        Raises:
            Unreachable: the brokers refuse an event for good.
        """
        self._again.extend(burst.events)
        self._hand_over()

    def wait_until(self, due: float) -> None:
        """Serve the client until then (monotonic seconds), or until the halt."""
        while not self._halted.is_set():
            left = due - time.monotonic()
            self._poll(max(0.0, min(left, POLL_SECONDS)))
            if left <= 0:
                return

    def drain(self) -> None:
        """Serve the client until all is acknowledged, or until the halt."""
        while (len(self._opened()) or self._again) and not self._halted.is_set():
            self._hand_over()
            self._poll(POLL_SECONDS)

    def close(self, deadline: float) -> int:
        """Wait for what is under way; return how many events are left then.

        The client goes, since it would ask for the topic from time to time, and brokers may create
        what is asked for.
        """
        while self._client is not None and len(self._client) and time.monotonic() < deadline:
            self._client.poll(POLL_SECONDS)
        self.in_doubt += len(self._client or ()) + len(self._again)
        self._again.clear()
        self._client = None
        return self.in_doubt

    def _opened(self) -> Producer:
        if self._client is None:
            self._client = Producer(self._properties)
        return self._client

    def _hand_over(self) -> None:
        while self._again and not self._halted.is_set():
            event = self._again[0]
            try:
                self._opened().produce(
                    self._topic,
                    event.value,
                    event.key,
                    event.partition,
                    timestamp=event.timestamp_ms,
                    headers=event.headers,
                    on_delivery=partial(self._delivered, event),
                )
            except BufferError:
                self._poll(POLL_SECONDS)
            except KafkaException as exception:
                self._recover(error_of(exception))
            else:
                self._again.popleft()

    def _poll(self, seconds: float) -> None:
        self._opened().poll(seconds)
        if self._refused is not None:
            raise refusal(self._topic, self._refused)

    def _recover(self, error: KafkaError) -> None:
        if error.code() == KafkaError._FATAL:  # noqa: SLF001 - librdkafka's local codes start so
            self._renew()
        elif is_refusal(error):
            raise refusal(self._topic, error)
        else:
            # A partition that was added a moment ago is found when the topic is looked at.
            self._halted.wait(POLL_SECONDS)
            with suppress(KafkaException):
                self._opened().list_topics(self._topic, timeout=ATTEMPT_SECONDS)

    def _renew(self) -> None:
        # What it still held is reported as undelivered, and so written again.
        client, self._client = self._opened(), None
        client.purge()
        with suppress(KafkaException):
            client.flush(ATTEMPT_SECONDS)

    def _delivered(self, event: Outgoing, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self.acknowledged += 1
        elif is_refusal(error):
            self._refused = error
        else:
            self._again.append(event)


def is_refusal(error: KafkaError) -> bool:
    """Tell whether writing the event again is of no use."""
    return error.code() in RIGHTS or error.code() in RECORD_REFUSALS


def refusal(topic: str, error: KafkaError) -> Unreachable:
    """Return what ends the proof."""
    return Unreachable(
        f"The brokers refuse the events of the proof for {topic} ({describe(error)}); grant WRITE "
        "on its topics, and WRITE and DESCRIBE on transactional ids that begin with --topic-prefix."
    )


def unheard(_: KafkaError) -> None:
    """Leave it to the calls: what they can't wait out they raise."""
