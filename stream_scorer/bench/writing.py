"""Events onto the input topic: all at once, or one after the other at a steady rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from numpy.typing import NDArray

from stream_scorer.bench.events import FramedEvents
from stream_scorer.bench.ground import Ground
from stream_scorer.errors import Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.translation import describe, error_of

CHUNK = 4_096
#: What waits in the client is memory.
MOST_WAITING = 50_000
FLUSH_SECONDS = 60.0
PAUSE_SECONDS = 0.05
BACKLOG: Mapping[str, Property] = {"linger.ms": 20, "compression.type": "lz4"}
#: An event leaves at once, but for those that are handed over in the same millisecond.
STEADY: Mapping[str, Property] = {"linger.ms": 1}


class _Failures:
    """Remembers the first event that was not delivered."""

    def __init__(self) -> None:
        self.first: KafkaError | None = None

    def delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None and self.first is None:
            self.first = error


def fill(ground: Ground, events: FramedEvents, count: int) -> int:
    """Write a backlog, spread evenly; return how many bytes it has.

    Raises:
        Unreachable: the brokers don't take it.
    """
    failures = _Failures()
    producer = _producer(ground, BACKLOG, failures)
    size_bytes = 0
    for start in range(0, count, CHUNK):
        values = events.take(min(CHUNK, count - start))
        for number, value in enumerate(values, start):
            size_bytes += len(value)
            _produce(
                producer, ground.names.input, value, b"%d" % number, number % ground.partitions
            )
        while len(producer) > MOST_WAITING and failures.first is None:
            producer.poll(PAUSE_SECONDS)
        _check(failures, ground.names.input)
    left = producer.flush(FLUSH_SECONDS)
    _check(failures, ground.names.input)
    if left:
        raise Unreachable(f"The brokers have not taken {left:,} events after {FLUSH_SECONDS:g} s.")
    return size_bytes


class SteadyWriter:
    """Writes events at a steady rate, in a thread of its own; notes when each was handed over.

    ``sent`` holds nanoseconds of ``time.perf_counter_ns``, 0 for an event that was not sent yet.
    An event's key is ``key_prefix`` and its number.

    Args:
        ground: where to.
        values: the events, over and over if there are fewer than ``count``.
        count: how many to write.
        rate: events a second.
        key_prefix: what their keys begin with.
    """

    def __init__(
        self,
        ground: Ground,
        values: Sequence[bytes],
        count: int,
        *,
        rate: float,
        key_prefix: bytes,
    ) -> None:
        self._failures = _Failures()
        self._producer = _producer(ground, STEADY, self._failures)
        self._topic = ground.names.input
        self._partitions = ground.partitions
        self._values = values
        self._rate = rate
        self._key_prefix = key_prefix
        self._halted = threading.Event()
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._refused: Unreachable | None = None
        self.sent: NDArray[np.int64] = np.zeros(count, np.int64)
        #: How long writing took, once it is done.
        self.seconds = 0.0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether all events are handed over."""
        return not self._thread.is_alive()

    def check(self) -> None:
        """Say that an event was not delivered.

        Raises:
            Unreachable: the brokers did not take it.
        """
        if self._refused is not None:
            raise self._refused
        _check(self._failures, self._topic)

    def halt(self) -> None:
        """End early, and wait for the thread."""
        self._halted.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _write(self) -> None:
        started = time.perf_counter()
        try:
            self._keep_pace(started)
        except Unreachable as refused:
            self._refused = refused
        self.seconds = time.perf_counter() - started
        if not self._halted.is_set():
            self._producer.flush(FLUSH_SECONDS)

    def _keep_pace(self, started: float) -> None:
        number, count, different = 0, len(self.sent), len(self._values)
        while number < count and not self._halted.is_set():
            elapsed = time.perf_counter() - started
            for due in range(number, min(count, int(elapsed * self._rate) + 1)):
                self.sent[due] = time.perf_counter_ns()
                value, key = self._values[due % different], self._key_prefix + b"%d" % due
                _produce(self._producer, self._topic, value, key, due % self._partitions)
                number = due + 1
            ahead = number / self._rate - (time.perf_counter() - started)
            self._producer.poll(min(max(ahead, 0.0), PAUSE_SECONDS))


def _producer(ground: Ground, more: Mapping[str, Property], failures: _Failures) -> Producer:
    properties: dict[str, Any] = {
        "queue.buffering.max.messages": 4 * MOST_WAITING,
        **ground.client,
        **more,
        "enable.idempotence": True,
        "delivery.report.only.error": True,
        "on_delivery": failures.delivered,
        "error_cb": _unheard,
    }
    return Producer(properties)


def _produce(producer: Producer, topic: str, value: bytes, key: bytes, partition: int) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
        except BufferError:
            producer.poll(PAUSE_SECONDS)
        except KafkaException as exception:
            raise _refused(topic, error_of(exception)) from exception
        else:
            return


def _check(failures: _Failures, topic: str) -> None:
    if failures.first is not None:
        raise _refused(topic, failures.first)


def _refused(topic: str, error: KafkaError) -> Unreachable:
    return Unreachable(f"The brokers don't take the events for {topic} ({describe(error)}).")


def _unheard(_: KafkaError) -> None:
    """Leave it to the calls and the deliveries."""
