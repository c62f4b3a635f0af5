"""The schema of the scored event, derived from what is read, what the model gives, and settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stream_scorer.avro.copies import Target
from stream_scorer.avro.defaults import for_others
from stream_scorer.avro.forms import names_for, self_contained
from stream_scorer.avro.names import legal_names, never_written
from stream_scorer.avro.schema import Schema, alike, parse
from stream_scorer.avro.types import Named, Type, namespace_of, types_within, unqualified
from stream_scorer.columns import FieldType
from stream_scorer.errors import ConfigError
from stream_scorer.model.outputs import OutputField

NAMESPACE = "stream_scorer"
PROVENANCE_NAMESPACE = f"{NAMESPACE}.provenance"


@dataclass(frozen=True, slots=True)
class PassThrough:
    """An input field, by its dotted path, that is copied to the scored event."""

    name: str
    path: str


def record_name(configured: str | None, model_name: str) -> str:
    """Return the scored record's full name.

    It never contains the model's version, so that schemas stay compatible from model to model.
    """
    if configured is not None:
        return configured
    return f"{NAMESPACE}.Scored_" + re.sub(r"[^A-Za-z0-9_]", "_", model_name)


def derive(
    name: str,
    reader: Schema,
    copied: Sequence[PassThrough],
    outputs: Sequence[OutputField],
    *,
    provenance: bool,
) -> Schema:
    """Return the scored event's record schema.

    It can be read by every parser. To that end a record of our namespace gives it up where it
    copies types that have none, and refers to them; see :func:`names_for`. A default within
    a copied type that does not fit its own type is left out: a registry refuses it.

    A copied field has the default null where null is its first branch, so that to copy one more is
    a compatible change. Elsewhere a default would have to be a value of the first branch.

    Raises:
        ConfigError: two fields or types have one name, or a path is unknown.
    """
    targets = [_target(reader, field.path) for field in copied]
    types = [target.of for target in targets]
    legal = legal_names(reader.root)
    if namespace_of(name) == NAMESPACE and names_for(types, NAMESPACE, legal) != legal:
        name = unqualified(name)
    names = names_for(types, namespace_of(name), legal)
    defined: set[str] = set()
    fields = [
        _copied_field(field.name, target, defined, names)
        for field, target in zip(copied, targets, strict=True)
    ]
    if name in defined:
        raise ConfigError(
            f"output.record: {name} is the name of a type that output.pass_through copies; choose "
            "another one for the scored event."
        )
    fields += [
        {"name": field.name, "type": output_type(field.type), **field.properties}
        for field in outputs
    ]
    if provenance:
        fields += _provenance_fields(_by_name(types, names))
    _refuse_collisions(fields, copied)
    namespace, _, short = name.rpartition(".")
    record: dict[str, Any] = {"type": "record", "name": short, "fields": fields}
    if namespace:
        record["namespace"] = namespace
    return parse(record, strict=True)


def output_type(of: FieldType) -> Any:
    """Return a model output's type as Avro JSON."""
    if of.kind != "array":
        return of.kind
    if of.items is None:
        raise ValueError("an array type without a type of its items")
    return {"type": "array", "items": output_type(of.items)}


def _target(reader: Schema, path: str) -> Target:
    try:
        target = Target.at(reader, path)
    except ConfigError as error:
        raise ConfigError(f"output.pass_through: {error}") from error
    unwritable = never_written(target.of)
    if unwritable is not None:
        raise ConfigError(
            f"output.pass_through: {path} can't be copied: it holds the name {unwritable!r}, and "
            "Avro allows letters (A to Z), digits and _, no digit first. Copy the fields within it "
            "one by one, or omit it."
        )
    return target


def _copied_field(
    name: str, target: Target, defined: set[str], names: Mapping[str, str]
) -> dict[str, Any]:
    written = self_contained(target.of, defined, defaults=for_others, names=names)
    if target.lifted:
        written = ["null", *(written if isinstance(written, list) else [written])]
    first = written[0] if isinstance(written, list) else written
    can_be_left_out = first == "null" or (isinstance(first, dict) and first["type"] == "null")
    return {"name": name, "type": written, **({"default": None} if can_be_left_out else {})}


def _by_name(types: Sequence[Type], names: Mapping[str, str]) -> dict[str, Type]:
    """Return the types that are defined in what is written, by the names that they have there."""
    every = (each for of in types for each in (of, *types_within(of)))
    return {names.get(each.name, each.name): each for each in every if isinstance(each, Named)}


def _provenance_fields(copied: Mapping[str, Type]) -> Iterator[dict[str, Any]]:
    texts = ("name", "version", "sha256")
    model = [{"name": each, "type": "string"} for each in texts]
    place = {"topic": "string", "partition": "int", "offset": "long"}
    source = [{"name": each, "type": of} for each, of in place.items()]
    yield {"name": "model", "type": _ours("Model", model, copied)}
    yield {"name": "source", "type": _ours("Source", source, copied)}
    yield {"name": "scored_at", "type": {"type": "long", "logicalType": "timestamp-micros"}}


def _ours(name: str, fields: Sequence[Mapping[str, Any]], copied: Mapping[str, Type]) -> Any:
    """Return a record of the provenance, by its name where a copied field holds it already.

    So it is where the events are scored events themselves.
    """
    full = f"{PROVENANCE_NAMESPACE}.{name}"
    record: dict[str, Any] = {
        "type": "record",
        "name": name,
        "namespace": PROVENANCE_NAMESPACE,
        "fields": list(fields),
    }
    if full not in copied:
        return record
    if not alike(parse(record), parse(self_contained(copied[full], set()))):
        raise ConfigError(
            f"output.pass_through copies another type named {full} than the provenance's; omit it, "
            "or set output.provenance to false."
        )
    return full


def _refuse_collisions(fields: Sequence[Mapping[str, Any]], copied: Sequence[PassThrough]) -> None:
    seen: set[str] = set()
    for field in fields:
        name = str(field["name"])
        if name in seen:
            raise ConfigError(
                f"Two fields of the scored event are named `{name}`; {_way_out(name, copied)}."
            )
        seen.add(name)


def _way_out(name: str, copied: Sequence[PassThrough]) -> str:
    for field in copied:
        if field.name == name:
            return (
                f"give the copied one another name in output.pass_through: "
                f"{{input_{name}: {field.path}}}"
            )
    return (
        "name the model's output anew in model.outputs "
        f"({{{name}_score: <output>}}), or set output.provenance to false"
    )
