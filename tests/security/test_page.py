"""docs/security.md says what is tested: its commands, its recipes, its rights for others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Consumer, KafkaException, TopicPartition

from stream_scorer.config import load
from tests.scorers import kafka_section, scorer
from tests.security.rights import PAGE, worker_rights
from tests.security.secured import PASSWORD, Right, SecuredKafka
from tests.security.test_logins import mutual, presented, token

_COMMAND = re.compile(
    r"--operation (?P<operation>\w+) --(?P<kind>topic|group|transactional-id) \S+"
    r"(?P<prefixed>\s+\\?\s*--resource-pattern-type prefixed)?"
)


def recipe(heading: str) -> dict[str, Any]:
    """The YAML below a heading."""
    block = PAGE.read_text().partition(f"\n### {heading}\n")[2].partition("```yaml\n")[2]
    values: dict[str, Any] = yaml.safe_load(block.partition("```")[0])
    return values


def test_the_commands_grant_what_the_table_lists() -> None:
    """Each row by a command, in the table's order."""
    block = PAGE.read_text().partition("```bash\n")[2].partition("```")[0]
    granted = [
        (
            found["kind"].replace("-", "_").upper(),
            found["operation"].upper(),
            bool(found["prefixed"]),
        )
        for found in _COMMAND.finditer(block)
    ]
    assert granted == [(each.kind, each.operation, each.prefixed) for each in worker_rights()]


@pytest.mark.kafka
def test_the_recipes_are_those_that_are_tested(secured: SecuredKafka) -> None:
    """The same properties with the same values, files and names aside."""
    certificate = presented(secured.authority.issue("recipe"))
    tested = {
        "SCRAM over TLS": secured.login(),
        "Mutual TLS": {**mutual(secured), **certificate, "ssl.key.password": "key-password"},
        "OAUTHBEARER": token(secured),
    }
    for heading, properties in tested.items():
        written = recipe(heading)["kafka"]["common"]
        assert set(written) == set(properties)
        for name in ("security.protocol", "sasl.mechanism", "sasl.oauthbearer.method"):
            assert written.get(name) == properties.get(name)


@pytest.mark.parametrize(
    "heading", ["SCRAM over TLS", "Mutual TLS", "OAUTHBEARER", "Registry over TLS with a login"]
)
def test_a_recipe_is_a_config_that_is_taken(tmp_path: Path, heading: str) -> None:
    """With the files that it names."""
    values = recipe(heading)
    secret = tmp_path / "secret"
    secret.write_text("user:password")
    text = re.sub(r"file:\S+", f"file:{secret}", yaml.safe_dump(values))
    section = {**kafka_section("kafka:9093", "in", "out"), **yaml.safe_load(text).get("kafka", {})}
    schemas = yaml.safe_load(text).get("schemas", {})
    config = scorer(tmp_path, {"kafka": section, "schemas": {"framing": "confluent", **schemas}})
    if not schemas:
        config = scorer(tmp_path, {"kafka": section})
    loaded = load(config, (), {}, need_kafka=True)
    assert "user:password" not in repr(loaded)


@pytest.mark.kafka
def test_who_only_looks_at_the_lag_needs_describe_alone(secured: SecuredKafka) -> None:
    """KEDA's rights: the ends of the input, and what the group has committed."""
    secured.set_password("keda", PASSWORD)
    login = {**secured.login("keda"), "group.id": "out-group", "log_level": "0"}
    asked = TopicPartition("in", 0)
    rights = [Right("TOPIC", "in", "DESCRIBE"), Right("GROUP", "out-group", "DESCRIBE")]
    for without in rights:
        client = Consumer({"bootstrap.servers": secured.servers, **login})
        others = [each for each in rights if each != without]
        with secured.may(others, "keda"), pytest.raises(KafkaException):
            client.get_watermark_offsets(asked, 2)
            client.committed([asked], 2)
        client.close()
    client = Consumer({"bootstrap.servers": secured.servers, **login})
    with secured.may(rights, "keda"):
        assert client.get_watermark_offsets(asked, 20) == (0, 0)
        assert client.committed([asked], 20)[0].error is None
    client.close()
