"""The scored event's schema from version to version, on a real registry and its compatibility."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

from stream_scorer.app.schema_checks import look_at_writing
from stream_scorer.app.scored_schema import scored_schema
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.check.findings import Finding
from stream_scorer.config import Settings, load
from stream_scorer.errors import ContractError
from stream_scorer.local.registry import EmbeddedRegistry
from stream_scorer.pipeline.sources import open_schemas
from stream_scorer.schemas import RegistrySchemas
from tests.schemas.confluent_api import confluent_api
from tests.scorers import event, kafka_section, scorer

CITY = {"name": "city", "type": ["null", "string"], "default": None}
COUNTRY = {"name": "country", "type": ["string", "null"], "default": ""}
STATUS = {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["ON", "OFF"]}}
BEFORE = {"name": "before", "type": ["null", "Status"], "default": None}


@pytest.fixture(params=[pytest.param("apicurio", marks=pytest.mark.registry), "stub"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A real registry, and a stub, which needs no Java and checks no compatibility."""
    if request.param == "apicurio":
        registry: EmbeddedRegistry = request.getfixturevalue("registry")
        yield registry.url
        return
    with confluent_api() as api:
        yield api.url


def settings_of(folder: Path, url: str, *copied: str, register: bool, **more: Any) -> Settings:
    """A scorer in the folder that copies these fields, and whose output topic is its own."""
    (folder / "event.avsc").write_text(json.dumps(event(CITY, COUNTRY, STATUS, BEFORE)))
    registry = {"url": url, "register": register}
    given = {
        "kafka": kafka_section("127.0.0.1:1", "in", f"{folder.parent.name}-{folder.name}"),
        "schemas": {"framing": "confluent", "registry": registry},
        "output": {"pass_through": ["event_id", *copied], **more},
    }
    return load(scorer(folder, given), (), {}, need_kafka=False)


def id_of(settings: Settings) -> int:
    """The id that a worker with these settings writes scored events with."""
    schemas = open_schemas(settings)
    try:
        return int.from_bytes(schemas.prefix_for(scored_schema(settings))[1:], "big")
    finally:
        schemas.close()


def findings_of(settings: Settings) -> list[Finding]:
    """What ``check`` says of the scored event's schema."""
    schemas = open_schemas(settings)
    try:
        return list(look_at_writing(settings, scored_schema(settings), schemas))
    finally:
        schemas.close()


def registered(url: str, settings: Settings, schema: Schema) -> int:
    """Register a schema as a version of the scored events' subject."""
    assert settings.kafka is not None
    with RegistrySchemas(url, 10.0) as schemas:
        return schemas.register(f"{settings.kafka.output_topic}-value", schema)


def without_defaults(schema: Schema) -> dict[str, Any]:
    """The JSON of a scored event's schema as it was derived before fields had defaults."""
    fields = [
        {key: value for key, value in field.items() if key != "default"}
        for field in schema.json["fields"]
    ]
    return {**schema.json, "fields": fields}


@pytest.mark.registry
def test_a_copied_field_that_begins_with_null_can_be_added(
    tmp_path: Path, registry: EmbeddedRegistry
) -> None:
    """The registry's rule BACKWARD takes the new version, by its own check and when it comes."""
    first = id_of(settings_of(tmp_path, registry.url, register=True))
    more = settings_of(tmp_path, registry.url, "city", register=True)
    (finding,) = findings_of(more)
    assert finding.level == "ok"
    assert id_of(more) != first


@pytest.mark.registry
def test_a_copied_field_that_does_not_is_named_where_the_registry_refuses_it(
    tmp_path: Path, registry: EmbeddedRegistry
) -> None:
    """With the rule that refuses it, and which fields have a default."""
    id_of(settings_of(tmp_path, registry.url, register=True))
    more = settings_of(tmp_path, registry.url, "city", "country", register=True)
    (finding,) = findings_of(more)
    assert finding.level == "error"
    assert "New in it, and without a default: country. With compatibility BACKWARD" in (
        finding.sentence
    )
    with pytest.raises(ContractError):
        id_of(more)


@pytest.mark.registry
@pytest.mark.parametrize("name", [None, "shop.Scored"])
def test_a_copied_type_without_a_namespace_is_taken_by_the_registry(
    tmp_path: Path, registry: EmbeddedRegistry, name: str | None
) -> None:
    """Its parser is Java's; also as a further version of one that copies less."""
    given = {} if name is None else {"record": name}
    for copied in (["status"], ["status", "before"]):
        id_of(settings_of(tmp_path, registry.url, *copied, register=True, **given))


