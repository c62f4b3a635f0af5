"""Faults of the brokers: which are killed, stopped and cut off, and that all are there again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast, get_args

import pytest
from confluent_kafka import Producer

from stream_scorer.errors import Broken
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.proxy import Proxy
from stream_scorer.local.rules import Whom
from stream_scorer.verify.cluster_faults import (
    ALL_AWAY_SECONDS,
    ALL_AWAY_SHARE,
    BRIEFLY_SECONDS,
    CUT_OFF,
    CUT_OFF_SECONDS,
    DOWN_SECONDS,
    SETTLE_SECONDS,
    TOO_FEW_SECONDS,
    cluster_faults,
)
from stream_scorer.verify.plan import OrderBy
from stream_scorer.verify.points import Point
from stream_scorer.verify.scene import Course, Scene
from stream_scorer.verify.timeouts import OUTLASTING
from tests.conftest import Kafka
from tests.verify.injured import Noting
from tests.verify.onlooking import admin_of
from tests.verify.scenes import fates, long_waits, play, scene_in, scene_on

FAULTS = {fault.name: fault for fault in cluster_faults()}


@dataclass
class Rig:
    """A scene on three brokers that note what is done to them."""

    scene: Scene
    brokers: Noting
    proxy: Proxy

    def course(self, name: str) -> Course:
        """A fault that begins."""
        return FAULTS[name].course(self.scene)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Three brokers, and nobody who uses them."""
    brokers = Noting()
    kafka = cast("EmbeddedKafka", brokers)
    with (
        Proxy([1, 2, 3]) as proxy,
        scene_in(tmp_path, 0, kafka=kafka, proxy=proxy, brokers=3) as scene,
    ):
        yield Rig(scene, brokers, proxy)


def test_one_broker_is_killed_and_comes_back(rig: Rig) -> None:
    """The same one, whichever it is."""
    assert play(rig.course("broker killed and restarted"), rig.scene.fleet) == (
        True,
        [DOWN_SECONDS, SETTLE_SECONDS],
    )
    [(kill, killed), (start, begun)] = rig.brokers.calls
    assert (kill, start) == ("kill", "start")
    assert killed == begun
    assert killed in {1, 2, 3}


def test_an_upgrade_restarts_one_after_the_other(rig: Rig) -> None:
    """Each has time to settle before the next one goes."""
    assert play(rig.course("rolling restart"), rig.scene.fleet) == (True, [SETTLE_SECONDS] * 3)
    assert rig.brokers.calls == [("restart", 1), ("restart", 2), ("restart", 3)]


def test_all_brokers_are_killed_before_any_comes_back(rig: Rig) -> None:
    """They come up together, as a quorum must."""
    assert play(rig.course("all brokers killed"), rig.scene.fleet) == (
        True,
        [DOWN_SECONDS, SETTLE_SECONDS],
    )
    assert rig.brokers.calls[:3] == [("kill", 1), ("kill", 2), ("kill", 3)]
    assert sorted(rig.brokers.calls[3:]) == [("start", 1), ("start", 2), ("start", 3)]


def test_all_brokers_are_frozen_for_longer_than_a_transaction_may_be(rig: Rig) -> None:
    """And shorter than they would take each other for dead."""
    course = rig.course("all brokers frozen")
    seconds = next(course)
    assert rig.scene.transaction_seconds < seconds
    assert rig.brokers.calls == [("pause", 1), ("pause", 2), ("pause", 3)]
    assert play(course, rig.scene.fleet) == (True, [SETTLE_SECONDS])
    assert rig.brokers.calls[3:] == [("resume", 1), ("resume", 2), ("resume", 3)]


def test_frozen_brokers_go_on_also_when_the_proof_is_interrupted(rig: Rig) -> None:
    """Or they could not be stopped."""
    course = rig.course("all brokers frozen")
    next(course)
    course.close()
    assert rig.brokers.calls[3:] == [("resume", 1), ("resume", 2), ("resume", 3)]


@pytest.mark.parametrize(
    ("round_seconds", "away_seconds"), [(300.0, 30.0), (24 * 3600.0, ALL_AWAY_SECONDS)]
)
def test_all_brokers_are_away_for_a_minute_or_a_tenth_of_the_round(
    rig: Rig, round_seconds: float, away_seconds: float
) -> None:
    """From the workers; the proof itself reaches them."""
    rig.scene.round_seconds = round_seconds
    course = rig.course("all brokers away")
    assert next(course) == away_seconds <= ALL_AWAY_SHARE * round_seconds
    [rule] = rig.proxy._rules
    assert rule.whom == Whom("worker-*")
    assert [fate.closes for fate in fates(rule)] == [True] * 2
    assert play(course, rig.scene.fleet) == (True, [SETTLE_SECONDS])
    assert rig.proxy._rules == ()


def test_all_brokers_are_cut_off_when_a_worker_has_begun_a_set(tmp_path: Path) -> None:
    """Connections are refused; the session that the brokers keep is longer."""
    with Proxy([1]) as proxy, scene_in(tmp_path, 2, proxy=proxy) as scene:
        course = long_waits(FAULTS[CUT_OFF].course(scene), scene.fleet)
        assert next(course) == CUT_OFF_SECONDS
        assert any(Point.SET_OPENED in member.reached for member in scene.fleet.serving)
        [rule] = proxy._rules
        assert rule.whom == Whom("worker-*")
        assert [fate.closes for fate in fates(rule)] == [True] * 2
        assert list(course) == [SETTLE_SECONDS]
        assert proxy._rules == ()
    assert min(OUTLASTING.session_seconds.values()) >= CUT_OFF_SECONDS + 15


