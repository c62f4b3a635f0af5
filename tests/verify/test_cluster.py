"""The ground of a proof: one's own cluster is left as it was; the embedded one has a proxy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from stream_scorer.errors import ConfigError, Unreachable
from stream_scorer.local.ports import ReservedPort
from stream_scorer.verify import cluster
from stream_scorer.verify.cluster import Ground, ground_of
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.removal import remove
from stream_scorer.verify.timeouts import OUTLASTING, Patience
from stream_scorer.verify.topics import Names
from tests.conftest import Kafka
from tests.topics import wait_for
from tests.verify.onlooking import admin_of, left

pytestmark = pytest.mark.kafka

BOTH: dict[str, Any] = {"group_protocols": ("classic", "consumer")}


def join(ground: Ground, names: Names) -> None:
    """Be a member of the group until an event arrives, as a worker is."""
    settings = ground.kafka_settings(names, "classic")
    producer = Producer(dict(ground.client))
    producer.produce(names.input, b"event")
    assert producer.flush(20) == 0
    consumer = Consumer(
        {**ground.client, **settings["consumer"], "group.id": names.group,
         "auto.offset.reset": "earliest"}
    )  # fmt: skip
    consumer.subscribe([names.input])
    wait_for(lambda: consumer.poll(0.1) is not None, "the event")
    consumer.commit(asynchronous=False)
    consumer.close()


# ------------------------------------------------------------------ on a willing cluster


def test_a_cluster_of_ones_own_is_left_as_it_was(kafka: Kafka, tmp_path: Path) -> None:
    """Topics and groups of the rehearsal and of a round are gone in the end."""
    plan = Plan(bootstrap_servers=kafka.bootstrap_servers, **BOTH)
    heard: list[str] = []
    with ground_of(plan, tmp_path, heard.append) as ground:
        assert left(admin_of(kafka), plan.topic_prefix) == []
        with ground.topics("classic-source", 3, {"out": {"max.message.bytes": "5000"}}) as names:
            join(ground, names)
            found = left(admin_of(kafka), plan.topic_prefix)
            assert sorted(found) == sorted([*names.topics, names.group])
        assert left(admin_of(kafka), plan.topic_prefix) == []
    assert heard == []
    assert ground.may_alter
    assert ground.kafka is None
    assert ground.proxy is None
    assert ground.remarks == ()


def test_an_interrupt_leaves_nothing_behind(kafka: Kafka, tmp_path: Path) -> None:
    """Ctrl-C comes at any time."""
    plan = Plan(bootstrap_servers=kafka.bootstrap_servers)

    def interrupted() -> None:
        with ground_of(plan, tmp_path, pytest.fail) as ground, ground.topics("round", 2) as names:
            join(ground, names)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert left(admin_of(kafka), plan.topic_prefix) == []


def test_a_group_is_deleted_once_its_dead_member_is_forgotten(kafka: Kafka, tmp_path: Path) -> None:
    """A worker that was killed stays a member for its session timeout."""
    plan = Plan(bootstrap_servers=kafka.bootstrap_servers)
    with ground_of(plan, tmp_path, pytest.fail) as ground, ground.topics("round", 2) as names:
        silent = Consumer(
            {**ground.client, "group.id": names.group, "session.timeout.ms": 2000,
             "max.poll.interval.ms": 2000}
        )  # fmt: skip
        assigned: list[object] = []
        silent.subscribe([names.input], on_assign=lambda _, __: assigned.append(1))
        wait_for(lambda: silent.poll(0.1) or assigned, "an assignment")
    assert left(admin_of(kafka), plan.topic_prefix) == []
    silent.close()


def test_a_name_in_use_is_refused_and_what_has_it_is_left_alone(
    kafka: Kafka, tmp_path: Path
) -> None:
    """Also when it appears after the look."""
    plan = Plan(bootstrap_servers=kafka.bootstrap_servers)
    admin = admin_of(kafka)
    with ground_of(plan, tmp_path, pytest.fail) as ground:
        theirs = f"{plan.topic_prefix}-round-out"
        kafka.create_topic(theirs)
        with (
            pytest.raises(ConfigError, match=f"already has a topic {theirs}.*Choose another"),
            ground.topics("round", 2),
        ):
            pytest.fail("it is in use")
        assert left(admin, plan.topic_prefix) == [theirs]
    with (
        pytest.raises(ConfigError, match=f"already has a topic {theirs}.*Choose another"),
        ground_of(plan, tmp_path, pytest.fail),
    ):
        pytest.fail("it is in use")
    assert left(admin, plan.topic_prefix) == [theirs]
    remove({"bootstrap.servers": kafka.bootstrap_servers}, [theirs], "nobody", pytest.fail)


def test_nobody_there_is_told_within_the_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of the option."""
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 1.0)
    nobody = ReservedPort()
    plan = Plan(bootstrap_servers=f"127.0.0.1:{nobody.number}")
    with (
        pytest.raises(Unreachable, match=r"^--bootstrap-servers: no broker of .* answers"),
        ground_of(plan, tmp_path, lambda _: None),
    ):
        pytest.fail("nobody is there")
    nobody.release()


# ------------------------------------------------------------------ on the embedded Kafka


def test_workers_go_through_the_proxy_and_the_proof_past_it(tmp_path: Path) -> None:
    """What cuts a worker off does not blind who watches."""
    with (
        ground_of(Plan(), tmp_path, pytest.fail) as ground,
        ground.topics("round", 2, {"out": {"max.message.bytes": "5000"}}) as names,
    ):
        assert ground.kafka is not None
        assert ground.proxy is not None
        assert ground.bootstrap_servers == f"127.0.0.1:{ground.proxy.ports[1]}"
        cut = ground.proxy.cut("worker-*")
        through = AdminClient(
            {"bootstrap.servers": ground.bootstrap_servers, "client.id": "worker-1", "log_level": 0}
        )
        with pytest.raises(KafkaException, match="_TRANSPORT"):
            through.list_topics(timeout=1)
        assert set(names.topics) <= set(AdminClient(dict(ground.client)).list_topics().topics)
        cut.lift()
        assert set(names.topics) <= set(through.list_topics(timeout=20).topics)
    # It is kept in the folder, to be looked at.
    assert (tmp_path / "kafka" / "broker-1" / "broker.log").is_file()


def test_long_timeouts_are_what_members_and_brokers_are_told(tmp_path: Path) -> None:
    """Of a classic group its members, of the other kind the brokers; and of transactions."""
    with ground_of(Plan(), tmp_path, pytest.fail) as short, short.topics("round", 1) as names:
        ground = short.with_patience(Patience.LONG)
        assert ground.timeouts == OUTLASTING
        settings = ground.kafka_settings(names, "classic")
        assert settings["consumer"]["session.timeout.ms"] == "45000"
        assert settings["producer"]["transaction.timeout.ms"] == "60000"
        ground.keep_members_of(names)
        group = ConfigResource(ResourceType.GROUP, names.group)
        admin = AdminClient(dict(ground.client))
        found = admin.describe_configs([group])[group].result()
        assert found["consumer.session.timeout.ms"].value == "45000"
        assert short.with_patience(Patience.SHORT) is short


def test_brokers_of_ones_own_are_as_patient_as_they_are(kafka: Kafka, tmp_path: Path) -> None:
    """The proof plans with what they have."""
    plan = Plan(bootstrap_servers=kafka.bootstrap_servers)
    with ground_of(plan, tmp_path, pytest.fail) as ground:
        assert ground.with_patience(Patience.LONG) is ground
