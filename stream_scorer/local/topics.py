"""Creates and extends topics on a cluster for tests and demos."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from stream_scorer.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT_SECONDS = 60.0


class Topics:
    """Creates topics, adds partitions, and lists the brokers that are alive.

    Args:
        bootstrap_servers: Addresses of brokers, ``host:port``, comma-separated.
        properties: Other properties that a client needs to connect.
    """

    def __init__(self, bootstrap_servers: str, properties: Mapping[str, Any] | None = None) -> None:
        # Some brokers are down on purpose: keep the client's messages off stderr.
        own = {"bootstrap.servers": bootstrap_servers, "log_level": 0}
        self._admin = AdminClient({**(properties or {}), **own})

    def brokers(self) -> set[int]:
        """Query the node ids of the brokers that the cluster considers alive."""
        return set(self._admin.list_topics(timeout=_TIMEOUT_SECONDS).brokers)

    def create(
        self, name: str, partitions: int, replicas: int, config: Mapping[str, str] | None = None
    ) -> None:
        """Create a topic and return once each of its partitions has a leader.

        Raises:
            KafkaException: The cluster refuses, because the name is taken or a setting is unknown.
            Unreachable: No leader was elected in time.
        """
        topic = NewTopic(name, partitions, replicas, config=dict(config or {}))
        self._admin.create_topics([topic])[name].result(_TIMEOUT_SECONDS)
        self._wait_until_led(name, partitions)

    def add_partitions(self, name: str, count: int) -> None:
        """Add this many partitions to a topic and return once each has a leader.

        Raises:
            KafkaException: The cluster refuses, because the topic does not exist.
            Unreachable: No leader was elected in time.
        """
        found = self._admin.list_topics(name, timeout=_TIMEOUT_SECONDS).topics[name].partitions
        total = len(found) + count
        more = NewPartitions(name, total)
        self._admin.create_partitions([more])[name].result(_TIMEOUT_SECONDS)
        self._wait_until_led(name, total)

    def _wait_until_led(self, name: str, partitions: int) -> None:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while not self._is_led(name, partitions):
            if time.monotonic() > deadline:
                raise Unreachable(f"Topic {name} has no leader after {_TIMEOUT_SECONDS:.0f} s.")
            time.sleep(0.02)

    def _is_led(self, name: str, partitions: int) -> bool:
        # The brokers' metadata shows a new topic a few milliseconds later.
        seen = self._admin.list_topics(name, timeout=_TIMEOUT_SECONDS).topics[name].partitions
        return len(seen) == partitions and all(one.leader >= 0 for one in seen.values())
