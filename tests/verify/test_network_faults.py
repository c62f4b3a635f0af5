"""Faults of the network: the rules that the proxy is given, for whom, and that they are lifted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from stream_scorer.local.awaited import Held, Watch
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.proxy import Proxy
from stream_scorer.local.rules import Fate, Rule, Whom
from stream_scorer.verify.network_faults import (
    CUT_SECONDS,
    DELAY_SECONDS,
    DROP_SECONDS,
    network_faults,
)
from stream_scorer.verify.scene import STEP_SECONDS, Course, Scene
from tests.topics import wait_for
from tests.verify.scenes import fates, play, scene_in

FAULTS = {fault.name: fault for fault in network_faults()}
ALONE = [
    "cut from one broker",
    "connections reset",
    "EndTxn held, released in the next transaction",
    "answer to EndTxn lost",
]


@dataclass
class Rig:
    """A scene with one worker, behind a proxy of three brokers that no one connects to."""

    scene: Scene
    proxy: Proxy
    begun: list[Course] = field(default_factory=list)

    def course(self, name: str) -> Course:
        """A fault that begins; it ends with the test at the latest."""
        self.begun.append(FAULTS[name].course(self.scene))
        return self.begun[-1]

    @property
    def rules(self) -> list[Rule]:
        """The proxy's rules now."""
        return list(self.proxy._rules)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene behind a proxy; nothing here touches the worker itself."""
    folder = tmp_path_factory.mktemp("worker")
    with Proxy([1, 2, 3]) as proxy, scene_in(folder, 1, proxy=proxy, brokers=3) as scene:
        yield scene


@pytest.fixture
def rig(scene: Scene) -> Iterator[Rig]:
    """The scene, with nobody injured before and after."""
    assert scene.ground.proxy is not None
    rig = Rig(scene, scene.ground.proxy)
    yield rig
    for course in rig.begun:
        course.close()
    scene.busy.clear()


def test_all_of_them_need_the_proxy_and_go_on_while_others_do() -> None:
    """No fault of the network stops the whole fleet here."""
    assert {(each.needs, each.alone, each.halts) for each in FAULTS.values()} == {
        ("proxy", False, False)
    }


@pytest.mark.parametrize(
    ("name", "lost", "closes", "seconds"),
    [
        ("cut from all brokers", (True, True), False, CUT_SECONDS),
        ("cut one way, requests", (True, False), False, CUT_SECONDS),
        ("cut one way, answers", (False, True), False, CUT_SECONDS),
        ("connections reset", (True, True), True, 1.0),
    ],
)
def test_a_worker_is_cut_off_for_a_while(
    rig: Rig, name: str, lost: tuple[bool, bool], *, closes: bool, seconds: float
) -> None:
    """Its consumer and its producer, and no other worker's; then the rule is lifted."""
    course = rig.course(name)
    assert next(course) == seconds
    [rule] = rig.rules
    assert rule.whom == Whom("worker-1.1*")
    assert tuple(fate.lost for fate in fates(rule)) == lost
    assert [fate.closes for fate in fates(rule)] == [closes] * 2
    assert play(course, rig.scene.fleet) == (True, [])
    assert rig.rules == []


def test_a_worker_is_cut_from_one_of_the_brokers(rig: Rig) -> None:
    """Which one is up to the dice."""
    brokers = set()
    for _ in range(30):
        course = rig.course("cut from one broker")
        next(course)
        [rule] = rig.rules
        brokers.add(rule.whom.broker)
        course.close()
    assert brokers == {1, 2, 3}


def test_a_cut_lasts_longer_than_a_session(rig: Rig) -> None:
    """The group thinks that the worker is dead."""
    assert rig.scene.session_seconds < CUT_SECONDS


