"""Avro schemas: parse, compare, fingerprint, and find fields by their dotted path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from fastavro.schema import fingerprint as fastavro_fingerprint

from stream_scorer.avro.forms import canonical, self_contained
from stream_scorer.avro.parsing import MAX_DEPTH, Parser
from stream_scorer.avro.types import (
    Array,
    Enum,
    Fixed,
    Primitive,
    Record,
    Type,
    Union,
    holds_itself,
    namespace_of,
    unqualified,
)
from stream_scorer.columns import FieldType
from stream_scorer.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Schema:
    """A parsed schema. Two are equal if they differ in white space, order of keys, or ``doc`` only.

    Attributes:
        json: The schema as plain JSON values, as it was given.
        text: The same as compact JSON.
        fingerprint: CRC-64-AVRO of the parsing canonical form, 8 bytes, little-endian, as
            single-object encoding has it.
        root: The tree of types.
        identity: What equality and hash go by: all that bears on reading, names written in full.
    """

    json: Any = field(compare=False)
    text: str = field(compare=False)
    fingerprint: bytes = field(compare=False)
    root: Type = field(compare=False, repr=False)
    identity: str = field(repr=False)


def parse(source: str | dict[str, Any] | list[Any]) -> Schema:
    """Return the schema of JSON text or of plain JSON values.

    Args:
        source: The text of an ``.avsc`` file, a type's bare name, or the JSON values.

    Raises:
        ConfigError: It is no JSON, or no Avro schema; the text says where and why.
    """
    try:
        values = _values(source)
        root = Parser().parse(values, "", "")
        text = json.dumps(values, separators=(",", ":"))
        form = json.dumps(canonical(root, set()), separators=(",", ":"))
        identity = json.dumps(self_contained(root, set(), docs=False), sort_keys=True)
    except RecursionError:
        raise ConfigError(f"The schema is no Avro: it nests more than {MAX_DEPTH} deep.") from None
    crc = bytes.fromhex(fastavro_fingerprint(form, "CRC-64-AVRO"))
    return Schema(values, text, crc, root, identity)


def _values(source: str | dict[str, Any] | list[Any]) -> Any:
    if not isinstance(source, str):
        return source
    stripped = source.strip()
    if stripped[:1] not in {"{", "[", '"'}:
        return stripped  # a bare name such as long
    try:
        return json.loads(stripped)
    except ValueError as error:
        raise ConfigError(f"The schema is no JSON: {error}.") from None


def alike(one: Schema, other: Schema) -> bool:
    """Return whether two schemas write the same bytes with the same names, but for the namespace.

    They may differ in ``doc`` and the defaults of fields, and a type may lack in one of them the
    namespace that it has in the other.
    """
    known = [_names(each) for each in (one, other)]
    bare = {name for names in known for name in names if not namespace_of(name)}
    short = {
        name: unqualified(name) for names in known for name in names if unqualified(name) in bare
    }
    if any(len({short.get(name, name) for name in names}) < len(names) for names in known):
        short = {}  # two types of one schema would be one
    first, second = (
        self_contained(each.root, set(), docs=False, defaults=False, names=short)
        for each in (one, other)
    )
    return bool(first == second)


def _names(schema: Schema) -> set[str]:
    defined: set[str] = set()
    self_contained(schema.root, defined)
    return defined


def nullable(of: Type) -> tuple[Type, bool]:
    """Return T and whether it may be null, for T or a union of null and one type T."""
    if isinstance(of, Union) and len(of.value_branches) == 1:
        return of.value_branches[0], len(of.branches) > 1
    return of, False


def type_at(schema: Schema, path: str) -> tuple[Type, bool]:
    """Return the type at a dotted path, and whether a nullable record lies above it.

    Raises:
        ConfigError: There is no such field; the text names the path and the nearest known one.
    """
    at, below_null = schema.root, False
    for name in path.split("."):
        record, may_be_null = nullable(at)
        fields = record.fields if isinstance(record, Record) else ()
        found = [each.type for each in fields if each.name == name]
        if not found:
            raise _unknown(schema, path)
        at, below_null = found[0], below_null or may_be_null
    return at, below_null


def field_type(schema: Schema, path: str) -> FieldType:
    """Return the type at a dotted path; below a nullable record it is nullable.

    Raises:
        ConfigError: There is no such field; the text names the path and the nearest known one.
    """
    at, below_null = type_at(schema, path)
    return _field_type(at, below_null=below_null)


def leaf_paths(schema: Schema) -> dict[str, FieldType]:
    """Return every field that is no record, by dotted path, in the order of the schema.

    Records and nullable records are entered, unless they may hold another of themselves.
    """
    return {
        path: _field_type(at, below_null=below_null)
        for path, at, below_null in _leaves(schema.root, "", below_null=False)
    }


def _leaves(at: Type, path: str, *, below_null: bool) -> Iterator[tuple[str, Type, bool]]:
    record, may_be_null = nullable(at)
    if isinstance(record, Record) and not (path and holds_itself(record)):
        before = f"{path}." if path else ""
        for each in record.fields:
            below = below_null or may_be_null
            yield from _leaves(each.type, before + each.name, below_null=below)
    elif path:
        yield path, at, below_null


def _field_type(at: Type, *, below_null: bool) -> FieldType:
    schema = self_contained(at, set())
    value, may_be_null = nullable(at)
    if isinstance(value, Union):
        may_be_null = any(branch.kind == "null" for branch in value.branches)
    if below_null and not may_be_null and value.kind != "null":
        schema = ["null", *schema] if isinstance(schema, list) else ["null", schema]
    may_be_null = may_be_null or below_null
    match value:
        case Array():
            items = _field_type(value.items, below_null=False)
            return FieldType("array", may_be_null, items, schema=schema)
        case Enum():
            return FieldType("enum", may_be_null, symbols=value.symbols, schema=schema)
        case Fixed():
            return FieldType("fixed", may_be_null, None, (), value.size, value.logical, schema)
        case Primitive():
            return FieldType(value.kind, may_be_null, logical=value.logical, schema=schema)
    return FieldType(value.kind, may_be_null, schema=schema)


def _unknown(schema: Schema, path: str) -> ConfigError:
    known = list(leaf_paths(schema))
    near = get_close_matches(path, known, 1) or get_close_matches(
        path.rpartition(".")[2], known, 1, 0.4
    )
    hint = f"did you mean {near[0]!r}?" if near else f"its fields are {', '.join(known) or 'none'}."
    return ConfigError(f"The schema has no field {path!r}; {hint}")