@pytest.mark.parametrize("name", [CUT_OFF, "all brokers killed briefly"])
def test_with_nothing_in_hand_nobody_is_cut_off_or_killed(tmp_path: Path, name: str) -> None:
    """It would be another fault."""
    kafka = Noting()
    with (
        Proxy([1]) as proxy,
        scene_in(tmp_path, 0, proxy=proxy, kafka=cast("EmbeddedKafka", kafka)) as scene,
    ):
        assert play(FAULTS[name].course(scene), scene.fleet) == (False, [])
        assert proxy._rules == ()
        assert kafka.calls == []


def test_a_lone_broker_is_killed_when_a_worker_has_begun_a_set(tmp_path: Path) -> None:
    """It is back before a transaction of these workers ends, or Kafka itself could tear one."""
    kafka = Noting()
    with scene_in(tmp_path, 1, kafka=cast("EmbeddedKafka", kafka), timeouts=OUTLASTING) as scene:
        found = play(FAULTS["all brokers killed briefly"].course(scene), scene.fleet)
    assert found == (True, [BRIEFLY_SECONDS, SETTLE_SECONDS])
    assert kafka.calls == [("kill", 1), ("start", 1)]
    assert OUTLASTING.transaction_seconds / 10 > BRIEFLY_SECONDS


def test_a_broker_that_comes_back_too_late_is_no_proof_of_anything(tmp_path: Path) -> None:
    """The machine is too slow, and it is said instead of what Kafka did then."""
    kafka = Noting()
    hurried = replace(OUTLASTING, transaction_seconds=BRIEFLY_SECONDS)
    with (
        scene_in(tmp_path, 1, kafka=cast("EmbeddedKafka", kafka), timeouts=hurried) as scene,
        pytest.raises(Broken, match="The brokers took 2 s to come back"),
    ):
        play(FAULTS["all brokers killed briefly"].course(scene), scene.fleet)


def refusal(kafka: EmbeddedKafka, topic: str) -> str | None:
    """Write a record once; return the name of the error, if there is one."""
    refusals: list[str] = []
    client = Producer({"bootstrap.servers": kafka.internal_servers, "retries": 0, "log_level": 0})
    client.produce(
        topic,
        b"value",
        partition=0,
        on_delivery=lambda error, _: refusals.append(error.name()) if error else None,
    )
    assert client.flush(30) == 0
    return refusals[0] if refusals else None


@pytest.mark.kafka
def test_with_too_few_replicas_in_sync_the_output_takes_nothing(tmp_path: Path) -> None:
    """Afterwards it is as before; all else works meanwhile."""
    with (
        EmbeddedKafka(3, tmp_path / "kafka") as kafka,
        scene_on(kafka, tmp_path, 1, kafka=kafka, brokers=3) as scene,
    ):
        course = long_waits(FAULTS["too few replicas in sync"].course(scene), scene.fleet)
        assert next(course) == TOO_FEW_SECONDS
        assert refusal(kafka, scene.names.output) == "NOT_ENOUGH_REPLICAS"
        assert refusal(kafka, scene.names.dead_letters) is None
        assert list(course) == [SETTLE_SECONDS]
        assert refusal(kafka, scene.names.output) is None


def test_the_input_does_not_grow_for_ever(rig: Rig) -> None:
    """To twice its size; then there is no occasion any more."""
    rig.scene.partitions.now = 2 * rig.scene.partitions.first
    assert play(rig.course("partitions added"), rig.scene.fleet) == (False, [])


@pytest.mark.parametrize(
    "name",
    ["broker killed and restarted", "rolling restart", "all brokers away", "all brokers frozen"],
)
def test_what_brokers_suffer_they_suffer_alone(name: str) -> None:
    """Two brokers of three that are away are another fault."""
    assert FAULTS[name].alone


def test_only_while_all_are_away_nothing_need_move() -> None:
    """With one of three the fleet must go on."""
    assert {fault.name for fault in FAULTS.values() if fault.halts} == {
        "all brokers cut off for 25 s",
        "all brokers killed briefly",
        "too few replicas in sync",
        "all brokers away",
        "all brokers frozen",
        "all brokers killed",
    }


@pytest.mark.kafka
@pytest.mark.parametrize("order_by", get_args(OrderBy))
def test_the_input_grows_and_with_it_what_is_written_by_source(
    kafka: Kafka, tmp_path: Path, order_by: OrderBy
) -> None:
    """By key the outputs stay, for a key's place there follows from how many there are."""
    with scene_on(kafka, tmp_path, 2) as scene:
        scene.order_by = order_by
        grow = FAULTS["partitions added"].course(scene)
        assert play(grow, scene.fleet) == (True, [SETTLE_SECONDS])
        found = admin_of(kafka).list_topics(timeout=20).topics
        counts = [len(found[topic].partitions) for topic in scene.names.topics]
        assert counts == ([3, 3, 3] if order_by == "source" else [3, 2, 2])
        assert (scene.partitions.first, scene.partitions.now) == (2, 3)
