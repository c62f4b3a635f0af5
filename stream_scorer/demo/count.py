"""The final count: whether every event has exactly one result, and the right one."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import fastavro
import numpy as np

from stream_scorer.records import Headers, Reason, TopicPartition

_FRAMING_BYTES = 5
_PLACE = ("topic", "partition", "offset")


class Place(NamedTuple):
    """The position of an event in Kafka."""

    source: TopicPartition
    offset: int

    def __str__(self) -> str:
        return f"{self.source.topic}[{self.source.partition}]@{self.offset}"


class Trace(NamedTuple):
    """A record that a ``read_committed`` reader found in the output or dead-letter topic.

    ``timestamp_ms`` is the record's timestamp, which equals the input event's; ``seen_ms`` is when
    the reader received it. ``reason`` is None for a scored event.
    """

    place: Place
    reason: Reason | None
    timestamp_ms: int
    seen_ms: int


def scored_trace(value: bytes, schema: Any, timestamp_ms: int, seen_ms: int) -> Trace:
    """Return the result that a scored event represents, from its field ``source``.

    Args:
        value: the Kafka value, with Confluent's prefix.
        schema: the schema of the scored event, parsed by fastavro.
        timestamp_ms: the record's timestamp, milliseconds since the epoch.
        seen_ms: when the reader received it, milliseconds since the epoch.
    """
    event: Any = fastavro.schemaless_reader(io.BytesIO(value[_FRAMING_BYTES:]), schema, None)
    source = event["source"]
    place = Place(TopicPartition(source["topic"], source["partition"]), source["offset"])
    return Trace(place, None, timestamp_ms, seen_ms)


def dead_letter_trace(headers: Headers, timestamp_ms: int, seen_ms: int) -> Trace:
    """Return the result that a dead letter represents, from its headers; arguments as above."""
    found = {name: value for name, value in headers if value is not None}
    topic, partition, offset = (found[f"__streams.errors.{name}"].decode() for name in _PLACE)
    place = Place(TopicPartition(topic, int(partition)), int(offset))
    return Trace(place, Reason(found["stream_scorer.reason"].decode()), timestamp_ms, seen_ms)


@dataclass(frozen=True, slots=True)
class Tally:
    """The outcome of the count.

    ``duplicated`` counts results beyond an event's first. ``unexpected`` has a sentence for each
    result of an event that was never sent, was scored instead of dead-lettered or the other way
    round, or has the wrong reason. ``out_of_order`` counts scored events read after a later one of
    the same input partition. The rate is results over the time from the first event's timestamp to
    the last result; a latency is the time from an event's timestamp until its result was seen.
    """

    events_in: int
    scored: int
    dead_letters: Mapping[Reason, int]
    duplicated: int
    missing: int
    out_of_order: int
    unexpected: tuple[str, ...]
    events_per_second: float
    p50_latency_ms: float
    p99_latency_ms: float

    @property
    def dead_lettered(self) -> int:
        """Return how many events became dead letters."""
        return sum(self.dead_letters.values())

    @property
    def exact(self) -> bool:
        """Return whether each event has exactly one result, the right one, in order."""
        wrong = self.duplicated + self.missing + self.out_of_order + len(self.unexpected)
        return wrong == 0 and self.scored + self.dead_lettered == self.events_in


def count(expected: Mapping[Place, Reason | None], traces: Iterable[Trace]) -> Tally:
    """Compare the results with what was sent.

    Args:
        expected: every event sent, and why it must be dead-lettered (None: it must be scored).
        traces: the results read, each topic partition in its own order.
    """
    first: dict[Place, Trace] = {}
    newest: dict[TopicPartition, int] = {}
    duplicated = out_of_order = 0
    unexpected = []
    for trace in traces:
        source, offset = trace.place
        if trace.place not in expected:
            unexpected.append(f"{trace.place} was never sent.")
        elif trace.place in first:
            duplicated += 1
        else:
            first[trace.place] = trace
            wanted = expected[trace.place]
            if trace.reason != wanted:
                unexpected.append(f"{trace.place} is {_fate(trace.reason)}, not {_fate(wanted)}.")
            if trace.reason is None:
                out_of_order += offset < newest.get(source, -1)
                newest[source] = max(offset, newest.get(source, -1))
    reasons = Counter(trace.reason for trace in first.values())
    scored = reasons.pop(None, 0)
    dead_letters = {reason: number for reason, number in reasons.items() if reason is not None}
    return Tally(
        len(expected),
        scored,
        dead_letters,
        duplicated,
        len(expected) - len(first),
        out_of_order,
        tuple(unexpected),
        *_pace(list(first.values())),
    )


def _fate(reason: Reason | None) -> str:
    return "scored" if reason is None else f"dead-lettered as {reason}"


def _pace(traces: list[Trace]) -> tuple[float, float, float]:
    """Return events per second, and the p50 and p99 of the latency in milliseconds."""
    if not traces:
        return 0.0, 0.0, 0.0
    sent = np.array([trace.timestamp_ms for trace in traces])
    seen = np.array([trace.seen_ms for trace in traces])
    seconds = max(int(seen.max() - sent.min()), 1) / 1_000
    p50, p99 = np.percentile(seen - sent, [50, 99])
    return len(traces) / seconds, float(p50), float(p99)
