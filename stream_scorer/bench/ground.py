"""The Kafka of a benchmark: an embedded one, or the user's, with topics that are removed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient

from stream_scorer.app.preflight import look_at_cluster
from stream_scorer.app.trial import judge_clients
from stream_scorer.bench.overrides import for_kafka, without_credentials
from stream_scorer.bench.plan import Plan
from stream_scorer.check.findings import refuse
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.cluster import QUIET, Cluster
from stream_scorer.local.downloads import kafka_jars
from stream_scorer.local.java import java
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.verify.preconditions import (
    groups_of,
    refuse_names_in_use,
    try_removal,
    try_rights,
)
from stream_scorer.verify.topics import Names, ThrowAway

#: Kept short because a person is waiting.
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Ground:
    """The topics and the group of this run, for the duration of a ``with`` block.

    Attributes:
        client: properties for the benchmark's own clients, with ``bootstrap.servers``.
        names: the topics and the group.
        words: settings, as for ``--set``, of a worker that uses only these.
        partitions: of each topic.
        embedded: whether the brokers run on this machine, for this run only.
    """

    client: Mapping[str, Property]
    names: Names
    words: tuple[str, ...]
    partitions: int
    embedded: bool


def look_ahead(plan: Plan, settings: Settings, say: Callable[[str], None]) -> None:
    """Check that a Kafka will be available, before time is spent on anything else.

    Raises:
        ConfigError: Java or the jars are missing and can't be downloaded, a topic's name is in use,
            or a client of the worker refuses its properties.
        Unreachable: the brokers don't answer, or refuse the credentials.
    """
    if settings.kafka is not None:
        refuse(judge_clients(settings, settings.kafka))
    if settings.kafka is None or not plan.own_cluster:
        java()
        kafka_jars()
        return
    client = _client(settings.kafka)
    topics = Cluster(client, warn=say).topic_names(PATIENCE_SECONDS)
    refuse_names_in_use(topics, groups_of(AdminClient(client)), plan.topic_prefix)


@contextmanager
def ground_of(
    plan: Plan, settings: Settings, folder: Path, say: Callable[[str], None]
) -> Iterator[Ground]:
    """Yield the Kafka that the plan names; remove everything of the run at the end.

    Args:
        plan: the plan of the run.
        settings: the user's own, with ``kafka`` for the user's cluster.
        folder: keeps an embedded Kafka's data.
        say: is called for slow steps, and for anything that could not be removed at the end.

    Raises:
        ConfigError: Java or the jars are missing, or a topic's name is in use.
        Unreachable: the brokers don't answer, or deny a permission.
    """
    if plan.own_cluster and settings.kafka is not None:
        ground = _own(plan, settings.kafka, say)
    else:
        ground = _embedded(plan, settings.kafka, folder, say)
    with ground as found:
        yield found


@contextmanager
def _embedded(
    plan: Plan, kafka: KafkaConfig | None, folder: Path, say: Callable[[str], None]
) -> Iterator[Ground]:
    with EmbeddedKafka(folder=folder) as embedded:
        servers = embedded.bootstrap_servers
        client: dict[str, Property] = {**QUIET, "bootstrap.servers": servers}
        throw_away = ThrowAway(client, plan.topic_prefix, 1, keep=True, say=say)
        with throw_away.topics("", plan.partitions, {}) as names:
            words = (*without_credentials(kafka), *for_kafka(names, servers))
            yield Ground(client, names, words, plan.partitions, embedded=True)


@contextmanager
def _own(plan: Plan, kafka: KafkaConfig, say: Callable[[str], None]) -> Iterator[Ground]:
    client, servers = _client(kafka), kafka.bootstrap_servers
    throw_away = ThrowAway(client, plan.topic_prefix, -1, keep=False, say=say)
    with throw_away.topics("", plan.partitions, {}) as names:
        try_rights(Cluster(client, warn=say), names)
        try_removal(AdminClient(client), names.group)
        yield Ground(client, names, for_kafka(names, servers), plan.partitions, embedded=False)


def refuse_if_unfit(settings: Settings, say: Callable[[str], None]) -> None:
    """Run the checks that ``run`` makes before it joins, without their warnings.

    Args:
        settings: the worker's; its topics must exist.
        say: is called with the reason if the brokers don't answer, while there is time to retry.

    Raises:
        RefusesToStart: lists all problems, such as a missing permission.
    """
    if settings.kafka is not None:
        refuse(look_at_cluster(settings, settings.kafka, say, PATIENCE_SECONDS).findings)


def _client(kafka: KafkaConfig) -> dict[str, Property]:
    return {**kafka.common, **QUIET, "bootstrap.servers": kafka.bootstrap_servers}
