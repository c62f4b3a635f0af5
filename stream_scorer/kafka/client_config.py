"""The librdkafka properties of both clients: defaults, then the user's, then the guarantee's.

Whatever the guarantee rests on comes last and can't be overridden; the configuration refuses such
keys by name before they get here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Property = str | int | float | bool
Properties = Mapping[str, Property]

#: What a record batch adds around a single record (KIP-98 batch header, record framing).
BATCH_OVERHEAD_BYTES = 512
#: librdkafka's own default for ``message.max.bytes`` and ``batch.size``.
CLIENT_MESSAGE_BYTES = 1_000_000
#: The most that librdkafka takes for ``receive.message.max.bytes``. It bounds a decompressed batch
#: as well: one that is larger is fetched over and over, and what is behind it never.
RECEIVE_BYTES = 2**31 - 1
MAX_POLL_INTERVAL_MS = 300_000
#: So many events ahead of the loop are more than it takes in while a fetch is answered.
QUEUED_RECORDS = 5_000
#: librdkafka's own default for ``fetch.max.bytes``.
FETCH_BYTES = 50 * 2**20
TRANSACTION_TIMEOUT_MS = 15_000
#: The most that librdkafka takes; what is derived from larger settings stays there.
_SOCKET_MS = 300_000
_MOST_FETCH_BYTES = 2**31 - 513
_MOST_QUEUED_KBYTES = 2**21 - 1
_MOST = 2**31 - 1
#: How often the clients say what they know; it costs about 0.1 ms, and more with many partitions.
STATISTICS_INTERVAL_MS = 5_000


@dataclass(frozen=True, slots=True)
class SetLimits:
    """The size limits of one transaction; librdkafka's queue sizes derive from them."""

    records: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Timeouts of the transactional calls, derived from ``transaction.timeout.ms``.

    A message fails (0.8) and a request is given up (0.5) while the coordinator still holds the
    transaction open, so that a late answer is noticed inside the transaction that it belongs to.
    """

    transaction_seconds: float

    @property
    def message_ms(self) -> int:
        """Return ``message.timeout.ms``."""
        return int(self.transaction_seconds * 800)

    @property
    def socket_ms(self) -> int:
        """Return ``socket.timeout.ms``; an EndTxn that took longer is in doubt."""
        return min(_SOCKET_MS, int(self.transaction_seconds * 500))


def login(username: str, password: str) -> dict[str, Property]:
    """Return the properties of a login by PLAIN or SCRAM."""
    return {"sasl.username": username, "sasl.password": password}


def login_of(properties: Mapping[str, Any]) -> tuple[str, str]:
    """Return the user and the password of a login by PLAIN or SCRAM, as far as they are given."""
    return str(properties.get("sasl.username", "")), str(properties.get("sasl.password", ""))


def consumer_properties(
    *,
    bootstrap_servers: str,
    group_id: str,
    limits: SetLimits,
    common: Properties,
    consumer: Properties,
) -> dict[str, Property]:
    """Return the consumer's properties.

    ``isolation.level=read_committed`` also makes the client ask for stable offsets (KIP-447): a
    new owner waits for the transaction of a dead one. ``auto.offset.reset=error`` hands every
    partition without a usable offset to :mod:`stream_scorer.kafka.offset_reset`, which tells a new
    partition from lost data.
    """
    user = {**common, **consumer}
    defaults: dict[str, Property] = {
        "client.id": "stream-scorer",
        "statistics.interval.ms": STATISTICS_INTERVAL_MS,
        "max.poll.interval.ms": MAX_POLL_INTERVAL_MS,
        # What waits in the client is memory. An answer to a fetch stays whole until its last event
        # is taken, so the answers are kept small as well: of many partitions each could bring 1 MB.
        "queued.min.messages": max(1, min(limits.records // 10, QUEUED_RECORDS)),
        "queued.max.messages.kbytes": min(
            _MOST_QUEUED_KBYTES, max(1024, limits.size_bytes // 8 // 1024)
        ),
        "fetch.max.bytes": _fetch_bytes(limits, user),
        "receive.message.max.bytes": RECEIVE_BYTES,
        # A full queue is looked at again after this long; the default of 1 s leaves gaps, and with
        # a small queue 20 ms does, too: a third of the throughput.
        "fetch.queue.backoff.ms": 2,
    }
    if user.get("group.protocol", "classic") == "classic":
        defaults["partition.assignment.strategy"] = "cooperative-sticky"
    guarantee: dict[str, Property] = {
        "bootstrap.servers": bootstrap_servers,
        "group.id": group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "enable.partition.eof": False,
        "allow.auto.create.topics": False,
    }
    return {**defaults, **user, **guarantee}


def _fetch_bytes(limits: SetLimits, user: Properties) -> int:
    """Return ``fetch.max.bytes``; librdkafka wants it no smaller than ``message.max.bytes``."""
    largest = int(user.get("message.max.bytes", CLIENT_MESSAGE_BYTES))
    return min(_MOST_FETCH_BYTES, max(largest, min(limits.size_bytes // 32, FETCH_BYTES)))


def onlooker_sizes(common: Properties) -> dict[str, Property]:
    """Return the sizes of a consumer that only asks or looks, made of ``kafka.common`` alone.

    librdkafka compares ``receive.message.max.bytes`` with ``fetch.max.bytes``, and its default for
    the latter is larger than a worker's: it refuses what a worker can run with.
    """
    return {"fetch.max.bytes": int(common.get("message.max.bytes", CLIENT_MESSAGE_BYTES))}


def receive_bytes(common: Properties, consumer: Properties) -> int:
    """Return the consumer's ``receive.message.max.bytes``, as configured or the most."""
    configured = str({**common, **consumer}.get("receive.message.max.bytes", ""))
    return int(configured) if configured.isdecimal() else RECEIVE_BYTES


