"""``check`` as a whole: what can be found is found in one go, on a real Kafka and registry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from onnx import TensorProto, helper

from stream_scorer.app.checking import Reach, check
from stream_scorer.app.preflight import topics_for_run
from stream_scorer.app.scored_schema import scored_schema
from stream_scorer.avro.schema import parse
from stream_scorer.check.findings import Finding, exit_code_of
from stream_scorer.config import Settings, load
from stream_scorer.errors import Unreachable
from stream_scorer.local.ports import ReservedPort
from stream_scorer.local.registry import EmbeddedRegistry
from stream_scorer.schemas import RegistrySchemas
from tests.conftest import Kafka, TopicFactory
from tests.model.making import passing, value, write_model
from tests.schemas.confluent_api import confluent_api
from tests.scorers import EVENT, event, kafka_section, scorer

#: Nothing is asked of it before something else fails, or with --offline.
NOWHERE = "127.0.0.1:1"


def settings_of(folder: Path, settings: Mapping[str, Any]) -> Settings:
    """The settings of a scorer in the folder."""
    return load(scorer(folder, settings), (), {}, need_kafka=False)


def findings_of(
    settings: Settings, *, offline: bool = False, patience_seconds: float = 20
) -> list[Finding]:
    """What ``check`` finds."""
    heard: list[str] = []
    return list(check(settings, Reach(offline, heard.append, patience_seconds)))


def sentences(findings: list[Finding], level: str) -> list[str]:
    """The sentences of one level."""
    return [each.sentence for each in findings if each.level == level]


@pytest.fixture
def section(topic: TopicFactory, kafka: Kafka) -> dict[str, Any]:
    """A section ``kafka`` whose topics exist."""
    source, target = topic(2), topic(2)
    kafka.create_topic(f"{target}.dead-letters", 1, {"max.message.bytes": "2000000"})
    return kafka_section(kafka.bootstrap_servers, source, target)


# ------------------------------------------------------------------ without Kafka


def test_a_property_that_the_client_refuses_is_a_finding(tmp_path: Path) -> None:
    """Its value is wrong whatever the brokers are; no connection is tried."""
    section = kafka_section(NOWHERE, "in", "out")
    section["common"] = {"security.protocol": "ssl", "ssl.ca.location": str(tmp_path / "no.pem")}
    findings = findings_of(settings_of(tmp_path, {"kafka": section}))
    refused = [each for each in sentences(findings, "error") if each.startswith("kafka.common")]
    assert "the client refuses the properties: " in refused[0]
    assert "ssl.ca.location" in refused[0]
    assert exit_code_of(findings) == 2


def test_without_kafka_model_and_schema_are_checked(tmp_path: Path) -> None:
    """That is all there is for a config that is meant for `score`."""
    findings = findings_of(settings_of(tmp_path, {}), offline=True)
    assert {each.level for each in findings} == {"ok"}
    assert exit_code_of(findings) == 0


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "no.such.host.invalid", "::g"])
def test_an_address_that_no_server_can_have_is_found(tmp_path: Path, host: str) -> None:
    """An error where the worker is to run; elsewhere it may be right."""
    server = {"host": host, "port": 9400}
    section = kafka_section(NOWHERE, "in", "out")
    settings = settings_of(tmp_path, {"kafka": section, "server": server})
    first, *_ = sentences(findings_of(settings, patience_seconds=0), "error")
    assert first.startswith(f"server.host: {host} can't be listened on here (")
    assert first in sentences(findings_of(settings, offline=True), "warning")


def test_a_broken_model_leaves_the_rest_to_be_checked(tmp_path: Path) -> None:
    """Topics and schema do not need it."""
    (tmp_path / "model.onnx").write_bytes(b"no model")
    settings = settings_of(tmp_path, {"kafka": kafka_section(NOWHERE, "in", "out")})
    findings = findings_of(settings, patience_seconds=0)
    model, brokers = sentences(findings, "error")
    assert "is not an ONNX model" in model
    assert "no broker" in brokers
    assert exit_code_of(findings) == 3  # the first error's


def test_mistakes_of_the_mapping_come_out_together_and_once(tmp_path: Path) -> None:
    """The contract itself ends at its first."""
    wrong = {
        "model": {"inputs": {"x": ["a", "c"]}, "outputs": {"score": "z"}},
        "output": {"pass_through": ["event"]},
    }
    findings = findings_of(settings_of(tmp_path, wrong), offline=True)
    errors = sentences(findings, "error")
    assert len(errors) == len(set(errors)) == 3
    assert ["'c'" in errors[0], "'z'" in errors[1], "'event'" in errors[2]] == [True] * 3
    assert exit_code_of(findings) == 3


def test_a_schema_that_is_no_avro_leaves_the_model_to_be_checked(tmp_path: Path) -> None:
    """The file is named."""
    (tmp_path / "event.avsc").write_text("{")
    findings = findings_of(settings_of(tmp_path, {}), offline=True)
    (error,) = sentences(findings, "error")
    assert "event.avsc" in error
    assert sentences(findings, "ok")[0].startswith("model.path")
    assert exit_code_of(findings) == 2


def test_more_rows_than_the_model_takes_are_an_error(tmp_path: Path) -> None:
    """Found by running them, not by the shape that the model claims."""
    limit = helper.make_tensor("limit", TensorProto.FLOAT, [4, 2], [1.0] * 8)
    node = helper.make_node("Add", ["x", "limit"], ["y"])
    write_model(
        tmp_path / "model.onnx",
        [node],
        [value("x", "float32", None, 2)],
        [value("y", "float32", None, 2)],
        initializers=[limit],
    )
    findings = findings_of(settings_of(tmp_path, {}), offline=True)
    assert exit_code_of(findings) == 3
    assert len(sentences(findings, "error")) == 1


def test_a_field_that_forces_row_by_row_is_named(tmp_path: Path) -> None:
    """With what it costs. A map that is copied does not: its bytes are."""
    labels = {"name": "labels", "type": {"type": "map", "values": "string"}}
    before = {"name": "before", "type": ["null", "Event"], "default": None}
    settings = {"output": {"pass_through": ["labels"]}}
    (tmp_path / "event.avsc").write_text(json.dumps(event(labels)))
    assert not sentences(findings_of(settings_of(tmp_path, settings), offline=True), "warning")
    (tmp_path / "event.avsc").write_text(json.dumps(event(labels, before)))
    (warning,) = sentences(findings_of(settings_of(tmp_path, settings), offline=True), "warning")
    assert "'before' of the writer may hold the record that it is in" in warning
    assert "hundred times" in warning


def test_a_config_for_score_alone_needs_no_schema(tmp_path: Path) -> None:
    """Each file brings its own; what can be said of the model is said."""
    (tmp_path / "scorer.yaml").write_text(f"model: {{path: {tmp_path / 'model.onnx'}}}")
    passing(tmp_path / "model.onnx", "float32", None, 2)
    settings = load(tmp_path / "scorer.yaml", (), {}, need_kafka=False)
    findings = findings_of(settings, offline=True)
    assert [each.level for each in findings] == ["ok", "skipped"]


def test_a_directory_is_looked_through_for_writers(tmp_path: Path) -> None:
    """One of the reader's name that can't be read is warned of, others are someone else's."""
    (tmp_path / "schemas").mkdir()
    short = {**EVENT, "fields": EVENT["fields"][:2]}
    written = {"1": dict(EVENT), "2": short, "3": {**short, "name": "Other"}}
    for number, schema in written.items():
        (tmp_path / "schemas" / f"{number}.avsc").write_text(json.dumps(schema))
    (tmp_path / "schemas" / "ids.yaml").write_text("1: 1.avsc\n2: 2.avsc\n3: 3.avsc\n")
    schemas = {"framing": "confluent", "directory": "schemas"}
    findings = findings_of(settings_of(tmp_path, {"schemas": schemas}), offline=True)
    (warning,) = sentences(findings, "warning")
    assert "schema id 2 can't be read as schemas.reader" in warning
    assert exit_code_of(findings) == 0


