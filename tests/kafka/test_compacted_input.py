"""An input that Kafka compacts: offsets have gaps, and what was read may be gone on a rewind."""

from __future__ import annotations

import pytest

from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.records import TopicPartition
from tests import topics
from tests.kafka.clusters import RealCluster, gather, joined, values_of
from tests.kafka.test_offsets import set_offset

pytestmark = pytest.mark.kafka

COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.01",
    "segment.ms": "100",
    "max.compaction.lag.ms": "100",
    "delete.retention.ms": "0",
}


@pytest.mark.parametrize("offset", [None, 3, 7], ids=["new", "in a gap", "before a gap"])
def test_offsets_that_compaction_removed_are_no_lost_data(
    hurried: EmbeddedKafka, group: str, offset: int | None
) -> None:
    """Reading goes on with the next one that is there; so it does after a rewind."""

    def write(*rows: tuple[str, str | None]) -> None:
        events = [
            topics.Event(None if value is None else value.encode(), key.encode())
            for key, value in rows
        ]
        topics.write(hurried.bootstrap_servers, group, events)

    def left() -> list[int | None]:
        return [each.offset() for each in topics.read(hurried.bootstrap_servers, group)]

    hurried.create_topic(group, 1, COMPACTED)
    write(("a", "0"), ("b", "1"), ("a", "2"), ("b", "3"), ("c", "4"), ("a", None), ("c", "6"))
    write(("d", "7"), ("e", "8"), ("e", "9"), ("d", "10"))

    def is_compacted() -> bool:
        write(("f", "the next segment"))  # only what is behind the newest segment is compacted
        return left()[:4] == [3, 6, 9, 10]

    topics.wait_for(is_compacted, lambda: f"what is superseded goes; there is {left()}")
    cluster = RealCluster(hurried.bootstrap_servers, lambda _: group, {"log_level": 0})
    if offset is not None:
        set_offset(cluster, group, group, offset)
    consumer = joined(cluster.consumer(group, group))
    expected = [b"3", b"6", b"9", b"10"] if offset in (None, 3) else [b"9", b"10"]
    assert values_of(gather(consumer, len(expected))) == expected
    consumer.rewind()
    assert values_of(gather(consumer, len(expected))) == expected
    assert cluster.committed(group, TopicPartition(group, 0)) == offset
    cluster.close()
