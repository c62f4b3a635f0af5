"""Parsed types written back as JSON: the parsing canonical form, and a self-contained one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stream_scorer.avro.types import (
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Named,
    Primitive,
    Properties,
    Record,
    Type,
    Union,
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


def self_contained(
    of: Type, defined: set[str], *, docs: bool = True, legal: Mapping[str, str] | None = None
) -> Any:
    """Return a type as JSON that needs nothing around it: names are defined where first used.

    Args:
        of: The type.
        defined: Full names that are already written; grows with those written here.
        docs: Whether ``doc`` attributes are kept.
        legal: Full names to write in place of others; ``None`` for all as they are.
    """
    return _SelfContained(defined, docs, legal or {}).written(of)


@dataclass(frozen=True, slots=True)
class _SelfContained:
    """Writes types; see ``self_contained``."""

    defined: set[str]
    docs: bool
    legal: Mapping[str, str]

    def written(self, of: Type) -> Any:
        match of:
            case Primitive():
                kept = self._kept(of.properties)
                return {"type": of.kind, **kept} if kept else of.kind
            case Array():
                items = self.written(of.items)
                return {"type": "array", "items": items, **self._kept(of.properties)}
            case Map():
                values = self.written(of.values)
                return {"type": "map", "values": values, **self._kept(of.properties)}
            case Union():
                return [self.written(branch) for branch in of.branches]
        name = self._spelled(of.name)
        if name in self.defined:
            return name
        self.defined.add(name)
        return self._definition(of, name)

    def _definition(self, of: Named, name: str) -> Any:
        form: dict[str, Any] = {
            "type": of.kind,
            "name": unqualified(name),
            "namespace": name.rpartition(".")[0],
            **({"aliases": [self._spelled(each) for each in of.aliases]} if of.aliases else {}),
            **self._kept(of.properties),
        }
        match of:
            case Record():
                form["fields"] = [self._field(each) for each in of.fields]
            case Enum():
                form["symbols"] = list(of.symbols)
                if of.default is not None:
                    form["default"] = of.default
            case Fixed():
                form["size"] = of.size
        return form

    def _field(self, of: Field) -> Any:
        return {
            "name": of.name,
            "type": self.written(of.type),
            **({"default": of.default} if of.has_default else {}),
            **({"aliases": list(of.aliases)} if of.aliases else {}),
            **self._kept(of.properties),
        }

    def _spelled(self, name: str) -> str:
        return self.legal.get(name, name)

    def _kept(self, properties: Properties) -> dict[str, Any]:
        return {key: value for key, value in properties.items() if self.docs or key != "doc"}