@pytest.mark.registry
def test_a_rule_for_all_versions_is_asked_about_all_of_them(
    tmp_path: Path, registry: EmbeddedRegistry
) -> None:
    """The latest one would take it, and the worker would be refused at its start."""
    first, second, third = (
        settings_of(tmp_path, registry.url, *copied, register=True)
        for copied in ([], ["status"], ["status", "city"])
    )
    assert third.kafka is not None
    subject = f"{third.kafka.output_topic}-value"
    id_of(first)
    with SchemaRegistryClient({"url": registry.url, "timeout": 10}) as client:
        client.set_compatibility(subject, "NONE")
        id_of(second)
    for rule, fits in (("BACKWARD_TRANSITIVE", False), ("BACKWARD", True)):
        with SchemaRegistryClient({"url": registry.url, "timeout": 10}) as client:
            client.set_compatibility(subject, rule)
        (finding,) = findings_of(third)
        assert (finding.level == "ok") == fits
        with nullcontext() if fits else pytest.raises(ContractError):
            id_of(third)


@pytest.mark.registry
def test_a_copied_record_with_a_default_that_is_none_is_taken_by_the_registry(
    tmp_path: Path, registry: EmbeddedRegistry
) -> None:
    """Its parser is Java's, which refuses a new schema with such a default."""
    fields = [{"name": "at", "type": "long", "default": "now"}]
    status = {"type": "record", "name": "Order", "fields": fields}
    settings = settings_of(tmp_path, registry.url, "order", register=True)
    (tmp_path / "event.avsc").write_text(json.dumps(event({"name": "order", "type": status})))
    assert id_of(settings) > 0


@pytest.mark.parametrize("register", [False, True])
def test_a_registered_version_without_the_defaults_will_do(
    tmp_path: Path, url: str, *, register: bool
) -> None:
    """An upgrade stops nobody, and registers nothing, whether it may or not."""
    settings = settings_of(tmp_path, url, "city", "country", register=register)
    scored = scored_schema(settings)
    old = parse(without_defaults(scored))
    assert old != scored
    number = registered(url, settings, old)
    assert id_of(settings) == number
    (finding,) = findings_of(settings)
    assert (finding.level, f"id {number}," in finding.sentence) == ("ok", True)
    assert settings.kafka is not None
    with RegistrySchemas(url, 10.0) as schemas:
        assert list(schemas.versions(f"{settings.kafka.output_topic}-value").values()) == [old]


@pytest.mark.parametrize("name", ["stream_scorer.Scored_model", "shop.Scored"])
def test_a_registered_version_that_only_java_can_read_will_do(
    tmp_path: Path, url: str, name: str
) -> None:
    """It refers to a type without a namespace from within one.

    Now the record has none either, or the type has the one that is configured for the record.
    """
    given = {} if name.startswith("stream_scorer") else {"record": name}
    settings = settings_of(tmp_path, url, "status", "before", register=False, **given)
    scored = scored_schema(settings)
    old = json.loads(scored.text.replace('"shop.Status"', '"Status"'))
    old |= {"namespace": name.rpartition(".")[0]}
    old["fields"][1]["type"]["namespace"] = ""
    assert parse(old) != scored
    number = registered(url, settings, parse(old))
    assert id_of(settings) == number


def test_what_is_to_be_registered_by_hand_is_judged_too(tmp_path: Path, url: str) -> None:
    """The sentence of BACKWARD stands behind the one that says what to do."""
    registered(url, (old := settings_of(tmp_path, url, register=False)), scored_schema(old))
    (finding,) = findings_of(settings_of(tmp_path, url, "city", "country", register=False))
    assert finding.level == "error"
    assert "Register what `stream-scorer schema output` prints" in finding.sentence
    assert "New in it, and without a default: country." in finding.sentence
    (finding,) = findings_of(settings_of(tmp_path, url, "city", register=False))
    assert "without a default" not in finding.sentence


def test_a_version_that_differs_in_more_will_not_do(tmp_path: Path, url: str) -> None:
    """Another name in another namespace, and a field less."""
    settings = settings_of(tmp_path, url, "city", register=False)
    registered(url, settings, scored_schema(settings_of(tmp_path, url, register=False)))
    settings = settings_of(tmp_path, url, "city", register=False, record="shop.Scored")
    with pytest.raises(ContractError, match="has no version that equals"):
        id_of(settings)
