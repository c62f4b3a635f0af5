"""The demo's producer and its plain reader, both ordinary Kafka clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    Message,
    Producer,
)
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.demo.count import Place, Trace, dead_letter_trace, scored_trace
from stream_scorer.demo.events import events
from stream_scorer.demo.producing import SLICE_SECONDS, OnDelivery, produced, serve_until
from stream_scorer.demo.stories import Story
from stream_scorer.errors import Broken, Unreachable
from stream_scorer.kafka.reading import bounds_of
from stream_scorer.kafka.translation import describe
from stream_scorer.records import Reason, TopicPartition

READ_ROWS = 2_000


class Traffic:
    """Produces a story's events at a steady rate, in its own thread.

    It waits while the client's queue is full. ``sent`` maps every event that Kafka acknowledged to
    its expected result; ``done`` tells whether all events were.
    """

    def __init__(
        self, bootstrap_servers: str, story: Story, count: int, events_per_second: float
    ) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                # Otherwise a retry after a lost answer writes an event twice and counts it once.
                "enable.idempotence": True,
                "linger.ms": 5,
                "log_level": 0,
            }
        )
        self._story = story
        self._count = count
        self._events_per_second = events_per_second
        self._thread = threading.Thread(target=self._run, name="producer", daemon=True)
        self._halted = threading.Event()
        self._failure: Exception | None = None
        self.sent: dict[Place, Reason | None] = {}
        self.done = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def halt(self) -> None:
        """Stop early, and wait for the thread."""
        self._halted.set()
        self._thread.join()

    def waiting(self) -> int:
        """Return how many events in the client are not acknowledged."""
        return len(self._producer)

    def check(self) -> None:
        """Check that the thread still runs or is done, and that no event failed.

        Raises:
            Broken: the thread ended early, or an event could not be written.
        """
        if self._failure is not None:
            raise Broken(f"The demo's producer failed: {self._failure}.") from self._failure

    def _run(self) -> None:
        try:
            self._produce()
        except Exception as failure:  # noqa: BLE001 - re-raised in the other thread
            self._failure = failure

    def _produce(self) -> None:
        producer, started = self._producer, time.monotonic()
        for number, event in enumerate(events(self._story, self._count, seed=1)):
            noting = self._noting(event.reason)
            if not produced(producer, self._story.topic, event, self._halted, noting):
                return
            serve_until(started + number / self._events_per_second, producer, self._halted)
        while len(producer) and not self._halted.is_set():
            producer.poll(SLICE_SECONDS)
        self.done = len(producer) == 0 and self._failure is None

    def _noting(self, reason: Reason | None) -> OnDelivery:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                source = TopicPartition(message.topic(), message.partition())
                self.sent[Place(source, message.offset())] = reason
            elif self._failure is None:
                self._failure = Unreachable(f"an event was not written ({describe(error)})")

        return delivered


class Reader:
    """Reads scored events and dead letters as any read-committed downstream consumer would."""

    def __init__(
        self, bootstrap_servers: str, story: Story, partitions: int, scored_schema: Any
    ) -> None:
        self._story = story
        self._schema = scored_schema
        self._properties = {"bootstrap.servers": bootstrap_servers}
        self._client = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "demo-reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
            }
        )
        self._partitions = [
            ClientPartition(topic, number, OFFSET_BEGINNING)
            for topic in (story.output_topic, story.dead_letter_topic)
            for number in range(partitions)
        ]
        self._client.assign(self._partitions)

    def read(self, timeout_seconds: float) -> list[Trace]:
        """Return the newly visible results, none if none appeared in time."""
        first = self._client.poll(timeout_seconds)
        if first is None:
            return []
        messages = [first, *self._client.consume(READ_ROWS, 0)]
        now_ms = time.time_ns() // 1_000_000
        return list(self._traces(messages, now_ms))

    def read_to_end(self) -> list[Trace]:
        """Return all remaining results; nobody may write any more."""
        traces: list[Trace] = []
        while not self._at_end():
            traces += self.read(0.2)
        return traces

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _traces(self, messages: Sequence[Message], now_ms: int) -> Iterator[Trace]:
        for message in messages:
            if message.error() is not None:
                continue
            stamp = message.timestamp()[1]
            if message.topic() == self._story.output_topic:
                yield scored_trace(message.value(), self._schema, stamp, now_ms)
            else:
                yield dead_letter_trace(message.headers(), stamp, now_ms)

    def _at_end(self) -> bool:
        ends = {
            partition: end
            for topic in (self._story.output_topic, self._story.dead_letter_topic)
            for partition, (_, end) in bounds_of(self._properties, topic).items()
        }
        return all(
            position.offset >= ends[TopicPartition(position.topic, position.partition)]
            for position in self._client.position(self._partitions)
            if ends[TopicPartition(position.topic, position.partition)] > 0
        )
