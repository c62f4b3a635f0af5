"""The backlog that contenders race over: what stands where follows from an event's number.

Event ``n`` is in partition ``n % partitions`` at offset ``n // partitions``. So whatever comes out
at the other end can be held against what went in without reading it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from confluent_kafka import Producer, TopicPartition
from numpy.typing import NDArray

from benchmarks import events
from benchmarks.workloads import Workload

PARTITIONS = 4
#: One event in so many has its score checked; prime, so that they are spread over the partitions.
SAMPLED_EVERY = 97

_FIRST_TIMESTAMP_MS = 1_700_000_000_000
_KEY_PREFIX = b"c-"

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Backlog:
    """A topic with ``events`` events and nothing else; ``samples`` are the values of some."""

    topic: str
    partitions: int
    events: int
    has_headers: bool
    mean_bytes: float
    samples: Mapping[int, bytes]

    def places(self) -> list[TopicPartition]:
        """Return the partitions, as the client has them."""
        return [TopicPartition(self.topic, number) for number in range(self.partitions)]

    def headers_of(self, number: int) -> Headers:
        """Return the headers of an event, none or two."""
        if not self.has_headers:
            return []
        return [("trace_id", b"%016x" % (number * 2_654_435_761)), ("channel", b"web")]


def key_of(number: int) -> bytes:
    """Return the key of an event, which no other has."""
    return b"%s%d" % (_KEY_PREFIX, number)


def number_of(key: bytes | None) -> int:
    """Return which event has this key; -1 if none can."""
    digits = (key or b"").removeprefix(_KEY_PREFIX)
    return int(digits) if digits.isdigit() else -1


def timestamps_of(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the timestamps of events, milliseconds since the epoch."""
    return _FIRST_TIMESTAMP_MS + numbers


def fill(bootstrap_servers: str, topic: str, workload: Workload, count: int) -> Backlog:
    """Produce ``count`` events to an empty topic of :data:`PARTITIONS` partitions.

    Raises:
        RuntimeError: the broker does not take them.
    """
    backlog = Backlog(topic, PARTITIONS, count, workload.has_headers, 0.0, {})
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            # A retry never changes which offset an event gets.
            "enable.idempotence": True,
            "linger.ms": 20,
            "compression.type": "lz4",
            "queue.buffering.max.kbytes": 256 * 1024,
            # A coordinator that comes up is waited for; nobody needs to hear of it.
            "log_level": 3,
        }
    )
    size_bytes = 0
    samples = {}
    for number, value in enumerate(events.values(count, kind=workload.kind)):
        size_bytes += len(value)
        if number % SAMPLED_EVERY == 0:
            samples[number] = value
        timestamp = _FIRST_TIMESTAMP_MS + number
        headers = backlog.headers_of(number)
        partition = number % PARTITIONS
        while True:
            try:
                producer.produce(
                    topic, value, key_of(number), partition, None, None, timestamp, headers
                )
                break
            except BufferError:
                producer.poll(0.05)
    if producer.flush(60):
        raise RuntimeError("The broker did not take the backlog within 60 s.")
    return Backlog(topic, PARTITIONS, count, workload.has_headers, size_bytes / count, samples)
