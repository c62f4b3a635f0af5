"""What ``kafka-transactions.sh`` asks the brokers: who has a transaction open, and that it ends.

No client of Python has these two requests. Only plaintext, and only a cluster of one broker, which
leads all partitions. Sources: KIP-664, https://kafka.apache.org/protocol (``DescribeProducers``
version 0, ``WriteTxnMarkers`` version 1).
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

_DESCRIBE_PRODUCERS, _WRITE_MARKERS = (61, 0), (27, 1)
_TIMEOUT_SECONDS = 30.0
#: The length of a compact array of one element, no tagged fields, and the number of a request.
_ONE, _NO_TAGS, _CORRELATION = b"\2", b"\0", struct.pack(">i", 1)
#: An error, a text that is null, and behind them the producers.
_ERROR, _PRODUCER = struct.Struct(">hc"), struct.Struct(">qiiqiqc")


@dataclass(frozen=True)
class OpenTransaction:
    """A transaction that is open in a partition, and who has begun it."""

    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    start_offset: int


def open_transactions(address: str, topic: str, partition: int) -> list[OpenTransaction]:
    """Return the transactions that are open in a partition."""
    where = _partition_of(topic, partition)
    answer = _ask(address, _DESCRIBE_PRODUCERS, _ONE + where + _NO_TAGS)
    at = answer.index(topic.encode()) + len(topic) + len(_ONE) + 4
    code, text = _ERROR.unpack_from(answer, at)
    assert (code, text) == (0, b"\0"), f"Kafka's error {code}"
    at += _ERROR.size
    count, at = answer[at] - 1, at + 1  # so many are fewer than a longer varint has
    found = []
    for number in range(count):
        producer = _PRODUCER.unpack_from(answer, at + number * _PRODUCER.size)
        producer_id, epoch, _, _, coordinator_epoch, start, _ = producer
        if start >= 0:
            found.append(OpenTransaction(producer_id, epoch, max(0, coordinator_epoch), start))
    return found


def abort(address: str, topic: str, partition: int, transaction: OpenTransaction) -> None:
    """Have a transaction's end written to a partition, as the coordinator does."""
    marker = (
        struct.pack(">qh?", transaction.producer_id, transaction.producer_epoch, False)
        + _ONE
        + _partition_of(topic, partition)
        + struct.pack(">i", transaction.coordinator_epoch)
        + _NO_TAGS
    )
    answer = _ask(address, _WRITE_MARKERS, _ONE + marker + _NO_TAGS)
    at = answer.index(topic.encode()) + len(topic) + len(_ONE) + 4
    (code,) = struct.unpack_from(">h", answer, at)
    assert code == 0, f"Kafka's error {code}"


def _partition_of(topic: str, partition: int) -> bytes:
    name = bytes([len(topic) + 1]) + topic.encode()
    return name + _ONE + struct.pack(">i", partition) + _NO_TAGS


def _ask(address: str, api: tuple[int, int], body: bytes) -> bytes:
    """Return the answer, from its correlation on."""
    host, _, port = address.rpartition(":")
    request = struct.pack(">hh", *api) + _CORRELATION + struct.pack(">h", -1) + _NO_TAGS + body
    with socket.create_connection((host, int(port)), _TIMEOUT_SECONDS) as broker:
        broker.sendall(struct.pack(">i", len(request)) + request)
        with broker.makefile("rb") as answers:
            (size,) = struct.unpack(">i", answers.read(4))
            return answers.read(size)
