"""A cluster of one's own: it must allow what a measurement needs, and is left as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from stream_scorer.bench.ground import ground_of, look_ahead, refuse_if_unfit
from stream_scorer.bench.plan import Plan
from stream_scorer.config.loading import load
from stream_scorer.config.settings import Settings
from stream_scorer.errors import StreamScorerError, Unreachable
from stream_scorer.local.kafka import EmbeddedKafka
from tests.conftest import Kafka
from tests.scorers import kafka_section, scorer
from tests.secured import PASSWORDS, SECURED, credentials, grant
from tests.verify.onlooking import admin_of, left

pytestmark = pytest.mark.kafka

#: Rights in the order in which they are missed, and what is said then.
NEEDED = [
    (ResourceType.TOPIC, [AclOperation.CREATE, AclOperation.DELETE],
     "may not create the topic measured-in.*grant CREATE, DELETE, DESCRIBE_CONFIGS"),
    (ResourceType.TOPIC, [AclOperation.DESCRIBE_CONFIGS, AclOperation.READ, AclOperation.WRITE],
     "may not DESCRIBE_CONFIGS or READ or WRITE the topic measured-in; grant"),
    (ResourceType.GROUP, [AclOperation.DELETE],
     "may not delete the group measured-group.*grant READ and DELETE"),
    (ResourceType.GROUP, [AclOperation.READ], "may not READ the group measured-group"),
    (ResourceType.TRANSACTIONAL_ID, [AclOperation.WRITE, AclOperation.DESCRIBE],
     "transactional_id measured-group-.*may not use it .*grant WRITE on transactional ids"),
]  # fmt: skip


@pytest.fixture(scope="module")
def secured() -> Iterator[EmbeddedKafka]:
    """A Kafka of two users; ``scorer`` may do what it is granted."""
    with EmbeddedKafka(properties=SECURED) as kafka:
        yield kafka


def settings_for(kafka: Kafka, folder: Path, **common: Any) -> Settings:
    """The configuration of a scorer on the cluster."""
    section = {**kafka_section(kafka.bootstrap_servers, "in", "out"), "common": common}
    return load(scorer(folder, {"kafka": section}), (), {}, need_kafka=True)


def measured(settings: Settings, plan: Plan, folder: Path) -> None:
    """All that is looked at before anything is written."""
    with ground_of(plan, settings, folder, lambda _: None) as ground:
        assert not ground.embedded
        words = load(plan.config, ground.words, {}, need_kafka=True)
        refuse_if_unfit(words, lambda _: None)


def test_each_right_that_is_missing_is_named_until_all_are_there(
    secured: EmbeddedKafka, tmp_path: Path
) -> None:
    """By the names of this run, for the configuration's credentials; nothing is left behind."""
    user = credentials("scorer", PASSWORDS["scorer"])
    admin = admin_of(secured, **credentials("admin", PASSWORDS["admin"]))
    settings = settings_for(secured, tmp_path, **user)
    config = tmp_path / "scorer.yaml"
    plan = Plan(config=config, own_cluster=True, partitions=2, topic_prefix="measured")
    look_ahead(plan, settings, pytest.fail)
    for resource, operations, said in NEEDED:
        with pytest.raises(StreamScorerError) as refused:
            measured(settings, plan, tmp_path)
        assert refused.value.exit_code == 4
        assert re.search(said, str(refused.value))
        assert left(admin, "measured") == []
        grant(secured, resource, "measured", *operations)
    measured(settings, plan, tmp_path)
    assert left(admin, "measured") == []


def test_a_wrong_password_is_told_at_once(secured: EmbeddedKafka, tmp_path: Path) -> None:
    """Before anything is measured."""
    wrong = credentials("scorer", "hunter2")
    plan = Plan(config=None, own_cluster=True)
    with pytest.raises(Unreachable, match=r"^kafka\.common: .* refuses the credentials") as refused:
        look_ahead(plan, settings_for(secured, tmp_path, **wrong), pytest.fail)
    assert "hunter2" not in str(refused.value)
