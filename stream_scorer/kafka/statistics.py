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


def heard_by(hears: Hears | None, kind: Kind) -> dict[str, Any]:
    """Return the client property that hands its statistics over, none if nobody hears them."""
    if hears is None:
        return {}
    return {"stats_cb": lambda text: hears(read(text, kind))}


def read(text: str, kind: Kind) -> ClientStatistics:
    """Return what one emission says; it comes each ``statistics.interval.ms``."""
    found = json.loads(text)
    partitions = dict(_partitions(found))
    is_consumer = kind == "consumer"
    queued = sum(each.queued_messages for each in partitions.values())
    queued_bytes = sum(each.queued_bytes for each in partitions.values())
    return ClientStatistics(
        client=kind,
        brokers_up=sum(1 for broker in found["brokers"].values() if broker["state"] == "UP"),
        queue_messages=queued if is_consumer else found["msg_cnt"],
        queue_bytes=queued_bytes if is_consumer else found["msg_size"],
        requests=found["tx"],
        request_bytes=found["tx_bytes"],
        responses=found["rx"],
        response_bytes=found["rx_bytes"],
        messages=found["rxmsgs" if is_consumer else "txmsgs"],
        message_bytes=found["rxmsg_bytes" if is_consumer else "txmsg_bytes"],
        partitions=partitions if is_consumer else {},
    )


def _partitions(found: Mapping[str, Any]) -> Iterator[tuple[TopicPartition, PartitionStatistics]]:
    for topic in found["topics"].values():
        for number, partition in topic["partitions"].items():
            if number != "-1":  # the client's own, for messages without a partition
                yield (
                    TopicPartition(topic["topic"], int(number)),
                    PartitionStatistics(
                        committed=_offset(partition["committed_offset"]),
                        end=_offset(partition["ls_offset"]),
                        queued_messages=partition["fetchq_cnt"],
                        queued_bytes=partition["fetchq_size"],
                    ),
                )


def _offset(number: int) -> int | None:
    """Return an offset; librdkafka's logical ones, below zero, stand for "not known"."""
    return number if number >= 0 else None
