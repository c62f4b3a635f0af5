"""Rewrites copied values in the target schema, one value at a time.

The event has been walked by :mod:`stream_scorer.avro.strict` before. Only what that leaves open is
looked at: strings in a copy must be UTF-8, and the schemas may clash in a value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from stream_scorer.avro.actions import (
    Action,
    Choice,
    Copy,
    Entries,
    Fields,
    Items,
    Mismatch,
    Source,
    Symbol,
)
from stream_scorer.avro.boundaries import Skip, skip_over
from stream_scorer.avro.building import promoted
from stream_scorer.avro.copies import Target, encoded, is_verbatim, keeps_bytes, zigzag
from stream_scorer.avro.strict import Event, Malformed, read_index, read_varint, readable, text
from stream_scorer.avro.types import Type
from stream_scorer.avro.values import position_of
from stream_scorer.avro.wanted import below

Writing = Callable[[bytes, int, bytearray], int]
"""Takes an event and where a value begins, appends the copy's bytes, returns where it ends."""


def writing(action: Action, target: Target, where: str) -> Writing:
    """Return what writes a copy; it raises ``Malformed`` where a value has none.

    Args:
        action: How the value is resolved.
        target: What it is copied as.
        where: Its dotted path, for messages.
    """
    return _Writings().writing(action, target, where)


def refusal(reason: str) -> Callable[..., int]:
    """Return what raises ``Malformed`` for a branch that the reader can't take."""

    def refuse(*_: object) -> int:
        raise Malformed(reason)

    return refuse


@dataclass(slots=True)
class _Writings:
    """Builds writings; ``records`` holds those already built, so that recursion ends."""

    records: dict[Fields, Writing] = field(default_factory=dict)

    def writing(self, action: Action, target: Target, where: str) -> Writing:
        if isinstance(action, Mismatch):
            return refusal(action.reason)
        if is_verbatim(action, target):
            return _verbatim(action.writer, where)
        if isinstance(action, Choice):
            return _chosen([self.writing(each, target, where) for each in action.branches], where)
        tag, value = target.tag(action), self._value(action, where)
        if not tag:
            return value

        def tagged(data: bytes, at: int, out: bytearray) -> int:
            out += tag
            return value(data, at, out)

        return tagged

    def _value(self, action: Action, where: str) -> Writing:
        if keeps_bytes(action):
            return _verbatim(action.writer, where)
        match action:
            case Copy():
                return _copy(action, where)
            case Symbol():
                return _symbol(action, where)
            case Items():
                items = self.writing(action.items, Target(action.reader.items), where + "[]")
                return _blocks(items, where)
            case Entries():
                value = self.writing(action.values, Target(action.reader.values), where + "{}")
                return _blocks(_entry(value, where), where)
            case Fields():
                return self._record(action, where)
        raise TypeError(f"{action} is not a value")

    def _record(self, action: Fields, where: str) -> Writing:
        if action in self.records:
            return self.records[action]
        sources: list[tuple[str, Writing]] = []
        fields = action.reader.fields
        defaults = {
            each.name: encoded(each.default, each.type)
            for each in fields
            if each.name in action.defaults
        }

        def record(data: bytes, at: int, out: bytearray) -> int:
            found: dict[str, bytes] = dict(defaults)
            for name, write in sources:
                part = bytearray()
                at = write(data, at, part)
                found[name] = bytes(part)
            for each in fields:
                out += found[each.name]
            return at

        self.records[action] = record
        sources += [self._source(each, where) for each in action.sources]
        return record

    def _source(self, source: Source, where: str) -> tuple[str, Writing]:
        if source.reader is None or source.action is None:
            skip = skip_over(source.writer.type)
            return "", lambda data, at, _: skip(data, at)
        name = source.reader.name
        target = Target(source.reader.type)
        return name, self.writing(source.action, target, below(where, name))


def _verbatim(of: Type, where: str) -> Writing:
    check = readable(of, where)

    def copy(data: bytes, at: int, out: bytearray) -> int:
        end = check(Event(data), at)
        out += data[at:end]
        return end

    return copy


def _chosen(branches: Sequence[Writing], where: str) -> Writing:
    def choice(data: bytes, at: int, out: bytearray) -> int:
        index, at = read_index(data, at, len(branches), where)
        return branches[index](data, at, out)

    return choice


def _copy(action: Copy, where: str) -> Writing:
    writer, reader = action.writer, action.reader
    if reader.kind not in {"float", "double"}:
        check = text(where) if reader.kind == "string" else None
        return _as_it_is(skip_over(writer), check)
    form = "<f4" if reader.kind == "float" else "<f8"
    if writer.kind == "float":

        def widened(data: bytes, at: int, out: bytearray) -> int:
            single = np.frombuffer(data, "<f4", 1, at)
            out += promoted(single, reader.kind).astype(form).tobytes()
            return at + 4

        return widened

    def whole(data: bytes, at: int, out: bytearray) -> int:
        number, at = read_varint(data, at, where)
        out += promoted(np.array([number], np.int64), reader.kind).astype(form).tobytes()
        return at

    return whole


def _as_it_is(skip: Skip, check: Callable[[Event, int], int] | None) -> Writing:
    def copy(data: bytes, at: int, out: bytearray) -> int:
        end = skip(data, at)
        if check is not None:
            check(Event(data), at)
        out += data[at:end]
        return end

    return copy


def _symbol(action: Symbol, where: str) -> Writing:
    choices = len(action.positions)

    def symbol(data: bytes, at: int, out: bytearray) -> int:
        index, at = read_index(data, at, choices, where)
        out += zigzag(position_of(action, index))
        return at

    return symbol


def _entry(value: Writing, where: str) -> Writing:
    key = text(where)

    def entry(data: bytes, at: int, out: bytearray) -> int:
        end = key(Event(data), at)
        out += data[at:end]
        return value(data, end, out)

    return entry


def _blocks(item: Writing, where: str) -> Writing:
    """Write items as one block, however many there were."""

    def blocks(data: bytes, at: int, out: bytearray) -> int:
        items = bytearray()
        total = 0
        while True:
            count, at = read_varint(data, at, where)
            if not count:
                break
            if count < 0:
                count = -count
                _, at = read_varint(data, at, where)
            total += count
            for _ in range(count):
                at = item(data, at, items)
        if total:
            out += zigzag(total)
            out += items
        out += b"\0"
        return at

    return blocks
