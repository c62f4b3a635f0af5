"""Settings that can be written in more than one way: a name, or a mapping around it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from stream_scorer.config.properties import session_text
from stream_scorer.config.text import Secret, Text


@dataclass(frozen=True, slots=True)
class PassThrough:
    """An input field that is copied to the scored event, under a name there."""

    name: str
    path: str


def _pass_through(value: Any) -> Any:
    if isinstance(value, PassThrough):
        return value
    if isinstance(value, str) and value:
        return PassThrough(value.replace(".", "_"), str(value))
    if isinstance(value, dict) and len(value) == 1:
        ((name, path),) = value.items()
        if isinstance(path, str) and path:
            return PassThrough(str(name), str(path))
    raise ValueError("must be a field, or one `new_name: field`")


def _written_pass_through(value: PassThrough) -> Any:
    return value.path if value.name == value.path else {value.name: value.path}


PassThroughField = Annotated[
    PassThrough,
    PlainValidator(_pass_through),
    PlainSerializer(_written_pass_through, return_type=Any),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        }
    ),
]
"""A path, or one ``new_name: path``."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider of ONNX Runtime and its options, as text."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)


def _provider(value: Any) -> Any:
    if isinstance(value, Provider):
        return value
    if isinstance(value, str) and value:
        return Provider(str(value))
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        options = {str(k): session_text(v) for k, v in value.items() if k != "name"}
        return Provider(value["name"], options)
    raise ValueError("must be a provider's name, or {name: ..., option: value}")


def _written_provider(value: Provider) -> Any:
    return {"name": value.name, **value.options} if value.options else value.name


ProviderChoice = Annotated[
    Provider,
    PlainValidator(_provider),
    PlainSerializer(_written_provider, return_type=Any),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"name": {"type": "string"}},
                    "required": ["name"],
                    "additionalProperties": {"type": ["string", "number", "boolean"]},
                },
            ]
        }
    ),
]
"""A provider's name, or a mapping with ``name`` and its options."""

Missing = str | int | float | bool
"""What null becomes: ``nan``, ``reject``, or a value."""


def _missing(value: Any) -> Any:
    if isinstance(value, bool | Secret):
        return value
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return value
    raise ValueError("must be nan, reject, or the value to use instead of null")


MissingPolicy = Annotated[
    Missing,
    PlainValidator(_missing),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
"""``nan``, ``reject``, or the value that stands in for null."""


def _fields(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Fields = Annotated[
    tuple[Text, ...],
    BeforeValidator(_fields),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""Fields in order; a single one needs no brackets."""


#: More would take all memory for their stacks.
MOST_THREADS = 1024


def _threads(value: Any) -> Any:
    if value == "auto":
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_THREADS:
        return int(value)
    raise ValueError(f"must be auto or a number of threads from 1 to {MOST_THREADS}")


Threads = Annotated[
    int | Literal["auto"],
    PlainValidator(_threads),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_THREADS}, {"const": "auto"}]}
    ),
]
"""A number of threads, or ``auto``."""
