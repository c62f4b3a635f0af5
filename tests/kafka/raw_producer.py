"""A producer of records as no client of Python writes them: header names of any bytes.

It is librdkafka itself, the one that confluent-kafka brings. With ``mocked`` its brokers are in
memory, in this process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Producer, cimpl

RawHeaders = Sequence[tuple[bytes, bytes | None]]

#: Of ``rd_kafka_vtype_t`` in rdkafka.h.
_TOPIC, _PARTITION, _VALUE, _KEY, _FLAGS, _TIMESTAMP, _HEADERS = 1, 3, 4, 5, 7, 8, 10
_COPY = 2
_FLUSH_MS = 10_000


class _Memory(ctypes.Structure):
    _fields_ = (("address", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Content(ctypes.Union):
    _fields_ = (
        ("text", ctypes.c_char_p),
        ("i32", ctypes.c_int32),
        ("i64", ctypes.c_int64),
        ("memory", _Memory),
        ("pointer", ctypes.c_void_p),
        ("padding", ctypes.c_char * 64),
    )


class _Argument(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("content", _Content))


def _library() -> Any:
    library = ctypes.CDLL(cimpl.__file__)  # its symbols include those of librdkafka
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new", "rd_kafka_produceva"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_error_string.restype = ctypes.c_char_p
    return library


class RawProducer:
    """Writes records byte for byte as they are given."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._library = _library()
        configuration = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        why = ctypes.create_string_buffer(512)
        properties = {b"bootstrap.servers": bootstrap_servers.encode(), b"log_level": b"0"}
        for name, value in properties.items():
            self._library.rd_kafka_conf_set(configuration, name, value, why, ctypes.c_size_t(512))
        self._client = ctypes.c_void_p(
            self._library.rd_kafka_new(0, configuration, why, ctypes.c_size_t(512))
        )
        assert self._client.value is not None, why.value

    def write(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: RawHeaders = (),
        *,
        partition: int = 0,
        timestamp: int = 0,
    ) -> None:
        """Queue one record; a timestamp of 0 is now.

        Raises:
            ValueError: the client does not take it, as it is.
        """
        library = self._library
        listed = ctypes.c_void_p(library.rd_kafka_headers_new(ctypes.c_size_t(len(headers))))
        for name, content in headers:
            size = -1 if content is None else len(content)
            library.rd_kafka_header_add(
                listed, name, ctypes.c_ssize_t(len(name)), content, ctypes.c_ssize_t(size)
            )
        kinds = (_TOPIC, _PARTITION, _VALUE, _KEY, _TIMESTAMP, _HEADERS, _FLAGS)
        arguments = (_Argument * len(kinds))()
        for argument, kind in zip(arguments, kinds, strict=True):
            argument.kind = kind
        arguments[0].content.text = topic.encode()
        arguments[1].content.i32 = partition
        kept = [_place(arguments[2], value), _place(arguments[3], key)]
        arguments[4].content.i64 = timestamp
        arguments[5].content.pointer = listed.value
        arguments[6].content.i32 = _COPY
        error = library.rd_kafka_produceva(self._client, arguments, ctypes.c_size_t(len(kinds)))
        del kept  # the client has its own copy
        if error:
            text = library.rd_kafka_error_string(ctypes.c_void_p(error)).decode()
            library.rd_kafka_error_destroy(ctypes.c_void_p(error))
            library.rd_kafka_headers_destroy(listed)
            raise ValueError(text)

    def flush(self) -> None:
        """Wait until all of them are written."""
        assert self._library.rd_kafka_flush(self._client, _FLUSH_MS) == 0, "not written in time"

    def close(self) -> None:
        """Let the client go."""
        self._library.rd_kafka_destroy(self._client)


def _place(argument: _Argument, content: bytes | None) -> object:
    if content is None:
        return None
    buffer = ctypes.create_string_buffer(content, max(1, len(content)))
    argument.content.memory.address = ctypes.addressof(buffer)
    argument.content.memory.size = len(content)
    return buffer


@contextmanager
def mocked(*topics: str) -> Iterator[str]:
    """Have brokers of librdkafka's in memory with these topics; yield their address."""
    client = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    for topic in topics:
        client.list_topics(topic, timeout=10)
    (broker,) = client.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    del client  # and its brokers with it
