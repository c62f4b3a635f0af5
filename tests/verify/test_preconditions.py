"""What a cluster of one's own lacks is told in a sentence, on real ones that lack it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourceType
from rich.console import Console

from stream_scorer.errors import ConfigError, StreamScorerError, Unreachable
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.verify import preconditions
from stream_scorer.verify.cluster import ground_of
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.preconditions import try_group
from stream_scorer.verify.removal import remove
from stream_scorer.verify.run import verify
from stream_scorer.verify.topics import ThrowAway
from tests.secured import PASSWORDS, SECURED, credentials, grant
from tests.topics import Event, write
from tests.verify.onlooking import admin_of, client_of, left

pytestmark = pytest.mark.kafka


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
        pytest.raises(Unreachable, match=r"don't create the topic many-in \(Unable to replicate"),
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
        "stays was left behind",
        "stays-group was left behind",
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
        group_protocols=("classic", "consumer"),
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
    config = (tmp_path / "proof" / "1-consumer-source" / "scorer.yaml").read_text()
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
    assert "stuck-rehearsal-in was left behind (Topic authorization failed" in heard[0]


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
