"""The scene: nobody is injured twice at a time, conditions are waited for, faults may be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.proxy import Proxy
from stream_scorer.verify.cluster import Ground
from stream_scorer.verify.cluster_faults import cluster_faults
from stream_scorer.verify.network_faults import network_faults
from stream_scorer.verify.scene import NEEDS, STEP_SECONDS, Fault, Scene, meanwhile, until
from stream_scorer.verify.worker_faults import worker_faults
from tests.verify.scenes import ground, scene_in

FAULTS = [*worker_faults(), *network_faults(), *cluster_faults()]
KAFKA, PROXY = cast("EmbeddedKafka", "a Kafka"), cast("Proxy", "a proxy")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Two workers."""
    with scene_in(tmp_path, 2) as scene:
        yield scene


def test_nobody_is_injured_by_two_faults_at_a_time(scene: Scene) -> None:
    """Who is injured is left alone until the fault is over; then it may be anybody again."""
    with scene.someone() as one:
        with scene.someone() as other:
            assert one is not other
            assert all(each in scene.fleet.serving for each in (one, other))
            with scene.someone() as nobody:
                assert nobody is None
        with scene.someone() as again:
            assert again is other
    assert scene.busy == set()


def test_a_worker_is_free_again_also_after_a_fault_that_failed(scene: Scene) -> None:
    """Another one may injure it."""
    with pytest.raises(ValueError, match="oh"), scene.someone():
        raise ValueError("oh")
    assert scene.busy == set()


def test_who_has_only_started_is_spared_if_somebody_works(scene: Scene) -> None:
    """There is more to lose."""
    busy = scene.fleet.serving[1]
    busy.works = True
    for _ in range(10):
        with scene.someone() as one:
            assert one is busy


def test_a_slot_stays_taken_when_its_worker_is_replaced(scene: Scene) -> None:
    """The successor is part of the fault."""
    with scene.someone() as member:
        assert member is not None
        member.process.kill()
        member.process.wait()
        list(scene.fleet.keep_up())
        with scene.someone() as other:
            assert other is not None
            assert other.slot != member.slot


def test_the_timeouts_are_those_of_its_protocol(scene: Scene) -> None:
    """As the brokers have them."""
    assert scene.session_seconds == scene.ground.timeouts.session_seconds["classic"]
    assert scene.transaction_seconds == scene.ground.timeouts.transaction_seconds


def test_a_client_of_the_proof_has_the_grounds_properties_and_its_own(scene: Scene) -> None:
    """Which the ground does not get."""
    client = scene.client(**{"enable.auto.commit": False})
    assert client == {"bootstrap.servers": "nowhere:9092", "enable.auto.commit": False}
    assert "enable.auto.commit" not in scene.ground.client


def test_a_condition_is_looked_at_until_it_holds() -> None:
    """Step by step; one that holds already takes no time."""
    answers = iter([False, False, True])
    course = until(lambda: next(answers))
    assert [next(course), next(course)] == [STEP_SECONDS, STEP_SECONDS]
    with pytest.raises(StopIteration) as end:
        next(course)
    assert end.value.value is True
    with pytest.raises(StopIteration) as end:
        next(until(lambda: True))
    assert end.value.value is True


def test_a_condition_that_never_holds_is_given_up() -> None:
    """After the time that was given."""
    course = until(lambda: False, patience_seconds=1.0)
    waited = 0.0
    with pytest.raises(StopIteration) as end:
        while True:
            waited += next(course)
    assert end.value.value is False
    assert waited == pytest.approx(1.0, abs=2 * STEP_SECONDS)


def test_work_that_blocks_is_done_elsewhere(scene: Scene) -> None:
    """The course goes on in steps meanwhile."""
    release = threading.Event()
    course = meanwhile(scene, release.wait, patience_seconds=1e6)
    assert [next(course) for _ in range(3)] == [STEP_SECONDS] * 3
    release.set()
    with pytest.raises(StopIteration) as end:
        while True:
            next(course)
    assert end.value.value is True


def test_work_that_fails_fails_the_course(scene: Scene) -> None:
    """With what it raised."""

    def work() -> None:
        raise OSError("no such broker")

    course = meanwhile(scene, work, patience_seconds=1e6)
    with pytest.raises(OSError, match="no such broker"):
        while True:
            next(course)


@pytest.mark.parametrize(
    ("cluster", "allowed"),
    [
        (ground(), {""}),
        (ground(may_alter=True, brokers=3), {"", "alter"}),
        (ground(may_alter=True, kafka=KAFKA, proxy=PROXY), {"", "alter", "embedded", "proxy"}),
        (
            ground(may_alter=True, kafka=KAFKA, proxy=PROXY, brokers=3),
            {"", "alter", "embedded", "proxy", "three brokers"},
        ),
    ],
)
def test_a_cluster_allows_what_it_has(cluster: Ground, allowed: set[str]) -> None:
    """On one's own, however many brokers it has, none is killed."""
    assert {fault.needs for fault in FAULTS if fault.possible(cluster)} == allowed


def test_every_need_has_words_for_who_asks_for_it() -> None:
    """In the sentence that says why not."""
    assert {fault.needs for fault in FAULTS} - {""} == set(NEEDS)


def test_no_two_faults_have_one_name() -> None:
    """The option ``--only`` and the table tell them apart by it."""
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) > 50


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_halts_the_whole_fleet_is_alone(fault: Fault) -> None:
    """Under another one it would hide that a partition stands still."""
    assert fault.alone or not fault.halts
