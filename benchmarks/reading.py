"""What a contender wrote, as a ``read_committed`` reader finds it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record
from numpy.typing import NDArray

from benchmarks.backlog import Backlog, number_of

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Output:
    """The records of an output topic as columns; within a partition, in its order.

    Attributes:
        numbers: which event each is of, by its key; -1 if of none.
        partitions: where each stands.
        timestamps: milliseconds since the epoch.
        other_headers: events of which the headers differ from the input's.
        values: of the events that have a sample, by number.
        mean_bytes: how long a value is.
    """

    numbers: NDArray[np.int64]
    partitions: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    other_headers: tuple[int, ...]
    values: Mapping[int, bytes]
    mean_bytes: float


def read(bootstrap_servers: str, topic: str, backlog: Backlog) -> Output:
    """Read a topic, with as many partitions as the backlog, to its end.

    Raises:
        TimeoutError: the end does not come: a transaction was left open.
    """
    numbers: list[int] = []
    partitions: list[int] = []
    timestamps: list[int] = []
    values: dict[int, bytes] = {}
    other_headers = []
    size_bytes = 0
    for records in _batches(bootstrap_servers, topic, backlog.partitions):
        some = list(map(number_of, map(Record.key, records)))
        contents = list(map(Record.value, records))
        headers = map(Record.headers, records)
        numbers += some
        partitions += map(Record.partition, records)
        timestamps += [stamp for _, stamp in map(Record.timestamp, records)]
        size_bytes += sum(map(len, contents))
        values |= {n: v for n, v in zip(some, contents, strict=True) if n in backlog.samples}
        other_headers += [
            number
            for number, found in zip(some, headers, strict=True)
            if (found or []) != backlog.headers_of(number)
        ]
    return Output(
        np.array(numbers, np.int64),
        np.array(partitions, np.int64),
        np.array(timestamps, np.int64),
        tuple(other_headers),
        values,
        size_bytes / max(len(numbers), 1),
    )


def _batches(bootstrap_servers: str, topic: str, partitions: int) -> Iterator[list[Record]]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "reads-what-was-written",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in range(partitions)])
    left = set(range(partitions))
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while left:
        if time.monotonic() > give_up:
            raise TimeoutError(f"{topic} was not read to its end in {_PATIENCE_SECONDS:.0f} s")
        records = []
        for record in consumer.consume(10_000, timeout=0.1):
            error = record.error()
            if error is None:
                records.append(record)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                left.discard(record.partition())
            else:
                raise KafkaException(error)
        yield records
    consumer.close()
