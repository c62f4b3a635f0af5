"""Plain clients, with nothing of the package in them: what tests write and what they read back."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

#: Longer than anything here takes on a busy machine; who waits so long has found a fault.
PATIENCE_SECONDS = 40.0

_COMING_UP = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError._TIMED_OUT,
    KafkaError._WAIT_COORD,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
)


def wait_for(
    condition: Callable[[], object],
    what: str | Callable[[], str],
    patience_seconds: float = PATIENCE_SECONDS,
) -> None:
    """Return once the condition holds; fail with ``what`` if it never does."""
    deadline = time.monotonic() + patience_seconds
    while not condition():
        if time.monotonic() >= deadline:
            said = what if isinstance(what, str) else what()
            pytest.fail(f"not within {patience_seconds:.0f} s: {said}")
        time.sleep(0.02)


@functools.cache
def _admin(bootstrap_servers: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})


@functools.lru_cache(4)
def _onlooker(bootstrap_servers: str, group: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            # What is committed now, however long a transaction is open.
            "isolation.level": "read_uncommitted",
            "log_level": 0,
        }
    )


def _partitions(bootstrap_servers: str, topic: str) -> list[int]:
    admin = _admin(bootstrap_servers)
    return sorted(admin.list_topics(topic, timeout=PATIENCE_SECONDS).topics[topic].partitions)


@dataclass(frozen=True)
class Event:
    """What a test writes."""

    value: bytes | None
    key: bytes | None = None
    partition: int = 0
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp: int = 0


class Unfinished:
    """A transaction that is open, with its events on the brokers."""

    def __init__(self, client: Producer) -> None:
        self._client = client

    def commit(self) -> None:
        """End it: its events count."""
        self._client.commit_transaction(PATIENCE_SECONDS)

    def abort(self) -> None:
        """End it: its events are none."""
        self._client.abort_transaction(PATIENCE_SECONDS)


def begin(
    bootstrap_servers: str,
    topic: str,
    events: Iterable[Event],
    transaction: str | None,
    **properties: Any,
) -> Unfinished:
    """Write the events, in a transaction if it has a name, and leave that open."""
    transactional = {"transactional.id": transaction} if transaction else {}
    client = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "queue.buffering.max.messages": 1_000_000,
            "log_level": 0,
            **transactional,
            **properties,
        }
    )
    if transaction:
        client.init_transactions(PATIENCE_SECONDS)
        client.begin_transaction()
    for each in events:
        client.produce(
            topic,
            each.value,
            each.key,
            each.partition,
            timestamp=each.timestamp,
            headers=list(each.headers),
        )
        client.poll(0)
    assert client.flush(PATIENCE_SECONDS) == 0
    return Unfinished(client)


def write(
    bootstrap_servers: str,
    topic: str,
    events: Iterable[Event],
    *,
    transaction: str | None = None,
    commit: bool = True,
    **properties: Any,
) -> None:
    """Write the events, in one transaction if it has a name."""
    written = begin(bootstrap_servers, topic, events, transaction, **properties)
    if transaction and commit:
        written.commit()
    elif transaction:
        written.abort()


def read(bootstrap_servers: str, topic: str) -> list[Message]:
    """Return what a reader of committed events gets, partition by partition, up to the end now."""
    client = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "reads-without-a-group",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    partitions = client.list_topics(topic, timeout=PATIENCE_SECONDS).topics[topic].partitions
    client.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in partitions])
    events: list[Message] = []
    ended: set[int] = set()
    while len(ended) < len(partitions):
        for message in client.consume(10_000, 0.05):
            error = message.error()
            if error is None:
                events.append(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition())
    client.close()
    return sorted(events, key=lambda each: (each.partition(), each.offset()))


def committed(bootstrap_servers: str, group: str, topic: str) -> dict[tuple[str, int], int]:
    """Return the offsets that the group has committed; none while its coordinator comes up.

    A consumer that never subscribes is not a member. ``list_consumer_group_offsets`` of the admin
    client ends the process (librdkafka 2.16) when the coordinator is not there yet.
    """
    asked = [TopicPartition(topic, each) for each in _partitions(bootstrap_servers, topic)]
    try:
        found = _onlooker(bootstrap_servers, group).committed(asked, timeout=1.0)
    except KafkaException as exception:
        if exception.args[0].retriable() or exception.args[0].code() in _COMING_UP:
            return {}
        raise
    return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}


def members(bootstrap_servers: str, group: str) -> int:
    """Return how many members the group has, as its coordinator says."""
    described = _admin(bootstrap_servers).describe_consumer_groups([group])[group]
    return len(described.result(PATIENCE_SECONDS).members)


def ends(
    bootstrap_servers: str,
    topic: str,
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> dict[tuple[str, int], int]:
    """Return the partitions' ends for such a reader, control markers included."""
    admin = _admin(bootstrap_servers)
    asked = {
        TopicPartition(topic, each): OffsetSpec.latest()
        for each in _partitions(bootstrap_servers, topic)
    }
    answers = admin.list_offsets(asked, isolation_level=isolation, request_timeout=PATIENCE_SECONDS)
    return {
        (each.topic, each.partition): future.result().offset for each, future in answers.items()
    }


def is_settled(bootstrap_servers: str, topic: str) -> bool:
    """Tell whether each transaction that wrote to the topic has its marker there.

    A transaction counts before its markers are written, which each partition gets on its own: the
    group's offsets may tell of events that a reader does not get yet.
    """
    stable = ends(bootstrap_servers, topic, IsolationLevel.READ_COMMITTED)
    return stable == ends(bootstrap_servers, topic)


def lag(bootstrap_servers: str, group: str, topic: str) -> int:
    """Return how far the group is behind the ends, control markers included."""
    done = committed(bootstrap_servers, group, topic)
    return sum(end - done.get(each, 0) for each, end in ends(bootstrap_servers, topic).items())


def delete_before(bootstrap_servers: str, topic: str, offset: int) -> None:
    """Let the log of partition 0 begin at an offset, as retention does."""
    where = TopicPartition(topic, 0, offset)
    _admin(bootstrap_servers).delete_records([where])[where].result(PATIENCE_SECONDS)
