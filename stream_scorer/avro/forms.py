"""Parsed types written back as JSON: the parsing canonical form, and a self-contained one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stream_scorer.avro.types import (
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Primitive,
    Properties,
    Record,
    Type,
    Union,
    inner_types,
    namespace_of,
    unqualified,
)


def canonical(of: Type, defined: set[str]) -> Any:
    """Return the parsing canonical form (Avro 1.12, "Parsing Canonical Form for Schemas").

    Args:
        of: The type.
        defined: Full names that are already written; grows with those written here.
    """
    match of:
        case Primitive():
            return of.kind
        case Array():
            return {"type": "array", "items": canonical(of.items, defined)}
        case Map():
            return {"type": "map", "values": canonical(of.values, defined)}
        case Union():
            return [canonical(branch, defined) for branch in of.branches]
    if of.name in defined:
        return of.name
    defined.add(of.name)
    form: dict[str, Any] = {"name": of.name, "type": of.kind}
    match of:
        case Record():
            form["fields"] = [
                {"name": each.name, "type": canonical(each.type, defined)} for each in of.fields
            ]
        case Enum():
            form["symbols"] = list(of.symbols)
        case Fixed():
            form["size"] = of.size
    return form


Written = Callable[[Any, Type], tuple[Any, ...]]
"""Takes a default's JSON and its type; returns it as it is to be written, or nothing."""


def as_it_is(default: Any, _of: Type) -> tuple[Any, ...]:
    """Keep every default."""
    return (default,)


def left_out(_default: Any, _of: Type) -> tuple[Any, ...]:
    """Keep none."""
    return ()


def self_contained(
    of: Type,
    defined: set[str],
    *,
    docs: bool = True,
    aliases: bool = True,
    defaults: Written = as_it_is,
    names: Mapping[str, str] | None = None,
) -> Any:
    """Return a type as JSON that needs nothing around it: names are defined where first used.

    Args:
        of: The type.
        defined: Full names that are already written; grows with those written here.
        docs: Whether ``doc`` attributes are kept.
        aliases: Whether aliases are kept.
        defaults: How defaults are written, those of enums too.
        names: New full names of types and aliases, by their own.
    """
    return _SelfContained(defined, docs, aliases, defaults, names or {}).of(of)


@dataclass(frozen=True, slots=True)
class _SelfContained:
    defined: set[str]
    docs: bool
    aliases: bool
    defaults: Written
    names: Mapping[str, str]

    def of(self, of: Type) -> Any:
        match of:
            case Primitive():
                kept = self._kept(of.properties)
                return {"type": of.kind, **kept} if kept else of.kind
            case Array():
                return {"type": "array", "items": self.of(of.items), **self._kept(of.properties)}
            case Map():
                return {"type": "map", "values": self.of(of.values), **self._kept(of.properties)}
            case Union():
                return [self.of(branch) for branch in of.branches]
        name = self._named(of.name)
        if name in self.defined:
            return name
        self.defined.add(name)
        return self._definition(of, name)

    def _definition(self, of: Record | Enum | Fixed, name: str) -> Any:
        form: dict[str, Any] = {
            "type": of.kind,
            "name": unqualified(name),
            "namespace": namespace_of(name),
            **self._aliases([self._named(each) for each in of.aliases]),
            **self._kept(of.properties),
        }
        match of:
            case Record():
                form["fields"] = [self._field(each) for each in of.fields]
            case Enum():
                form["symbols"] = list(of.symbols)
                form |= self._default(of.default, of) if of.default is not None else {}
            case Fixed():
                form["size"] = of.size
        return form

    def _field(self, of: Field) -> Any:
        return {
            "name": of.name,
            "type": self.of(of.type),
            **(self._default(of.default, of.type) if of.has_default else {}),
            **self._aliases(list(of.aliases)),
            **self._kept(of.properties),
        }

    def _default(self, default: Any, of: Type) -> dict[str, Any]:
        written = self.defaults(default, of)
        return {"default": written[0]} if written else {}

    def _aliases(self, names: list[str]) -> dict[str, Any]:
        return {"aliases": names} if names and self.aliases else {}

    def _named(self, name: str) -> str:
        return self.names.get(name, name)

    def _kept(self, properties: Properties) -> dict[str, Any]:
        return {key: value for key, value in properties.items() if self.docs or key != "doc"}


def names_for(
    types: Iterable[Type], namespace: str, legal: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return new names for types without a namespace that are referred to from within one.

    Such a reference can't be written: a bare name is one of the namespace around it (Avro 1.12,
    "Names"). Java's parser then looks for one without a namespace; others refuse the schema. So
    these types get the namespace that the reference stands in.

    Args:
        types: What is written self-contained, one after the other.
        namespace: The namespace around them.
        legal: New names that some have already; they are among those returned.
    """
    listed = list(types)
    names = dict(legal or {})
    while found := _unreachable(listed, namespace, names):
        names |= found
    return names


def _unreachable(types: list[Type], namespace: str, names: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    defined: set[str] = set()

    def look(of: Type, around: str) -> None:
        if isinstance(of, Record | Enum | Fixed):
            name = names.get(of.name, of.name)
            if name in defined:
                if around and not namespace_of(name):
                    found.setdefault(of.name, f"{around}.{name}")
                return
            defined.add(name)
            around = namespace_of(name)
        for inner in inner_types(of):
            look(inner, around)

    for each in types:
        look(each, namespace)
    return {name: _free(new, defined) for name, new in found.items()}


def _free(name: str, taken: set[str]) -> str:
    """Return a name that is not taken yet, and take it."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
