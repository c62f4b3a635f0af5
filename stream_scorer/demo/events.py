"""A story's events as Kafka records, each with its expected result."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

import fastavro
import numpy as np
from numpy.typing import NDArray

from stream_scorer.demo.faults import Fault
from stream_scorer.demo.simulation import Row
from stream_scorer.demo.stories import Story
from stream_scorer.records import Reason

FAULT_EVERY = 397
"""One event in this many is broken, with each of the story's faults in turn."""

_CHUNK_EVENTS = 4_096
_FIRST_OCCURRED_AT_MS = 1_793_491_200_000  # 2026-11-01T00:00:00Z
_UPGRADE = (0.4, 0.6)  # between these fractions of the run producers move to the newest schema


class GeneratedEvent(NamedTuple):
    """A Kafka record to produce; ``reason`` is why it must be dead-lettered, None if scored."""

    key: bytes
    value: bytes | None
    reason: Reason | None


def events(story: Story, count: int, seed: int, first: int = 0) -> Iterator[GeneratedEvent]:
    """Yield ``count`` events in Confluent framing; the same seed gives the same events.

    They are numbered from ``first``: their ids, times and faults follow from the number.

    They are written by fastavro, row by row, as by any producer: the final count must not depend on
    the encoder and decoder that it checks.
    """
    rng = np.random.default_rng(seed)
    write = [_writer(story, schema_id) for schema_id in story.writers]
    for start in range(0, count, _CHUNK_EVENTS):
        places = np.arange(start, min(start + _CHUNK_EVENTS, count))
        rows = story.simulate(len(places), rng).rows()
        versions = _versions(places / count, len(write), rng)
        numbers = (first + places).tolist()
        for number, version, row in zip(numbers, versions, rows, strict=True):
            row["event_id"] = f"{story.name}-{number:08d}"
            row["occurred_at"] = _FIRST_OCCURRED_AT_MS + number
            yield _event(story, row, write[version], fault_of(story, number))


def fault_of(story: Story, number: int) -> Fault | None:
    """Return the fault of the story's event with this number, None for an intact event."""
    turn, place = divmod(number, FAULT_EVERY)
    return story.faults[turn % len(story.faults)] if place == FAULT_EVERY - 1 else None


def _event(
    story: Story, row: Row, write: Callable[[Row], bytes], fault: Fault | None
) -> GeneratedEvent:
    key = row[story.key].encode()
    if fault is None:
        return GeneratedEvent(key, write(row), None)
    return GeneratedEvent(key, fault.spoil_value(write(fault.spoil_row(row))), fault.reason)


def _versions(progress: NDArray[np.float64], count: int, rng: np.random.Generator) -> list[int]:
    """Return the writer schema of each event: the old one, a mix for a while, then the new one."""
    begin, end = _UPGRADE
    share = np.clip((progress - begin) / (end - begin), 0, 1)
    versions: list[int] = (share * (count - 1) + rng.random(len(share))).astype(int).tolist()
    return versions


def _writer(story: Story, schema_id: int) -> Callable[[Row], bytes]:
    schema = fastavro.schema.load_schema(story.writers[schema_id])
    prefix = b"\x00" + schema_id.to_bytes(4, "big")

    def write(row: Row) -> bytes:
        stream = io.BytesIO()
        stream.write(prefix)
        fastavro.schemaless_writer(stream, schema, row)
        return stream.getvalue()

    return write
