"""The ground of a proof: one's own cluster is looked at first, and is left as it was."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AclOperation, AdminClient, ResourceType
from rich.console import Console

from stream_scorer.errors import ConfigError, StreamScorerError, Unreachable
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.ports import ReservedPort
from stream_scorer.verify import cluster, preconditions
from stream_scorer.verify.cluster import Ground, ground_of
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.preconditions import try_group
from stream_scorer.verify.removal import remove
from stream_scorer.verify.run import verify
from stream_scorer.verify.topics import Names, ThrowAway
from tests.conftest import Kafka
from tests.secured import PASSWORDS, SECURED, credentials, grant
from tests.topics import Event, wait_for, write

pytestmark = pytest.mark.kafka

BOTH: dict[str, Any] = {"group_protocols": ("classic", "consumer")}


def admin_of(kafka: Kafka, **properties: Any) -> AdminClient:
    """An admin client."""
    return AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0, **properties})


def client_of(kafka: Kafka) -> dict[str, str | int]:
    """Properties of the proof's own clients."""
    return {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0}


def left(admin: AdminClient, prefix: str) -> list[str]:
    """Topics and groups whose names begin so."""
    topics = list(admin.list_topics(timeout=10).topics)
    groups = [each.group_id for each in admin.list_consumer_groups().result().valid]
    return [name for name in (*topics, *groups) if name.startswith(prefix)]


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
            pytest.raises(ConfigError, match=f"a topic {theirs} already.*choose another prefix"),
            ground.topics("round", 2),
        ):
            pytest.fail("it is in use")
        assert left(admin, plan.topic_prefix) == [theirs]
    with (
        pytest.raises(ConfigError, match=f"a topic {theirs} already.*choose another prefix"),
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


# ------------------------------------------------------------------ on one that lacks something


@pytest.fixture(scope="module")
def lacking() -> Iterator[EmbeddedKafka]:
    """One broker whose transactions want three, and that has no groups but classic ones."""
    properties = {
        "transaction.state.log.replication.factor": "3",
        "group.coordinator.rebalance.protocols": "classic",
    }
    with EmbeddedKafka(properties=properties) as kafka:
        yield kafka


def test_a_cluster_without_transactions_is_told_why(
    lacking: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker itself only lets the client wait."""
    monkeypatch.setattr(preconditions, "COORDINATOR_SECONDS", 4.0)
    plan = Plan(bootstrap_servers=lacking.bootstrap_servers)
    with (
        pytest.raises(Unreachable, match="No transaction commits within 4 s") as refused,
        ground_of(plan, tmp_path, pytest.fail),
    ):
        pytest.fail("there are no transactions")
    assert "transaction.state.log.replication.factor is 3 and the cluster has 1 broker, so" in str(
        refused.value
    )
    assert left(admin_of(lacking), plan.topic_prefix) == []


def test_a_cluster_without_the_new_group_protocol_is_told_so(lacking: EmbeddedKafka) -> None:
    """With the way out."""
    client = client_of(lacking)
    throw_away = ThrowAway(client, "groups", 1, keep=False, say=pytest.fail)
    with throw_away.topics("", 1, {}) as names:
        write(lacking.bootstrap_servers, names.input, [Event(b"x")])
        try_group(client, names, "classic", 10)
        with pytest.raises(ConfigError, match=r"--group-protocol consumer: .* classic"):
            try_group(client, names, "consumer", 10)
    assert left(admin_of(lacking), "groups") == []


def test_topics_that_the_brokers_cannot_make_leave_nothing(lacking: EmbeddedKafka) -> None:
    """Three replicas need three brokers."""
    client = client_of(lacking)
    throw_away = ThrowAway(client, "many", 3, keep=False, say=pytest.fail)
    with (
        pytest.raises(Unreachable, match=r"don't create the topic many-in \(INVALID_REPLICATION"),
        throw_away.topics("", 1, {}),
    ):
        pytest.fail("there is one broker")


def test_what_can_t_be_removed_is_named_with_the_way_to_do_it(lacking: EmbeddedKafka) -> None:
    """When the brokers are away the end does not wait for ever. This is the module's last."""
    lacking.create_topic("stays")
    lacking.kill()
    heard: list[str] = []
    client = client_of(lacking)
    remove(client, ["stays"], "stays-group", heard.append, patience_seconds=1)
    assert [line.split(" (")[0] for line in heard] == [
        "stays is left behind",
        "stays-group is left behind",
    ]
    assert "kafka-topics --delete --topic stays --bootstrap-server 127.0.0.1" in heard[0]
    assert "kafka-consumer-groups --delete --group stays-group --bootstrap" in heard[1]


# ------------------------------------------------------------------ rights


@pytest.fixture(scope="module")
def secured() -> Iterator[EmbeddedKafka]:
    """A Kafka of two users; ``scorer`` may do what it is granted."""
    with EmbeddedKafka(properties=SECURED) as kafka:
        yield kafka


#: Rights in the order in which they are missed, and what is said then.
NEEDED = [
    (ResourceType.TOPIC, [AclOperation.CREATE, AclOperation.DELETE],
     "may not create the topic proof-rehearsal-in.*grant CREATE, DELETE, DESCRIBE_CONFIGS"),
    (ResourceType.TOPIC, [AclOperation.DESCRIBE_CONFIGS, AclOperation.READ, AclOperation.WRITE],
     "may not DESCRIBE_CONFIGS or READ or WRITE the topic proof-rehearsal-in; grant"),
    (ResourceType.GROUP, [AclOperation.DELETE],
     "may not delete the group proof-rehearsal-group.*grant READ and DELETE"),
    (ResourceType.TRANSACTIONAL_ID, [AclOperation.WRITE, AclOperation.DESCRIBE],
     "may not use the transactional id proof-.*grant WRITE and DESCRIBE on transactional ids"),
    (ResourceType.GROUP, [AclOperation.READ], "may not join the group proof-rehearsal-group"),
]  # fmt: skip


def refusal(plan: Plan, folder: Path) -> StreamScorerError:
    """Why a cluster is not fit for the plan."""
    with (
        pytest.raises(StreamScorerError) as refused,
        ground_of(plan, folder, lambda _: None),
    ):
        pytest.fail("something is missing")
    return refused.value


def test_each_right_that_is_missing_is_named_until_all_are_there(
    secured: EmbeddedKafka, tmp_path: Path
) -> None:
    """Nothing is left behind on the way; what the documentation lists is enough."""
    scorer = credentials("scorer", PASSWORDS["scorer"])
    admin = admin_of(secured, **credentials("admin", PASSWORDS["admin"]))
    plan = Plan(
        bootstrap_servers=secured.bootstrap_servers,
        properties=scorer,
        topic_prefix="proof",
        **BOTH,
    )
    for resource, operations, said in NEEDED:
        refused = refusal(plan, tmp_path)
        assert refused.exit_code == 4
        assert re.search(said, str(refused))
        assert left(admin, "proof") == []
        grant(secured, resource, "proof", *operations)

    with ground_of(plan, tmp_path, pytest.fail) as ground, ground.topics("round", 2) as names:
        assert "DESCRIBE_CONFIGS on the cluster" in ground.remarks[0]
        assert "may not ALTER topics" in ground.remarks[1]
        assert not ground.may_alter
        assert ground.security == scorer
        assert sorted(left(admin, "proof")) == sorted(names.topics)
    assert left(admin, "proof") == []


def test_those_rights_are_enough_for_a_whole_proof(secured: EmbeddedKafka, tmp_path: Path) -> None:
    """Workers get the credentials too, and a password in a file stays in that file."""
    for resource, operations, _ in NEEDED:
        grant(secured, resource, "whole", *operations)
    (tmp_path / "password").write_text(PASSWORDS["scorer"])
    plan = Plan(
        bootstrap_servers=secured.bootstrap_servers,
        properties={
            **credentials("scorer", PASSWORDS["scorer"]),
            "sasl.password": f"file:{tmp_path / 'password'}",
        },
        topic_prefix="whole",
        group_protocols=("consumer",),
        duration_seconds=10,
        workers=2,
        partitions=2,
        faults=0,
        events_per_second=100,
        folder=tmp_path / "proof",
    )
    shown = io.StringIO()
    assert verify(plan, Console(file=shown)) == 0, shown.getvalue()
    assert "It held" in shown.getvalue()
    config = (tmp_path / "proof" / "consumer-source" / "scorer.yaml").read_text()
    assert f"file:{tmp_path / 'password'}" in config
    assert PASSWORDS["scorer"] not in config


def test_a_topic_that_may_be_created_and_not_deleted_is_named(
    secured: EmbeddedKafka, tmp_path: Path
) -> None:
    """Whether it may be deleted is known once it is there; so it is the only one."""
    grant(secured, ResourceType.TOPIC, "stuck", AclOperation.CREATE, AclOperation.DESCRIBE)
    plan = Plan(
        bootstrap_servers=secured.bootstrap_servers,
        properties=credentials("scorer", PASSWORDS["scorer"]),
        topic_prefix="stuck",
    )
    heard: list[str] = []
    with (
        pytest.raises(
            Unreachable,
            match="may not DELETE or DESCRIBE_CONFIGS or READ or WRITE the topic stuck-",
        ),
        ground_of(plan, tmp_path, heard.append),
    ):
        pytest.fail("it may not")
    assert "stuck-rehearsal-in is left behind (TOPIC_AUTHORIZATION_FAILED" in heard[0]


def test_a_wrong_password_is_told(secured: EmbeddedKafka, tmp_path: Path) -> None:
    """By the name of the option."""
    plan = Plan(
        bootstrap_servers=secured.bootstrap_servers, properties=credentials("scorer", "hunter2")
    )
    refused = refusal(plan, tmp_path)
    assert refused.exit_code == 4
    assert str(refused).startswith("-X: ")
    assert "refuses the credentials" in str(refused)
    assert "hunter2" not in str(refused)
