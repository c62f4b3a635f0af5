"""The parts of the Kafka protocol that a proxy between client and broker needs.

Requests and answers are frames: four bytes of length, then that many bytes. A request begins with
api key, version, correlation id and client id; an answer begins with the correlation id of its
request. The rest is not read. Source: https://kafka.apache.org/protocol, "Protocol Primitive
Types" and "Request Header" (header versions 1 and 2 encode a client id the same way).
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from enum import IntEnum

_LENGTH = struct.Struct(">i")
_REQUEST_HEADER = struct.Struct(">hhih")
# A broker's own limit, socket.request.max.bytes. Anything longer is not a Kafka frame.
_MAX_BYTES = 100 * 1024 * 1024


class ApiKey(IntEnum):
    """The requests of consumers and producers, by their key."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    SASL_HANDSHAKE = 17
    API_VERSIONS = 18
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28
    DESCRIBE_CONFIGS = 32
    SASL_AUTHENTICATE = 36
    CONSUMER_GROUP_HEARTBEAT = 68


@dataclass(frozen=True, slots=True)
class Request:
    """The header of a request; ``api`` is an :class:`ApiKey` if its name is known."""

    api: int
    version: int
    correlation: int
    client: str


async def next_frame(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next frame without its length, or ``None`` at the end of the connection.

    Raises:
        ValueError: The data is not a frame; it may be TLS, for example.
    """
    try:
        (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if not 0 <= size <= _MAX_BYTES:
            raise ValueError(f"{size} bytes is not a valid length of a Kafka frame")
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, OSError):
        return None


def framed(frame: bytes) -> bytes:
    """Return the frame with its length in front, as it is sent."""
    return _LENGTH.pack(len(frame)) + frame


def request_of(frame: bytes) -> Request:
    """Return the header of a request.

    Raises:
        ValueError: The frame is too short for one.
    """
    try:
        api, version, correlation, length = _REQUEST_HEADER.unpack_from(frame)
    except struct.error as error:
        raise ValueError(f"a request of {len(frame)} bytes has no header") from error
    start = _REQUEST_HEADER.size
    client = frame[start : start + max(length, 0)].decode(errors="replace")
    return Request(api, version, correlation, client)


def correlation_of(frame: bytes) -> int:
    """Return the correlation id of the request that an answer belongs to.

    Raises:
        ValueError: The frame is too short for an answer.
    """
    try:
        (correlation,) = _LENGTH.unpack_from(frame)
    except struct.error as error:
        raise ValueError(f"an answer of {len(frame)} bytes has no header") from error
    return int(correlation)
