"""Partitions that are added to the input alone, and an output that goes, on a real Kafka."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from stream_scorer.local.topics import Topics
from tests import topics
from tests.end_to_end.test_watching import Watched
from tests.end_to_end.workers import (
    QUICK,
    Scoring,
    assert_each_event_has_one_trace,
    event_value,
)

pytestmark = pytest.mark.kafka

#: The group hears of new partitions soon.
SOON = {**QUICK["consumer"], "topic.metadata.refresh.interval.ms": 500}
SETTINGS: Any = {"server": {"host": "127.0.0.1", "port": 0}, "kafka": {"consumer": SOON}}


def write(scoring: Scoring, first: int, *partitions: int) -> None:
    """Write ten events to each of these partitions."""
    scoring.write(
        [
            topics.Event(event_value(f"e{first + each}"), partition=partition)
            for partition in partitions
            for each in range(10)
        ]
    )


def committed(scoring: Scoring) -> Callable[[], dict[int, int]]:
    """What the group has committed, of partitions in which something is done."""

    def asked() -> dict[int, int]:
        found = topics.committed(scoring.bootstrap_servers, scoring.group, scoring.source)
        return {partition: at for (_, partition), at in found.items() if at > 0}

    return asked


def delete(scoring: Scoring, topic: str) -> None:
    """Delete a topic."""
    admin = AdminClient({"bootstrap.servers": scoring.bootstrap_servers})
    admin.delete_topics([topic])[topic].result()


def test_partitions_added_to_the_input_alone_wait_for_the_output(scoring: Scoring) -> None:
    """The others go on, over a restart too; no transaction is lost, and no event."""
    scoring.set_up(SETTINGS, partitions=2)
    write(scoring, 0, 0, 1)
    worker = Watched(scoring.start())
    scoring.wait_until_done()
    cluster, done = Topics(scoring.bootstrap_servers), committed(scoring)
    cluster.add_partitions(scoring.source, 2)
    write(scoring, 10, 2, 3)
    worker.worker.wait_for("partitions wait, the others go on")
    waits = 'stream_scorer_partitions_waiting{cause="output_partition"}'
    topics.wait_for(lambda: worker.metric(waits) == 2, "both wait")
    write(scoring, 20, 0, 1)
    topics.wait_for(lambda: done() == {0: 20, 1: 20}, lambda: f"the others: {done()}")
    assert worker.is_ready()
    why = [each["waiting_because"] for each in worker.partitions()]
    assert why[:2] == [None, None]
    assert all(f"{scoring.output} has 2 partitions" in each for each in why[2:])
    assert worker.status()["totals"]["aborted"] == 0
    assert worker.worker.stop() == 0

    worker = Watched(scoring.start())
    assert "The others wait until it has" in worker.worker.words()
    write(scoring, 30, 0, 1, 2, 3)
    topics.wait_for(lambda: done() == {0: 30, 1: 30}, lambda: f"the others: {done()}")
    topics.wait_for(lambda: worker.metric(waits) == 2, "both wait again")
    cluster.add_partitions(scoring.output, 2)
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, 100)
    assert {each.partition() for each in scoring.scored()} == {0, 1, 2, 3}
    assert worker.status()["totals"]["aborted"] == 0
    topics.wait_for(lambda: worker.metric(waits) == 0, "nothing waits")
    assert worker.worker.stop() == 0


def test_an_output_that_is_deleted_is_waited_for(scoring: Scoring) -> None:
    """The log says what to do; the worker goes on once it is there again."""
    scoring.set_up(SETTINGS, partitions=2)
    write(scoring, 0, 0, 1)
    worker = Watched(scoring.start())
    scoring.wait_until_done()
    delete(scoring, scoring.output)
    write(scoring, 10, 0, 1)
    worker.worker.wait_for(f"the output topic {scoring.output} does not exist any more")
    topics.wait_for(lambda: not worker.is_ready(), "not ready, once both partitions wait")
    scoring.create_topic(scoring.output, 2, {})
    scoring.wait_until_done()
    assert sorted(each["event_id"] for each in scoring.read()) == sorted(
        f"e{each}" for each in range(10, 20) for _ in range(2)
    )
    assert worker.status()["totals"]["aborted"] <= 2
    assert worker.worker.stop() == 0


def test_a_dead_letter_topic_that_is_deleted_is_named(scoring: Scoring) -> None:
    """Nothing is lost of what can't be scored, and it gets there once there is a topic again."""
    scoring.set_up(SETTINGS)
    write(scoring, 0, 0)
    worker = Watched(scoring.start())
    scoring.wait_until_done()
    delete(scoring, scoring.dead)
    scoring.write([topics.Event(b"bad"), topics.Event(event_value("e10"))])
    worker.worker.wait_for(f"the dead-letter topic {scoring.dead} does not exist any more")
    scoring.create_topic(scoring.dead, 1, {})
    scoring.wait_until_done()
    assert_each_event_has_one_trace(scoring, 12)
    assert scoring.reasons() == ["undecodable"]
    assert worker.worker.stop() == 0