@pytest.mark.parametrize(("name", "seconds"), [("2 ms of delay", 0.002), ("50 ms of delay", 0.050)])
def test_the_whole_fleet_is_behind_a_slower_network_for_a_while(
    rig: Rig, name: str, seconds: float
) -> None:
    """Nobody is injured by it, so that another fault may come on top."""
    course = rig.course(name)
    assert next(course) == DELAY_SECONDS
    [rule] = rig.rules
    assert rule.whom == Whom("worker-*")
    assert [fate.delay_seconds for fate in fates(rule)] == [seconds] * 2
    assert rig.scene.busy == set()
    assert play(course, rig.scene.fleet) == (True, [])
    assert rig.rules == []


@pytest.mark.parametrize("came", [True, False])
@pytest.mark.parametrize(
    ("name", "api", "closes"),
    [
        ("answer to EndTxn lost", ApiKey.END_TXN, False),
        ("connection broken before EndTxn's answer", ApiKey.END_TXN, True),
        ("answer to TxnOffsetCommit lost", ApiKey.TXN_OFFSET_COMMIT, False),
    ],
)
def test_a_lost_answer_counts_if_there_was_a_request(
    rig: Rig, name: str, api: ApiKey, *, closes: bool, came: bool
) -> None:
    """A worker without partitions asks for nothing."""
    course = rig.course(name)
    assert next(course) == DROP_SECONDS
    [watch, drop] = rig.rules
    assert isinstance(watch, Watch)
    assert watch.whom == drop.whom == Whom("worker-1.1-producer", None, api)
    if came:
        fates(watch)
        request, answer = fates(drop)
        assert (request.lost, answer.lost, answer.closes) == (False, True, closes)
    assert play(course, rig.scene.fleet) == (came, [])
    assert rig.rules == []


HOLD = "EndTxn held, released in the next transaction"


def test_an_end_of_a_transaction_is_held_until_the_next_one_is_under_way(rig: Rig) -> None:
    """Released, it arrives amid that one (KIP-890); the fault is over when it was answered."""
    course = rig.course(HOLD)
    next(course)
    [held] = rig.rules
    assert isinstance(held, Held)
    assert held.whom == Whom("worker-1.1-producer", None, ApiKey.END_TXN)
    fate = Fate()
    held.judge_request(fate)
    [gate] = fate.gates
    gate.reached.set()
    wait_for(lambda: next(course) and len(rig.rules) == 2, "the next transaction to be waited for")
    assert not gate.opened.is_set()
    [_, watch] = rig.rules
    assert isinstance(watch, Watch)
    assert watch.whom == Whom("worker-1.1-producer", None, ApiKey.TXN_OFFSET_COMMIT)
    watch.judge_request(Fate())
    wait_for(lambda: next(course) and gate.opened.is_set(), "the release")
    gate.answered.set()
    assert play(course, rig.scene.fleet) == (True, [])
    assert rig.rules == []


def test_a_retry_passes_while_the_first_request_is_held(rig: Rig) -> None:
    """The client believes that its commit succeeded."""
    course = rig.course(HOLD)
    next(course)
    [held] = rig.rules
    fates = [Fate(), Fate()]
    for fate in fates:
        held.judge_request(fate)
    assert [len(fate.gates) for fate in fates] == [1, 0]
    fates[0].gates[0].reached.set()
    course.close()


@pytest.mark.parametrize("name", ALONE)
def test_a_fault_that_finds_nobody_does_not_come_about(rig: Rig, name: str) -> None:
    """And gives no rule."""
    rig.scene.busy.add(1)
    assert play(rig.course(name), rig.scene.fleet) == (False, [])
    assert rig.rules == []


@pytest.mark.parametrize("name", FAULTS)
def test_no_rule_is_left_when_the_proof_is_interrupted(rig: Rig, name: str) -> None:
    """Workers that are asked to stop must reach the brokers."""
    course = rig.course(name)
    assert next(course) >= STEP_SECONDS
    assert rig.rules != []
    for rule in rig.rules:
        if isinstance(rule, Held):
            rule._gate.reached.set()  # nobody waits in the background any more
    course.close()
    assert rig.rules == []
    assert rig.scene.busy == set()
