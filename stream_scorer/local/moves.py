"""Moves leaders and coordinators to another broker while all brokers are alive."""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka.admin import AdminClient, PartitionMetadata

from stream_scorer.errors import Unreachable
from stream_scorer.local.preferred_leader import elect, reorder

_TIMEOUT_SECONDS = 30.0
_GROUPS = "__consumer_offsets"
_TRANSACTIONS = "__transaction_state"


class Moves:
    """Moves on a plaintext cluster whose partitions have more than one replica.

    Each method returns the new leader, once the cluster reports it. Clients find it by themselves;
    a new coordinator first reads its state from its log.

    Args:
        bootstrap_servers: Addresses of brokers, ``host:port``, comma-separated.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._addresses = bootstrap_servers.split(",")
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})

    def leader(self, topic: str, partition: int) -> int:
        """Move the leader of a partition to the next in-sync replica.

        Raises:
            Unreachable: The partition does not exist, none of its other replicas is in sync, or the
                cluster takes too long.
        """
        found = self._partition(topic, partition)
        replicas = list(found.replicas)
        now = replicas.index(found.leader) if found.leader in replicas else 0
        order: list[int] = replicas[now + 1 :] + replicas[: now + 1]
        order.sort(key=lambda each: each not in found.isrs)
        successor = order[0]
        if successor == found.leader or successor not in found.isrs:
            raise Unreachable(f"No other replica of {topic}[{partition}] is in sync.")
        self._somebody(lambda address: reorder(address, topic, partition, order))
        self._somebody(lambda address: elect(address, topic, partition))
        self._wait_until_led(topic, partition, successor)
        return successor

    def group_coordinator(self, group: str) -> int:
        """Move the coordinator of a group, and of all others on its partition.

        Raises:
            Unreachable: The group does not exist, or as :meth:`leader`.
        """
        return self.leader(_GROUPS, self._place(group, _GROUPS))

    def transaction_coordinator(self, transactional_id: str) -> int:
        """Move the coordinator of a transactional id, and of all others on its partition.

        Raises:
            Unreachable: The id does not exist, or as :meth:`leader`.
        """
        return self.leader(_TRANSACTIONS, self._place(transactional_id, _TRANSACTIONS))

    def _place(self, name: str, topic: str) -> int:
        return coordinating_partition(name, len(self._partitions(topic)))

    def _partitions(self, topic: str) -> dict[int, PartitionMetadata]:
        found: dict[int, PartitionMetadata] = (
            self._admin.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic].partitions
        )
        if not found:
            raise Unreachable(f"Topic {topic} does not exist.")
        return found

    def _partition(self, topic: str, partition: int) -> PartitionMetadata:
        partitions = self._partitions(topic)
        if partition not in partitions:
            raise Unreachable(f"Topic {topic} has no partition {partition}.")
        return partitions[partition]

    def _somebody(self, ask: Callable[[str], None]) -> None:
        failures = []
        for address in self._addresses:
            try:
                return ask(address)
            except Unreachable as failure:
                failures.append(str(failure))
        raise Unreachable(" ".join(failures))

    def _wait_until_led(self, topic: str, partition: int, by: int) -> None:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while self._partition(topic, partition).leader != by:
            if time.monotonic() > deadline:
                raise Unreachable(f"Broker {by} did not become leader of {topic}[{partition}].")
            time.sleep(0.02)


def coordinating_partition(name: str, partitions: int) -> int:
    """Return the partition of the internal topic that a group or a transactional id belongs to.

    Its leader is the coordinator. Kafka: ``Utils.abs(name.hashCode()) % partitions``.
    """
    code = 0
    encoded = name.encode("utf-16-be")
    for high, low in zip(encoded[::2], encoded[1::2], strict=True):
        code = (31 * code + (high << 8 | low)) & 0xFFFFFFFF
    signed = code - (1 << 32) if code >> 31 else code
    smallest = -(1 << 31)  # has no absolute value in 32 bits: Kafka takes 0
    return (0 if signed == smallest else abs(signed)) % partitions
