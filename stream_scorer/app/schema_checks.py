"""Looks at schemas before traffic: can events be read, can scored events be written.

``run`` and ``check`` share it; only ``check`` looks for the scored event's schema without
registering it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream_scorer.avro.schema import Schema
from stream_scorer.avro.types import Record
from stream_scorer.check.findings import Finding, error, of_refusal, ok, skipped, warning
from stream_scorer.check.plans import (
    judge_listed,
    judge_logical_types,
    judge_reader,
    judge_writers,
)
from stream_scorer.check.topics import is_pattern
from stream_scorer.config.settings import RegistryConfig, Settings
from stream_scorer.errors import ContractError, RefusesToStart
from stream_scorer.pipeline.contract import Contract
from stream_scorer.pipeline.sources import (
    NOT_REGISTERED,
    Schemas,
    registered_id,
    scored_subject,
)
from stream_scorer.schemas import RegistrySchemas

_REFUSED = (
    "The registry does not take the scored event's schema as the next version of subject "
    "{subject}: it must be compatible with the earlier ones, or schemas.registry.subject name "
    "another."
)


def look_at_reading(
    settings: Settings, contract: Contract, schemas: Schemas | None
) -> Iterator[Finding]:
    """Judge whether the input's events can be read, and at what cost.

    Args:
        settings: what is configured.
        contract: what is read, and as what.
        schemas: the sources of writers' schemas, ``None`` to leave them alone. Of a registry, all
            versions of each input topic's subject (topic-name strategy) are judged.
    """
    wanted, copied = contract.features.wanted, contract.copies
    yield from judge_reader(contract.reader, wanted, copied)
    yield from judge_logical_types(contract.reader, [*wanted, *copied])
    if schemas is None:
        return
    yield from judge_listed(schemas.listed, contract.reader, wanted, copied)
    if settings.kafka is None or schemas.registry is None:
        return
    for topic in settings.kafka.input_topics:
        if is_pattern(topic):
            yield skipped(f"Whether events of topics that {topic} matches can be read.")
            continue
        subject = schemas.registry.full_name(f"{topic}-value")
        try:
            versions = schemas.registry.versions(subject)
        except RefusesToStart as refused:
            yield of_refusal(refused)
            return
        yield from judge_writers(subject, versions, contract.reader, wanted, copied)


def look_at_writing(settings: Settings, scored: Schema, schemas: Schemas) -> Iterator[Finding]:
    """Judge whether scored events can be framed; nothing is registered."""
    config = settings.schemas.registry
    try:
        if config and schemas.registry and settings.schemas.framing == "confluent":
            yield _judge_registration(settings, config, schemas.registry, scored)
        else:
            schemas.prefix_for(scored)
            yield ok(f"Scored events are framed as {settings.schemas.framing}.")
    except RefusesToStart as refused:
        yield of_refusal(refused)


def _judge_registration(
    settings: Settings, config: RegistryConfig, registry: RegistrySchemas, scored: Schema
) -> Finding:
    subject = registry.full_name(scored_subject(settings, config))
    number = registered_id(registry, subject, scored)
    if number is not None:
        return ok(f"The scored event's schema is registered: id {number}, subject {subject}.")
    if config.register_schema and registry.compatible(subject, scored):
        return ok(f"The scored event's schema is registered at start, under subject {subject}.")
    versions = registry.versions(subject)
    latest = versions[max(versions)] if versions else None
    added = _added_without_default(scored, latest) if isinstance(latest, Schema) else []
    why = _REFUSED if config.register_schema else NOT_REGISTERED
    return error(f"{why.format(subject=subject)}{_of_backward(added)}", ContractError)


def _added_without_default(scored: Schema, latest: Schema) -> list[str]:
    """Return the fields that a reader of the scored schema misses in events of the latest one."""
    if not isinstance(scored.root, Record) or not isinstance(latest.root, Record):
        return []
    known = {each.name for each in latest.root.fields}
    return [
        each.name for each in scored.root.fields if each.name not in known and not each.has_default
    ]


def _of_backward(added: Sequence[str]) -> str:
    if not added:
        return ""
    return (
        f" New in it, and without a default: {', '.join(added)}. With compatibility BACKWARD a "
        "registry refuses such a field. A copied field has a default, null, only if its type is a "
        "union that begins with null."
    )


def judge_pinning(settings: Settings, origin: str) -> Iterator[Finding]:
    """Say where the reader's schema comes from; a fleet should pin it."""
    if settings.schemas.reader is not None:
        yield ok(f"The reader's schema is {origin}.")
    else:
        yield warning(
            f"schemas.reader is not set, so each worker takes {origin} when it starts, and two "
            "workers may read with different schemas: save it to a file and name that."
        )
