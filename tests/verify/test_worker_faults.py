"""Faults of workers, on processes without a Kafka: who is injured, how long, and what is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream_scorer.verify.fleet import Member
from stream_scorer.verify.points import Act, Order, Point
from stream_scorer.verify.scene import Fault, Scene
from stream_scorer.verify.worker_faults import (
    ABORTS_SECONDS,
    JOIN_SECONDS,
    LARGE_FLEET,
    MARGIN_SECONDS,
    worker_faults,
)
from tests.verify.scenes import long_waits, play, scene_in

FAULTS = {fault.name: fault for fault in worker_faults()}


def fault(name: str) -> Fault:
    """The fault of this name."""
    return FAULTS[name]


def injure(name: str, scene: Scene) -> tuple[bool, Any]:
    """Let a fault come to its end; whether it came about, and what it waited for."""
    return play(fault(name).course(scene), scene.fleet)


def sole(scene: Scene) -> Member:
    """The only worker."""
    [member] = scene.fleet.serving
    return member


@pytest.mark.parametrize("act", ["SIGKILL", "SIGTERM", "frozen past its session"])
@pytest.mark.parametrize("point", Point)
def test_there_is_a_fault_for_each_point_and_signal(point: Point, act: str) -> None:
    """Wherever a worker is, it dies, stops and freezes there."""
    assert f"{act} {point}" in FAULTS
    assert f"frozen past its transaction {point}" in FAULTS


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SIGKILL after-send-offsets", -9),
        ("SIGTERM mid-produce", 0),
        ("SIGKILL while-aborting", -9),
    ],
)
def test_a_worker_ends_at_the_point_and_is_replaced(tmp_path: Path, name: str, code: int) -> None:
    """Which is no news; nobody is left injured."""
    with scene_in(tmp_path, 1) as scene:
        member = sole(scene)
        came_about, waits = injure(name, scene)
        assert came_about
        assert waits == []
        assert member.process.returncode == code
        assert code in member.may_end
        list(scene.fleet.news_of(member))  # it may have died before its last lines were read
        assert name.rsplit(maxsplit=1)[-1] in member.reached
        assert sole(scene) is member.successor
        assert scene.busy == set()


def test_an_abort_is_provoked_where_a_worker_is_to_die_in_one(tmp_path: Path) -> None:
    """Healthy workers abort too rarely to wait for it."""
    with scene_in(tmp_path, 1) as scene:
        member = sole(scene)
        injure("SIGKILL while-aborting", scene)
        assert member.reached == {"after-send-offsets", "while-aborting"}


@pytest.mark.parametrize("act", ["SIGKILL", "SIGTERM"])
def test_a_worker_ends_while_it_begins_in_place_of_one_that_was_stopped(
    tmp_path: Path, act: str
) -> None:
    """It passes that point only then."""
    with scene_in(tmp_path, 1) as scene:
        first = sole(scene)
        assert injure(f"{act} in-init", scene) == (True, [])
        second = first.successor
        assert second is not None
        assert (first.reached, second.reached) == (set(), {"in-init"})
        assert first.process.returncode in first.may_end
        assert second.process.returncode in second.may_end
        # The next one is spared.
        list(scene.fleet.keep_up())
        assert sole(scene).who == "worker-1.3"


@pytest.mark.parametrize(
    ("past", "seconds"),
    [("session", "session_seconds"), ("transaction", "transaction_seconds")],
)
def test_a_worker_is_frozen_until_it_is_thought_dead_and_goes_on(
    tmp_path: Path, past: str, seconds: str
) -> None:
    """As a zombie; that it finds itself stuck then is no news, and anything else is."""
    with scene_in(tmp_path, 1) as scene:
        member = sole(scene)
        came_about, waits = injure(f"frozen past its {past} after-scoring", scene)
        assert came_about
        assert waits == [getattr(scene, seconds) + MARGIN_SECONDS, MARGIN_SECONDS]
        assert (member.alive, member.frozen) == (True, False)
        assert member.may_end == set()


def test_a_worker_is_frozen_all_the_time(tmp_path: Path) -> None:
    """And thaws also when the proof is interrupted."""
    with scene_in(tmp_path, 1) as scene:
        member = sole(scene)
        course = fault("frozen past its session after-scoring").course(scene)
        next(long_waits(course, scene.fleet))
        assert member.frozen
        course.close()
        assert not member.frozen


@pytest.mark.parametrize(
    "name",
    [
        "SIGKILL after-fetch",
        "frozen past its session after-fetch",
        "a third of the transactions aborted",
        "model slower than the poll interval",
    ],
)
def test_a_point_that_is_not_passed_is_a_fault_that_did_not_come_about(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was ordered is taken back, or it would happen amid the next fault."""
    monkeypatch.setattr("tests.verify.scenes.LOOK_SECONDS", 0.0)
    with scene_in(tmp_path, 1, "--deaf") as scene:
        member = sole(scene)
        ordered: list[Order] = []
        monkeypatch.setattr(Member, "order", lambda _, order: ordered.append(order))
        assert not injure(name, scene)[0]
        assert sole(scene) is member
        assert not member.frozen
        assert scene.busy == set()
        assert [each.times > 0 for each in ordered] == [True, False]
        assert ordered[0].point is ordered[1].point


@pytest.mark.parametrize(
    "name",
    [
        "SIGKILL after-fetch",
        "SIGTERM in-init",
        "frozen past its session after-fetch",
        "model slower than the poll interval",
    ],
)
def test_a_fault_that_finds_nobody_does_not_come_about(tmp_path: Path, name: str) -> None:
    """All workers may be injured already."""
    with scene_in(tmp_path, 1) as scene:
        scene.busy.add(1)
        assert injure(name, scene) == (False, [])


def test_the_fleet_is_scaled_and_is_as_large_as_before(tmp_path: Path) -> None:
    """One, many, one; each time long enough to join and to take over."""
    with scene_in(tmp_path, 2) as scene:
        sizes = []
        for seconds in fault("scale 1 to 6 to 1").course(scene):
            assert seconds == JOIN_SECONDS
            sizes.append(scene.fleet.size())
        assert sizes == [1, LARGE_FLEET, 1, 2]


def test_all_workers_abort_for_a_while_and_then_no_more(tmp_path: Path) -> None:
    """A share of their transactions each."""
    with scene_in(tmp_path, 2) as scene:
        members = scene.fleet.serving
        course = fault("a third of the transactions aborted").course(scene)
        assert next(course) == ABORTS_SECONDS
        while not any(member.reached for member in members):
            # Here each order is one pass: of so many, a third is reached.
            for member in members:
                member.order(Order(Point.AFTER_SEND_OFFSETS, Act.ABORT, share=1 / 3))
            list(scene.fleet.news())
        assert play(course, scene.fleet) == (True, [])
        assert all(member.alive for member in members)


def test_a_model_is_slower_than_the_group_waits(tmp_path: Path) -> None:
    """For one batch; the worker may find itself stuck."""
    with scene_in(tmp_path, 1) as scene:
        member = sole(scene)
        slept = scene.max_poll_seconds + MARGIN_SECONDS
        assert injure("model slower than the poll interval", scene) == (True, [slept + 2.0])
        assert member.reached == {"after-scoring"}
        assert member.may_end == set()
