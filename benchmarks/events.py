"""The events of the benchmarks: 30 features in 273 bytes, every one different.

26 doubles, 4 nullable doubles of which one in ten is null, an id, a time and two strings that no
model reads. Re-scoring the same rows would train the branch predictor of the CPU, so they differ.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import fastavro
import numpy as np

SCHEMA_ID = 1
DOUBLES = tuple(f"feature_{number:02d}" for number in range(26))
NULLABLE = tuple(f"feature_{number:02d}" for number in range(26, 30))
FEATURES = DOUBLES + NULLABLE

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Event",
    "namespace": "benchmarks",
    "fields": [
        {"name": "event_id", "type": "string"},
        # Without its logical type, which fastavro would turn into a datetime a row.
        {"name": "occurred_at", "type": "long"},
        {"name": "customer", "type": "string"},
        *({"name": name, "type": "double"} for name in DOUBLES),
        *({"name": name, "type": ["null", "double"], "default": None} for name in NULLABLE),
    ],
}

_NULL_SHARE = 0.1
_FIRST_OCCURRED_AT_MS = 1_793_491_200_000


def rows(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield ``count`` different events as dictionaries; the same seed gives the same events."""
    rng = np.random.default_rng(seed)
    for start in range(0, count, 1_000):
        numbers = range(start, min(start + 1_000, count))
        features = rng.normal(size=(len(numbers), len(FEATURES)))
        nulls = rng.random((len(numbers), len(NULLABLE))) < _NULL_SHARE
        values: Any = features.astype(object)
        values[:, len(DOUBLES) :][nulls] = None
        for number, row in zip(numbers, values.tolist(), strict=True):
            yield {
                "event_id": f"evt-{number:08d}",
                "occurred_at": _FIRST_OCCURRED_AT_MS + number,
                "customer": f"c-{number % 9_973:05d}",
            } | dict(zip(FEATURES, row, strict=True))


def values(count: int, seed: int = 1, prefix: bytes | None = None) -> Iterator[bytes]:
    """Yield ``count`` events as Avro bytes after a prefix, by default Confluent's with our id."""
    schema = fastavro.parse_schema(SCHEMA)
    head = b"\x00" + SCHEMA_ID.to_bytes(4, "big") if prefix is None else prefix
    for row in rows(count, seed):
        stream = io.BytesIO()
        stream.write(head)
        fastavro.schemaless_writer(stream, schema, row)
        yield stream.getvalue()
