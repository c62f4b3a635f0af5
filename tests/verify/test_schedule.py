"""The schedule: which fault begins when, from the seed alone, and what counts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from stream_scorer.verify.pairs import Pairs
from stream_scorer.verify.scene import Course, Fault, Scene
from stream_scorer.verify.schedule import AT_ONCE, JOIN_SECONDS, Schedule

#: No course here touches its scene.
SCENE = cast("Scene", SimpleNamespace(fleet=SimpleNamespace(everybody_works=True)))
STARTING = cast("Scene", SimpleNamespace(fleet=SimpleNamespace(everybody_works=False)))


def fault(
    name: str,
    *waits: float,
    came_about: bool = True,
    alone: bool = False,
    halts: bool = False,
) -> Fault:
    """A fault that waits so long, step by step."""

    def course(_: Scene) -> Course:
        yield from waits
        return came_about

    return Fault(name, course, alone=alone, halts=halts)


class Rig:
    """A schedule and what it said."""

    def __init__(
        self, faults: Sequence[Fault], every: float = 5.0, count: int | None = None, seed: int = 1
    ) -> None:
        self.said: list[tuple[str, str]] = []
        dice = random.Random(seed)  # noqa: S311 - dice, not secrets
        rotation = Pairs().rotation("load", faults, dice)
        self.schedule = Schedule(rotation, every, count, lambda *said: self.said.append(said))

    @property
    def state(self) -> tuple[bool, bool, bool]:
        """Whether it is satisfied, quiet, halting."""
        return self.schedule.satisfied, self.schedule.quiet, self.schedule.halting

    def run(self, start: float, stop: float, *, begin: bool = True) -> None:
        """Let so many seconds pass, ten steps in each."""
        for step in range(int(start * 10), int(stop * 10)):
            self.schedule.step(step / 10, SCENE, begin=begin)

    def begun(self) -> list[str]:
        """Which faults began, in order."""
        return [name for what, name in self.said if what == "injured"]


FIVE = [fault(name, 1.0) for name in "abcde"]


def test_one_fault_begins_after_another_at_the_pace_that_was_asked_for() -> None:
    """The first one at once."""
    rig = Rig([fault("a", 1.0)], every=5.0)
    rig.run(100.0, 111.0)
    assert rig.said == [("injured", "a"), ("healed", "a")] * 2 + [("injured", "a")]
    rig.run(111.0, 112.0)
    assert rig.schedule.tally.inflicted == {"a": 3}


def test_each_comes_once_in_a_rotation() -> None:
    """In an order of the dice, and in another one the next time."""
    rig = Rig(FIVE)
    rig.run(0.0, 75.0)
    begun = rig.begun()
    rotations = [begun[at : at + 5] for at in (0, 5, 10)]
    assert [sorted(each) for each in rotations] == [list("abcde")] * 3
    assert len({tuple(each) for each in rotations}) > 1


def test_the_same_seed_begins_the_same_faults_in_the_same_order() -> None:
    """And another seed others."""
    orders = []
    for seed in (1, 1, 2):
        rig = Rig(FIVE, seed=seed)
        rig.run(0.0, 100.0)
        orders.append(rig.begun())
    assert orders[0] == orders[1] != orders[2]


def test_so_many_at_a_time_and_no_more() -> None:
    """The next one waits, and is not skipped."""
    rig = Rig([fault(name, 100.0) for name in "abcde"], every=1.0)
    rig.run(0.0, 50.0)
    assert len(rig.begun()) == AT_ONCE
    rig.run(50.0, 150.0)
    assert len(rig.begun()) == 2 * AT_ONCE
    assert len(set(rig.begun())) == 2 * AT_ONCE


@pytest.mark.parametrize("seed", range(6))
def test_a_fault_that_wants_to_be_alone_is(seed: int) -> None:
    """Nothing goes on when it begins, and nothing begins until it is healed."""
    faults = [fault("alone", 3.0, alone=True), *(fault(name, 2.5) for name in "abc")]
    rig = Rig(faults, every=1.0, seed=seed)
    rig.run(0.0, 100.0)
    active: set[str] = set()
    for what, name in rig.said:
        if what == "injured":
            assert not active if name == "alone" else "alone" not in active
            active.add(name)
        else:
            active.discard(name)
    assert rig.schedule.tally.inflicted["alone"] > 3


def test_a_course_moves_on_when_it_is_due_and_not_before() -> None:
    """Each wait counts from when the step before it was done."""
    at: list[float] = []
    now = 0.0

    def course(_: Scene) -> Course:
        for wait in (2.0, 0.5, 3.0):
            at.append(now)
            yield wait
        at.append(now)
        return True

    rig = Rig([Fault("steps", course)], every=100.0)
    for step in range(100):
        now = step / 10
        rig.schedule.step(now, SCENE, begin=True)
    assert at == [0.0, 2.0, 2.5, 5.5]


def test_a_fault_that_found_no_occasion_does_not_count() -> None:
    """It is told as missed, in its own column."""
    rig = Rig([fault("a", 1.0, came_about=False)], count=1)
    rig.run(0.0, 9.0)
    assert rig.said == [("injured", "a"), ("missed", "a")] * 2
    assert not rig.schedule.satisfied
    assert (rig.schedule.tally.inflicted.total(), rig.schedule.tally.missed["a"]) == (0, 2)


def test_it_is_satisfied_when_as_many_came_about_as_were_asked_for() -> None:
    """Whatever they were; it goes on nevertheless if there is time."""
    rig = Rig(FIVE, count=3)
    rig.run(0.0, 11.0)
    assert rig.schedule.tally.inflicted.total() == 2
    assert rig.state == (False, False, False)
    rig.run(11.0, 12.0)
    assert rig.schedule.satisfied
    rig.run(12.0, 100.0)
    assert rig.schedule.tally.inflicted.total() > 3


def test_with_no_number_asked_for_it_is_satisfied_from_the_start() -> None:
    """As many as there is time for."""
    assert Rig(FIVE).schedule.satisfied
    assert Rig(FIVE, count=0).schedule.satisfied


def test_what_has_begun_comes_to_its_end_though_nothing_begins_any_more() -> None:
    """A round ends healed."""
    rig = Rig([fault("a", 8.0)])
    rig.run(0.0, 1.0)
    assert rig.state == (True, False, False)
    rig.run(1.0, 20.0, begin=False)
    assert rig.said == [("injured", "a"), ("healed", "a")]
    assert rig.state == (True, True, False)


def test_what_goes_on_is_ended_when_the_round_is_interrupted() -> None:
    """What a fault has cut off or frozen is there again, before the proxy and the brokers go."""
    healed: list[str] = []

    def course(_: Scene) -> Course:
        try:
            yield 100.0
        finally:
            healed.append("healed")
        return True

    rig = Rig([Fault("a", course), Fault("b", course)], every=1.0)
    rig.run(0.0, 2.0)
    rig.schedule.abandon()
    assert healed == ["healed"] * 2
    assert rig.state == (True, True, False)
    assert rig.schedule.tally.inflicted.total() == 0


def test_only_while_a_fault_halts_nothing_need_move() -> None:
    """Partitions that stand still then are no violation."""
    rig = Rig([fault("away", 2.0, halts=True)])
    assert rig.state == (True, True, False)
    rig.run(0.0, 1.0)
    assert rig.state == (True, False, True)
    rig.run(1.0, 3.0)
    assert rig.state == (True, True, False)
    other = Rig([fault("a", 2.0)])
    other.run(0.0, 1.0)
    assert not other.schedule.halting


def test_what_halts_the_whole_fleet_waits_for_those_who_have_only_started() -> None:
    """They would give up; but it does not wait for ever, and others do not wait at all."""
    halting, plain = Rig([fault("away", 2.0, halts=True)]), Rig([fault("a", 2.0)])
    for rig in (halting, plain):
        rig.schedule.step(0.0, STARTING, begin=True)
    assert (halting.begun(), plain.begun()) == ([], ["a"])
    halting.schedule.step(JOIN_SECONDS, STARTING, begin=True)
    assert halting.begun() == ["away"]
    ready = Rig([fault("away", 2.0, halts=True)])
    ready.schedule.step(0.0, SCENE, begin=True)
    assert ready.begun() == ["away"]


def test_a_fault_may_end_where_it_begins() -> None:
    """There was nobody to injure."""
    rig = Rig([fault("a", came_about=False)])
    rig.run(0.0, 0.1)
    assert rig.said == [("injured", "a"), ("missed", "a")]
    assert rig.schedule.quiet


def test_without_faults_nothing_happens() -> None:
    """A cluster may allow none of those that were asked for."""
    rig = Rig([])
    rig.run(0.0, 20.0)
    assert rig.said == []
    assert rig.schedule.quiet


def test_what_a_fault_could_not_do_is_not_hidden() -> None:
    """A proof whose own tools fail proves nothing."""

    def course(_: Scene) -> Course:
        yield 1.0
        raise OSError("no such broker")

    rig = Rig([Fault("a", course)])
    with pytest.raises(OSError, match="no such broker"):
        rig.run(0.0, 2.0)
