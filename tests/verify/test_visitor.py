"""The visitor on a real Kafka: partitions move to it and back, and nothing is committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from confluent_kafka import Consumer

from stream_scorer.verify.plan import GroupProtocol
from stream_scorer.verify.scene import Scene
from stream_scorer.verify.visitor import visit
from tests.conftest import Kafka
from tests.topics import wait_for
from tests.verify.scenes import scene_on

pytestmark = pytest.mark.kafka
PARTITIONS = 4


@pytest.fixture
def scene(kafka: Kafka, tmp_path: Path) -> Iterator[Scene]:
    """Topics of its own, and nobody who works on them."""
    with scene_on(kafka, tmp_path, PARTITIONS) as scene:
        yield scene


def member_of(scene: Scene) -> Consumer:
    """A member of the group as a worker is one."""
    settings = scene.ground.kafka_settings(scene.names, scene.protocol)
    classic = {"partition.assignment.strategy": "cooperative-sticky"}
    member = Consumer(
        {
            **scene.client(**{"enable.auto.commit": False, "group.id": scene.names.group}),
            **settings["consumer"],
            **(classic if scene.protocol == "classic" else {}),
        }
    )
    member.subscribe([scene.names.input])
    return member


@pytest.mark.parametrize("protocol", get_args(GroupProtocol))
def test_partitions_move_to_the_visitor_and_come_back(
    scene: Scene, protocol: GroupProtocol
) -> None:
    """By the protocol of the round; offsets stay as they are."""
    scene.protocol = protocol
    member = member_of(scene)

    def has(count: int) -> bool:
        member.poll(0.05)
        return len(member.assignment()) == count

    wait_for(lambda: has(PARTITIONS), "all partitions")
    course = visit(scene, 2.0)
    assert next(course) == 2.0
    wait_for(lambda: has(PARTITIONS // 2), "half of them to go")
    left = False

    def has_left() -> bool:
        nonlocal left
        member.poll(0.05)
        left = left or next(course, None) is None
        return left

    wait_for(has_left, "the visitor to leave")
    wait_for(lambda: has(PARTITIONS), "all partitions again")
    assert all(each.offset < 0 for each in member.committed(member.assignment(), timeout=20))
    member.close()
