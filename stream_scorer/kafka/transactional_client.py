"""The part of librdkafka's producer that a transactional producer uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import Producer
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.kafka.client_log import ClientLog


class TransactionalClient(Protocol):
    """A transactional ``confluent_kafka.Producer``, or one with instruments around it.

    Whoever wraps the client must pass on every call that is made of it: the type checker holds a
    wrapper to this list. The calls are documented at confluent-kafka; timeouts are seconds.
    """

    def init_transactions(self, timeout: float, /) -> None:
        """Get a producer id and epoch."""

    def begin_transaction(self) -> None:
        """Begin a transaction."""

    def produce(self, *record: Any) -> None:
        """Queue a record."""

    def send_offsets_to_transaction(
        self, positions: Sequence[ClientPartition], membership: bytes, timeout: float, /
    ) -> None:
        """Add consumed offsets to the transaction."""

    def commit_transaction(self, timeout: float, /) -> None:
        """Commit the transaction."""

    def abort_transaction(self, timeout: float, /) -> None:
        """Abort the transaction."""

    def poll(self, timeout: float, /) -> int:
        """Serve callbacks."""

    def flush(self, timeout: float, /) -> int:
        """Wait for deliveries; return how many records are left."""

    def purge(self) -> None:
        """Drop queued records."""

    def list_topics(self, topic: str, timeout: float, /) -> Any:
        """Return the metadata of a topic."""

    def set_sasl_credentials(self, username: str, password: str, /) -> None:
        """Use this login from the next connection on."""


MakeClient = Callable[[Mapping[str, Any], ClientLog], TransactionalClient]


def make_client(properties: Mapping[str, Any], log: ClientLog) -> TransactionalClient:
    """Return a client of librdkafka."""
    client: TransactionalClient = Producer(properties, logger=log)
    return client
