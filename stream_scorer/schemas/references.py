"""A registered schema and those that it refers to, as one that needs nothing around it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from stream_scorer.avro.forms import self_contained
from stream_scorer.avro.parsing import Parser
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.avro.text import json_values
from stream_scorer.avro.types import Named
from stream_scorer.errors import ConfigError


def with_references(what: str, text: str, references: Mapping[str, str]) -> Schema:
    """Return a schema with the named types of other schemas written into it.

    A type may be defined by several of them if all define it alike; only ``doc`` and aliases may
    differ, as in Java. The first definition counts.

    Args:
        what: what the schema is called in errors.
        text: the schema's JSON text.
        references: the JSON texts of the schemas that it refers to, by what they are called in
            errors, each after those that it refers to itself.

    Raises:
        ConfigError: one of them is not an Avro schema, a name is missing, or two of them define a
            type differently.
    """
    known: dict[str, Named] = {}
    origins: dict[str, str] = {}
    for origin, each in {**references, what: text}.items():
        parser = Parser(given=known)
        try:
            root = parser.parse(json_values(each), "", "")
        except ConfigError as error:
            raise ConfigError(str(error) if origin == what else f"{origin}: {error}") from None
        for name, found in parser.names.items():
            if name not in known:
                known[name], origins[name] = found, origin
            elif _form(known[name]) != _form(found):
                raise ConfigError(
                    f"{origins[name]} and {origin} define the type {name!r} differently."
                )
    return parse(self_contained(root, set()))


def _form(of: Named) -> str:
    return json.dumps(self_contained(of, set(), docs=False, aliases=False), sort_keys=True)
