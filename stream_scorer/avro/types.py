"""The types of a parsed Avro schema, as a tree; a recursive record holds itself.

Types compare by identity. Two schemas are compared by :class:`~stream_scorer.avro.schema.Schema`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from stream_scorer.columns import Kind

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
MAX_WRITTEN_OUT = 50_000
"""A schema of more types, written out wherever they are used, is not written out."""

FAR_TOO_LONG = 1 << 40
"""So many bytes no event has."""

_WIDTHS = {"null": 0, "boolean": 1, "float": 4, "double": 8}
Properties = Mapping[str, Any]
"""Attributes that don't shape the bytes: ``doc``, ``logicalType``, the author's own."""


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """A primitive type; ``scale`` is set where a valid ``decimal`` annotates ``bytes``.

    ``ignored`` says which logical type is not valid, and why.
    """

    kind: Kind
    logical: str | None = None
    scale: int | None = None
    properties: Properties = field(default_factory=dict)
    ignored: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """So many bytes; ``scale`` is set where a valid ``decimal`` annotates it.

    ``ignored`` says which logical type is not valid, and why.
    """

    kind: ClassVar[Kind] = "fixed"
    name: str
    aliases: tuple[str, ...]
    size: int
    logical: str | None = None
    scale: int | None = None
    properties: Properties = field(default_factory=dict)
    ignored: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Enum:
    """One of the symbols; ``default`` stands for a writer's symbol that is not among them."""

    kind: ClassVar[Kind] = "enum"
    name: str
    aliases: tuple[str, ...]
    symbols: tuple[str, ...]
    default: str | None = None
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """Any number of items."""

    kind: ClassVar[Kind] = "array"
    items: Type
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Any number of values, each under a string."""

    kind: ClassVar[Kind] = "map"
    values: Type
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    """One of the branches."""

    kind: ClassVar[Kind] = "union"
    branches: tuple[Type, ...]

    @property
    def value_branches(self) -> tuple[Type, ...]:
        """Return the branches other than null."""
        return tuple(branch for branch in self.branches if branch.kind != "null")


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of a record; ``default`` is JSON and counts only if ``has_default``."""

    name: str
    type: Type
    aliases: tuple[str, ...] = ()
    has_default: bool = False
    default: Any = None
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extent:
    """Properties of every value of a type. A record's are computed once, however often it is used.

    Attributes:
        types: How many types it holds, with records written out wherever they are used; a record
            within itself counts as one.
        width: The bytes that every value takes, ``None`` if they differ.
        least: The fewest bytes that a value takes. Neither is said beyond ``FAR_TOO_LONG``.
        boolean: Whether a boolean is among the bytes of every value.
    """

    types: int = 1
    width: int | None = None
    least: int = 1
    boolean: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Fields, one after the other.

    The parser sets ``fields`` and ``extent`` last: a field may hold the record.
    """

    kind: ClassVar[Kind] = "record"
    name: str
    aliases: tuple[str, ...]
    fields: tuple[Field, ...] = field(default=(), repr=False)
    properties: Properties = field(default_factory=dict)
    extent: Extent = field(default=Extent(), repr=False)


Named = Record | Enum | Fixed
Type = Primitive | Fixed | Enum | Array | Map | Union | Record


def unqualified(name: str) -> str:
    """Return a full name without its namespace."""
    return name.rpartition(".")[2]


def namespace_of(name: str) -> str:
    """Return the namespace of a full name; it is empty for a name without one."""
    return name.rpartition(".")[0]


def extent_of(of: Type) -> Extent:
    """Return what holds of every value of a type."""
    match of:
        case Record():
            return of.extent
        case Fixed():
            return Extent(width=of.size, least=of.size)
        case Primitive():
            width = _WIDTHS.get(of.kind)
            least = 1 if width is None else width
            return Extent(width=width, least=least, boolean=of.kind == "boolean")
    return Extent(1 + sum(extent_of(each).types for each in inner_types(of)))


def extent_of_fields(fields: Sequence[Field]) -> Extent:
    """Return what holds of every value of a record with these fields."""
    inner = [extent_of(each.type) for each in fields]
    widths = [each.width for each in inner]
    return Extent(
        1 + sum(each.types for each in inner),
        None if None in widths else min(sum(width for width in widths if width), FAR_TOO_LONG),
        min(sum(each.least for each in inner), FAR_TOO_LONG),
        any(each.boolean for each in inner),
    )


def is_solid(of: Type) -> bool:
    """Return whether all values take the same bytes, whatever these are: a boolean's matter."""
    extent = extent_of(of)
    return extent.width is not None and not extent.boolean


def is_shared(*types: Type) -> bool:
    """Return whether types are too many to be written out, so that a record is compiled once.

    Messages then name a field by its record, not by the path from the event.
    """
    return any(extent_of(each).types > MAX_WRITTEN_OUT for each in types)


def inner_types(of: Type) -> tuple[Type, ...]:
    """Return the types that stand directly within a type."""
    match of:
        case Record():
            return tuple(each.type for each in of.fields)
        case Array():
            return (of.items,)
        case Map():
            return (of.values,)
        case Union():
            return of.branches
    return ()


def types_within(of: Type) -> Iterator[Type]:
    """Yield the types that a type holds at any depth, each once; itself only if it holds itself."""
    seen: set[Type] = set()
    ahead: list[Type] = list(inner_types(of))
    while ahead:
        each = ahead.pop()
        if each not in seen:
            seen.add(each)
            yield each
            ahead.extend(inner_types(each))


def holds_itself(record: Record) -> bool:
    """Return whether a value of a record may hold, at any depth, another of that record."""
    return any(each is record for each in types_within(record))