def test_offline_says_what_it_does_not_look_at(tmp_path: Path) -> None:
    """Neither is asked: at these addresses nothing answers."""
    settings = settings_of(
        tmp_path,
        {
            "kafka": kafka_section(NOWHERE, "in", "out"),
            "schemas": {"framing": "confluent", "registry": {"url": f"http://{NOWHERE}"}},
        },
    )
    findings = findings_of(settings, offline=True)
    assert len(sentences(findings, "skipped")) == 2
    assert exit_code_of(findings) == 0


def test_offline_without_a_reader_file_the_contract_is_skipped(tmp_path: Path) -> None:
    """It would be the registry's."""
    registry = {"url": f"http://{NOWHERE}"}
    settings = settings_of(
        tmp_path,
        {
            "kafka": kafka_section(NOWHERE, "in", "out"),
            "schemas": {"framing": "confluent", "registry": registry, "reader": None},
        },
    )
    findings = findings_of(settings, offline=True)
    assert "name a file in schemas.reader" in sentences(findings, "skipped")[0]
    assert exit_code_of(findings) == 0


def test_offline_asks_of_the_settings_what_a_worker_asks(tmp_path: Path) -> None:
    """With Kafka in the config, it is meant for `run`."""
    settings = settings_of(
        tmp_path,
        {"kafka": kafka_section(NOWHERE, "in", "out"), "schemas": {"framing": "confluent"}},
    )
    findings = findings_of(settings, offline=True)
    assert sentences(findings, "error")[0].startswith("schemas needs registry or directory")
    assert exit_code_of(findings) == 2


