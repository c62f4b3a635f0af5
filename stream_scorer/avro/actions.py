"""The actions of schema resolution: what each value of a writer becomes for a reader.

A tree of them says, in the order of the bytes, how one schema's events are read as another's. Both
decoders are compiled from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stream_scorer.avro.types import Array, Enum, Field, Fixed, Map, Primitive, Record, Type, Union


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """A primitive or fixed value, promoted where the reader's kind differs."""

    writer: Primitive | Fixed
    reader: Primitive | Fixed


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """An enum; ``positions[i]`` is the reader's position for the writer's ``i``, or -1."""

    writer: Enum
    reader: Enum
    positions: tuple[int, ...]
    where: str


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """An array."""

    writer: Array
    reader: Array
    items: Action


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """A map."""

    writer: Map
    reader: Map
    values: Action


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A writer's union: an action for each branch it may have written."""

    writer: Union
    branches: tuple[Action, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Mismatch:
    """A branch that the reader can't take; ``reason`` is a sentence."""

    writer: Type
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One field as it is written, and the reader's field that it feeds, if any."""

    writer: Field
    reader: Field | None
    action: Action | None


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """A record: the writer's fields in order, and values for the reader's fields it lacks.

    ``sources`` and ``defaults`` are set last, since a record may hold itself.
    """

    writer: Record
    reader: Record
    sources: tuple[Source, ...] = field(default=(), repr=False)
    defaults: dict[str, Any] = field(default_factory=dict, repr=False)


Action = Copy | Symbol | Items | Entries | Choice | Mismatch | Fields
