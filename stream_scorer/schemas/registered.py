"""Reads a registered schema and its references as one schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from stream_scorer.avro.schema import Schema, parse
from stream_scorer.contexts import Context
from stream_scorer.errors import ConfigError, ContractError, SchemaGone
from stream_scorer.schemas.references import with_references
from stream_scorer.schemas.registry_client import (
    SCHEMA_UNKNOWN,
    SUBJECT_UNKNOWN,
    VERSION_UNKNOWN,
    RegistryClient,
)

_TAGS = "confluent:tags"


def read_registered(client: RegistryClient, what: str, registered: Any, context: Context) -> Schema:
    """Return what is registered as one self-contained schema.

    Args:
        client: who is asked for what it refers to.
        what: what it is called in errors.
        registered: a schema as Confluent's client has it.
        context: where it is registered.

    Raises:
        NoAnswer: the registry does not say what it refers to.
        SchemaGone: a version that it refers to is deleted for good.
        ContractError: it is not an Avro schema that can be read, or its events are encrypted.
    """
    if (registered.schema_type or "AVRO") != "AVRO":
        raise ContractError(f"In the registry, {what} is {registered.schema_type}, not Avro.")
    text = registered.schema_str
    try:
        references = dict(_Walk(client, what, {what}).below(what, registered, context))
        schema = with_references(what, text, references) if references else parse(text)
    except (ConfigError, json.JSONDecodeError) as error:
        raise ContractError(f"In the registry, {what} can't be read: {error}") from None
    except RecursionError:
        raise ContractError(f"In the registry, {what} can't be read: it nests too deep.") from None
    _refuse_encryption(what, registered, schema)
    return schema


@dataclass(frozen=True, slots=True)
class _Walk:
    """A way through all that one schema refers to; ``seen`` are the versions that it met."""

    client: RegistryClient
    root: str
    seen: set[str]

    def below(self, what: str, registered: Any, context: Context) -> Iterator[tuple[str, str]]:
        """Yield name and text of every schema that one refers to, each after those it refers to.

        A version that is deleted softly is still there for those that refer to it. A subject
        without a context is in that of the schema which refers to it.
        """
        for each in registered.references or ():
            if not each.subject or each.version is None:
                raise ConfigError(f"{what} has a reference without a subject or a version.")
            subject = context.subject(each.subject)
            version = f"version {each.version} of subject {subject}"
            if version in self.seen:
                continue
            self.seen.add(version)
            found = self._version(version, subject, each.version)
            if found is None:
                way = "" if what == self.root else f" by way of {what}"
                raise SchemaGone(
                    f"In the registry, {self.root} refers{way} to {version}, which is not there."
                )
            yield from self.below(version, found.schema, context.of_subject(subject))
            yield version, found.schema.schema_str

    def _version(self, what: str, subject: str, number: int) -> Any:
        call = partial(self.client.calls.get_version, subject, number, deleted=True)
        return self.client.known(what, call, SUBJECT_UNKNOWN, VERSION_UNKNOWN, SCHEMA_UNKNOWN)


def _refuse_encryption(what: str, registered: Any, schema: Schema) -> None:
    """Refuse a schema with rules by which producers encrypt fields, or whole events."""
    rules = _encrypting(registered.rule_set)
    if not rules:
        return
    tags = {tag for rule in rules for tag in rule.tags or ()}
    fields = sorted({*_tagged(schema.json, tags), *_tagged_apart(registered.metadata, tags)})
    encrypted = f"of the fields {', '.join(fields)} " if fields else ""
    raise ContractError(
        f"In the registry, {what} has the encryption rule {_named(rules)}: its events hold "
        f"ciphertext {encrypted}and stream-scorer has no keys. Read a topic whose events are "
        "decrypted."
    )


def encryption_in(*rule_sets: Any) -> str:
    """Return name and type of the rules by which producers encrypt, empty if there is none."""
    return _named(_encrypting(*rule_sets))


def _named(rules: list[Any]) -> str:
    return " and ".join(dict.fromkeys(f"{rule.name} ({rule.type})" for rule in rules))


def _encrypting(*rule_sets: Any) -> list[Any]:
    return [rule for each in rule_sets for rule in _rules(each) if _encrypts(rule)]


def _rules(rule_set: Any) -> Iterator[Any]:
    if rule_set is not None:
        for rules in (rule_set.domain_rules, rule_set.encoding_rules, rule_set.migration_rules):
            yield from (rule for rule in rules or () if not rule.disabled)


def _encrypts(rule: Any) -> bool:
    """Tell the types ``ENCRYPT`` (fields) and ``ENCRYPT_PAYLOAD``, and others with a key."""
    params = rule.params.params if rule.params is not None else {}
    return str(rule.type).upper().startswith("ENCRYPT") or any(
        name.startswith("encrypt.") for name in params
    )


def _tagged(source: Any, tags: set[str]) -> Iterator[str]:
    """Yield the names of the fields in a schema's JSON that have one of the tags."""
    if isinstance(source, list):
        for each in source:
            yield from _tagged(each, tags)
    elif isinstance(source, dict):
        given = source.get(_TAGS)
        if isinstance(given, list) and tags.intersection(map(str, given)):
            yield str(source.get("name"))
        for key in ("fields", "items", "values", "type"):
            yield from _tagged(source.get(key), tags)


def _tagged_apart(metadata: Any, tags: set[str]) -> Iterator[str]:
    """Yield the fields, as paths or patterns, that the schema's metadata tag."""
    tagged = getattr(getattr(metadata, "tags", None), "tags", None) or {}
    for path, given in tagged.items():
        if tags.intersection(map(str, given)):
            yield str(path)
