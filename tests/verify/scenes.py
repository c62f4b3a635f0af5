"""Scenes for faults: a fleet of processes that obey, most of them without a Kafka around it."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stream_scorer.local.rules import Fate, Rule
from stream_scorer.verify.cluster import Ground
from stream_scorer.verify.fleet import Fleet, Member
from stream_scorer.verify.scene import STEP_SECONDS, Course, Partitions, Scene
from stream_scorer.verify.timeouts import EMBEDDED
from stream_scorer.verify.topics import Names, ThrowAway
from tests.conftest import Kafka
from tests.topics import wait_for
from tests.verify import standin
from tests.verify.onlooking import client_of

ROOT = Path(__file__).parents[2]
NOWHERE = {"bootstrap.servers": "nowhere:9092"}
#: A step of a course is a look at a process, and processes start slowly on a busy machine.
LOOK_SECONDS = 0.1


def ground(**changes: Any) -> Ground:
    """A cluster that allows nothing, unless it is said to."""
    given: Mapping[str, Any] = {
        "bootstrap_servers": "nowhere:9092",
        "client": NOWHERE,
        "security": {},
        "timeouts": EMBEDDED,
        "brokers": 1,
        "may_alter": False,
        "kafka": None,
        "proxy": None,
        "remarks": (),
        "throw_away": ThrowAway(NOWHERE, "test", 1, keep=True, say=print),
    }
    return Ground(**{**given, **changes})


def fleet_in(folder: Path, size: int, *more: str) -> Fleet:
    """A fleet of processes that obey; they are started in the repository."""
    return Fleet(ROOT / "scorer.yaml", folder, size, command=(*standin.COMMAND, *more))


def started(fleet: Fleet) -> list[Member]:
    """The processes of a fleet, once all of them obey."""
    list(fleet.keep_up())
    histories = [member.history._path for member in fleet.serving]
    wait_for(lambda: all(path.exists() for path in histories), "the processes to start")
    return fleet.serving


@contextmanager
def scene_in(folder: Path, size: int, *more: str, **changes: Any) -> Iterator[Scene]:
    """A scene with a fleet that has started; ``changes`` are of its ground."""
    fleet = fleet_in(folder, size, *more)
    try:
        started(fleet)
        with ThreadPoolExecutor(2) as background:
            yield Scene(
                ground=ground(**changes),
                names=Names.beginning_with("test"),
                protocol="classic",
                order_by="source",
                fleet=fleet,
                dice=random.Random(1),  # noqa: S311 - dice, not secrets
                max_poll_seconds=12.0,
                round_seconds=300.0,
                partitions=Partitions(6, 6),
                background=background,
            )
    finally:
        fleet.kill()


@contextmanager
def scene_on(cluster: Kafka, folder: Path, partitions: int, **changes: Any) -> Iterator[Scene]:
    """A scene on a real Kafka, with topics of its own, and nobody who works on them."""
    names = Names.beginning_with(f"scene-{uuid.uuid4().hex[:8]}")
    for topic in names.topics:
        cluster.create_topic(topic, partitions)
    servers, client = cluster.bootstrap_servers, client_of(cluster)
    changes |= {"bootstrap_servers": servers, "client": client, "may_alter": True}
    with scene_in(folder, 0, **changes) as scene:
        scene.names = names
        scene.partitions = Partitions(partitions, partitions)
        yield scene


def fates(rule: Rule) -> tuple[Fate, Fate]:
    """What a rule of a proxy does to a request, and to its answer."""
    request, answer = Fate(), Fate()
    rule.judge_request(request)
    rule.judge_answer(answer)
    return request, answer


def long_waits(course: Course, fleet: Fleet) -> Course:
    """Let a course go on, and yield where it waits for something other than a condition."""
    while True:
        try:
            seconds = next(course)
        except StopIteration as end:
            return bool(end.value)
        if seconds == STEP_SECONDS:
            time.sleep(LOOK_SECONDS)
        else:
            yield seconds
        for member in fleet.keep_up():
            list(fleet.news_of(member))
        list(fleet.news())


def play(course: Course, fleet: Fleet) -> tuple[bool, Sequence[float]]:
    """Let a course come to its end at once: what it returned, and how long it would have waited."""
    waits: list[float] = []
    rest = long_waits(course, fleet)
    while True:
        try:
            waits.append(next(rest))
        except StopIteration as end:
            return bool(end.value), waits
