"""Hands events to a client as fast as it accepts them, and no faster than they are due."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, Message, Producer

from stream_scorer.demo.events import GeneratedEvent

#: The maximum time until a stop is noticed.
SLICE_SECONDS = 0.2

OnDelivery = Callable[[KafkaError | None, Message], None]


def produced(
    producer: Producer,
    topic: str,
    event: GeneratedEvent,
    stopped: threading.Event,
    on_delivery: OnDelivery | None = None,
) -> bool:
    """Hand the event to the client once it has room; return whether that was before the stop."""
    more = {} if on_delivery is None else {"on_delivery": on_delivery}
    while not stopped.is_set():
        try:
            now_ms = time.time_ns() // 1_000_000
            producer.produce(topic, event.value, event.key, timestamp=now_ms, **more)
        except BufferError:
            producer.poll(SLICE_SECONDS)
        else:
            return True
    return False


def serve_until(deadline: float, producer: Producer, stopped: threading.Event) -> None:
    """Serve the client until the time of the next event, or the stop."""
    while not stopped.is_set() and (ahead := deadline - time.monotonic()) > 0:
        producer.poll(min(ahead, SLICE_SECONDS))
