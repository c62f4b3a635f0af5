"""Schema resolution of single values: what fastavro read, as the reader's type has it.

What fastavro read is *bare*: of the wire-equal schema of :mod:`stream_scorer.avro.rows`. What comes
out is plain, as :mod:`stream_scorer.avro.defaults` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
from stream_scorer.avro.strict import Malformed, decoded

Bare = Any
Reading = Callable[[Bare], Any]
"""Takes a bare value, returns the plain one; raises ``Malformed`` where the schemas clash in it."""


def reading_at(action: Action, path: Sequence[str], where: str) -> Reading:
    """Return what reads one field, however deep, out of a bare event.

    Args:
        action: How the event is resolved.
        path: The names from the event down to the reader's field; below a null all is null.
        where: The dotted path, for messages.
    """
    if not path:
        return _Readings().reading(action, where)
    match action:
        case Choice():
            return _chosen([reading_at(branch, path, where) for branch in action.branches])
        case Fields():
            return _field(action, path, where)
        case Mismatch():
            return _refusal(action.reason)
    return _nothing  # a null where the reader has a nullable record


def _field(action: Fields, path: Sequence[str], where: str) -> Reading:
    name, *below = path
    if name in action.defaults:
        value = action.defaults[name]
        for each in below:
            value = None if value is None else value[each]
        return lambda bare: value  # noqa: ARG005 - the same in every event
    for source in action.sources:
        if source.reader is not None and source.reader.name == name and source.action is not None:
            key, inner = source.writer.name, reading_at(source.action, below, where)
            return lambda bare: inner(bare[key])
    raise KeyError(name)


@dataclass(slots=True)
class _Readings:
    """Builds readings; ``records`` holds those already built, so that recursion ends."""

    records: dict[Fields, Reading] = field(default_factory=dict)

    def reading(self, action: Action, where: str) -> Reading:
        match action:
            case Copy():
                return _copy(action.writer.kind, action.reader.kind, where)
            case Symbol():
                return _symbol(action)
            case Items():
                item = self.reading(action.items, where + "[]")
                return lambda bare: [item(each) for each in bare]
            case Entries():
                value = self.reading(action.values, where + "{}")
                return lambda bare: {
                    decoded(each["key"], where): value(each["value"]) for each in bare
                }
            case Choice():
                return _chosen([self.reading(branch, where) for branch in action.branches])
            case Mismatch():
                return _refusal(action.reason)
            case Fields():
                return self._record(action, where)

    def _record(self, action: Fields, where: str) -> Reading:
        if action in self.records:
            return self.records[action]
        sources: dict[str, tuple[str, Reading]] = {}

        def record(bare: Bare) -> dict[str, Any]:
            values = {name: inner(bare[key]) for name, (key, inner) in sources.items()}
            values.update(action.defaults)
            return {each.name: values[each.name] for each in action.reader.fields}

        self.records[action] = record
        for each in action.sources:
            if each.reader is not None and each.action is not None:
                name = each.reader.name
                inner = self.reading(each.action, f"{where}.{name}" if where else name)
                sources[name] = (each.writer.name, inner)
        return record


def _nothing(_: Bare) -> None:
    return None


def _refusal(reason: str) -> Reading:
    def refuse(_: Bare) -> None:
        raise Malformed(reason)

    return refuse


def _chosen(branches: list[Reading]) -> Reading:
    """Read a union, which the wire-equal schema has as one-field records named for the branch."""
    readings = {f"b{index}": branch for index, branch in enumerate(branches)}

    def chosen(bare: Bare) -> Any:
        ((branch, value),) = bare.items()
        return readings[branch](value)

    return chosen


def position_of(action: Symbol, written: int) -> int:
    """Return the reader's position for a writer's; raise ``Malformed`` if it has none."""
    position = action.positions[written]
    if position < 0:
        raise Malformed(
            f"Field {action.where!r} is {action.writer.symbols[written]!r}, which is none of the "
            "reader's symbols."
        )
    return position


def _symbol(action: Symbol) -> Reading:
    known = action.reader.symbols

    def symbol(bare: Bare) -> str:
        return known[position_of(action, bare)]

    return symbol


def _copy(writer: str, reader: str, where: str) -> Reading:
    match writer, reader:
        case "null", _:
            return _nothing
        case "boolean", _:
            return lambda bare: bare == b"\x01"
        case "float", "float":
            return _single
        case "float", "double":
            return lambda bare: float(_single(bare))
        case _, "float":
            return lambda bare: np.float32(np.int64(bare))  # one rounding, not two
        case (("int" | "long"), "double"):
            return float
        case _, "string":
            return lambda bare: decoded(bare, where)
    return lambda bare: bare


def _single(bare: bytes) -> np.float32:
    value: np.float32 = np.frombuffer(bare, "<f4")[0]
    return value
