"""The compiled plan: Avro events of one writer's schema to columns, all rows at once.

A plan visits the fields in the order of the bytes, reads those that are wanted and skips the rest.
It is right about the rows that end where they must, with every value as it must be; any other row
it leaves to the row-by-row decoder, which tells whether it is malformed, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stream_scorer.avro.compiling import copy_key, read
from stream_scorer.avro.copies import Target
from stream_scorer.avro.resolution import resolve
from stream_scorer.avro.rows import Decoded, RowDecoder
from stream_scorer.avro.schema import Schema, nullable, type_at
from stream_scorer.avro.skipping import skip, straight
from stream_scorer.avro.steps import Step
from stream_scorer.avro.types import (
    MAX_WRITTEN_OUT,
    Array,
    Record,
    Type,
    inner_types,
    is_shared,
)
from stream_scorer.avro.wanted import tree_of
from stream_scorer.avro.wire import Rows, Wire
from stream_scorer.columns import Column, Encoded, Payloads, Texts, concatenated

__all__ = ["Decoded", "Plan", "compile_plan"]

_FEWEST_ROWS = 2
"""A single one is sooner read by itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan for decoding events of one writer to the wanted columns of one reader.

    Attributes:
        fallback: ``None`` if it goes by columns; else one sentence that names the field which
            forces every event to go row by row.
    """

    fallback: str | None
    _paths: tuple[str, ...]
    _copied: tuple[str, ...]
    _rows: RowDecoder
    _step: Step | None

    def decode(self, payloads: Payloads) -> Decoded:
        """Return what is wanted, and which rows are malformed and why.

        A malformed row costs no more than its own size, and its values are harmless.
        """
        if self._step is None or len(payloads) < _FEWEST_ROWS:
            return self._rows.decode(payloads)
        wire, out = Wire.of(payloads), dict[str, Column]()
        self._step(wire, out)
        columns = {path: out[path] for path in self._paths}
        copied = {path: _encoded(out[copy_key(path)]) for path in self._copied}
        astray = np.flatnonzero(wire.at != wire.end)
        if not len(astray):
            return Decoded(columns, {}, copied)
        return self._completed(Decoded(columns, {}, copied), payloads, astray)

    def _completed(self, found: Decoded, payloads: Payloads, astray: Rows) -> Decoded:
        some = Payloads(payloads.buffer, payloads.starts[astray], payloads.ends[astray])
        one_by_one = self._rows.decode(some)
        order = np.arange(len(payloads))
        order[astray] = len(payloads) + np.arange(len(astray))
        whole = {
            path: concatenated([column, one_by_one.columns[path]]).take(order)
            for path, column in found.columns.items()
        }
        copied = found.copied
        if len(one_by_one.malformed) < len(astray):  # else nobody asks for the copies of these rows
            copied = {
                path: _encoded(concatenated([a.octets, one_by_one.copied[path].octets]).take(order))
                for path, a in found.copied.items()
            }
        rows = astray.tolist()
        malformed = {rows[row]: why for row, why in one_by_one.malformed.items()}
        return Decoded(whole, malformed, copied)


def _encoded(column: Column) -> Encoded:
    if not isinstance(column, Texts):
        raise TypeError(f"{type(column).__name__} for a copied field")
    return Encoded(column)


def compile_plan(
    writer: Schema, reader: Schema, wanted: Sequence[str], copied: Sequence[str] = ()
) -> Plan:
    """Return the plan that decodes ``writer``'s events to the ``wanted`` fields of ``reader``.

    Args:
        writer: What the events were written with.
        reader: What they are read as.
        wanted: Dotted paths of the reader's fields.
        copied: Those of the fields to copy.

    Raises:
        ConfigError: The reader has no such field.
        ContractError: No event of the writer can be read as the reader; the text names the field.
            Where only some can't, as with a union's branch, those rows are malformed instead.
    """
    paths, copies = tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(copied))
    rows = RowDecoder(writer, reader, paths, copies)
    fallback = next(_obstacles(writer, reader, paths, copies), None)
    if fallback is not None:
        return Plan(fallback, paths, copies, rows, None)
    action = resolve(writer.root, reader.root)
    tree = tree_of(reader, paths, copies)
    pieces = read(action, reader.root, tree, "") if tree.below else skip(writer.root)
    return Plan(None, paths, copies, rows, straight(pieces))


def _obstacles(
    writer: Schema, reader: Schema, paths: Sequence[str], copies: Sequence[str]
) -> Iterator[str]:
    """Return what columns can't hold, or steps can't read: a sentence for each."""
    for path in paths:
        kind = _uncovered(type_at(reader, path)[0])
        if kind is not None:
            yield f"Field {path!r} is read and holds {kind}, so every event is decoded by itself."
    for path in copies:
        target = Target.at(reader, path)
        if is_shared(target.of) and (target.lifted or writer != reader):
            yield (
                f"Field {path!r} is copied, its type is of more than {MAX_WRITTEN_OUT} types "
                "written out, and its bytes may change, so every event is decoded by itself."
            )
    recursive = _recursion(writer.root, "", frozenset(), set())
    if recursive is not None:
        yield (
            f"Field {recursive!r} of the writer may hold the record that it is in, so every event "
            "is decoded by itself."
        )


def _uncovered(of: Type) -> str | None:
    value, _ = nullable(of)
    if isinstance(value, Array):
        return "an array of null" if value.items.kind == "null" else _uncovered(value.items)
    if value.kind in {"map", "record", "union"}:
        return {"map": "a map", "record": "a whole record", "union": "a union"}[value.kind]
    return None


def _recursion(of: Type, path: str, inside: frozenset[Type], free: set[Type]) -> str | None:
    """Return the path of the first field that may hold a record that it is in, if there is one.

    ``free`` are the types that were found to lead to none.
    """
    if of in inside:
        return path
    if of in free:
        return None
    if isinstance(of, Record):
        before, within = f"{path}." if path else "", inside | {of}
        below = ((each.type, before + each.name) for each in of.fields)
        found = _first(_recursion(inner, at, within, free) for inner, at in below)
    else:
        found = _first(_recursion(inner, path, inside, free) for inner in inner_types(of))
    if found is None:
        free.add(of)
    return found


def _first(found: Iterable[str | None]) -> str | None:
    return next((each for each in found if each is not None), None)
