"""Columns to Avro bytes, a column at a time for the whole batch.

``compile_encoder`` walks the record schema once. ``Encoder.encode`` turns each field's column into
byte pieces (see ``pieces``) and joins them. The bytes are those that fastavro writes for the same
values: an array is one block without a byte count.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np

from stream_scorer.avro.pieces import (
    Packed,
    Piece,
    blocks,
    either,
    fixed_width,
    join,
    same,
    slices,
    varints,
)
from stream_scorer.avro.schema import Schema, field_type
from stream_scorer.avro.types import Record, is_shared
from stream_scorer.columns import (
    Column,
    Encoded,
    Enums,
    FieldType,
    Lists,
    Numbers,
    Objects,
    Texts,
)

_DTYPES = {"boolean": "?", "int": "<i4", "long": "<i8", "float": "<f4", "double": "<f8"}


@dataclass(frozen=True, slots=True)
class Constant:
    """One value for every row, in the form that fastavro takes."""

    value: Any


Content = Column | Encoded | Constant


@dataclass(frozen=True, slots=True)
class _Type:
    """A type, and what is needed to write its values."""

    type: FieldType
    parsed: Any
    null_branch: bytes
    value_branch: bytes
    items: _Type | None


@dataclass(frozen=True, slots=True)
class _Field:
    """A field by its dotted path; ``fields`` are set for a record that is not nullable."""

    path: str
    type: _Type
    fields: tuple[_Field, ...] | None


@dataclass(frozen=True, slots=True)
class Encoder:
    """Writes the events of one record schema."""

    _fields: tuple[_Field, ...]

    def encode(self, columns: Mapping[str, Content], rows: int, prefix: bytes = b"") -> list[bytes]:
        """Return the Avro bytes of each row, after ``prefix``.

        Args:
            columns: by dotted path a column of ``rows`` rows, their bytes, or a constant: one for
                each field, or for each field of a nested record in place of the record itself.
            rows: the number of rows.
            prefix: the framing that every row begins with.

        Raises:
            ValueError: a column is missing, unknown, of another length, null where the type is
                not nullable, or not of the field's type.
        """
        pieces: list[Piece] = [same(prefix)]
        used: set[str] = set()
        for field in self._fields:
            for path, leaf, column in _leaves(field, columns):
                used.add(path)
                try:
                    pieces.extend(_pieces(leaf, column, rows))
                except (TypeError, ValueError) as error:
                    raise ValueError(f"Field `{path}` can't be written: {error}") from error
        if unknown := columns.keys() - used:
            raise ValueError(f"The schema has no field `{min(unknown)}`.")
        return join(pieces, rows).to_bytes()


def compile_encoder(schema: Schema) -> Encoder:
    """Prepare an encoder for a record schema.

    Raises:
        TypeError: the schema is not a record.
    """
    if not isinstance(schema.root, Record):
        raise TypeError(f"Only records can be encoded by columns, not {schema.root.kind}.")
    return Encoder(_fields(schema, "", schema.root))


def _fields(schema: Schema, prefix: str, record: Record) -> tuple[_Field, ...]:
    fields = []
    for each in record.fields:
        path = f"{prefix}{each.name}"
        nested = None
        if isinstance(each.type, Record) and not is_shared(each.type):
            nested = _fields(schema, f"{path}.", each.type)
        fields.append(_Field(path, _typed(field_type(schema, path)), nested))
    return tuple(fields)


def _typed(kind: FieldType) -> _Type:
    null_branch = value_branch = b""
    if isinstance(kind.schema, list) and kind.kind != "union":
        null_branch, value_branch = b"\x00", b"\x00"
        if kind.nullable:
            first = kind.schema[0]
            null_first = (first["type"] if isinstance(first, dict) else first) == "null"
            null_branch, value_branch = (b"\x00", b"\x02") if null_first else (b"\x02", b"\x00")
    items = _typed(kind.items) if kind.items is not None else None
    return _Type(kind, fastavro.parse_schema(kind.schema), null_branch, value_branch, items)


def _leaves(field: _Field, columns: Mapping[str, Content]) -> Iterator[tuple[str, _Type, Content]]:
    """Yield what fills a field, in wire order: its own column, or those of its fields."""
    column = columns.get(field.path)
    if column is not None:
        yield field.path, field.type, column
    elif field.fields is not None:
        for each in field.fields:
            yield from _leaves(each, columns)
    else:
        raise ValueError(f"There is no column for field `{field.path}`.")


def _pieces(leaf: _Type, column: Content, rows: int) -> list[Piece]:
    """Return a column with its union branch."""
    if isinstance(column, Constant):
        return [same(_written(leaf, [column.value]).to_bytes()[0])]
    if len(column) != rows:
        raise ValueError(f"{len(column)} rows for a batch of {rows}.")
    if isinstance(column, Encoded):
        return [slices(column.octets.buffer, column.octets.starts, column.octets.lengths)]
    if isinstance(column, Objects):
        return [_written(leaf, column.values).as_piece()]
    present = column.present
    if present is None or present.all():
        return [same(leaf.value_branch), *_values(leaf, column)]
    if not leaf.type.nullable:
        row = int(np.flatnonzero(~present)[0])
        raise ValueError(f"row {row} is null, the type is not nullable.")
    there = np.flatnonzero(present)
    some = [same(leaf.value_branch), *_values(leaf, column.take(there))]
    return [either(present, join(some, len(there)), leaf.null_branch)]


def _values(leaf: _Type, column: Column) -> list[Piece]:
    """Return a column without nulls, and without a union branch."""
    kind = leaf.type.kind
    match column:
        case Numbers(values) if kind in _DTYPES:
            numbers = values.astype(_DTYPES[kind], casting="safe", copy=False)
            whole = kind in ("int", "long")
            return [varints(numbers.astype(np.int64)) if whole else fixed_width(numbers)]
        case Texts(buffer, starts, lengths) if kind in ("string", "bytes"):
            return [varints(lengths), slices(buffer, starts, lengths)]
        case Texts(buffer, starts, lengths) if kind == "fixed":
            if (lengths != leaf.type.size).any():
                raise ValueError(f"a value that is not {leaf.type.size} bytes long.")
            return [slices(buffer, starts, lengths)]
        case Enums(indices, symbols) if kind == "enum":
            if symbols != leaf.type.symbols:
                raise ValueError(f"symbols {symbols} for an enum of {leaf.type.symbols}.")
            return [varints(indices.astype(np.int64))]
        case Lists(lengths, items) if leaf.items is not None:
            total = int(lengths.sum())
            return blocks(lengths, join(_pieces(leaf.items, items, total), total))
        case _:
            raise TypeError(f"{type(column).__name__} for {leaf.type.schema}.")


def _written(leaf: _Type, values: list[Any]) -> Packed:
    """Return values of any type as fastavro writes them."""
    written = io.BytesIO()
    bounds = [0]
    for value in values:
        fastavro.schemaless_writer(written, leaf.parsed, value)
        bounds.append(written.tell())
    return Packed(np.frombuffer(written.getbuffer(), np.uint8), np.array(bounds, np.int64))
