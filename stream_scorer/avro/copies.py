"""Fields that are copied: what a copy's bytes are, for both decoders.

A copy is written as the reader's type of the field. Where the bytes that the writer wrote are a
value of that type already, they are taken as they are, in whatever form the writer chose: an
overlong varint, an array in several blocks. That holds of each value in it as well: only what
differs is written anew as the action of schema resolution says, a union with the reader's branch.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

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
from stream_scorer.avro.defaults import default_value, fitting_branch
from stream_scorer.avro.schema import Schema, type_at
from stream_scorer.avro.types import Array, Enum, Fixed, Map, Primitive, Record, Type, Union

_LOW_BITS = 0x7F


@dataclass(frozen=True, slots=True)
class Target:
    """The type that a field is copied as: the reader's type, or a union of null and that.

    Attributes:
        of: The reader's type.
        lifted: Whether a nullable record lies above a type that can't be null itself. Then the copy
            is a union whose first branch is null and whose others are those of the type.
    """

    of: Type
    lifted: bool = False

    @classmethod
    def at(cls, reader: Schema, path: str) -> Target:
        """Return what the field at a dotted path is copied as.

        Raises:
            ConfigError: There is no such field.
        """
        of, below_null = type_at(reader, path)
        return cls(of, below_null and _null_branch(of) is None)

    def tag(self, action: Action) -> bytes:
        """Return the index of the branch that an action's value goes into; empty for no union."""
        if isinstance(self.of, Union):
            return zigzag(_branch_of(action, self.of) + self.lifted)
        return zigzag(1) if self.lifted else b""

    @property
    def null(self) -> bytes:
        """Return the bytes of null, which is copied where a record above is null."""
        if self.lifted:
            return zigzag(0)
        index = _null_branch(self.of)
        return zigzag(index) if isinstance(self.of, Union) and index is not None else b""


def _null_branch(of: Type) -> int | None:
    """Return which branch of a type is null; the type null is its own."""
    branches = of.branches if isinstance(of, Union) else (of,)
    return next((i for i, branch in enumerate(branches) if branch.kind == "null"), None)


def _branch_of(action: Action, of: Union) -> int:
    taken = None if isinstance(action, Choice | Mismatch) else action.reader
    return next(i for i, branch in enumerate(of.branches) if branch is taken)


def is_verbatim(action: Action, target: Target) -> bool:
    """Return whether every value's bytes are those of its copy."""
    return not target.lifted and _Verbatim().holds(action, target.of)


def keeps_bytes(action: Action) -> bool:
    """Return whether every value's bytes are those of its copy, behind a branch of its own."""
    return _Verbatim().value(action)


@dataclass(slots=True)
class _Verbatim:
    """One answer; ``under_way`` holds the records that it has met, so that recursion ends."""

    under_way: set[Fields] = field(default_factory=set)

    def holds(self, action: Action, of: Type) -> bool:
        match action:
            case Choice():
                return isinstance(of, Union) and all(
                    not isinstance(branch, Mismatch)
                    and self.value(branch)
                    and _branch_of(branch, of) == index
                    for index, branch in enumerate(action.branches)
                )
            case Mismatch():
                return False
        return not isinstance(of, Union) and self.value(action)

    def value(self, action: Action) -> bool:
        match action:
            case Copy():
                kinds = (action.writer.kind, action.reader.kind)
                return kinds[0] == kinds[1] or kinds == ("int", "long")
            case Symbol():
                return action.positions == tuple(range(len(action.positions)))
            case Items():
                return self.holds(action.items, action.reader.items)
            case Entries():
                return self.holds(action.values, action.reader.values)
            case Fields():
                return self._record(action)
        return False

    def _record(self, action: Fields) -> bool:
        if action in self.under_way:
            return True
        self.under_way.add(action)
        fed = tuple(each.reader for each in action.sources)
        return fed == action.reader.fields and all(
            source.action is not None and self.holds(source.action, target.type)
            for source, target in zip(action.sources, action.reader.fields, strict=True)
        )


def copied_default(default: Any, of: Type, names: Sequence[str], target: Target) -> bytes:
    """Return what a field is copied as that the writer's schema does not have.

    Args:
        default: The JSON of a default; it is known to be one of the type.
        of: The reader's type that it is a default of.
        names: The names from there down to the copied field; below a null it is null.
        target: What that field is copied as.
    """
    for name in names:
        if isinstance(of, Union):
            of = of.branches[fitting_branch(default, of)]
        if not isinstance(of, Record):
            return target.null
        inner = next(each for each in of.fields if each.name == name)
        default, of = default.get(name, inner.default), inner.type
    if not target.lifted:
        return encoded(default, of)
    index, of = (fitting_branch(default, of), of) if isinstance(of, Union) else (0, Union((of,)))
    return zigzag(index + 1) + encoded(default, of.branches[index])


def encoded(default: Any, of: Type) -> bytes:
    """Return the Avro bytes of a default, which is known to be one of the type."""
    match of:
        case Record():
            return b"".join(
                encoded(default.get(each.name, each.default), each.type) for each in of.fields
            )
        case Union():
            index = fitting_branch(default, of)
            return zigzag(index) + encoded(default, of.branches[index])
        case Array():
            return _block([encoded(each, of.items) for each in default])
        case Map():
            return _block([octets(k.encode()) + encoded(v, of.values) for k, v in default.items()])
        case Enum():
            return zigzag(of.symbols.index(default))
        case Fixed():
            return bytes(default_value(default, of, ""))
        case Primitive():
            return _primitive(default_value(default, of, ""), of.kind)


def _block(items: list[bytes]) -> bytes:
    return (zigzag(len(items)) + b"".join(items) if items else b"") + b"\0"


def _primitive(value: Any, kind: str) -> bytes:
    match kind:
        case "null":
            return b""
        case "boolean":
            return bytes([value])
        case "int" | "long":
            return zigzag(value)
        case "float":
            return struct.pack("<f", value)
        case "double":
            return struct.pack("<d", value)
        case "string":
            return octets(value.encode())
    return octets(value)


def octets(content: bytes) -> bytes:
    """Return bytes after their length."""
    return zigzag(len(content)) + content


def zigzag(number: int) -> bytes:
    """Return a zig-zag varint (Avro 1.12, "Primitive Types")."""
    left = (number << 1) ^ (number >> 63)
    out = bytearray()
    while left > _LOW_BITS:
        out.append(left & _LOW_BITS | _LOW_BITS + 1)
        left >>= 7
    out.append(left)
    return bytes(out)
