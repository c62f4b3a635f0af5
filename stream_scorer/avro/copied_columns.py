"""The steps of a compiled plan that copy a value of every row.

What a copy is, :mod:`stream_scorer.avro.copies` says. Here it is a column of bytes, ``Texts``.
Where the writer's bytes are the copy's, it is where they stand in the batch's buffer, and nothing
is moved. Otherwise it is laid out anew from its parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stream_scorer.avro.actions import (
    Action,
    Choice,
    Copy,
    Entries,
    Fields,
    Items,
    Mismatch,
    Symbol,
)
from stream_scorer.avro.branching import array, choice, one_by_one
from stream_scorer.avro.copies import Target, encoded, is_verbatim, keeps_bytes
from stream_scorer.avro.pieces import (
    Packed,
    Piece,
    blocks,
    fixed_width,
    join,
    same,
    slices,
    varints,
)
from stream_scorer.avro.skipping import skip, straight
from stream_scorer.avro.steps import (
    Out,
    Step,
    cell_of,
    octets,
    one_after_another,
    refusal,
    span,
    spanned,
    symbol,
    text,
    whole_number,
)
from stream_scorer.avro.strict import least_width
from stream_scorer.avro.wire import Wire
from stream_scorer.columns import Texts

_Lay = Callable[[Any], list[Piece]]
"""Takes what a step found of every row, returns the pieces of the copy."""


def one_text(content: bytes) -> Texts:
    """Return a column of one row."""
    return Texts(content, np.zeros(1, np.int64), np.full(1, len(content), np.int64))


def copied(action: Action, target: Target, key: str) -> Step:
    """Return the step that copies a value.

    Args:
        action: How it is resolved.
        target: What it is copied as.
        key: Where the column goes.
    """
    if is_verbatim(action, target):
        return _verbatim(action, key)
    match action:
        case Mismatch():
            return refusal({key: one_text(target.null)})
        case Choice():
            return choice([copied(each, target, key) for each in action.branches])
    tag, value = target.tag(action), _value(action, key)
    return _laid(value, key, lambda found: [same(tag), _octets(found)]) if tag else value


def _verbatim(action: Action, key: str) -> Step:
    return spanned(straight(skip(action.writer, utf8=True)), key)


def _value(action: Action, key: str) -> Step:
    if keeps_bytes(action):
        return _verbatim(action, key)
    match action:
        case Copy():
            return _copy(action, key)
        case Symbol():
            return _laid(symbol(action, key), key, lambda found: [varints(_longs(found.indices))])
        case Items():
            item = copied(action.items, Target(action.reader.items), key)
            return _items(item, least_width(action.writer.items), key)
        case Entries():
            name, value = f"{key}.", copied(action.values, Target(action.reader.values), key)
            entry = one_after_another([spanned(text(None), name), value])
            return _items(_together([entry], [name, key], key), 1, key)
        case Fields():
            return _record(action, key)
    raise TypeError(f"{action} is not a value")


def _copy(action: Copy, key: str) -> Step:
    writer, reader = action.writer.kind, action.reader.kind
    if reader == "string":
        return spanned(text(None), key)
    if reader == "bytes":
        return spanned(octets(None, None), key)
    cell = cell_of(action, key)
    number = whole_number(writer, reader, key) if cell is None else span([cell])
    form = "<f4" if reader == "float" else "<f8"
    return _laid(number, key, lambda found: [fixed_width(found.values.astype(form))])


def _items(item: Step, least: int, key: str) -> Step:
    def lay(found: Any) -> list[Piece]:
        items, total = found.items, int(found.lengths.sum())
        return blocks(found.lengths, join([_octets(items)], total))

    return _laid(array(one_by_one(item, key), least, key), key, lay)


def _record(action: Fields, key: str) -> Step:
    steps: list[Step] = []
    places: dict[str, str | bytes] = {
        each.name: encoded(each.default, each.type)
        for each in action.reader.fields
        if each.name in action.defaults
    }
    for each in action.sources:
        if each.reader is None or each.action is None:
            steps.append(straight(skip(each.writer.type)))
        else:
            place = places[each.reader.name] = f"{key}.{each.reader.name}"
            steps.append(copied(each.action, Target(each.reader.type), place))
    return _together(steps, [places[each.name] for each in action.reader.fields], key)


def _together(steps: list[Step], parts: list[str | bytes], key: str) -> Step:
    """Take steps, and lay what they found and what is the same in every row side by side."""

    def lay(found: Out) -> list[Piece]:
        return [same(each) if isinstance(each, bytes) else _octets(found[each]) for each in parts]

    def step(wire: Wire, out: Out) -> None:
        found = Out()
        for each in steps:
            each(wire, found)
        out[key] = _packed(join(lay(found), len(wire)))

    return step


def _laid(step: Step, key: str, lay: _Lay) -> Step:
    def anew(wire: Wire, out: Out) -> None:
        found = Out()
        step(wire, found)
        out[key] = _packed(join(lay(found[key]), len(wire)))

    return anew


def _packed(packed: Packed) -> Texts:
    return Texts(packed.buffer.tobytes(), packed.bounds[:-1], np.diff(packed.bounds))


def _octets(column: Any) -> Piece:
    return slices(column.buffer, column.starts, column.lengths)


def _longs(numbers: Any) -> Any:
    return numbers.astype(np.int64)
