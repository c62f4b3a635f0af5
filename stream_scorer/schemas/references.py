"""A registered schema and those that it refers to, as one that needs nothing around it."""

from __future__ import annotations

from collections.abc import Iterable

from stream_scorer.avro.forms import self_contained
from stream_scorer.avro.parsing import Parser
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.avro.text import json_values


def with_references(text: str, references: Iterable[str]) -> Schema:
    """Return a schema with the named types of other schemas written into it.

    Args:
        text: the schema's JSON text.
        references: the JSON texts of the schemas that it refers to by name, each after those that
            it refers to itself.

    Raises:
        ConfigError: one of them is no Avro schema, or a name is missing or defined twice.
    """
    parser = Parser()
    for each in references:
        parser.parse(json_values(each), "", "")
    return parse(self_contained(parser.parse(json_values(text), "", ""), set()))
