"""The JSON of a schema to its tree of types, checked by the rules of the specification.

Bounds that the specification leaves open keep every later walk over a schema short: types nest at
most ``MAX_DEPTH`` deep, a schema with its named types written out wherever they are used holds at
most ``MAX_TYPES`` of them, and a decimal has at most ``MAX_PRECISION`` digits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from stream_scorer.avro.types import (
    PRIMITIVES,
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Named,
    Primitive,
    Record,
    Type,
    Union,
    inner_types,
)
from stream_scorer.columns import Kind
from stream_scorer.errors import ConfigError

MAX_DEPTH = 100
MAX_TYPES = 50_000
MAX_PRECISION = 1_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STRUCTURE = {
    "primitive": {"type"},
    "array": {"type", "items"},
    "map": {"type", "values"},
    "enum": {"type", "name", "namespace", "aliases", "symbols", "default"},
    "fixed": {"type", "name", "namespace", "aliases", "size"},
    "record": {"type", "name", "namespace", "aliases", "fields"},
    "field": {"name", "type", "aliases", "default"},
}


class _Size(NamedTuple):
    """How deep a type nests, and how many types it holds written out."""

    depth: int
    types: int


@dataclass(slots=True)
class Parser:
    """One pass over one schema; ``where`` is the dotted path of the field being parsed.

    ``names`` are the types that it defines; ``given`` are those of other schemas, which it may use.
    """

    names: dict[str, Named] = field(default_factory=dict)
    given: Mapping[str, Named] = field(default_factory=dict)
    sizes: dict[Type, _Size] = field(default_factory=dict)

    def parse(self, source: Any, namespace: str, where: str) -> Type:
        """Return the type of ``source``; a plain name may refer to one defined before.

        Raises:
            ConfigError: The JSON is no Avro schema; the text says where and why.
        """
        if isinstance(source, str):
            return self._reference(source, namespace, where)
        if isinstance(source, list):
            return self._union(source, namespace, where)
        if not isinstance(source, dict):
            raise _wrong(where, f"is {source!r}, where a type's name, object or list must stand")
        kind = source.get("type")
        if kind is None:
            raise _wrong(where, "has no attribute 'type'")
        if not isinstance(kind, str):
            return self.parse(kind, namespace, where)
        return self._sized(self._object(kind, source, namespace, where), where)

    def _object(self, kind: str, source: dict[str, Any], namespace: str, where: str) -> Type:
        if kind in PRIMITIVES:
            scale = _decimal_scale(source, None) if kind == "bytes" else None
            properties = _properties(source, "primitive")
            return Primitive(cast("Kind", kind), _logical(source), scale, properties)
        match kind:
            case "array":
                items = self.parse(_needed(source, "items", where), namespace, where + ".[]")
                return Array(items, _properties(source, kind))
            case "map":
                values = self.parse(_needed(source, "values", where), namespace, where + ".{}")
                return Map(values, _properties(source, kind))
            case _:
                return self._definition(kind, source, namespace, where)

    def _definition(self, kind: str, source: dict[str, Any], namespace: str, where: str) -> Type:
        match kind:
            case "record" | "error":
                return self._record(source, namespace, where)
            case "enum":
                return self._enum(source, namespace, where)
            case "fixed":
                return self._fixed(source, namespace, where)
            case _:
                return self._reference(kind, namespace, where)

    def _reference(self, name: str, namespace: str, where: str) -> Type:
        if name in PRIMITIVES:
            return Primitive(cast("Kind", name))
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        known = {**self.given, **self.names} if self.given else self.names
        found = known.get(full) or known.get(name)
        if found is None:
            names = ", ".join(sorted(known)) or "none"
            raise _wrong(where, f"has the unknown type {name!r}; types defined before it: {names}")
        return found

    def _union(self, source: list[Any], namespace: str, where: str) -> Type:
        branches = tuple(self.parse(branch, namespace, where) for branch in source)
        seen: set[str] = set()
        for branch in branches:
            if isinstance(branch, Union):
                raise _wrong(where, "is a union that directly holds a union")
            key = branch.name if isinstance(branch, Named) else branch.kind
            if key in seen:
                raise _wrong(where, f"is a union with two branches of type {key!r}")
            seen.add(key)
        if not branches:
            raise _wrong(where, "is a union without a branch")
        return self._sized(Union(branches), where)

    def _record(self, source: dict[str, Any], namespace: str, where: str) -> Record:
        name, aliases = self._name(source, namespace, where)
        record = Record(name, aliases, (), _properties(source, "record"))
        self.names[name] = record
        inner = name.rpartition(".")[0]
        listed = _needed(source, "fields", where)
        if not isinstance(listed, list):
            raise _wrong(where, "has 'fields' that are no list")
        fields = tuple(self._field(each, inner, where) for each in listed)
        counted = {each.name for each in fields}
        if len(counted) < len(fields):
            raise _wrong(where, "has two fields of one name")
        object.__setattr__(record, "fields", fields)  # frozen from here on
        if _always_holds(record, record, set()):
            raise _wrong(where, f"is the record {name!r}, which always holds another of itself")
        return record

    def _field(self, source: Any, namespace: str, where: str) -> Field:
        if not isinstance(source, dict) or not isinstance(source.get("name"), str):
            raise _wrong(where, f"has a field without a name: {source!r}")
        name = _legal(source["name"], where)
        path = f"{where}.{name}" if where else name
        return Field(
            name,
            self.parse(_needed(source, "type", path), namespace, path),
            _strings(source.get("aliases", []), "aliases", path),
            "default" in source,
            source.get("default"),
            _properties(source, "field"),
        )

    def _enum(self, source: dict[str, Any], namespace: str, where: str) -> Named:
        name, aliases = self._name(source, namespace, where)
        symbols = _strings(_needed(source, "symbols", where), "symbols", where)
        for symbol in symbols:
            _legal(symbol, where)
        if len(set(symbols)) < len(symbols):
            raise _wrong(where, "has the same symbol twice")
        default = source.get("default")
        if default is not None and default not in symbols:
            raise _wrong(where, f"has the default {default!r}, which is none of its symbols")
        self.names[name] = Enum(name, aliases, symbols, default, _properties(source, "enum"))
        return self.names[name]

    def _fixed(self, source: dict[str, Any], namespace: str, where: str) -> Named:
        name, aliases = self._name(source, namespace, where)
        size = _needed(source, "size", where)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**31:
            raise _wrong(where, f"has the size {size!r}, where a number of bytes must stand")
        scale = _decimal_scale(source, size)
        properties = _properties(source, "fixed")
        self.names[name] = Fixed(name, aliases, size, _logical(source), scale, properties)
        return self.names[name]

    def _name(
        self, source: dict[str, Any], namespace: str, where: str
    ) -> tuple[str, tuple[str, ...]]:
        """Return the full name and the full aliases (Avro 1.12, "Names" and "Aliases")."""
        name = _needed(source, "name", where)
        if not isinstance(name, str):
            raise _wrong(where, f"has the name {name!r}, where text must stand")
        if "." not in name:
            space = source.get("namespace", namespace)
            name = f"{space}.{name}" if space else name
        for part in name.split("."):
            _legal(part, where)
        if name in self.names or name in PRIMITIVES:
            raise _wrong(where, f"defines the type {name!r} a second time")
        space = name.rpartition(".")[0]
        aliases = _strings(source.get("aliases", []), "aliases", where)
        return name, tuple(a if "." in a or not space else f"{space}.{a}" for a in aliases)

    def _sized(self, of: Type, where: str) -> Type:
        """Return ``of``, having checked the two bounds; a record still open counts as one type."""
        if isinstance(of, Primitive | Enum | Fixed):
            return of
        inner = inner_types(of)
        sizes = [self.sizes.get(each, _Size(0, 1)) for each in inner]
        size = _Size(
            1 + max((each.depth for each in sizes), default=0),
            1 + sum(each.types for each in sizes),
        )
        if size.depth > MAX_DEPTH:
            raise _wrong(where, f"nests more than {MAX_DEPTH} deep")
        if size.types > MAX_TYPES:
            raise _wrong(where, f"holds more than {MAX_TYPES} types, written out")
        self.sizes[of] = size
        return of


def _wrong(where: str, what: str) -> ConfigError:
    return ConfigError(f"The schema is no Avro: {f'field {where!r}' if where else 'it'} {what}.")


def _needed(source: dict[str, Any], attribute: str, where: str) -> Any:
    if attribute not in source:
        raise _wrong(where, f"has no attribute {attribute!r}")
    return source[attribute]


def _legal(name: str, where: str) -> str:
    if not _NAME.fullmatch(name):
        raise _wrong(
            where, f"has the name {name!r}; a name is letters, digits and _, no digit first"
        )
    return name


def _strings(source: Any, attribute: str, where: str) -> tuple[str, ...]:
    if not isinstance(source, list) or not all(isinstance(each, str) for each in source):
        raise _wrong(where, f"has {attribute!r} that are no list of names")
    return tuple(source)


def _properties(source: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key not in _STRUCTURE[kind]}


def _logical(source: Mapping[str, Any]) -> str | None:
    logical = source.get("logicalType")
    return logical if isinstance(logical, str) else None


def _decimal_scale(source: Mapping[str, Any], size: int | None) -> int | None:
    """Return a valid decimal's scale; an invalid logical type is ignored (Avro 1.12, "Decimal")."""
    if source.get("logicalType") != "decimal":
        return None
    precision, scale = source.get("precision"), source.get("scale", 0)
    if type(precision) is not int or type(scale) is not int:
        return None
    most = MAX_PRECISION if size is None else math.floor((8 * size - 1) * math.log10(2))
    return scale if 0 <= scale <= precision and 0 < precision <= most else None


def _always_holds(record: Record, wanted: Record, seen: set[Record]) -> bool:
    """Return whether every value of ``record`` holds one of ``wanted``: then neither has any."""
    inner = [each.type for each in record.fields if isinstance(each.type, Record)]
    fresh = [each for each in inner if each not in seen]
    return wanted in inner or any(_always_holds(each, wanted, seen | {each}) for each in fresh)
