"""The JSON of a schema to its tree of types, checked by the rules of the specification.

A bound that the specification leaves open keeps every later walk over a schema short: types nest at
most ``MAX_DEPTH`` deep, with named types written out wherever they are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from stream_scorer.avro.logical import logical_of
from stream_scorer.avro.names import is_legal, is_namespace, is_read
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
    extent_of_fields,
    inner_types,
    is_shared,
    namespace_of,
)
from stream_scorer.columns import Kind
from stream_scorer.errors import ConfigError

MAX_DEPTH = 100
_STRUCTURE = {
    "array": {"type", "items"},
    "map": {"type", "values"},
    "enum": {"type", "name", "namespace", "aliases", "symbols", "default"},
    "fixed": {"type", "name", "namespace", "aliases", "size"},
    "record": {"type", "name", "namespace", "aliases", "fields"},
    "field": {"name", "type", "aliases", "default"},
}


@dataclass(slots=True)
class Parser:
    """One pass over one schema; ``where`` is the dotted path of the field being parsed.

    ``names`` are the types that it defines; ``given`` are those of other schemas, which it may use.
    ``strict`` refuses names that others let through; see :mod:`stream_scorer.avro.names`.
    """

    strict: bool = False
    names: dict[str, Named] = field(default_factory=dict)
    given: Mapping[str, Named] = field(default_factory=dict)
    depths: dict[Type, int] = field(default_factory=dict)

    def parse(self, source: Any, namespace: str, where: str) -> Type:
        """Return the type of ``source``; a plain name may refer to one defined before.

        Raises:
            ConfigError: The JSON is not an Avro schema; the text says where and why.
        """
        if isinstance(source, str):
            return self._reference(source, namespace, where)
        if isinstance(source, list):
            return self._union(source, namespace, where)
        if not isinstance(source, dict):
            raise _wrong(
                where, f"is {source!r:.80}, where a type's name, object or list must stand"
            )
        kind = source.get("type")
        if kind is None:
            raise _wrong(where, "has no attribute 'type'")
        if not isinstance(kind, str):
            return self.parse(kind, namespace, where)
        return self._nested(self._object(kind, source, namespace, where), where)

    def _object(self, kind: str, source: dict[str, Any], namespace: str, where: str) -> Type:
        if kind in PRIMITIVES:
            found = logical_of(source, kind)
            properties = _properties(source, kind)
            return Primitive(cast("Kind", kind), found.name, found.scale, properties, found.ignored)
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
        bare = name.removeprefix(".") if name.rfind(".") == 0 else name
        full = bare if "." in name or not namespace else f"{namespace}.{name}"
        known = {**self.given, **self.names} if self.given else self.names
        found = known.get(full) or known.get(bare)
        if found is None:
            names = ", ".join(sorted(known)) or "none"
            raise _wrong(
                where, f"has the unknown type {name!r:.80}; types defined before it: {names:.500}"
            )
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
        return self._nested(Union(branches), where)

    def _record(self, source: dict[str, Any], namespace: str, where: str) -> Record:
        name, aliases = self._name(source, namespace, where)
        record = Record(name, aliases, (), _properties(source, "record"))
        self.names[name] = record
        inner = namespace_of(name)
        listed = _needed(source, "fields", where)
        if not isinstance(listed, list):
            raise _wrong(where, "has 'fields' that are not a list")
        fields = tuple(self._field(each, inner, where) for each in listed)
        counted = {each.name for each in fields}
        if len(counted) < len(fields):
            raise _wrong(where, "has two fields of one name")
        object.__setattr__(record, "fields", fields)
        object.__setattr__(record, "extent", extent_of_fields(fields))  # frozen from here on
        if record.extent.width == 0 and is_shared(record):
            raise _wrong(where, f"is the record {name!r}, of too many types that take no bytes")
        if _always_holds_itself(record):
            raise _wrong(where, f"is the record {name!r}, which always holds another of itself")
        return record

    def _field(self, source: Any, namespace: str, where: str) -> Field:
        if not isinstance(source, dict) or not isinstance(source.get("name"), str):
            raise _wrong(where, f"has a field without a name: {source!r:.80}")
        name = self._legal(source["name"], where)
        path = f"{where}.{name}" if where else name
        return Field(
            name,
            self.parse(_needed(source, "type", path), namespace, path),
            _strings(source.get("aliases", []), "aliases", path),
            "default" in source,
            source.get("default"),
            {key: value for key, value in source.items() if key not in _STRUCTURE["field"]},
        )

    def _enum(self, source: dict[str, Any], namespace: str, where: str) -> Named:
        name, aliases = self._name(source, namespace, where)
        symbols = _strings(_needed(source, "symbols", where), "symbols", where)
        for symbol in symbols:
            self._legal(symbol, where)
        if len(set(symbols)) < len(symbols):
            raise _wrong(where, "has the same symbol twice")
        default = source.get("default")
        if default is not None and default not in symbols:
            raise _wrong(where, f"has the default {default!r:.80}, which is none of its symbols")
        self.names[name] = Enum(name, aliases, symbols, default, _properties(source, "enum"))
        return self.names[name]

    def _fixed(self, source: dict[str, Any], namespace: str, where: str) -> Named:
        name, aliases = self._name(source, namespace, where)
        size = _needed(source, "size", where)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**31:
            raise _wrong(where, f"has the size {size!r:.80}, where a number of bytes must stand")
        found = logical_of(source, "fixed", size)
        properties = _properties(source, "fixed", size)
        fixed = Fixed(name, aliases, size, found.name, found.scale, properties, found.ignored)
        self.names[name] = fixed
        return fixed

    def _name(
        self, source: dict[str, Any], namespace: str, where: str
    ) -> tuple[str, tuple[str, ...]]:
        """Return the full name and the full aliases (Avro 1.12, "Names" and "Aliases")."""
        name = _needed(source, "name", where)
        if not isinstance(name, str):
            raise _wrong(where, f"has the name {name!r:.80}, where text must stand")
        if "." not in name:
            space = source.get("namespace")
            name = f"{namespace if space is None else space}.{name}"
        name = self._full_name(name, where)
        if name in self.names or name in PRIMITIVES:
            raise _wrong(where, f"defines the type {name!r} a second time")
        space = namespace_of(name)
        aliases = _strings(source.get("aliases", []), "aliases", where)
        return name, tuple(a if "." in a or not space else f"{space}.{a}" for a in aliases)

    def _full_name(self, name: str, where: str) -> str:
        """Return a full name that may be read; an empty namespace is none."""
        space, _, own = name.rpartition(".")
        for part in [*space.split("."), own] if space and self.strict else [own]:
            self._legal(part, where)
        if not is_namespace(space):
            raise _wrong(where, f"has the namespace {space!r}, which is not text")
        return f"{space}.{own}" if space else own

    def _legal(self, name: str, where: str) -> str:
        if not (is_legal(name) if self.strict else is_read(name)):
            raise _wrong(
                where, f"has the name {name!r:.80}; a name is letters, digits and _, no digit first"
            )
        return name

    def _nested(self, of: Type, where: str) -> Type:
        """Return ``of``, having checked how deep it nests; a record still open adds nothing."""
        if isinstance(of, Primitive | Enum | Fixed):
            return of
        depth = 1 + max((self.depths.get(each, 0) for each in inner_types(of)), default=0)
        if depth > MAX_DEPTH:
            raise _wrong(where, f"nests more than {MAX_DEPTH} deep")
        self.depths[of] = depth
        return of


def _wrong(where: str, what: str) -> ConfigError:
    return ConfigError(
        f"The schema is not valid Avro: {f'field {where!r}' if where else 'it'} {what}."
    )


def _needed(source: dict[str, Any], attribute: str, where: str) -> Any:
    if attribute not in source:
        raise _wrong(where, f"has no attribute {attribute!r}")
    return source[attribute]


def _strings(source: Any, attribute: str, where: str) -> tuple[str, ...]:
    if not isinstance(source, list) or not all(isinstance(each, str) for each in source):
        raise _wrong(where, f"has {attribute!r} that are not a list of names")
    return tuple(source)


def _properties(source: Mapping[str, Any], kind: str, size: int | None = None) -> dict[str, Any]:
    """Return a type's further attributes, but for those of a logical type that is ignored."""
    left_out = _STRUCTURE.get(kind, {"type"}) | logical_of(source, kind, size).without
    return {key: value for key, value in source.items() if key not in left_out}


def _always_holds_itself(record: Record) -> bool:
    """Return whether every value of a record holds another of it: then it has none."""
    seen: set[Type] = set()
    ahead: list[Record] = [record]
    while ahead:
        for each in ahead.pop().fields:
            if isinstance(each.type, Record) and each.type not in seen:
                seen.add(each.type)
                ahead.append(each.type)
    return record in seen
