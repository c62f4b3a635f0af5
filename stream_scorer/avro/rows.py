"""The decoder that goes row by row through fastavro: the columnar plan's strict twin.

It takes over where the plan does not cover a schema, explains what the plan finds malformed, and is
the plan's oracle in tests. Each event is first walked by :mod:`stream_scorer.avro.strict`, since
fastavro accepts bytes left over, ints beyond 32 bits, varints of any length, the union index -1 and
absurd block counts. Then fastavro reads it, with a schema of equal wire format that keeps what
schema resolution needs: which branch of a union was written, each bit of a float, and strings that
need not be UTF-8 unless they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import fastavro

from stream_scorer.avro.building import column_of, texts
from stream_scorer.avro.copied_rows import Copies, copying
from stream_scorer.avro.resolution import resolve
from stream_scorer.avro.schema import Schema, type_at
from stream_scorer.avro.strict import Malformed, well_formed
from stream_scorer.avro.types import Array, Fixed, Map, Primitive, Record, Type, Union
from stream_scorer.avro.values import reading_at
from stream_scorer.avro.wanted import tree_of
from stream_scorer.columns import Column, Encoded, Payloads

_BARE = {"null": "null", "boolean": 1, "int": "long", "long": "long", "float": 4}
_BARE |= {"double": "double", "bytes": "bytes", "string": "bytes"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Columns of all rows, harmless where a row is malformed, and why each of those is.

    Attributes:
        columns: By dotted path of the reader's field; each has a row for every event.
        malformed: Row number to one sentence.
        copied: Fields to copy, by dotted path of the reader's field, in the same way.
    """

    columns: dict[str, Column]
    malformed: dict[int, str]
    copied: dict[str, Encoded] = field(default_factory=dict)


class RowDecoder:
    """Decodes events of one writer to columns of one reader, one event at a time."""

    def __init__(
        self, writer: Schema, reader: Schema, wanted: Sequence[str], copied: Sequence[str] = ()
    ) -> None:
        """Resolve the schemas.

        Args:
            writer: What the events were written with.
            reader: What they are read as.
            wanted: Dotted paths of the reader's fields.
            copied: Those of the fields to copy.

        Raises:
            ConfigError: The reader has no such field.
            ContractError: No event of the writer can be read as the reader.
        """
        self._types = {path: type_at(reader, path)[0] for path in wanted}
        action = resolve(writer.root, reader.root)
        self._readings = [reading_at(action, path.split("."), path) for path in self._types]
        self._copied = tuple(dict.fromkeys(copied))
        self._copy = copying(action, tree_of(reader, (), self._copied), "")
        self._check = well_formed(writer.root)
        self._bare = fastavro.parse_schema(_BareSchema().of(writer.root))

    def decode(self, payloads: Payloads) -> Decoded:
        """Return the wanted columns, and which rows are malformed and why."""
        values: list[list[Any]] = [[] for _ in self._readings]
        copies: list[Copies] = []
        malformed: dict[int, str] = {}
        for row, (start, end) in enumerate(
            zip(payloads.starts.tolist(), payloads.ends.tolist(), strict=True)
        ):
            copied: Copies = {}
            try:
                event = self._event(payloads.buffer[start:end], copied)
            except Malformed as error:
                malformed[row] = str(error)
                event, copied = [None] * len(self._readings), {}
            for column, value in zip(values, event, strict=True):
                column.append(value)
            copies.append(copied)
        columns = {
            path: column_of(column, self._types[path])
            for path, column in zip(self._types, values, strict=True)
        }
        encoded = {
            path: Encoded(texts([each.get(path, b"") for each in copies])) for path in self._copied
        }
        return Decoded(columns, malformed, encoded)

    def _event(self, data: bytes, copies: Copies) -> list[Any]:
        self._check(data)
        if self._copied:
            self._copy(data, 0, copies)
        if not self._readings:
            return []
        stream = BytesIO(data)
        bare = fastavro.schemaless_reader(stream, self._bare, None)
        if stream.tell() != len(data):
            raise Malformed(f"The event ends at byte {stream.tell()} of {len(data)}.")
        return [reading(bare) for reading in self._readings]


@dataclass(slots=True)
class _BareSchema:
    """Writes the wire-equal schema: types keep their bytes and lose what they mean.

    A boolean, float or fixed is its bytes, an int or enum a long, a string bytes, a union one-field
    records named for the branch, a map an array of key and value.
    """

    records: dict[Record, str] = field(default_factory=dict)
    names: int = 0

    def of(self, wire: Type) -> Any:
        match wire:
            case Record():
                return self._record(wire)
            case Union():
                return [
                    {"type": "record", "name": self._name(), "fields": [self._field(f"b{i}", each)]}
                    for i, each in enumerate(wire.branches)
                ]
            case Array():
                return {"type": "array", "items": self.of(wire.items)}
            case Map():
                key = self._field("key", Primitive("bytes"))
                entry = [key, self._field("value", wire.values)]
                items = {"type": "record", "name": self._name(), "fields": entry}
                return {"type": "array", "items": items}
            case Fixed():
                return self._fixed(wire.size)
            case Primitive():
                bare = _BARE[wire.kind]
                return self._fixed(bare) if isinstance(bare, int) else bare
        return "long"

    def _record(self, wire: Record) -> Any:
        if wire in self.records:
            return self.records[wire]
        name = self.records[wire] = self._name()
        fields = [self._field(each.name, each.type) for each in wire.fields]
        return {"type": "record", "name": name, "fields": fields}

    def _field(self, name: str, wire: Type) -> Any:
        return {"name": name, "type": self.of(wire)}

    def _fixed(self, size: int) -> Any:
        return {"type": "fixed", "name": self._name(), "size": size}

    def _name(self) -> str:
        self.names += 1
        return f"t{self.names}"
