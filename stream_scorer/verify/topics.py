"""Creates the topics and the group of a run, and removes them in any case."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from stream_scorer.errors import ConfigError, Unreachable
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.translation import RIGHTS, describe, error_of
from stream_scorer.verify.removal import remove

REQUEST_SECONDS = 30.0
PAUSE_SECONDS = 0.1
#: What to do if a right is missing.
GRANT = (
    "grant CREATE, DELETE, DESCRIBE_CONFIGS, READ and WRITE on topics that begin with "
    "--topic-prefix"
)
#: Kafka's rules for topic names, which allow 249 characters; the rest is for suffixes.
_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,200}")
#: Topic settings that the run needs, regardless of the cluster's defaults.
_SETTINGS = {
    "cleanup.policy": "delete",
    "retention.ms": str(7 * 24 * 3600 * 1000),
    "retention.bytes": "-1",
    "message.timestamp.type": "CreateTime",
}


def any_prefix(command: str) -> str:
    """Return a prefix that no other run of a command uses."""
    return f"stream-scorer-{command}-{secrets.token_hex(4)}"


def check_prefix(prefix: str) -> None:
    """Check that a prefix is valid in topic names.

    Raises:
        ConfigError: it is not.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ConfigError(
            "--topic-prefix must be 1 to 200 characters that Kafka allows in topic names (a-z, "
            f"A-Z, 0-9, ., _ and -), not {prefix!r}."
        )


@dataclass(frozen=True, slots=True)
class Names:
    """The topics and the group of a round."""

    input: str
    output: str
    dead_letters: str
    group: str

    @classmethod
    def beginning_with(cls, prefix: str) -> Names:
        """Return the names with this prefix."""
        return cls(f"{prefix}-in", f"{prefix}-out", f"{prefix}-dead-letters", f"{prefix}-group")

    @property
    def topics(self) -> tuple[str, str, str]:
        """Return the three topics."""
        return self.input, self.output, self.dead_letters


@dataclass(frozen=True, slots=True)
class ThrowAway:
    """Creates topics on a cluster and removes them.

    ``keep`` leaves them, for a cluster that is itself removed or kept for inspection.
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
        """Yield names whose topics exist and have leaders; remove topics and group at the end.

        Raises:
            ConfigError: a name is in use, or a topic's settings are refused.
            Unreachable: a right is missing, or no broker creates the topic in time.
        """
        names = Names.beginning_with(f"{self.prefix}-{label}" if label else self.prefix)
        admin = AdminClient(dict(self.client))
        made: list[str] = []
        try:
            for topic, kind in zip(names.topics, ("in", "out", "dead-letters"), strict=True):
                made.append(topic)  # before an interrupt, when the brokers may already know it
                try:
                    self._create(admin, topic, partitions, config.get(kind, {}))
                except KafkaException as exception:
                    error = error_of(exception)
                    if _is_certain(error):
                        made.pop()
                    raise _refusal(topic, error) from exception
            _wait_until_led(admin, made)
            yield names
        finally:
            if not self.keep:
                remove(self.client, made, names.group, self.say)

    def _create(
        self, admin: AdminClient, topic: str, partitions: int, config: Mapping[str, str]
    ) -> None:
        new = NewTopic(topic, partitions, self.replication, config={**_SETTINGS, **config})
        admin.create_topics([new], request_timeout=REQUEST_SECONDS)[topic].result()


def _wait_until_led(admin: AdminClient, topics: list[str]) -> None:
    deadline = time.monotonic() + REQUEST_SECONDS
    for topic in topics:
        while (why := _not_led(admin, topic)) is not None:
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"Topic {topic} has no leader after {REQUEST_SECONDS:g} s ({why}). Check that "
                    "enough brokers are alive."
                )
            time.sleep(PAUSE_SECONDS)


def _not_led(admin: AdminClient, topic: str) -> str | None:
    """Return why the topic can't be used yet, ``None`` if it can."""
    try:
        seen = admin.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic]
    except KafkaException as exception:
        return describe(error_of(exception))
    if seen.error is not None and seen.error.code() in RIGHTS:
        raise _refusal(topic, seen.error)
    led = [partition for partition in seen.partitions.values() if partition.leader >= 0]
    if led and len(led) == len(seen.partitions):
        return None
    return f"{len(led)} of its {len(seen.partitions)} partitions have a leader"


def _is_certain(error: KafkaError) -> bool:
    """Tell whether the brokers answered; the client's own errors have negative codes."""
    code: int = error.code()
    return code > 0 and code != KafkaError.REQUEST_TIMED_OUT


def _refusal(topic: str, error: KafkaError) -> ConfigError | Unreachable:
    if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
        return ConfigError(
            f"--topic-prefix: the cluster already has a topic {topic}, and this run writes only to "
            "topics that it created. Choose another prefix."
        )
    if error.code() in RIGHTS:
        return Unreachable(
            f"These credentials may not create the topic {topic}, or may not see it; {GRANT}."
        )
    return Unreachable(f"The brokers don't create the topic {topic} ({describe(error)}).")