# ------------------------------------------------------------------ the cluster


@pytest.mark.kafka
def test_what_fits_has_no_errors(tmp_path: Path, section: dict[str, Any]) -> None:
    """On one broker nothing is durable, which is warned of."""
    findings = findings_of(settings_of(tmp_path, {"kafka": section}))
    assert sentences(findings, "error") == []
    assert "Transactions can be begun." in sentences(findings, "ok")
    assert exit_code_of(findings) == 0


@pytest.mark.kafka
def test_topics_that_are_not_there_are_named_together(tmp_path: Path, kafka: Kafka) -> None:
    """Input, output and dead letters; `run` says the same."""
    section = kafka_section(kafka.bootstrap_servers, "absent-in", "absent-out")
    settings = settings_of(tmp_path, {"kafka": section})
    findings = findings_of(settings)
    assert len(sentences(findings, "error")) == 3
    assert exit_code_of(findings) == 4
    assert settings.kafka is not None
    said: list[str] = []
    with pytest.raises(Unreachable, match=r"absent-in(.|\n)*absent-out(.|\n)*dead-letters"):
        topics_for_run(settings, settings.kafka, said.append)
    assert ["asking again" in each for each in said] == [True]


@pytest.mark.kafka
def test_fewer_output_than_input_partitions_are_a_warning_unless_by_key(
    tmp_path: Path, kafka: Kafka, topic: TopicFactory
) -> None:
    """With `source` an event needs the partition of its number."""
    source, target = topic(3), topic(2)
    kafka.create_topic(f"{target}.dead-letters")
    section = kafka_section(kafka.bootstrap_servers, source, target)
    findings = findings_of(settings_of(tmp_path, {"kafka": section}))
    too_few = f"{target} has 2 partitions and {source} has 3"
    assert [too_few in each for each in sentences(findings, "warning")].count(True) == 1
    assert exit_code_of(findings) == 0
    by_key = settings_of(tmp_path, {"kafka": section, "output": {"partition": "key"}})
    assert not any(too_few in each for each in sentences(findings_of(by_key), "warning"))


@pytest.mark.kafka
def test_a_pattern_means_the_topics_that_match_it_now(tmp_path: Path, kafka: Kafka) -> None:
    """Their partitions count; one that matches nothing yet is only a warning."""
    kafka.create_topic("checked-a-in", 3)
    kafka.create_topic("checked-scores", 2)
    kafka.create_topic("checked-scores.dead-letters")
    section = kafka_section(kafka.bootstrap_servers, "^checked-.*-in$", "checked-scores")
    findings = findings_of(settings_of(tmp_path, {"kafka": section}))
    assert any("checked-a-in has 3" in each for each in sentences(findings, "warning"))
    section["input_topics"] = ["^nothing-is-called-so"]
    findings = findings_of(settings_of(tmp_path, {"kafka": section}))
    assert exit_code_of(findings) == 0
    assert any("the worker waits" in each for each in sentences(findings, "warning"))


def test_brokers_that_are_not_there_are_an_error_after_some_patience(tmp_path: Path) -> None:
    """The reason is that of the connection; model and schema are judged all the same."""
    port = ReservedPort()
    try:
        nobody = f"127.0.0.1:{port.number}"
        settings = settings_of(tmp_path, {"kafka": kafka_section(nobody, "in", "out")})
        findings = findings_of(settings, patience_seconds=0.2)
    finally:
        port.release()
    (error,) = sentences(findings, "error")
    assert f"no broker of {nobody} answers within 0.2 s" in error
    assert "Connection refused" in error
    assert exit_code_of(findings) == 4
    assert any("takes 2 fields: a, b" in each for each in sentences(findings, "ok"))


@pytest.mark.kafka
def test_a_check_beside_a_worker_does_not_fence_it(tmp_path: Path, section: dict[str, Any]) -> None:
    """Whoever initialises a transactional id ends the transactions of whoever holds it."""
    worker = Producer(
        {"bootstrap.servers": section["bootstrap_servers"], "transactional.id": "constant-id"}
    )
    worker.init_transactions(20)
    worker.begin_transaction()
    worker.produce(section["output_topic"], b"score")
    section["transactional_id"] = "constant-id"
    findings = findings_of(settings_of(tmp_path, {"kafka": section}))
    assert exit_code_of(findings) == 0
    worker.commit_transaction(20)  # fails if it was fenced


# ------------------------------------------------------------------ the registry


