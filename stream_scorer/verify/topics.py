"""The topics and the group of a proof: made, and removed whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient, NewTopic

from stream_scorer.errors import ConfigError, Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.translation import RIGHTS, describe, error_of

REQUEST_SECONDS = 30.0
PAUSE_SECONDS = 0.1
#: How long brokers that are away may hold up the end of a proof.
REMOVAL_SECONDS = 60.0
#: What the proof needs of a topic, whatever the cluster gives a topic by default.
_SETTINGS = {
    "cleanup.policy": "delete",
    "retention.ms": str(7 * 24 * 3600 * 1000),
    "retention.bytes": "-1",
    "message.timestamp.type": "CreateTime",
}


@dataclass(frozen=True, slots=True)
class Names:
    """The topics and the group of a round."""

    input: str
    output: str
    dead_letters: str
    group: str

    @classmethod
    def beginning_with(cls, prefix: str) -> Names:
        """Return the names that share a prefix."""
        return cls(f"{prefix}-in", f"{prefix}-out", f"{prefix}-dead-letters", f"{prefix}-group")

    @property
    def topics(self) -> tuple[str, str, str]:
        """Return the three topics."""
        return self.input, self.output, self.dead_letters


@dataclass(frozen=True, slots=True)
class ThrowAway:
    """Makes topics on a cluster and removes them.

    ``keep`` leaves them, for a cluster that goes away itself or is kept to be looked at.
    """

    client: Mapping[str, Property]
    prefix: str
    replication: int
    keep: bool
    say: Callable[[str], None]

    @contextmanager
    def topics(
        self, label: str, partitions: int, config: Mapping[str, Mapping[str, str]]
    ) -> Iterator[Names]:
        """Yield names whose topics exist and are led; remove them and the group in the end.

        Raises:
            ConfigError: a name is in use, or a topic is refused as asked for.
            Unreachable: a right is missing, or no broker does it in time.
        """
        names = Names.beginning_with(f"{self.prefix}-{label}" if label else self.prefix)
        admin = AdminClient(dict(self.client))
        made: list[str] = []
        try:
            for topic, kind in zip(names.topics, ("in", "out", "dead-letters"), strict=True):
                self._create(admin, topic, partitions, config.get(kind, {}))
                made.append(topic)
            self._wait_until_led(admin, made)
            yield names
        finally:
            if not self.keep:
                self._remove(admin, made, names.group)

    def _create(
        self, admin: AdminClient, topic: str, partitions: int, config: Mapping[str, str]
    ) -> None:
        new = NewTopic(topic, partitions, self.replication, config={**_SETTINGS, **config})
        try:
            admin.create_topics([new], request_timeout=REQUEST_SECONDS)[topic].result()
        except KafkaException as exception:
            raise _refusal(topic, error_of(exception)) from exception

    def _wait_until_led(self, admin: AdminClient, topics: list[str]) -> None:
        deadline = time.monotonic() + REQUEST_SECONDS
        for topic in topics:
            while not _is_led(admin, topic):
                if time.monotonic() > deadline:
                    raise Unreachable(
                        f"Topic {topic} has no leader after {REQUEST_SECONDS:g} s; are enough "
                        "brokers alive?"
                    )
                time.sleep(PAUSE_SECONDS)

    def _remove(self, admin: AdminClient, topics: list[str], group: str) -> None:
        del admin, topics, group


def _is_led(admin: AdminClient, topic: str) -> bool:
    seen = admin.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic].partitions
    return bool(seen) and all(one.leader >= 0 for one in seen.values())


def _refusal(topic: str, error: KafkaError) -> ConfigError | Unreachable:
    if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
        return ConfigError(
            f"--topic-prefix: the cluster has a topic {topic} already, and the proof writes only "
            "to topics of its own; choose another prefix."
        )
    if error.code() in RIGHTS:
        return Unreachable(
            f"These credentials may not create the topic {topic}; grant CREATE, DELETE, READ and "
            "WRITE on topics with that prefix (--topic-prefix names another)."
        )
    return Unreachable(f"The brokers don't create the topic {topic} ({describe(error)}).")


_ = (Consumer, ClientPartition, REMOVAL_SECONDS)
