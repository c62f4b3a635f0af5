"""Credentials and rights, on a Kafka that demands both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from stream_scorer.app.preflight import look_at_cluster
from stream_scorer.check.findings import Finding, exit_code_of
from stream_scorer.config import load
from stream_scorer.local.kafka import EmbeddedKafka
from tests.scorers import kafka_section, scorer
from tests.secured import PASSWORDS, SECURED, credentials, grant

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def secured() -> Iterator[EmbeddedKafka]:
    """A Kafka of two users; ``scorer`` may do what it is granted."""
    with EmbeddedKafka(properties=SECURED) as kafka:
        for name in ("in", "out", "out.dead-letters"):
            kafka.create_topic(name)
        yield kafka


def looked_at(
    folder: Path, kafka: EmbeddedKafka, password: str = PASSWORDS["scorer"], **common: Any
) -> list[Finding]:
    """What is wrong with the cluster, for the user ``scorer``."""
    section = kafka_section(kafka.bootstrap_servers, "in", "out")
    section["transactional_id"] = "scorer-{random}"
    section["common"] = {**credentials("scorer", password), **common}
    settings = load(scorer(folder, {"kafka": section}), (), {}, need_kafka=True)
    assert settings.kafka is not None
    report = look_at_cluster(settings, settings.kafka, lambda _: None, 10)
    return [each for each in report.findings if each.level == "error"]


def test_a_wrong_password_is_told_before_the_patience_is_over(
    tmp_path: Path, secured: EmbeddedKafka
) -> None:
    """Waiting does not make it right; nor is it repeated."""
    (error,) = looked_at(tmp_path, secured, password="hunter2")  # noqa: S106 - a wrong one
    assert error.sentence.startswith("kafka.common: ")
    assert "refuses the credentials" in error.sentence
    assert "hunter2" not in error.sentence
    assert exit_code_of([error]) == 4


def test_each_right_that_is_missing_is_named_until_all_are_there(
    tmp_path: Path, secured: EmbeddedKafka
) -> None:
    """Seen, read, written, joined, and a real transaction begun: what docs list is enough."""
    *topics, group = looked_at(tmp_path, secured)
    assert ["nor see whether there is one" in each.sentence for each in topics] == [True] * 3
    assert "may not READ the group out-group" in group.sentence

    for name in ("in", "out"):
        grant(secured, ResourceType.TOPIC, name, AclOperation.DESCRIBE)
    sentences = [each.sentence for each in looked_at(tmp_path, secured)]
    assert [each.partition("may not ")[2].split(";")[0].split(",")[0] for each in sentences] == [
        "READ the topic in",
        "WRITE the topic out",
        "WRITE the topic out.dead-letters",
        "READ the group out-group",
    ]

    grant(secured, ResourceType.TOPIC, "in", AclOperation.READ)
    grant(secured, ResourceType.TOPIC, "out", AclOperation.WRITE)
    grant(secured, ResourceType.GROUP, "out", AclOperation.READ)
    (error,) = looked_at(tmp_path, secured)
    assert "these credentials may not use it (" in error.sentence
    assert "Transactional Id authorization failed); grant WRITE" in error.sentence
    assert "grant WRITE on transactional ids" in error.sentence
    assert exit_code_of([error]) == 4

    grant(secured, ResourceType.TRANSACTIONAL_ID, "scorer-", AclOperation.WRITE)
    assert looked_at(tmp_path, secured) == []
