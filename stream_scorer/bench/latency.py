"""Latency: from handing an event to a producer until a reader of committed events has it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from confluent_kafka import Consumer, Message
from confluent_kafka import TopicPartition as ClientPartition
from numpy.typing import NDArray

from stream_scorer.bench.events import FramedEvents
from stream_scorer.bench.ground import Ground
from stream_scorer.bench.worker import Worker
from stream_scorer.bench.writing import NotedEvents
from stream_scorer.errors import Broken
from stream_scorer.kafka.reading import bounds_of
from stream_scorer.traffic.traffic import Traffic

READ_ROWS = 5_000
POLL_SECONDS = 0.1
#: The first events of a rate don't count: clients and caches warm up.
WARM_SHARE, WARM_SECONDS = 0.2, 1.0
#: The measurement is given up if nothing arrives for this long while events are missing.
STALL_SECONDS = 120.0
#: A worker keeps up if at most this time's worth of events are in flight at the last write.
ON_THE_WAY_SECONDS = 1.0
#: A writer that reaches less than this share of the rate could not keep it.
WRITTEN_SHARE = 0.95
MOST_EVENTS = 1_000_000
#: They are kept in memory.
MOST_DIFFERENT = 50_000


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency from event to visible result at one rate, in milliseconds.

    Attributes:
        rate: the requested events per second.
        written_rate: the events per second that were written.
        events: how many count.
        p50, p95, p99, longest: of the time from hand-over to a read-committed reader.
        on_the_way: events that were not visible yet when the last one was written.
        kept_up: whether those are at most a second's worth plus two commit intervals' worth.
    """

    rate: float
    written_rate: float
    events: int
    p50: float
    p95: float
    p99: float
    longest: float
    on_the_way: int
    kept_up: bool

    @property
    def written_as_asked(self) -> bool:
        """Whether the requested rate was reached."""
        return self.written_rate >= WRITTEN_SHARE * self.rate


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate and the duration of writing, and how long a worker may hold events."""

    rate: float
    seconds: float
    commit_interval_seconds: float

    @property
    def count(self) -> int:
        """Return the number of events."""
        return max(1, min(int(self.rate * self.seconds), MOST_EVENTS))


def measure_latency(worker: Worker, ground: Ground, events: FramedEvents, pace: Pace) -> Latency:
    """Write events at a steady rate, and read their results: scored events or dead letters.

    Raises:
        Unreachable: the brokers don't accept the events.
        Broken: some results never become visible.
        StreamScorerError: the worker ended, with its own error.
    """
    values = events.take(min(pace.count, MOST_DIFFERENT))
    key_prefix = b"%g-" % pace.rate
    with _reader(ground) as reader:
        noted = NotedEvents(ground, values, pace.count, key_prefix)
        traffic = noted.at_rate(pace.rate)
        traffic.start()
        try:
            seen, on_the_way = _follow(reader, traffic, worker, pace.count, key_prefix)
        finally:
            traffic.halt(patience_seconds=0.0)
    return latency_of(pace, noted.sent, seen, noted.seconds, on_the_way)


@contextmanager
def _reader(ground: Ground) -> Iterator[Consumer]:
    """Yield a client that reads what is written from now on, as any downstream consumer would."""
    client = Consumer(
        {
            **ground.client,
            "group.id": f"{ground.names.group}-reader",  # required by the client; it never joins
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
        }
    )
    try:
        client.assign(
            [
                ClientPartition(place.topic, place.partition, end)
                for topic in (ground.names.output, ground.names.dead_letters)
                for place, (_, end) in bounds_of(ground.client, topic).items()
            ]
        )
        yield client
    finally:
        client.close()


def _follow(
    reader: Consumer, traffic: Traffic, worker: Worker, count: int, key_prefix: bytes
) -> tuple[NDArray[np.int64], int]:
    """Return when each result was seen, and how many were missing at the last write."""
    seen = np.zeros(count, np.int64)
    on_the_way: int | None = None
    missing, moved = count, time.monotonic()
    while missing:
        messages = _read(reader)
        now = time.perf_counter_ns()
        numbers = _numbers(messages, key_prefix)
        seen[numbers] = now
        if numbers:
            missing, moved = int(np.count_nonzero(seen == 0)), time.monotonic()
        worker.check()
        traffic.check()
        if on_the_way is None and traffic.done:
            on_the_way = missing
        if time.monotonic() - moved > STALL_SECONDS:
            raise Broken(
                f"{missing:,} of {count:,} events have no visible result, and nothing has arrived "
                f"for {STALL_SECONDS:.0f} s."
            )
    return seen, on_the_way or 0


def _read(reader: Consumer) -> list[Message]:
    first = reader.poll(POLL_SECONDS)
    return [] if first is None else [first, *reader.consume(READ_ROWS, 0)]


def _numbers(messages: Sequence[Message], key_prefix: bytes) -> list[int]:
    keys = [message.key() for message in messages if message.error() is None]
    return [int(key[len(key_prefix) :]) for key in keys if key and key.startswith(key_prefix)]


def latency_of(
    pace: Pace,
    sent: NDArray[np.int64],
    seen: NDArray[np.int64],
    seconds: float,
    on_the_way: int,
) -> Latency:
    """Return the latency at a rate.

    Args:
        pace: the requested pace.
        sent: when each event was handed over, in nanoseconds.
        seen: when its result was seen, by the same clock.
        seconds: how long writing took.
        on_the_way: how many had not been seen when writing ended.
    """
    count = len(seen)
    warm = int(min(WARM_SHARE * count, WARM_SECONDS * pace.rate))
    millis = (seen - sent)[warm:] / 1e6
    p50, p95, p99 = np.percentile(millis, [50, 95, 99])
    allowed = pace.rate * (ON_THE_WAY_SECONDS + 2 * pace.commit_interval_seconds)
    return Latency(
        rate=pace.rate,
        written_rate=count / max(seconds, 1e-9),
        events=len(millis),
        p50=float(p50),
        p95=float(p95),
        p99=float(p99),
        longest=float(millis.max()),
        on_the_way=on_the_way,
        kept_up=on_the_way <= allowed,
    )
