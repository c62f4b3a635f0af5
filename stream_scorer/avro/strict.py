"""The strict reading of the wire: is an event, byte for byte, what its schema says?

The whole event must be well formed, the fields that nobody reads included; only a string that is
neither read nor copied need not be UTF-8. The specification's rules (Avro 1.12, "Binary Encoding")
hold to the letter: booleans are 0 or 1, ints fit 32 bits, varints 64 bits and 10 bytes, a block
that states its size has it, an index exists, and no byte is left over. A varint may be longer than
it must be.

The cost of an event is bounded by its own size. A block may claim no more items than the bytes that
are left could hold, and items that take no bytes (nulls, empty records) are limited to
``MAX_EMPTY_ITEMS`` in one event. A recursive record may nest ``MAX_DEPTH`` deep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stream_scorer.avro.parsing import MAX_DEPTH
from stream_scorer.avro.types import (
    Array,
    Enum,
    Fixed,
    Map,
    Primitive,
    Record,
    Type,
    Union,
    extent_of,
    holds_itself,
    is_shared,
    is_solid,
)

MAX_EMPTY_ITEMS = 1024
_MAX_VARINT_BYTES = 10


class Malformed(ValueError):
    """An event is not what its schema says; the text is one sentence."""


@dataclass(slots=True)
class Event:
    """One event under way; ``empty_items`` and ``depth`` count what it may still have."""

    data: bytes
    empty_items: int = MAX_EMPTY_ITEMS
    depth: int = MAX_DEPTH


Check = Callable[[Event, int], int]
"""Takes where a value begins, returns where it ends."""


def width_of(of: Type) -> int | None:
    """Return the bytes that every value of a type takes, or ``None`` if they differ."""
    return extent_of(of).width


def least_width(of: Type) -> int:
    """Return the fewest bytes that a value of a type takes."""
    return extent_of(of).least


def well_formed(of: Type) -> Callable[[bytes], None]:
    """Return a check that raises :class:`Malformed` unless its bytes are one such value."""
    check = _Checks(shared=is_shared(of)).check(of, "")

    def whole(data: bytes) -> None:
        end = check(Event(data), 0)
        if end != len(data):
            raise Malformed(f"The event has {len(data) - end} bytes after its last field.")

    return whole


def readable(of: Type, where: str) -> Check:
    """Return a check that a value is well formed and that every string in it is UTF-8."""
    return _Checks(utf8=True, shared=is_shared(of)).check(of, where)


@dataclass(slots=True)
class _Checks:
    """Builds checks; ``once`` holds those of records that are recursive, or shared."""

    utf8: bool = False
    shared: bool = False
    once: dict[Record, Check] = field(default_factory=dict)

    def check(self, of: Type, where: str) -> Check:
        match of:
            case Record():
                return self._record(of, where)
            case Union():
                return self._union(of, where)
            case Array():
                return _nested(_blocks(self.check(of.items, where + "[]"), of.items, where), where)
            case Map():
                return _nested(_blocks(self._entry(of, where), None, where), where)
            case Enum():
                return _index(len(of.symbols), where)
            case Fixed():
                return _fixed(of.size, where)
            case Primitive() if of.kind == "string" and self.utf8:
                return text(where)
            case Primitive():
                return _primitive(of, where)

    def _record(self, of: Record, where: str) -> Check:
        if of in self.once:
            return self.once[of]
        if self.shared and is_solid(of):
            return _fixed(width_of(of) or 0, where)
        if self.shared and where:
            where = of.name
        fields: list[Check] = []

        def record(event: Event, at: int) -> int:
            for check in fields:
                at = check(event, at)
            return at

        nested = _nested(record, where)
        if self.shared or holds_itself(of):
            self.once[of] = nested
        before = f"{where}." if where else ""
        fields.extend(self.check(each.type, before + each.name) for each in of.fields)
        return nested

    def _union(self, of: Union, where: str) -> Check:
        branches = [self.check(branch, where) for branch in of.branches]

        def union(event: Event, at: int) -> int:
            index, at = read_index(event.data, at, len(branches), where)
            return branches[index](event, at)

        return _nested(union, where)

    def _entry(self, of: Map, where: str) -> Check:
        key = text(where) if self.utf8 else _octets(where)
        value = self.check(of.values, where + "{}")
        return lambda event, at: value(event, key(event, at))


def _nested(check: Check, where: str) -> Check:
    """Bound how deep values may hold values."""

    def nested(event: Event, at: int) -> int:
        if not event.depth:
            raise Malformed(f"{_field(where)} nests more than {MAX_DEPTH} deep.")
        event.depth -= 1
        at = check(event, at)
        event.depth += 1
        return at

    return nested


def _blocks(item: Check, of: Type | None, where: str) -> Check:
    """Check the blocks of an array of ``of``, or of a map, whose entries take 1 byte at least."""
    least = 1 if of is None else least_width(of)

    def blocks(event: Event, at: int) -> int:
        while True:
            count, at = read_varint(event.data, at, where)
            if not count:
                return at
            stop = None
            if count < 0:
                count = -count
                size, at = read_varint(event.data, at, where)
                _within(event, at, size, where)
                stop = at + size
            _bounded(event, at, count, least, where)
            for _ in range(count):
                at = item(event, at)
            if stop not in {None, at}:
                raise Malformed(f"{_field(where)} has a block that is not of its stated size.")

    return blocks


def _bounded(event: Event, at: int, count: int, least: int, where: str) -> None:
    left = len(event.data) - at
    if count * least > left:
        raise Malformed(f"{_field(where)} claims {count} items, but {left} bytes are left.")
    if not least:
        event.empty_items -= count
        if event.empty_items < 0:
            raise Malformed(
                f"{_field(where)} claims {count} items of no bytes; an event may have "
                f"{MAX_EMPTY_ITEMS} in all."
            )


def _primitive(of: Primitive, where: str) -> Check:
    match of.kind:
        case "bytes" | "string":
            return _octets(where)
        case "int":
            return _number(where, 31)
        case "long":
            return _number(where, 63)
        case "boolean":
            return _boolean(where)
    return _fixed(width_of(of) or 0, where)


def _fixed(size: int, where: str) -> Check:
    def fixed(event: Event, at: int) -> int:
        _within(event, at, size, where)
        return at + size

    return fixed


def _boolean(where: str) -> Check:
    def boolean(event: Event, at: int) -> int:
        _within(event, at, 1, where)
        if event.data[at] > 1:
            raise Malformed(f"{_field(where)} is the boolean {event.data[at]}, not 0 or 1.")
        return at + 1

    return boolean


def _octets(where: str) -> Check:
    def octets(event: Event, at: int) -> int:
        size, at = read_varint(event.data, at, where)
        _within(event, at, size, where)
        return at + size

    return octets


def text(where: str) -> Check:
    """Return a check of a string that must be UTF-8, or of bytes that are read as one."""

    def utf8(event: Event, at: int) -> int:
        size, at = read_varint(event.data, at, where)
        _within(event, at, size, where)
        decoded(event.data[at : at + size], where)
        return at + size

    return utf8


def decoded(content: bytes, where: str) -> str:
    """Return the text of a string's bytes; raise :class:`Malformed` if they are not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Malformed(
            f"{_field(where)} is not UTF-8: byte {error.start} is {content[error.start]:#04x}."
        ) from None


