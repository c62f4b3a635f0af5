"""Events and scored events as fastavro has them, a dictionary each, in the Confluent framing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro

Row = dict[str, Any]

SCORED: Row = {
    "type": "record",
    "name": "Scored",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "occurred_at", "type": "long"},
        {"name": "score", "type": "float"},
    ],
}

_SCORED_PREFIX = b"\x00\x00\x00\x00\x02"


def event_reader(folder: Path) -> Callable[[bytes], Row]:
    """Return a function from an event's value to a dictionary, for a job's folder."""
    return _reader(json.loads((folder / "schemas" / "event.avsc").read_text()))


def scored_reader() -> Callable[[bytes], Row]:
    """Return a function from a scored event's value to a dictionary."""
    return _reader(SCORED)


def scored_writer() -> Callable[[Row], bytes]:
    """Return a function from a dictionary, of which it may ignore fields, to a scored event."""
    schema = fastavro.parse_schema(SCORED)

    def write(row: Row) -> bytes:
        stream = io.BytesIO()
        stream.write(_SCORED_PREFIX)
        fastavro.schemaless_writer(stream, schema, row)
        return stream.getvalue()

    return write


def _reader(raw_schema: Any) -> Callable[[bytes], Row]:
    schema = fastavro.parse_schema(raw_schema)

    def read(value: bytes) -> Any:
        stream = io.BytesIO(value)
        stream.seek(len(_SCORED_PREFIX))
        return fastavro.schemaless_reader(stream, schema, None)

    return read