def with_registry(folder: Path, url: str, section: dict[str, Any], **registry: Any) -> Settings:
    """A scorer whose schemas are in a registry."""
    schemas = {"framing": "confluent", "registry": {"url": url, **registry}}
    return settings_of(folder, {"kafka": section, "schemas": schemas})


@pytest.mark.kafka
@pytest.mark.registry
def test_the_scored_schema_must_be_registered_or_allowed_to_be(
    tmp_path: Path, section: dict[str, Any], registry: EmbeddedRegistry
) -> None:
    """A check registers nothing itself."""
    subject = f"{section['output_topic']}-value"
    settings = with_registry(tmp_path, registry.url, section)
    findings = findings_of(settings)
    (error,) = sentences(findings, "error")
    assert f"subject {subject} has no version that equals" in error
    assert exit_code_of(findings) == 3

    allowed = with_registry(tmp_path, registry.url, section, register=True)
    assert exit_code_of(findings_of(allowed)) == 0
    with RegistrySchemas(registry.url) as schemas:
        assert schemas.versions(subject) == {}
        schemas.register(subject, scored_schema(settings))
    assert exit_code_of(findings_of(settings)) == 0


@pytest.mark.kafka
@pytest.mark.registry
def test_a_scored_schema_that_the_registry_would_refuse_is_found_before(
    tmp_path: Path, section: dict[str, Any], registry: EmbeddedRegistry
) -> None:
    """`register: true` would fail at start; the check asks without registering."""
    before = parse({"type": "record", "name": "Scored_model", "fields": []})
    with RegistrySchemas(registry.url) as schemas:
        schemas.register(f"{section['output_topic']}-value", before)
    findings = findings_of(with_registry(tmp_path, registry.url, section, register=True))
    (error,) = sentences(findings, "error")
    assert "must be compatible" in error
    assert exit_code_of(findings) == 3


@pytest.mark.kafka
@pytest.mark.registry
def test_all_versions_of_the_input_are_read_as_the_reader_s(
    tmp_path: Path, section: dict[str, Any], registry: EmbeddedRegistry
) -> None:
    """An older one that lacks a field is a warning, a latest one that does is an error."""
    subject = f"{section['input_topics'][0]}-value"
    reader = {"name": "c", "type": "double"}
    (tmp_path / "event.avsc").write_text(json.dumps(event(reader)))
    settings = with_registry(tmp_path, registry.url, section, register=True)
    with RegistrySchemas(registry.url) as schemas:
        schemas.register(subject, parse(dict(EVENT)))
        findings = findings_of(settings)
        assert f"Version 1 of {subject} can't be read" in sentences(findings, "error")[0]
        assert exit_code_of(findings) == 3
        schemas.register(subject, parse(event({**reader, "default": 0})))
    findings = findings_of(settings)
    assert sentences(findings, "error") == []
    assert any(f"Version 1 of {subject}" in each for each in sentences(findings, "warning"))


@pytest.mark.kafka
def test_a_registry_that_is_down_leaves_the_topics_to_be_checked(
    tmp_path: Path, section: dict[str, Any]
) -> None:
    """It is named once, with its address."""
    findings = findings_of(with_registry(tmp_path, f"http://{NOWHERE}", section))
    errors = sentences(findings, "error")
    assert all(f"The registry http://{NOWHERE} does not answer" in each for each in errors)
    assert exit_code_of(findings) == 4
    assert "Transactions can be begun." in sentences(findings, "ok")


def test_a_registry_that_refuses_the_credentials_says_which_setting(tmp_path: Path) -> None:
    """The password itself is not repeated."""
    with confluent_api() as api:
        api.instead = (401, b'{"error_code": 401, "message": "Unauthorized"}')
        settings = with_registry(
            tmp_path,
            api.url,
            kafka_section(NOWHERE, "in", "out"),
            properties={"basic.auth.user.info": "user:hunter2"},
        )
        findings = findings_of(settings, patience_seconds=0)
    errors = sentences(findings, "error")
    assert "refuses the credentials that `schemas.registry.properties` holds" in errors[0]
    assert "hunter2" not in "".join(errors)
    assert exit_code_of(findings) == 4


def test_without_a_reader_file_a_fleet_is_told_to_pin_it(tmp_path: Path) -> None:
    """The registry's latest is taken all the same."""
    with confluent_api() as api:
        api.register("in-value", {"schema": json.dumps(EVENT)})
        schemas = {"framing": "confluent", "registry": {"url": api.url}, "reader": None}
        settings = settings_of(
            tmp_path, {"kafka": kafka_section(NOWHERE, "in", "out"), "schemas": schemas}
        )
        findings = findings_of(settings, patience_seconds=0)
    (pin,) = sentences(findings, "warning")
    assert "the registry's latest of in-value" in pin
    assert "save it to a file" in pin
