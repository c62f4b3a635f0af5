"""The events to score: from a file, repeated as needed, or made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Protocol

from stream_scorer.avro.container import open_container
from stream_scorer.avro.schema import Schema
from stream_scorer.errors import ConfigError

#: The amount of a file that is kept in memory; the rest is not used.
MOST_BYTES = 256 * 2**20


class Events(Protocol):
    """Any number of events, all written with one schema."""

    schema: Schema

    def take(self, count: int) -> list[bytes]:
        """Return the next ``count`` events as Avro bytes, without framing."""


@dataclass(slots=True)
class FileEvents:
    """The events of an Avro object container file, repeated in their order.

    ``distinct`` is how many there are; ``cut`` tells whether the file holds more.
    """

    schema: Schema
    distinct: int
    cut: bool
    _endless: Iterator[bytes] = field(repr=False)

    @classmethod
    def of(cls, path: Path) -> FileEvents:
        """Read the file, as much of it as is kept in memory.

        Raises:
            ConfigError: the file can't be read, is not an Avro file, or has no events.
        """
        datums: list[bytes] = []
        kept_bytes, cut = 0, False
        with open_container(path) as container:
            for block in container.blocks:
                datums += block.datums
                kept_bytes += sum(map(len, block.datums))
                if kept_bytes >= MOST_BYTES:
                    cut = block.bytes_read < container.size_bytes
                    break
            schema = container.schema
        if not datums:
            raise ConfigError(f"--input {path} has no events.")
        return cls(schema, len(datums), cut, cycle(datums))

    def take(self, count: int) -> list[bytes]:
        """Return the next ``count`` events as Avro bytes, without framing."""
        return list(islice(self._endless, count))


@dataclass(frozen=True, slots=True)
class FramedEvents:
    """Events as they are in Kafka: after a prefix that names their schema."""

    events: Events
    prefix: bytes

    def take(self, count: int) -> list[bytes]:
        """Return the next ``count`` events."""
        prefix = self.prefix
        return [prefix + datum for datum in self.events.take(count)]
