"""Schemas as configured, from a registry with contexts.

The registry is a stand-in over real HTTP: none that runs here has contexts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream_scorer.app.schema_checks import look_at_reading
from stream_scorer.avro.framing import ByFingerprint, ById
from stream_scorer.avro.schema import parse
from stream_scorer.config import Settings, load
from stream_scorer.errors import ConfigError, ContractError, Unanswered
from stream_scorer.pipeline.contract import make_contract, open_model
from stream_scorer.pipeline.sources import Schemas, open_schemas, read_reader
from tests.schemas.confluent_api import ConfluentApi, confluent_api
from tests.scorers import EVENT, kafka_section, scorer

#: Of another order than EVENT: read as that, its fields are exchanged.
EXCHANGED = {**EVENT, "fields": [*EVENT["fields"][:1], *reversed(EVENT["fields"][1:])]}


@pytest.fixture
def api() -> Iterator[ConfluentApi]:
    """A registry that has the id 7 in two contexts, and the scored event's schema in one."""
    with confluent_api() as served:
        for context, schema in ((".", EVENT), (".prod", EXCHANGED)):
            inner = served if context == "." else ConfluentApi()
            inner.schemas[7] = {"schema": json.dumps(schema)}
            inner.subjects["in-value"] = [7]
            served.contexts[context] = inner
        yield served


def settings_of(folder: Path, url: str, **registry: Any) -> Settings:
    """A scorer of the topic ``in`` whose reader is the registry's latest."""
    given = {
        "kafka": kafka_section("127.0.0.1:1", "in", "out"),
        "schemas": {"framing": "confluent", "registry": {"url": url, **registry}, "reader": None},
    }
    return load(scorer(folder, given), (), {}, need_kafka=True)


def opened(folder: Path, url: str, **registry: Any) -> Schemas:
    """Open them as `run` does."""
    return open_schemas(settings_of(folder, url, **registry))


@pytest.mark.parametrize("registry", [{"context": "prod"}, {"context": ".prod"}, {}])
def test_everything_is_asked_in_the_configured_context(
    tmp_path: Path, api: ConfluentApi, registry: dict[str, str]
) -> None:
    """The reader, the writers, the schema that is registered."""
    url = api.url if registry else f"{api.url}/contexts/.prod"
    schemas = opened(tmp_path, url, register=True, **registry)
    assert schemas.reader == parse(EXCHANGED)
    assert schemas.reader_origin == "the registry's latest of :.prod:in-value"
    assert schemas.source.find(ById(7)) == parse(EXCHANGED)
    scored = parse({**EVENT, "name": "Scored"})
    schemas.prefix_for(scored)
    schemas.close()
    assert "out-value" in api.contexts[".prod"].subjects
    assert "out-value" not in api.subjects
    assert read_reader(settings_of(tmp_path, url, **registry)) == parse(EXCHANGED)


def test_the_subjects_of_all_input_topics_are_looked_into(
    tmp_path: Path, api: ConfluentApi
) -> None:
    """An event in single-object framing may be of any of them; patterns have none."""
    other = {**EVENT, "name": "Other"}
    api.register("second-value", {"schema": json.dumps(other)})
    given = settings_of(tmp_path, api.url)
    assert given.kafka is not None
    topics = ("in", "^pattern.*", "second")
    given = given.model_copy(
        update={"kafka": given.kafka.model_copy(update={"input_topics": topics})}
    )
    schemas = open_schemas(given)
    assert schemas.source.find(ByFingerprint(parse(other).fingerprint)) == parse(other)
    schemas.close()


def test_a_scored_schema_that_is_not_there_is_named_with_its_context(
    tmp_path: Path, api: ConfluentApi
) -> None:
    """It may well be registered in another."""
    schemas = opened(tmp_path, api.url, context="prod")
    with pytest.raises(
        ContractError, match=r"subject :\.prod:out-value has no version that equals"
    ):
        schemas.prefix_for(parse({**EVENT, "name": "Scored"}))
    schemas.close()


def test_without_a_context_it_is_the_default_one(tmp_path: Path, api: ConfluentApi) -> None:
    """As with registries that have no contexts."""
    schemas = opened(tmp_path, api.url)
    assert schemas.source.find(ById(7)) == parse(dict(EVENT))
    schemas.close()
    assert [query for query in api.queries if "subject" in query] == []


def test_an_id_that_a_folder_does_not_list_is_unknown_at_once(tmp_path: Path) -> None:
    """It has no other node that may know it; its ids are those of `ids.yaml`, in no context."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "event.avsc").write_text(json.dumps(EXCHANGED))
    (tmp_path / "schemas" / "ids.yaml").write_text("7: event.avsc\n")
    given = {"schemas": {"framing": "confluent", "directory": "schemas"}}
    schemas = open_schemas(load(scorer(tmp_path, given), (), {}, need_kafka=False))
    assert schemas.source.find(ById(7)) == parse(EXCHANGED)
    assert schemas.source.find(ById(8)) is None


def test_a_registry_is_given_time_to_know_an_id(tmp_path: Path, api: ConfluentApi) -> None:
    """Another node of it may have taken the schema a second ago."""
    schemas = opened(tmp_path, api.url)
    number = api.register("in-value", {"schema": json.dumps(EXCHANGED)})[1]["id"]
    api.behind.add(number)
    with pytest.raises(Unanswered, match=f"schema id {number} is not known yet"):
        schemas.source.find(ById(number))
    schemas.close()


def test_a_context_that_is_no_name_is_refused(tmp_path: Path, api: ConfluentApi) -> None:
    """A qualified subject, say."""
    with pytest.raises(ConfigError, match=r"registry.context must be the name of a context, such"):
        opened(tmp_path, api.url, context=":.prod:in-value")


def test_check_names_a_version_whose_events_are_encrypted(
    tmp_path: Path, api: ConfluentApi
) -> None:
    """It is the latest: the events that come next hold ciphertext."""
    rules = {"domainRules": [{"name": "encryptPII", "type": "ENCRYPT", "tags": ["PII"]}]}
    api.register("in-value", {"schema": json.dumps(EXCHANGED), "ruleSet": rules})
    given = settings_of(tmp_path, api.url)
    given = given.model_copy(
        update={"schemas": given.schemas.model_copy(update={"reader": tmp_path / "event.avsc"})}
    )
    schemas = open_schemas(given)
    contract = make_contract(given, open_model(given.model), schemas.reader)
    findings = list(look_at_reading(given, contract, schemas))
    schemas.close()
    (refused,) = (each.sentence for each in findings if each.level == "error")
    assert "version 2 of subject in-value has the encryption rule encryptPII (ENCRYPT)" in refused
    assert refused.endswith("It is the latest, so every new event would be a dead letter.")