def _number(where: str, bits: int) -> Check:
    def number(event: Event, at: int) -> int:
        value, at = read_varint(event.data, at, where)
        if not -(1 << bits) <= value < 1 << bits:
            raise Malformed(f"{_field(where)} is {value}, beyond {bits + 1} bits.")
        return at

    return number


def _index(choices: int, where: str) -> Check:
    return lambda event, at: read_index(event.data, at, choices, where)[1]


def read_index(data: bytes, at: int, choices: int, where: str) -> tuple[int, int]:
    """Return the index of a branch or symbol at ``at``, and where it ends."""
    index, at = read_varint(data, at, where)
    if not 0 <= index < choices:
        raise Malformed(f"{_field(where)} has the index {index}, of {choices} choices.")
    return index, at


def _within(event: Event, at: int, size: int, where: str) -> None:
    left = len(event.data) - at
    if size < 0:
        raise Malformed(f"{_field(where)} has the negative length {size}.")
    if size > left:
        raise Malformed(f"{_field(where)} takes {size} bytes, but {left} are left.")


def read_varint(data: bytes, at: int, where: str) -> tuple[int, int]:
    """Return the zig-zag number at ``at``, and where it ends."""
    value = 0
    for position in range(_MAX_VARINT_BYTES):
        if at + position >= len(data):
            raise Malformed(f"{_field(where)} ends within a number.")
        byte = data[at + position]
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            if value >> 64:
                raise Malformed(f"{_field(where)} has a number beyond 64 bits.")
            return (value >> 1) ^ -(value & 1), at + position + 1
    raise Malformed(f"{_field(where)} has a number of more than {_MAX_VARINT_BYTES} bytes.")


def _field(where: str) -> str:
    return f"Field {where!r}" if where else "The event"
