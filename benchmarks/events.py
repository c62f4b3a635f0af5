"""The events of the benchmarks: a seed says which, and every one is different.

Re-scoring the same rows would train the branch predictor of the CPU, so they differ. They are
written a column at a time, half a million within seconds; a test holds them against fastavro.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from stream_scorer.avro.encoder import compile_encoder
from stream_scorer.avro.schema import parse
from stream_scorer.columns import Column, Columns, Lists, Numbers, Texts

SCHEMA_ID = 1

_NULL_SHARE = 0.1
_FIRST_OCCURRED_AT_MS = 1_793_491_200_000
_BLOCK_ROWS = 1_000


def _record(*fields: dict[str, Any]) -> dict[str, Any]:
    heading = [
        {"name": "event_id", "type": "string"},
        # Without its logical type, which fastavro would turn into a datetime a row.
        {"name": "occurred_at", "type": "long"},
    ]
    return {
        "type": "record",
        "name": "Event",
        "namespace": "benchmarks",
        "fields": [*heading, *fields],
    }


class Kind(Protocol):
    """Events of one schema."""

    @property
    def schema(self) -> dict[str, Any]:
        """Return the Avro schema, as JSON has it."""

    @property
    def features(self) -> tuple[str, ...]:
        """Return the fields that the model reads, in its order."""

    def columns(self, rng: np.random.Generator, numbers: range) -> dict[str, Column]:
        """Return the fields of the events of these numbers."""


@dataclass(frozen=True, slots=True)
class Flat:
    """A field for each feature: doubles, then nullable doubles of which one in ten is null.

    An id, a time and a string that no model reads come first.
    """

    doubles: tuple[str, ...]
    nullable: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Return the fields that the model reads, in its order."""
        return self.doubles + self.nullable

    @property
    def schema(self) -> dict[str, Any]:
        """Return the Avro schema, as JSON has it."""
        union = ["null", "double"]
        return _record(
            {"name": "customer", "type": "string"},
            *({"name": name, "type": "double"} for name in self.doubles),
            *({"name": name, "type": union, "default": None} for name in self.nullable),
        )

    def columns(self, rng: np.random.Generator, numbers: range) -> dict[str, Column]:
        """Return the fields of the events of these numbers."""
        values = rng.normal(size=(len(numbers), len(self.features)))
        present = rng.random((len(numbers), len(self.nullable))) >= _NULL_SHARE
        wide, split = values.T, len(self.doubles)
        return {
            **_heading(numbers),
            "customer": _texts([b"c-%05d" % (number % 9_973) for number in numbers]),
            **{name: Numbers(column) for name, column in zip(self.doubles, wide, strict=False)},
            **{
                name: Numbers(column, there)
                for name, column, there in zip(self.nullable, wide[split:], present.T, strict=True)
            },
        }


@dataclass(frozen=True, slots=True)
class Pixels:
    """One array of floats between 0 and 1 is all that the model reads; an id and a time."""

    width: int

    @property
    def features(self) -> tuple[str, ...]:
        """Return the field that the model reads."""
        return ("image",)

    @property
    def schema(self) -> dict[str, Any]:
        """Return the Avro schema, as JSON has it."""
        return _record({"name": "image", "type": {"type": "array", "items": "float"}})

    def columns(self, rng: np.random.Generator, numbers: range) -> dict[str, Column]:
        """Return the fields of the events of these numbers."""
        pixels = rng.random(len(numbers) * self.width, dtype=np.float32)
        lengths = np.full(len(numbers), self.width, np.int64)
        return {**_heading(numbers), "image": Lists(lengths, Numbers(pixels))}


def flat(features: int) -> Flat:
    """Return events with so many features, two in fifteen of them nullable."""
    names = tuple(f"feature_{number:02d}" for number in range(features))
    split = features - features * 2 // 15
    return Flat(names[:split], names[split:])


STANDARD = flat(30)
DOUBLES = STANDARD.doubles
NULLABLE = STANDARD.nullable
FEATURES = STANDARD.features
SCHEMA = STANDARD.schema


def rows(count: int, seed: int = 1, kind: Kind = STANDARD) -> Iterator[dict[str, Any]]:
    """Yield ``count`` different events as dictionaries; the same seed gives the same events."""
    for numbers, columns in _blocks(count, seed, kind):
        values = [_python(column) for column in columns.values()]
        for row in range(len(numbers)):
            yield {name: value[row] for name, value in zip(columns, values, strict=True)}


def values(
    count: int, seed: int = 1, prefix: bytes | None = None, kind: Kind = STANDARD
) -> Iterator[bytes]:
    """Yield ``count`` events as Avro bytes after a prefix, by default Confluent's with our id."""
    encoder = compile_encoder(parse(kind.schema))
    head = b"\x00" + SCHEMA_ID.to_bytes(4, "big") if prefix is None else prefix
    for numbers, columns in _blocks(count, seed, kind):
        yield from encoder.encode(columns, len(numbers), head)


def _blocks(count: int, seed: int, kind: Kind) -> Iterator[tuple[range, Columns]]:
    rng = np.random.default_rng(seed)
    for start in range(0, count, _BLOCK_ROWS):
        numbers = range(start, min(start + _BLOCK_ROWS, count))
        yield numbers, kind.columns(rng, numbers)


def _heading(numbers: range) -> dict[str, Column]:
    return {
        "event_id": _texts([b"evt-%08d" % number for number in numbers]),
        "occurred_at": Numbers(_FIRST_OCCURRED_AT_MS + np.array(numbers, np.int64)),
    }


def _texts(texts: list[bytes]) -> Texts:
    lengths = np.array([len(text) for text in texts], np.int64)
    return Texts(b"".join(texts), np.cumsum(lengths) - lengths, lengths)


def _python(column: Column) -> list[Any]:
    """Return a column's values as fastavro has them."""
    match column:
        case Texts():
            return [text.decode() for text in column.to_bytes()]
        case Lists(lengths, Numbers(numbers)):
            parts = np.split(numbers, np.cumsum(lengths)[:-1])
            return [part.tolist() for part in parts]
        case Numbers(numbers, present) if present is not None:
            pairs = zip(numbers.tolist(), present.tolist(), strict=True)
            return [number if there else None for number, there in pairs]
        case Numbers(numbers):
            return list(numbers.tolist())
        case _:
            raise TypeError(f"no event has a column of {type(column).__name__}")
