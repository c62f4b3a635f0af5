"""The overrides of the user's settings for the measured worker: topics, ids, addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stream_scorer.avro.schema import Schema
from stream_scorer.config.settings import KafkaConfig
from stream_scorer.verify.topics import Names

WRITER_ID, SCORED_ID = 1, 2
_WRITER, _SCORED, _READER = "event.avsc", "scored.avsc", "reader.avsc"
#: Properties for authentication and encryption; an embedded Kafka has neither.
_CREDENTIALS = ("security.", "sasl.", "ssl.", "enable.ssl.", "enable.sasl.", "https.")


def lay_out_schemas(folder: Path, writer: Schema, scored: Schema, reader: Schema) -> None:
    """Write the schemas of a run into a folder, with the ids that its events name."""
    folder.mkdir(parents=True)
    for name, schema in ((_WRITER, writer), (_SCORED, scored), (_READER, reader)):
        (folder / name).write_text(schema.text, encoding="utf-8")
    ids = f"{WRITER_ID}: {_WRITER}\n{SCORED_ID}: {_SCORED}\n"
    (folder / "ids.yaml").write_text(ids, encoding="utf-8")


def for_schemas(folder: Path) -> tuple[str, ...]:
    """Return the settings to read schemas from such a folder."""
    return (
        "schemas.registry=null",
        f"schemas.directory={json.dumps(str(folder.absolute()))}",
        f"schemas.reader={json.dumps(str((folder / _READER).absolute()))}",
    )


def for_kafka(names: Names, bootstrap_servers: str) -> tuple[str, ...]:
    """Return the settings for a worker that uses only these topics and this group.

    The budget of dead letters is disabled, because it could end the worker before anything is
    measured. The worker's transactional ids begin with its group's name.
    """
    return (
        f"kafka.bootstrap_servers={json.dumps(bootstrap_servers)}",
        f"kafka.group_id={json.dumps(names.group)}",
        "kafka.transactional_id=null",
        f"kafka.input_topics={json.dumps([names.input])}",
        f"kafka.output_topic={json.dumps(names.output)}",
        f"kafka.dead_letter_topic={json.dumps(names.dead_letters)}",
        "kafka.consumer.auto.offset.reset=earliest",
        "dead_letters.budget=null",
        "server.host=127.0.0.1",
        "server.port=0",
        "logging.level=info",
        "logging.format=json",
    )


def without_credentials(kafka: KafkaConfig | None) -> tuple[str, ...]:
    """Return the settings that clear the security properties among the user's client properties."""
    if kafka is None:
        return ()
    sections: Mapping[str, Mapping[str, Any]] = {
        "common": kafka.common,
        "consumer": kafka.consumer,
        "producer": kafka.producer,
    }
    return tuple(
        f"kafka.{name}={json.dumps(_open(properties))}"
        for name, properties in sections.items()
        if len(_open(properties)) < len(properties)
    )


def _open(properties: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value) for name, value in properties.items() if not name.startswith(_CREDENTIALS)
    }