def transaction_timeout_seconds(common: Properties, producer: Properties) -> float:
    """Return ``transaction.timeout.ms`` in seconds, as configured or 15."""
    configured = {**common, **producer}.get("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)
    return float(configured) / 1000


def producer_properties(
    *,
    bootstrap_servers: str,
    transactional_id: str | None,
    limits: SetLimits,
    compression: str,
    common: Properties,
    producer: Properties,
    topic_message_bytes: Sequence[int] = (),
) -> dict[str, Property]:
    """Return the producer's properties; without a ``transactional_id``, at-least-once ones.

    ``topic_message_bytes`` are the ``max.message.bytes`` of the topics written to, as far as known.
    librdkafka never splits a batch, so a batch must fit the smallest of them before it is sent.
    """
    deadlines = Deadlines(transaction_timeout_seconds(common, producer))
    known = topic_message_bytes or [CLIENT_MESSAGE_BYTES]
    defaults: dict[str, Property] = {
        "client.id": "stream-scorer",
        "statistics.interval.ms": STATISTICS_INTERVAL_MS,
        "linger.ms": 5,
        "compression.type": compression,
        "message.max.bytes": max(1000, *known),
        "batch.size": max(1, min(CLIENT_MESSAGE_BYTES, min(known) - BATCH_OVERHEAD_BYTES)),
        "queue.buffering.max.messages": min(_MOST, max(100_000, 2 * limits.records)),
        "queue.buffering.max.kbytes": min(_MOST, max(64 * 1024, 4 * limits.size_bytes // 1024)),
        # The Java clients' choice of partition, for downstream joins.
        "partitioner": "murmur2_random",
        # CONCURRENT_TRANSACTIONS is answered a few times after each commit; the defaults
        # (100 ms, doubling) would make a transaction cost seconds.
        "retry.backoff.ms": 1,
        "retry.backoff.max.ms": 50,
    }
    guarantee: dict[str, Property] = {
        "bootstrap.servers": bootstrap_servers,
        "enable.idempotence": True,
        "message.timeout.ms": deadlines.message_ms,
        "socket.timeout.ms": deadlines.socket_ms,
        "delivery.report.only.error": True,
    }
    if transactional_id is not None:
        guarantee["transactional.id"] = transactional_id
        guarantee["transaction.timeout.ms"] = int(deadlines.transaction_seconds * 1000)
    else:
        producer = {k: v for k, v in producer.items() if k != "transaction.timeout.ms"}
    return {**defaults, **common, **producer, **guarantee}
