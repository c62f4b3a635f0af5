"""Topics on a cluster that is there to be played with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from stream_scorer.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT_SECONDS = 60.0


class Topics:
    """Creates topics, lets them grow, and knows which brokers answer.

    Args:
        bootstrap_servers: Addresses of brokers, ``host:port`` with commas between.
        properties: What else a client needs to get in.
    """

    def __init__(self, bootstrap_servers: str, properties: Mapping[str, Any] | None = None) -> None:
        # Brokers that are down on purpose are no news: nothing of it on stderr.
        own = {"bootstrap.servers": bootstrap_servers, "log_level": 0}
        self._admin = AdminClient({**(properties or {}), **own})

    def brokers(self) -> set[int]:
        """The node ids that the cluster counts as alive, asked now."""
        return set(self._admin.list_topics(timeout=_TIMEOUT_SECONDS).brokers)

    def create(
        self, name: str, partitions: int, replicas: int, config: Mapping[str, str] | None = None
    ) -> None:
        """Creates a topic and returns once each of its partitions has a leader.

        Raises:
            KafkaException: The cluster refuses: the name is taken, a setting is unknown.
            Unreachable: No leader in time.
        """
        topic = NewTopic(name, partitions, replicas, config=dict(config or {}))
        self._admin.create_topics([topic])[name].result(_TIMEOUT_SECONDS)
        self._wait_until_led(name, partitions)

    def add_partitions(self, name: str, count: int) -> None:
        """Gives a topic so many partitions more and returns once each has a leader.

        Raises:
            KafkaException: The cluster refuses: there is no such topic.
            Unreachable: No leader in time.
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
        # A new topic reaches the brokers' own view of the cluster a few milliseconds later.
        seen = self._admin.list_topics(name, timeout=_TIMEOUT_SECONDS).topics[name].partitions
        return len(seen) == partitions and all(one.leader >= 0 for one in seen.values())
