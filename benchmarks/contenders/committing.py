"""What the plain loops have in common: what they read, until when, and their transactions."""

from __future__ import annotations

import signal
import threading
import time

from confluent_kafka import Consumer, KafkaException, Message, Producer

from benchmarks.contenders.contender import Job


def until_sigterm() -> threading.Event:
    """Return an event that is set when the process is asked to end."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


def consumer_of(job: Job, **more: str) -> Consumer:
    """Return a reader of the job's committed input that commits nothing itself.

    ``more`` are properties, with ``_`` for ``.``.
    """
    return Consumer(
        {
            "bootstrap.servers": job.bootstrap_servers,
            "group.id": job.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            **{name.replace("_", "."): value for name, value in more.items()},
        }
    )


class Transactions:
    """Transactions of a producer that also commit what a consumer has read.

    ``begin`` before the first event, ``commit`` once it is due and everything that was read is
    produced.
    """

    def __init__(self, consumer: Consumer, producer: Producer, commit_seconds: float) -> None:
        self._consumer = consumer
        self._producer = producer
        self._commit_seconds = commit_seconds
        self._began = 0.0
        self._due: float | None = None
        producer.init_transactions()

    def begin(self) -> None:
        """Begin one, unless one is open."""
        if self._due is None:
            self._producer.begin_transaction()
            self._began = time.monotonic()
            self._due = self._began + self._commit_seconds

    def hurry(self, least_seconds: float) -> None:
        """Let the open one be due as soon as it is open for so long: no more events are waiting."""
        if self._due is not None:
            self._due = min(self._due, self._began + least_seconds)

    def seconds_left(self, idle_seconds: float) -> float:
        """Return how long the open one may still wait; ``idle_seconds`` if none is open."""
        if self._due is None:
            return idle_seconds
        return max(0.0, self._due - time.monotonic())

    def is_due(self) -> bool:
        """Return whether one is open, and for long enough."""
        return self._due is not None and time.monotonic() >= self._due

    def commit(self) -> None:
        """Commit the open one, if there is one, with the consumer's position."""
        if self._due is None:
            return
        read = [p for p in self._consumer.position(self._consumer.assignment()) if p.offset >= 0]
        self._producer.send_offsets_to_transaction(read, self._consumer.consumer_group_metadata())
        self._producer.commit_transaction()
        self._due = None


def without_errors(messages: list[Message]) -> list[Message]:
    """Return the messages.

    Raises:
        KafkaException: one of them is an error.
    """
    if any(map(Message.error, messages)):
        raise KafkaException(next(filter(None, map(Message.error, messages))))
    return messages
