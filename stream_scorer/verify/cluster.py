"""The cluster of a verification run: addresses, timeouts, and which faults it allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from stream_scorer.errors import Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.cluster import QUIET, Cluster
from stream_scorer.kafka.translation import describe, error_of
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.proxy import Proxy
from stream_scorer.verify.credentials import resolved
from stream_scorer.verify.plan import GroupProtocol, Plan
from stream_scorer.verify.preconditions import (
    brokers_of,
    groups_of,
    refuse_names_in_use,
    settings_of,
    try_group,
    try_removal,
    try_rights,
    try_transaction,
)
from stream_scorer.verify.timeouts import EMBEDDED, OUTLASTING, Patience, Timeouts, timeouts_of
from stream_scorer.verify.topics import Names, ThrowAway

#: Kept short because a person is waiting.
PATIENCE_SECONDS = 20.0
ALTER_SECONDS = 60.0
ATTEMPT_SECONDS = 10.0
_MAY_NOT_ALTER = "These credentials may not ALTER topics, so no partitions are added."


def alter_config(client: Mapping[str, Property], resource: ConfigResource) -> None:
    """Change the configuration of a topic or a group.

    A client keeps waiting for the controller that it knows, so each attempt has a new one.

    Raises:
        Unreachable: the brokers don't do it within :data:`ALTER_SECONDS`.
    """
    deadline = time.monotonic() + ALTER_SECONDS
    while True:
        admin = AdminClient(dict(client))
        try:
            change = admin.incremental_alter_configs([resource], request_timeout=ATTEMPT_SECONDS)
            change[resource].result()
        except KafkaException as exception:
            if time.monotonic() >= deadline:
                why = describe(error_of(exception))
                raise Unreachable(f"{resource.name} can't be configured ({why}).") from exception
        else:
            return


@dataclass(frozen=True, slots=True)
class Ground:
    """The cluster of a verification run, for the duration of a ``with`` block.

    Attributes:
        bootstrap_servers: what workers connect to, through the proxy if there is one.
        client: properties for the verifier's own clients, bypassing the proxy; with
            ``bootstrap.servers``.
        security: properties that every worker's clients need; empty on the embedded Kafka.
        timeouts: the timeouts to plan with.
        brokers: the number of brokers.
        may_alter: whether partitions may be added to topics.
        kafka: the embedded Kafka, whose brokers may be killed; ``None`` on the user's cluster.
        proxy: sits between the workers and the embedded Kafka; ``None`` on the user's cluster.
        remarks: the assumptions that were made, one sentence each.
        throw_away: creates and removes the topics of a round.
    """

    bootstrap_servers: str
    client: Mapping[str, Property]
    security: Mapping[str, str]
    timeouts: Timeouts
    brokers: int
    may_alter: bool
    kafka: EmbeddedKafka | None
    proxy: Proxy | None
    remarks: tuple[str, ...]
    throw_away: ThrowAway

    def with_patience(self, patience: Patience) -> Ground:
        """Return the same cluster, with other timeouts to plan with if it is embedded."""
        long = patience is Patience.LONG and self.kafka is not None
        return replace(self, timeouts=OUTLASTING) if long else self

    def topics(
        self,
        label: str,
        partitions: int,
        config: Mapping[str, Mapping[str, str]] | None = None,
    ) -> AbstractContextManager[Names]:
        """Return a context in which the topics of a round exist.

        Args:
            label: is part of their names, for example ``classic-source``.
            partitions: of each topic.
            config: topic settings by ``in``, ``out`` and ``dead-letters``.
        """
        return self.throw_away.topics(label, partitions, config or {})

    def keep_members_of(self, names: Names) -> None:
        """Set this group's session timeout on the embedded brokers to the planned one.

        Only KIP-848 needs this; in the classic protocol the members send it themselves.
        """
        session_ms = int(self.timeouts.session_seconds["consumer"] * 1000)
        wanted = ConfigEntry(
            "consumer.session.timeout.ms",
            str(session_ms),
            incremental_operation=AlterConfigOpType.SET,
        )
        group = ConfigResource(ResourceType.GROUP, names.group, incremental_configs=[wanted])
        alter_config(self.client, group)

    def kafka_settings(self, names: Names, protocol: GroupProtocol) -> dict[str, Any]:
        """Return the ``kafka`` section of a worker's configuration."""
        consumer: dict[str, str] = {"group.protocol": protocol}
        if protocol == "classic":
            session_ms = int(self.timeouts.session_seconds[protocol] * 1000)
            consumer["session.timeout.ms"] = str(session_ms)
            consumer["heartbeat.interval.ms"] = str(min(3000, session_ms // 6))
        transaction_ms = int(self.timeouts.transaction_seconds * 1000)
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "group_id": names.group,
            "input_topics": [names.input],
            "output_topic": names.output,
            "dead_letter_topic": names.dead_letters,
            "common": dict(self.security),
            "consumer": consumer,
            "producer": {"transaction.timeout.ms": str(transaction_ms)},
        }


@contextmanager
def ground_of(plan: Plan, folder: Path, say: Callable[[str], None]) -> Iterator[Ground]:
    """Yield the cluster that the plan names, checked and ready to use.

    Args:
        plan: the plan of the run.
        folder: keeps an embedded Kafka's data.
        say: is called for slow steps, and for anything that could not be removed at the end.

    Raises:
        ConfigError: Java or the jars are missing, or a topic's name is in use.
        Unreachable: the brokers don't answer, deny a permission, or don't support transactions.
    """
    ground = _embedded(plan, folder, say) if plan.bootstrap_servers is None else _own(plan, say)
    with ground as found:
        yield found


@contextmanager
def _embedded(plan: Plan, folder: Path, say: Callable[[str], None]) -> Iterator[Ground]:
    properties = {
        "group.consumer.session.timeout.ms": str(int(EMBEDDED.session_seconds["consumer"] * 1000)),
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": str(
            int(EMBEDDED.abort_scan_seconds * 1000)
        ),
    }
    with ExitStack() as stack:
        count = plan.brokers or 1
        numbers = range(1, count + 1)
        proxy = stack.enter_context(Proxy(numbers))
        kafka = stack.enter_context(
            EmbeddedKafka(count, folder / "kafka", properties=properties, client_ports=proxy.ports)
        )
        for number in numbers:
            proxy.target(number, kafka.client_address(number))
        client: dict[str, Property] = {"bootstrap.servers": kafka.internal_servers, "log_level": 0}
        yield Ground(
            bootstrap_servers=kafka.bootstrap_servers,
            client=client,
            security={},
            timeouts=EMBEDDED,
            brokers=count,
            may_alter=True,
            kafka=kafka,
            proxy=proxy,
            remarks=(),
            throw_away=ThrowAway(client, plan.topic_prefix, count, keep=True, say=say),
        )


