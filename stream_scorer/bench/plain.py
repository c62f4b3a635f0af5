"""Converts columns to one plain value per row, in the form that fastavro takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream_scorer.avro.schema import nullable
from stream_scorer.avro.types import Array, Type
from stream_scorer.columns import Column, Enums, Lists, Numbers, Objects, Texts


def plain(column: Column, of: Type) -> list[Any]:
    """Return the values of a column of a type; ``None`` is null."""
    value, _ = nullable(of)
    match column:
        case Objects(values):
            return values
        case Numbers(numbers):
            values = numbers.tolist()
        case Texts():
            octets = column.to_bytes()
            values = [each.decode() for each in octets] if value.kind == "string" else list(octets)
        case Enums(indices, symbols):
            values = [symbols[index] for index in indices.tolist()]
        case Lists(lengths, items):
            of_items = value.items if isinstance(value, Array) else value
            values = list(_slices(lengths.tolist(), plain(items, of_items)))
    if column.present is None:
        return values
    return [value if there else None for value, there in zip(values, column.present, strict=True)]


def _slices(lengths: list[int], items: list[Any]) -> Iterator[list[Any]]:
    start = 0
    for length in lengths:
        yield items[start : start + length]
        start += length
