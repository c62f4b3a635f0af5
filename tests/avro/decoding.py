"""What tests of decoding share: decode by columns and row by row, and see that both agree."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import fastavro
import numpy as np

from stream_scorer.avro.plan import Decoded, compile_plan
from stream_scorer.avro.rows import RowDecoder
from stream_scorer.avro.schema import leaf_paths, parse
from stream_scorer.columns import Column, Enums, Lists, Numbers, Objects, Payloads, Texts

ENOUGH_ROWS = 20
"""So many events that a plan goes by columns."""


def record(*fields: Any, name: str = "Event", **attributes: Any) -> dict[str, Any]:
    """Return a record's schema; a field is a pair of name and type, or JSON as it is."""
    listed = [each if isinstance(each, dict) else _field(*each) for each in fields]
    return {"type": "record", "name": name, "fields": listed, **attributes}


def _field(name: str, of: Any) -> dict[str, Any]:
    return {"name": name, "type": of}


def written(schema: Any, value: Any) -> bytes:
    """Return a value as fastavro writes it."""
    stream = BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)
    return stream.getvalue()


def plain(column: Column) -> list[Any]:
    """Return a column's values as a list, ``None`` where it is null."""
    match column:
        case Numbers():
            values: list[Any] = column.values.tolist()
        case Texts():
            values = list(column.to_bytes())
        case Enums():
            values = [column.symbols[index] for index in column.indices]
        case Lists():
            items = plain(column.items)
            ends = np.cumsum(column.lengths).tolist()
            values = [
                items[end - length : end]
                for end, length in zip(ends, column.lengths.tolist(), strict=True)
            ]
        case Objects():
            return column.values
    present = [True] * len(column) if column.present is None else column.present.tolist()
    return [value if there else None for value, there in zip(values, present, strict=True)]


def decode(
    writer: Any, events: Sequence[bytes], reader: Any = None, wanted: Sequence[str] | None = None
) -> Decoded:
    """Decode by columns and row by row, assert that both agree, and return the columns' result.

    The events are repeated until there are enough of them for columns; the result has them once.
    """
    read_as = parse(writer if reader is None else reader)
    paths = list(leaf_paths(read_as)) if wanted is None else list(wanted)
    plan = compile_plan(parse(writer), read_as, paths)
    twin = RowDecoder(parse(writer), read_as, paths).decode(Payloads.of(events))
    repeated = list(events) * (ENOUGH_ROWS // len(events) + 1)
    decoded = plan.decode(Payloads.of(repeated))
    once = np.arange(len(events))
    columns = {path: column.take(once) for path, column in decoded.columns.items()}
    malformed = {row: why for row, why in decoded.malformed.items() if row < len(events)}
    assert malformed == twin.malformed
    sound = np.array([row for row in once.tolist() if row not in malformed], np.intp)
    for path, column in columns.items():
        assert repr(plain(column.take(sound))) == repr(plain(twin.columns[path].take(sound)))
    return Decoded(columns, malformed)


def values_of(writer: Any, events: Sequence[bytes], reader: Any = None) -> dict[str, list[Any]]:
    """Decode events that are all well formed; return every field's values."""
    decoded = decode(writer, events, reader)
    assert not decoded.malformed
    return {path: plain(column) for path, column in decoded.columns.items()}
