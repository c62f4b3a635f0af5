"""librdkafka's statistics, the few of them that somebody looks at.

The names are those of its STATISTICS.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from stream_scorer.records import ClientStatistics, PartitionStatistics, TopicPartition

Kind = Literal["consumer", "producer"]
Hears = Callable[[ClientStatistics], object]

#: A connection that logs in anew goes on with what it does.
_UP = frozenset({"UP", "REAUTH"})


def heard_by(hears: Hears | None, kind: Kind) -> dict[str, Any]:
    """Return the client property that hands its statistics over, none if nobody hears them."""
    if hears is None:
        return {}

    def heard(text: str) -> None:
        # An exception in here would come out of a poll and end the worker: a client id with a
        # quotation mark in it is enough to make the client write what is not JSON.
        try:
            statistics = read(text, kind)
        except (ValueError, LookupError):
            return
        hears(statistics)

    return {"stats_cb": heard}


def read(text: str, kind: Kind) -> ClientStatistics:
    """Return what one emission says; it comes each ``statistics.interval.ms``."""
    found = json.loads(text)
    is_consumer = kind == "consumer"
    queued, queued_bytes = _fetched_ahead(found)
    return ClientStatistics(
        client=kind,
        brokers_up=sum(1 for broker in found["brokers"].values() if broker["state"] in _UP),
        queue_messages=queued if is_consumer else found["msg_cnt"],
        queue_bytes=queued_bytes if is_consumer else found["msg_size"],
        requests=found["tx"],
        request_bytes=found["tx_bytes"],
        responses=found["rx"],
        response_bytes=found["rx_bytes"],
        messages=found["rxmsgs" if is_consumer else "txmsgs"],
        message_bytes=found["rxmsg_bytes" if is_consumer else "txmsg_bytes"],
        partitions=dict(_partitions(found)) if is_consumer else {},
    )


def _fetched_ahead(found: Mapping[str, Any]) -> tuple[int, int]:
    """Return how much waits for the consumer, and its size.

    Partitions that are assigned share one queue, and each of them says how long that is.
    """
    partitions = [
        each for topic in found["topics"].values() for each in topic["partitions"].values()
    ]
    return (
        max((each["fetchq_cnt"] for each in partitions), default=0),
        max((each["fetchq_size"] for each in partitions), default=0),
    )


def _partitions(found: Mapping[str, Any]) -> Iterator[tuple[TopicPartition, PartitionStatistics]]:
    for topic in found["topics"].values():
        for number, partition in topic["partitions"].items():
            if number != "-1":  # the client's own, for messages without a partition
                yield (
                    TopicPartition(topic["topic"], int(number)),
                    PartitionStatistics(
                        committed=_offset(partition["committed_offset"]),
                        start=_offset(partition["lo_offset"]),
                        end=_offset(partition["ls_offset"]),
                        high=_offset(partition["hi_offset"]),
                    ),
                )


def _offset(number: int) -> int | None:
    """Return an offset; librdkafka's logical ones, below zero, stand for "not known"."""
    return number if number >= 0 else None
