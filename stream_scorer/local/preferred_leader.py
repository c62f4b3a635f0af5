"""Two requests that make another replica the leader of a partition while its broker is alive.

The first replica of a partition is its preferred leader: :func:`reorder` changes which one that is,
:func:`elect` makes it the leader. librdkafka has no reassignment, and the election of its Python
client (2.16.1) fails for every argument. Plaintext only. Sources: KIP-455, KIP-183,
https://kafka.apache.org/protocol (``AlterPartitionReassignments`` and ``ElectLeaders``, version 0).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from confluent_kafka import KafkaError

from stream_scorer.errors import Unreachable, reason

_REASSIGN, _ELECT = 45, 43
_TIMEOUT_SECONDS = 10.0
_TIMEOUT = struct.pack(">i", int(_TIMEOUT_SECONDS * 1000))
# A request and its answer begin with these; in an answer, a throttle time follows.
_CORRELATION = struct.pack(">i", 1)
_ONE = struct.pack(">i", 1)
_THROTTLE_BYTES = 4
_NO_TAGS = b"\0"
_LAST_OF_VARINT = 0x7F


def reorder(address: str, topic: str, partition: int, replicas: Sequence[int]) -> None:
    """Reorder the replicas of a partition; any broker forwards the request to the controller.

    Raises:
        Unreachable: The broker at ``address`` (``host:port``) does not answer, or the controller
            refuses.
    """
    name = _compact(len(topic.encode())) + topic.encode()
    ids = struct.pack(f">{len(replicas)}i", *replicas)
    one = struct.pack(">i", partition) + _compact(len(replicas)) + ids + _NO_TAGS
    named = name + _compact(1) + one + _NO_TAGS
    answer = _ask(address, _REASSIGN, _NO_TAGS + _TIMEOUT + _compact(1) + named + _NO_TAGS)
    whole = len(_CORRELATION + _NO_TAGS) + _THROTTLE_BYTES
    # After the top-level error: its text (null), one topic, its name, one partition, its index.
    own = whole + 2 + 1 + 1 + len(name) + 1 + 4
    for code in (_error_at(answer, whole), _error_at(answer, own)):
        _refuse(code, f"the order {list(replicas)} for the replicas of {topic}[{partition}]")


def elect(address: str, topic: str, partition: int) -> None:
    """Make the preferred leader of a partition its leader, if it is not.

    Raises:
        Unreachable: The broker at ``address`` does not answer, or that replica is not in sync.
    """
    name = struct.pack(">h", len(topic.encode())) + topic.encode()
    one = name + _ONE + struct.pack(">i", partition)
    answer = _ask(address, _ELECT, _ONE + one + _TIMEOUT)
    # One topic, its name, one partition, its index.
    place = len(_CORRELATION) + _THROTTLE_BYTES + 4 + len(name) + 4 + 4
    code = _error_at(answer, place)
    if code != KafkaError.ELECTION_NOT_NEEDED:
        _refuse(code, f"the preferred leader of {topic}[{partition}]")


def _ask(address: str, api: int, rest: bytes) -> bytes:
    host, _, port = address.rpartition(":")
    request = struct.pack(">hh", api, 0) + _CORRELATION + struct.pack(">h", -1) + rest
    try:
        with socket.create_connection((host, int(port)), _TIMEOUT_SECONDS) as broker:
            broker.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _received(broker, 4))
            return _received(broker, size)
    except OSError as error:
        raise Unreachable(f"The broker at {address} does not answer: {reason(error)}.") from error


def _received(broker: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = broker.recv(size - len(found))
        if not more:
            raise ConnectionError("it closed the connection")
        found += more
    return found


def _compact(length: int) -> bytes:
    """Return the length of a compact array or string: one more, as an unsigned varint."""
    left, written = length + 1, bytearray()
    while left > _LAST_OF_VARINT:
        written.append(left & _LAST_OF_VARINT | 0x80)
        left >>= 7
    return bytes([*written, left])


def _error_at(answer: bytes, place: int) -> int:
    (code,) = struct.unpack_from(">h", answer, place)
    return int(code)


def _refuse(code: int, what: str) -> None:
    if code != KafkaError.NO_ERROR:
        raise Unreachable(f"The cluster refuses {what} (Kafka error {code}).")
