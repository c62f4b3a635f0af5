"""A group member that joins and leaves: it makes partitions move, and commits nothing."""

from __future__ import annotations

import threading

from confluent_kafka import Consumer

from stream_scorer.verify.scene import Course, Scene, meanwhile

POLL_SECONDS = 0.1


def visit(scene: Scene, seconds: float) -> Course:
    """Join the group, stay this long, leave."""
    leave = threading.Event()
    visitor = threading.Thread(target=_stay, args=(scene, leave), name="visitor", daemon=True)
    visitor.start()
    try:
        yield seconds
    finally:
        leave.set()
    return (yield from meanwhile(scene, visitor.join))


def _stay(scene: Scene, leave: threading.Event) -> None:
    settings = scene.ground.kafka_settings(scene.names, scene.protocol)
    client = Consumer(
        {
            **scene.client(**{"enable.auto.commit": False, "isolation.level": "read_committed"}),
            **settings["consumer"],
            "group.id": scene.names.group,
            **({"partition.assignment.strategy": "cooperative-sticky"}
               if scene.protocol == "classic" else {}),
        }
    )  # fmt: skip
    try:
        client.subscribe([scene.names.input])
        while not leave.is_set():
            client.poll(POLL_SECONDS)
    finally:
        client.close()
