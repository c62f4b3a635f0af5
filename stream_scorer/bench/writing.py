"""Writes the events of a benchmark: a backlog, or events whose hand-over times are recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stream_scorer.bench.events import FramedEvents
from stream_scorer.bench.ground import Ground
from stream_scorer.errors import Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.traffic.events import Burst, Outgoing
from stream_scorer.traffic.paces import Backlog, Steady
from stream_scorer.traffic.traffic import Traffic

CHUNK = 4_096
#: Queued events in the client use memory.
MOST_WAITING = 50_000
#: Give up on brokers that accept nothing for this long.
STALL_SECONDS = 60.0
LOOK_SECONDS = 1.0
BACKLOG: Mapping[str, Property] = {"linger.ms": 20, "compression.type": "lz4"}
#: An event is sent at once, except that events of the same millisecond are sent together.
STEADY: Mapping[str, Property] = {"linger.ms": 1}


def fill(ground: Ground, events: FramedEvents, count: int) -> int:
    """Write a backlog, spread evenly; return its size in bytes.

    Raises:
        Unreachable: the brokers don't accept it.
    """
    size_bytes = 0

    def bursts() -> Iterator[Burst]:
        nonlocal size_bytes
        for start in range(0, count, CHUNK):
            values = events.take(min(CHUNK, count - start))
            size_bytes += sum(map(len, values))
            numbered = enumerate(values, start)
            yield Burst(tuple(_event(ground, number, value) for number, value in numbered))

    # No worker consumes it yet, so only the client's queue is bounded.
    pace = Backlog(MOST_WAITING, behind=lambda: 0)
    traffic = Traffic({**ground.client, **BACKLOG}, ground.names.input, bursts(), pace)
    traffic.start()
    try:
        _wait_for_the_end(traffic, count)
    finally:
        traffic.halt(patience_seconds=0.0)
    traffic.check()
    return size_bytes


def _wait_for_the_end(traffic: Traffic, count: int) -> None:
    taken, moved = 0, time.monotonic()
    while not traffic.wait(LOOK_SECONDS):
        if traffic.acknowledged > taken:
            taken, moved = traffic.acknowledged, time.monotonic()
        elif time.monotonic() - moved > STALL_SECONDS:
            raise Unreachable(
                f"The brokers have not accepted {count - taken:,} events after {STALL_SECONDS:g} s."
            )


class NotedEvents:
    """Events that are written one by one, with the hand-over time of each.

    ``sent`` holds nanoseconds of ``time.perf_counter_ns``, 0 for an event that was not sent yet. An
    event's key is ``key_prefix`` and its number.

    Args:
        ground: the cluster to write to.
        values: the events, repeated if there are fewer than ``count``.
        count: how many to write.
        key_prefix: the prefix of their keys.
    """

    def __init__(
        self, ground: Ground, values: Sequence[bytes], count: int, key_prefix: bytes
    ) -> None:
        self._ground = ground
        self._values = values
        self._key_prefix = key_prefix
        self.sent: NDArray[np.int64] = np.zeros(count, np.int64)
        #: The duration of writing, once it is done.
        self.seconds = 0.0

    def at_rate(self, events_per_second: float) -> Traffic:
        """Return the traffic that writes them at this rate."""
        client = {**self._ground.client, **STEADY}
        return Traffic(client, self._ground.names.input, self._bursts(), Steady(events_per_second))

    def _bursts(self) -> Iterator[Burst]:
        started, different = time.perf_counter(), len(self._values)
        for number in range(len(self.sent)):
            value = self._values[number % different]
            event = _event(self._ground, number, value, self._key_prefix)
            self.sent[number] = time.perf_counter_ns()
            yield Burst((event,))
        self.seconds = time.perf_counter() - started


def _event(ground: Ground, number: int, value: bytes, key_prefix: bytes = b"") -> Outgoing:
    return Outgoing(number % ground.partitions, key_prefix + b"%d" % number, value)