@contextmanager
def _own(plan: Plan, say: Callable[[str], None]) -> Iterator[Ground]:
    servers = plan.bootstrap_servers or ""
    client: dict[str, Property] = {
        **resolved(plan.properties), **QUIET, "bootstrap.servers": servers,
    }  # fmt: skip
    cluster = Cluster(client, warn=say, address="--bootstrap-servers", credentials="-X")
    topics = cluster.topic_names(PATIENCE_SECONDS)
    admin = AdminClient(client)
    refuse_names_in_use(topics, groups_of(admin), plan.topic_prefix)
    brokers = brokers_of(admin)
    settings = settings_of(admin, brokers)
    timeouts, remarks = timeouts_of(settings)
    throw_away = ThrowAway(client, plan.topic_prefix, -1, keep=False, say=say)
    with throw_away.topics("rehearsal", 1, {}) as names:
        may_alter = try_rights(cluster, names)
        try_removal(admin, names.group)
        try_transaction(client, names, settings, len(brokers))
        for protocol in plan.group_protocols:
            try_group(client, names, protocol, timeouts.session_seconds[protocol])
    yield Ground(
        bootstrap_servers=servers,
        client=client,
        security={name: str(value) for name, value in plan.properties.items()},
        timeouts=timeouts,
        brokers=len(brokers),
        may_alter=may_alter,
        kafka=None,
        proxy=None,
        remarks=(*remarks, *(() if may_alter else (_MAY_NOT_ALTER,))),
        throw_away=throw_away,
    )
