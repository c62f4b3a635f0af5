"""Whatever a producer writes has one trace: real clients, odd events, all of them at once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Kafka
from tests.end_to_end.edge import DAY, Edge, odd_events
from tests.kafka.raw_producer import mocked

PARTITIONS = 2
ANY_TIME = {
    "message.timestamp.before.max.ms": str(2**63 - 1),
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
NARROW = {
    "message.timestamp.before.max.ms": "3600000",
    "message.timestamp.after.max.ms": "3600000",
    "max.message.bytes": "20000",
}
APPEND_TIME = {"message.timestamp.type": "LogAppendTime"}
KNOWN_SIZE = {"max_message_bytes": 1_048_588}
KNOWN = {"before_max_ms": 3_600_000, "after_max_ms": 3_600_000, "max_message_bytes": 20_000}


@pytest.mark.parametrize("partition", ["source", "key"])
@pytest.mark.parametrize("seed", range(2))
def test_each_odd_event_has_one_trace(tmp_path: Path, seed: int, partition: str) -> None:
    """The brokers are librdkafka's own, in memory, and take everything."""
    with mocked("in", "out", "out.dead-letters") as address:
        edge = Edge(address, tmp_path, "in", "out", {"output": {"partition": partition}})
        edge.write(odd_events(seed, 600), PARTITIONS)
        edge.run(PARTITIONS)
        kinds = edge.assert_each_event_has_one_trace()
    assert kinds["scored"] > 100
    assert kinds["without headers"] > 50
    assert {"undecodable", "tombstone"} <= kinds.keys()


@pytest.mark.parametrize("framing", ["confluent", "single_object"])
def test_no_event_is_too_odd_for_any_framing(tmp_path: Path, framing: str) -> None:
    """None has a known schema here; what is said of it is in its dead letter."""
    schemas = {"framing": framing, "directory": str(tmp_path), "reader": "event.avsc"}
    with mocked("in", "out", "out.dead-letters") as address:
        edge = Edge(address, tmp_path, "in", "out", {"schemas": schemas})
        edge.write(odd_events(5, 600), PARTITIONS)
        edge.run(PARTITIONS)
        kinds = edge.assert_each_event_has_one_trace()
    assert kinds["scored"] == 0
    assert kinds["no_schema"] > 100


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("written", "facts", "events"),
    [
        (ANY_TIME, {}, 1500),
        (NARROW, KNOWN, 1500),
        (NARROW, {}, 30),
        (APPEND_TIME, {**KNOWN_SIZE, "is_append_time": True}, 600),
        (APPEND_TIME, {}, 600),
        ({**NARROW, "cleanup.policy": "compact"}, {**KNOWN, "is_compacted": True}, 1500),
        ({**NARROW, "cleanup.policy": "compact"}, {}, 30),
    ],
    ids=[
        "any",
        "narrow",
        "narrow-unknown",
        "append-time",
        "append-time-unknown",
        "compacted",
        "compacted-unknown",
    ],
)
def test_each_odd_event_has_one_trace_whatever_the_topics_take(
    kafka: Kafka,
    tmp_path: Path,
    written: Mapping[str, str],
    facts: Mapping[str, Any],
    events: int,
) -> None:
    """On real brokers; what the topics take may be known to the worker or not.

    Where it is not, an event that is refused costs transactions, and waits between them.
    """
    name = f"edge-{uuid.uuid4().hex[:8]}"
    edge = Edge(kafka.bootstrap_servers, tmp_path, f"{name}.in", f"{name}.out", facts=facts)
    kafka.create_topic(edge.source, PARTITIONS, {**ANY_TIME, "retention.ms": str(1000 * DAY)})
    for topic in (edge.output, edge.dead):
        kafka.create_topic(topic, PARTITIONS, written)
    edge.write(odd_events(7, events), PARTITIONS)
    edge.run(PARTITIONS)
    kinds = edge.assert_each_event_has_one_trace()
    assert kinds["scored"] > 0
    assert kinds["without headers"] > 0
