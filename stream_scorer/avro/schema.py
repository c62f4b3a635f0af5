"""Avro schemas: parse, compare, fingerprint, and find fields by their dotted path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice
from typing import Any

from fastavro.schema import fingerprint as fastavro_fingerprint

from stream_scorer.avro.forms import canonical, left_out, self_contained
from stream_scorer.avro.parsing import MAX_DEPTH, Parser
from stream_scorer.avro.text import json_values
from stream_scorer.avro.types import (
    MAX_WRITTEN_OUT,
    Array,
    Enum,
    Field,
    Fixed,
    Primitive,
    Record,
    Type,
    Union,
    holds_itself,
    is_shared,
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


def parse(source: str | bytes | dict[str, Any] | list[Any], *, strict: bool = False) -> Schema:
    """Return the schema of JSON text or of plain JSON values.

    Args:
        source: The text or the bytes of an ``.avsc`` file, a type's bare name, or JSON values.
        strict: Whether names must be those of the specification; else what Java's parser takes.

    Raises:
        ConfigError: It is not JSON, or no Avro schema; the text says where and why.
    """
    try:
        values = json_values(source) if isinstance(source, str | bytes) else source
        root = Parser(strict).parse(values, "", "")
        text = json.dumps(values, separators=(",", ":"))
        form = json.dumps(canonical(root, set()), separators=(",", ":"), ensure_ascii=False)
        identity = json.dumps(self_contained(root, set(), docs=False), sort_keys=True)
    except RecursionError:
        raise ConfigError(
            f"The schema is not valid Avro: it nests more than {MAX_DEPTH} deep."
        ) from None
    crc = bytes.fromhex(fastavro_fingerprint(form, "CRC-64-AVRO"))
    return Schema(values, text, crc, root, identity)


def alike(one: Schema, other: Schema) -> bool:
    """Return whether two schemas write the same bytes with the same names, but for the namespace.

    They may differ in ``doc``, defaults and aliases, which mean nothing in a writer's schema, and a
    type may lack in one of them the namespace that it has in the other.
    """
    known = [_names(each) for each in (one, other)]
    bare = {name for names in known for name in names if not namespace_of(name)}
    short = {
        name: unqualified(name) for names in known for name in names if unqualified(name) in bare
    }
    if any(len({short.get(name, name) for name in names}) < len(names) for names in known):
        short = {}  # two types of one schema would be one
    first, second = (
        self_contained(each.root, set(), docs=False, aliases=False, defaults=left_out, names=short)
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


def leaf_paths(schema: Schema) -> Mapping[str, FieldType]:
    """Return every field that is no record, by dotted path, in the order of the schema.

    Records and nullable records are entered, unless they may hold another of themselves. Where
    there are too many fields to be listed, all are found, and those nearest to the top are listed.
    """
    return _Leaves(schema.root)


class _Leaves(Mapping[str, FieldType]):
    """Fields by path; each type is made out when it is asked for."""

    def __init__(self, root: Type) -> None:
        self._root = root
        self._known: dict[str, FieldType] = {}
        self._paths = _listed(root)

    def __getitem__(self, path: str) -> FieldType:
        if path not in self._known:
            at, below_null, beside = self._root, False, None
            for name in path.split("."):
                found = [each for each in _entered(at, self._root) or () if each.name == name]
                if not found:
                    raise KeyError(path)
                below_null = below_null or nullable(at)[1]
                at, beside = found[0].type, found[0].properties.get("logicalType")
            if _entered(at, self._root) is not None:
                raise KeyError(path)
            of = _field_type(at, below_null=below_null)
            if isinstance(beside, str) and not (of.logical or of.ignored):
                of = replace(of, ignored=f"{beside} (it stands beside the type, not in it)")
            self._known[path] = of
        return self._known[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _entered(at: Type, root: Type) -> tuple[Field, ...] | None:
    """Return the fields of a record or nullable record, ``None`` where a path ends."""
    record, _ = nullable(at)
    if isinstance(record, Record) and (at is root or not holds_itself(record)):
        return record.fields
    return None


def _listed(root: Type) -> list[str]:
    """Return the paths of all leaves; of too many, those down to the level that can be listed."""
    if not is_shared(root):
        return [path for path, is_leaf in _walked(root, root, "", MAX_DEPTH) if is_leaf]
    paths: list[str] = []
    nodes = 0
    for levels in range(1, MAX_DEPTH):
        found = list(islice(_walked(root, root, "", levels), MAX_WRITTEN_OUT))
        if len(found) == MAX_WRITTEN_OUT:
            break
        if len(found) == nodes:
            break  # there is nothing below
        nodes = len(found)
        paths = [path for path, is_leaf in found if is_leaf]
    return paths


def _walked(at: Type, root: Type, path: str, levels: int) -> Iterator[tuple[str, bool]]:
    """Yield the path of each record and leaf down to a level, and whether it is a leaf."""
    fields = _entered(at, root)
    yield path, fields is None and bool(path)
    for each in (fields or ()) if levels else ():
        below = f"{path}.{each.name}" if path else each.name
        yield from _walked(each.type, root, below, levels - 1)


def _field_type(at: Type, *, below_null: bool) -> FieldType:
    schema = self_contained(at, set(), defaults=left_out)
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
            of_logical = (value.logical, schema, value.ignored)
            return FieldType("fixed", may_be_null, None, (), value.size, *of_logical)
        case Primitive():
            of_logical = (value.logical, schema, value.ignored)
            return FieldType(value.kind, may_be_null, None, (), 0, *of_logical)
    return FieldType(value.kind, may_be_null, schema=schema)


def _unknown(schema: Schema, path: str) -> ConfigError:
    known = list(leaf_paths(schema))
    near = get_close_matches(path, known, 1) or get_close_matches(
        path.rpartition(".")[2], known, 1, 0.4
    )
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else f"its fields are {', '.join(known) or 'none':.500}."
    )
    return ConfigError(f"The schema has no field {path!r}; {hint}")
