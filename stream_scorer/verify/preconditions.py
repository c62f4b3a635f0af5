"""Checks that the user's cluster allows what a verification run needs, by trying it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from stream_scorer.errors import ConfigError, Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.cluster import Cluster
from stream_scorer.kafka.translation import RIGHTS, describe, error_of
from stream_scorer.verify.plan import GroupProtocol
from stream_scorer.verify.topics import GRANT, Names

REQUEST_SECONDS = 20.0
#: A cluster that never had a transaction or a group creates its internal topics first.
COORDINATOR_SECONDS = 30.0
POLL_SECONDS = 0.2
#: Workers look up the maximum message size, because the run includes events that are too large.
_NEEDED = ("DELETE", "DESCRIBE_CONFIGS", "READ", "WRITE")

Settings = Mapping[str, str | None]


def refuse_names_in_use(topics: Iterable[str], groups: Iterable[str], prefix: str) -> None:
    """Refuse names that are in use: the run deletes what it created, and would delete that too.

    Raises:
        ConfigError: the name of a topic or a group begins with the prefix.
    """
    for kind, names in (("topic", topics), ("group", groups)):
        for name in names:
            if name.startswith(f"{prefix}-"):
                raise ConfigError(
                    f"--topic-prefix {prefix}: the cluster already has a {kind} {name}, and this "
                    "run uses only its own. Choose another prefix, or delete the "
                    f"{kind} if an earlier run left it."
                )


def brokers_of(admin: AdminClient) -> list[int]:
    """Return the node ids of the brokers that are alive.

    Raises:
        Unreachable: no broker answers any more.
    """
    try:
        return list(admin.list_topics(timeout=REQUEST_SECONDS).brokers)
    except KafkaException as exception:
        raise Unreachable(
            f"--bootstrap-servers: the brokers stopped answering ({describe(error_of(exception))})."
        ) from exception


def settings_of(admin: AdminClient, brokers: Iterable[int]) -> list[Settings]:
    """Return the settings of each broker that allows reading them."""
    found: list[Settings] = []
    for broker in brokers:
        resource = ConfigResource(ResourceType.BROKER, str(broker))
        try:
            answer = admin.describe_configs([resource], request_timeout=REQUEST_SECONDS)
            entries = answer[resource].result()
        except KafkaException:
            continue  # the run works without the right DESCRIBE_CONFIGS
        found.append({name: entry.value for name, entry in entries.items()})
    return found


def groups_of(admin: AdminClient) -> list[str]:
    """Return the groups that these credentials may list."""
    try:
        listing = admin.list_consumer_groups(request_timeout=REQUEST_SECONDS).result()
    except KafkaException:
        return []
    return [group.group_id for group in listing.valid]


def try_rights(cluster: Cluster, names: Names) -> bool:
    """Check the rights of these credentials on topics that they can create.

    Returns:
        Whether they may add partitions, which is optional.

    Raises:
        Unreachable: a required right is missing.
    """
    may_alter = True
    for topic in names.topics:
        facts = cluster.topic(topic)
        granted = facts.operations if facts is not None else frozenset()
        if granted is None:
            continue
        missing = [right for right in _NEEDED if right not in granted]
        if missing:
            raise Unreachable(
                f"These credentials may not {' or '.join(missing)} the topic {topic}; {GRANT}."
            )
        may_alter = may_alter and "ALTER" in granted
    return may_alter


def try_removal(admin: AdminClient, group: str) -> None:
    """Delete a group that nobody has joined yet, to check that the run can clean up.

    Raises:
        Unreachable: the right is missing, or no coordinator answers.
    """
    deadline = time.monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            admin.delete_consumer_groups([group], request_timeout=REQUEST_SECONDS)[group].result()
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() in RIGHTS:
                raise _group_right("delete", group, error) from exception
            if error.code() == KafkaError.GROUP_ID_NOT_FOUND:
                return
            # The first group of a cluster waits until its coordinator is available.
            if time.monotonic() >= deadline:
                raise _no_groups(group, describe(error)) from exception
            time.sleep(POLL_SECONDS)
        else:
            return


def try_transaction(
    client: Mapping[str, Property], names: Names, brokers: Sequence[Settings], alive: int
) -> None:
    """Write an event to each topic in one transaction.

    Raises:
        Unreachable: the cluster has no transactions, or denies them to these credentials.
    """
    transactional_id = f"{names.group}-rehearsal"
    producer = Producer(
        {**client, "transactional.id": transactional_id, "error_cb": _unheard}, logger=_Silence()
    )
    try:
        producer.init_transactions(COORDINATOR_SECONDS)
        producer.begin_transaction()
        for topic in names.topics:
            producer.produce(topic, b"rehearsal")
        producer.commit_transaction(COORDINATOR_SECONDS)
    except KafkaException as exception:
        error = error_of(exception)
        if error.code() in RIGHTS:
            raise Unreachable(
                f"These credentials may not use the transactional id {transactional_id} "
                f"({describe(error)}); grant WRITE and DESCRIBE on transactional ids that begin "
                "with --topic-prefix."
            ) from exception
        raise Unreachable(
            f"No transaction commits within {COORDINATOR_SECONDS:g} s ({describe(error)}), and "
            f"exactly-once needs transactions: {_likely(brokers, alive)}"
        ) from exception


def try_group(
    client: Mapping[str, Property], names: Names, protocol: GroupProtocol, session_seconds: float
) -> None:
    """Join a group and read an event.

    Raises:
        Unreachable: the right is missing, or no group of this protocol forms.
        ConfigError: the brokers don't support the group protocol.
    """
    properties: dict[str, Any] = {
        **client,
        "group.id": names.group,
        "group.protocol": protocol,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "error_cb": _unheard,
    }
    if protocol == "classic":
        properties["session.timeout.ms"] = int(session_seconds * 1000)
    consumer = Consumer(properties, logger=_Silence())
    consumer.subscribe([names.input])
    deadline = time.monotonic() + COORDINATOR_SECONDS
    last: KafkaError | None = None
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(POLL_SECONDS)
            if message is not None and message.error() is None:
                return
            last = message.error() if message is not None else last
            if last is not None:
                _heed(last, names.group, protocol)
    finally:
        consumer.close()
    raise _no_groups(names.group, describe(last) if last is not None else "no answer")


def _heed(error: KafkaError, group: str, protocol: GroupProtocol) -> None:
    if error.code() in RIGHTS:
        raise _group_right("join", group, error)
    if error.code() == KafkaError._FATAL and protocol == "consumer":  # noqa: SLF001 - its name
        raise ConfigError(
            f"--group-protocol consumer: the brokers don't support it ({describe(error)}). It "
            "needs Kafka 4.0 (KIP-848). Use --group-protocol classic."
        )


def _group_right(what: str, group: str, error: KafkaError) -> Unreachable:
    return Unreachable(
        f"These credentials may not {what} the group {group} ({describe(error)}); grant READ and "
        "DELETE on groups that begin with --topic-prefix."
    )


def _no_groups(group: str, why: str) -> Unreachable:
    return Unreachable(
        f"The group {group} does not form ({why}). Check that __consumer_offsets is available "
        "(offsets.topic.replication.factor must not exceed the number of brokers)."
    )


def _likely(brokers: Sequence[Settings], alive: int) -> str:
    for name in ("transaction.state.log.replication.factor", "transaction.state.log.min.isr"):
        wanted = max((int(each.get(name) or 0) for each in brokers), default=0)
        if wanted > alive:
            return (
                f"{name} is {wanted} and the cluster has {alive} broker{'s'[: alive != 1]}, so "
                "__transaction_state can't be written. Start more brokers, or lower it."
            )
    return (
        "check that __transaction_state is available and that every broker of its partitions is "
        "alive (transaction.state.log.replication.factor and transaction.state.log.min.isr)."
    )


class _Silence:
    """A logger that drops messages: errors are raised as exceptions."""

    def log(self, *_: object) -> None:
        """Drop a log line of the client."""


def _unheard(_: KafkaError) -> None:
    """Ignore the error: the calls report it."""
