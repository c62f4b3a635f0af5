"""The Kafka of a measurement: an embedded one, or one's own, with topics that go again."""

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

#: A person waits for it.
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Topics and a group of this run, while its ``with`` block lasts.

    Attributes:
        client: properties for clients of the measurement itself, with ``bootstrap.servers``.
        names: the topics and the group.
        words: settings, as ``--set`` takes them, of a worker that uses these alone.
        partitions: of each topic.
        embedded: whether the brokers are on this machine, and nobody else's.
    """

    client: Mapping[str, Property]
    names: Names
    words: tuple[str, ...]
    partitions: int
    embedded: bool


def look_ahead(plan: Plan, settings: Settings, say: Callable[[str], None]) -> None:
    """See to it that there will be a Kafka, before time is spent on anything else.

    Raises:
        ConfigError: Java or the jars are missing and can't be had, a topic's name is in use, or a
            client of the worker refuses its properties.
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
    """Yield the Kafka that the plan asks for; nothing of the run is left on it.

    Args:
        plan: what is asked for.
        settings: the user's own, with ``kafka`` for a cluster of one's own.
        folder: keeps an embedded Kafka's data.
        say: hears what takes long, and what could not be removed in the end.

    Raises:
        ConfigError: Java or the jars are missing, or a topic's name is in use.
        Unreachable: the brokers don't answer, or refuse a right.
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
    """Look at what ``run`` looks at before it joins, without its warnings.

    Args:
        settings: those of the worker, whose topics are there.
        say: hears why the brokers don't answer, while there is still patience.

    Raises:
        RefusesToStart: with all that is wrong, a right that is missing for one.
    """
    if settings.kafka is not None:
        refuse(look_at_cluster(settings, settings.kafka, say, PATIENCE_SECONDS).findings)


def _client(kafka: KafkaConfig) -> dict[str, Property]:
    return {**kafka.common, **QUIET, "bootstrap.servers": kafka.bootstrap_servers}
