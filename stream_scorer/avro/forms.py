"""Parsed types written back as JSON: the parsing canonical form, and a self-contained one."""

from __future__ import annotations

from typing import Any

from stream_scorer.avro.types import (
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Primitive,
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


def self_contained(of: Type, defined: set[str], *, docs: bool = True) -> Any:
    """Return a type as JSON that needs nothing around it: names are defined where first used.

    Args:
        of: The type.
        defined: Full names that are already written; grows with those written here.
        docs: Whether ``doc`` attributes are kept.
    """
    match of:
        case Primitive():
            kept = _kept(of.properties, docs=docs)
            return {"type": of.kind, **kept} if kept else of.kind
        case Array():
            items = self_contained(of.items, defined, docs=docs)
            return {"type": "array", "items": items, **_kept(of.properties, docs=docs)}
        case Map():
            values = self_contained(of.values, defined, docs=docs)
            return {"type": "map", "values": values, **_kept(of.properties, docs=docs)}
        case Union():
            return [self_contained(branch, defined, docs=docs) for branch in of.branches]
    if of.name in defined:
        return of.name
    defined.add(of.name)
    return _definition(of, defined, docs=docs)


def _definition(of: Record | Enum | Fixed, defined: set[str], *, docs: bool) -> Any:
    namespace = of.name.rpartition(".")[0]
    form: dict[str, Any] = {
        "type": of.kind,
        "name": unqualified(of.name),
        "namespace": namespace,
        **({"aliases": list(of.aliases)} if of.aliases else {}),
        **_kept(of.properties, docs=docs),
    }
    match of:
        case Record():
            form["fields"] = [_field(each, defined, docs=docs) for each in of.fields]
        case Enum():
            form["symbols"] = list(of.symbols)
            if of.default is not None:
                form["default"] = of.default
        case Fixed():
            form["size"] = of.size
    return form


def _field(of: Field, defined: set[str], *, docs: bool) -> Any:
    return {
        "name": of.name,
        "type": self_contained(of.type, defined, docs=docs),
        **({"default": of.default} if of.has_default else {}),
        **({"aliases": list(of.aliases)} if of.aliases else {}),
        **_kept(of.properties, docs=docs),
    }


def _kept(properties: Any, *, docs: bool) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if docs or key != "doc"}
