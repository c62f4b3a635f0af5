"""The loop, and schemas that the registry does not know, or not yet."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from stream_scorer.avro.framing import ById, SchemaKey
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.pipeline.sources import UNKNOWN_WAIT_SECONDS
from stream_scorer.schemas import CachedSchemas
from tests.fakes import FakeKafka
from tests.worker.loop import GROUP, INPUT, P0, P1, Loop

LONG = parse("long")
ASKING_SECONDS = 0.002


@dataclass
class Node:
    """Knows a schema from a given time on; asking takes a moment of the loop's clock."""

    kafka: FakeKafka
    known_at: dict[int, float] = field(default_factory=dict)
    asked: list[SchemaKey] = field(default_factory=list)

    def find(self, key: SchemaKey) -> Schema | None:
        """Answer as far as it knows."""
        self.asked.append(key)
        self.kafka.clock.advance(ASKING_SECONDS)
        assert isinstance(key, ById)
        at = self.known_at.get(key.id, float("inf"))
        return LONG if self.kafka.clock() >= at else None


@dataclass
class Ids:
    """Asks for the id that an event's value is; what is unknown makes a dead letter."""

    cached: CachedSchemas
    unknown: set[bytes] = field(default_factory=set)

    def __call__(self, value: bytes | None) -> None:
        """Be what the scoring asks."""
        if value and self.cached.find(ById(int(value.split(b".")[0]))) is None:
            self.unknown.add(value)


def asking(loop: Loop, node: Node, wait_seconds: float) -> Ids:
    """Let the loop's scoring ask the node."""
    ids = Ids(CachedSchemas(node, loop.kafka.clock, wait_seconds=wait_seconds))
    loop.scoring.ask = ids
    return ids


@pytest.mark.parametrize("lag", [0.1, 1.0, 2.4])
def test_a_rollout_with_a_node_that_lags_loses_no_event(loop: Loop, lag: float) -> None:
    """Ten schemas after each other, in both partitions; the order in each is kept."""
    node = Node(loop.kafka, {0: 0.0})
    ids = asking(loop, node, UNKNOWN_WAIT_SECONDS)
    began = loop.kafka.clock()
    for number in range(1, 11):
        node.known_at[number] = began + number + lag
    values = {
        partition: [
            b"%d.%d.%d" % (number, partition.partition, each)
            for number in range(11)
            for each in range(20)
        ]
        for partition in (P0, P1)
    }
    for partition, written in values.items():
        loop.kafka.write(partition, written)
    loop.run_until(lambda: loop.kafka.lag(GROUP, INPUT) == 0)
    assert ids.unknown == set()
    for partition, written in values.items():
        middle = b".%d." % partition.partition
        assert [each for each in loop.scored() if middle in each] == written


def seconds_for(values: list[bytes], wait_seconds: float) -> tuple[float, int]:
    """Return how long a topic takes, and how many of its events were of unknown schemas."""
    loop = Loop()
    node = Node(loop.kafka)
    ids = asking(loop, node, wait_seconds)
    loop.kafka.write(P0, values[::2])
    loop.kafka.write(P1, values[1::2])
    began = loop.kafka.clock()
    loop.run_until(lambda: loop.kafka.lag(GROUP, INPUT) == 0, seconds=1_000.0)
    return loop.kafka.clock() - began, len(ids.unknown)


def test_a_topic_of_random_ids_keeps_its_speed() -> None:
    """Each event has an id of its own: no more than a tenth longer than without any wait."""
    draw = random.Random(12)  # noqa: S311 - garbage
    values = [b"%d" % draw.randrange(2**31) for _ in range(60_000)]
    without, unknown = seconds_for(values, 0.0)
    assert unknown > 59_000
    waiting, still_unknown = seconds_for(values, UNKNOWN_WAIT_SECONDS)
    assert still_unknown == unknown
    assert without < waiting <= 1.1 * without + UNKNOWN_WAIT_SECONDS
