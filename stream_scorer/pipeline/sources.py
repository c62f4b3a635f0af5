"""The configured sources of schemas."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from stream_scorer.avro.framing import ByFingerprint, ById, Framing, SchemaKey, prefix_for
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.config.redaction import hider
from stream_scorer.config.settings import RegistryConfig, Settings
from stream_scorer.errors import ConfigError, ContractError, reason
from stream_scorer.schemas import (
    CachedSchemas,
    DirectorySchemas,
    FirstOf,
    FixedSchema,
    RegistrySchemas,
    SchemaSource,
)

UNKNOWN_WAIT_SECONDS = 5.0
"""A node of a registry knows by then what was registered at another one."""
NOT_REGISTERED = (
    "schemas.registry: subject {subject} has no version that equals the scored event's schema. "
    "Register what `stream-scorer schema output` prints, or set schemas.registry.register to true."
)


@dataclass(frozen=True, slots=True)
class Schemas:
    """The framing of events, the source of writer schemas, and the reader schema.

    ``prefix_for`` returns what stands before each scored event of a schema.
    ``registry`` is the one that is configured, if any; ``listed`` is what a directory lists.
    """

    framing: Framing
    reader: Schema
    reader_origin: str
    source: SchemaSource
    prefix_for: Callable[[Schema], bytes]
    registry: RegistrySchemas | None = None
    listed: Mapping[SchemaKey, Schema] = field(default_factory=dict)

    def close(self) -> None:
        """Close the registry's connections, if there is one."""
        if self.registry is not None:
            self.registry.close()


def open_schemas(settings: Settings) -> Schemas:
    """Open the registry, directory or file that is configured.

    Raises:
        ConfigError: a file can't be read, or no reader's schema is configured.
        ContractError: the registry has no schema for the input.
        Unreachable: the registry does not answer.
    """
    config = settings.schemas
    if config.registry is not None:
        return _from_registry(settings, config.registry)
    reader, origin = _reader(settings, None)
    if config.directory is not None:
        listed = DirectorySchemas(config.directory)
        source = FirstOf((FixedSchema(reader), listed))
        return Schemas(
            config.framing,
            reader,
            origin,
            source,
            lambda scored: _prefix(settings, scored, listed.id_of),
            listed=listed.listed,
        )

    def no_id(_: Schema) -> int:
        raise ConfigError(
            "schemas: framing `confluent` needs a registry or a directory, where the ids are."
        )

    return Schemas(
        config.framing,
        reader,
        origin,
        FixedSchema(reader),
        lambda scored: _prefix(settings, scored, no_id),
    )


def only(writer: Schema, reader: Schema | None = None) -> Schemas:
    """Return the schemas of events without framing that have one writer, as in a file.

    Args:
        writer: what the events were written with.
        reader: what they are read as; the writer's unless given.
    """
    return Schemas("none", reader or writer, "", FixedSchema(writer), lambda _: b"")


def read_schema(path: Path) -> Schema:
    """Return the schema of an ``.avsc`` file.

    Raises:
        ConfigError: it can't be read, or is not an Avro schema.
    """
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"schemas.reader: {path} can't be read: {reason(error)}.") from error
    except ConfigError as error:
        raise ConfigError(f"schemas.reader: {path}: {error}") from error


def read_reader(settings: Settings) -> Schema:
    """Return the reader's schema alone: from its file, or else from the registry.

    Raises:
        ConfigError: the file can't be read, or no reader's schema is configured.
        ContractError: what the registry has is not an Avro schema.
        Unreachable: the registry does not answer.
    """
    if settings.schemas.reader is not None or settings.schemas.registry is None:
        return _reader(settings, None)[0]
    with open_registry(settings, settings.schemas.registry) as registry:
        return _reader(settings, registry)[0]


def _reader(settings: Settings, registry: RegistrySchemas | None) -> tuple[Schema, str]:
    file = settings.schemas.reader
    subject = next(iter(_input_subjects(settings)), None)
    if file is not None:
        return read_schema(file), str(file)
    if registry is None:
        raise ConfigError(
            "schemas.reader: name the schema file that this scorer reads; without a registry there "
            "is nowhere else to take it from."
        )
    if subject is None:
        raise ConfigError(
            "schemas.reader: kafka.input_topics has only patterns, so there is no one subject to "
            "take the reader's schema from; name a schema file."
        )
    return registry.latest(subject), f"the registry's latest of {registry.full_name(subject)}"


def open_registry(settings: Settings, config: RegistryConfig) -> RegistrySchemas:
    """Open the registry as it is configured; close it, or use it in a ``with`` statement.

    Raises:
        ConfigError: the client refuses its properties.
    """
    return RegistrySchemas(
        config.url,
        config.timeout_seconds,
        config.properties,
        subjects=_input_subjects(settings),
        context=config.context,
        hide=hider(settings.model_dump()),
    )


def _from_registry(settings: Settings, config: RegistryConfig) -> Schemas:
    registry = open_registry(settings, config)
    with ExitStack() as stack:
        stack.callback(registry.close)
        reader, origin = _reader(settings, registry)
        stack.pop_all()
    source = CachedSchemas(
        FirstOf((FixedSchema(reader), registry)), time.monotonic, wait_seconds=UNKNOWN_WAIT_SECONDS
    )
    return Schemas(
        settings.schemas.framing,
        reader,
        origin,
        source,
        lambda scored: _prefix(
            settings, scored, lambda schema: _registered(settings, config, registry, schema)
        ),
        registry,
    )


def _input_subjects(settings: Settings) -> tuple[str, ...]:
    topics = settings.kafka.input_topics if settings.kafka else ()
    return tuple(f"{topic}-value" for topic in topics if not topic.startswith("^"))


def scored_subject(settings: Settings, config: RegistryConfig) -> str:
    """Return the subject of the scored events' schema."""
    output_topic = settings.kafka.output_topic if settings.kafka else ""
    return config.subject.format(output_topic=output_topic)


def _registered(
    settings: Settings, config: RegistryConfig, registry: RegistrySchemas, scored: Schema
) -> int:
    subject = registry.full_name(scored_subject(settings, config))
    found = registered_id(registry, subject, scored)
    if found is not None:
        return found
    if config.register_schema:
        return registry.register(subject, scored)
    raise ContractError(NOT_REGISTERED.format(subject=subject))


def registered_id(registry: RegistrySchemas, subject: str, scored: Schema) -> int | None:
    """Return the id that scored events are framed with, ``None`` if their schema has none yet.

    A registered schema that is ``alike`` will do: the bytes are the same, and what else is derived
    may change from release to release.

    Raises:
        Unreachable: the registry does not answer, or refuses to.
    """
    found = registry.lookup(subject, scored)
    return registry.alike(subject, scored) if found is None else found


def _prefix(settings: Settings, scored: Schema, id_of: Callable[[Schema], int]) -> bytes:
    framing = settings.schemas.framing
    if framing == "confluent":
        return prefix_for(framing, ById(id_of(scored)))
    return prefix_for(framing, ByFingerprint(scored.fingerprint))
