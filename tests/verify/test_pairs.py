"""Pairs of load and fault: what was met, and which fault a load meets next."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from stream_scorer.verify.pairs import Pairs
from stream_scorer.verify.scene import Course, Fault, Scene


def course(_: Scene) -> Course:
    """A course that does nothing."""
    yield from ()
    return True


FIVE = [Fault(name, course) for name in "abcde"]


def rotation(pairs: Pairs, load: str, seed: int = 1, first: Fault | None = None) -> Iterator[str]:
    """The names of the faults that a round begins; each of them comes about."""
    dice = random.Random(seed)  # noqa: S311 - dice, not secrets
    for fault in pairs.rotation(load, FIVE, dice, first):
        pairs.meet(load, fault.name)
        yield fault.name


def begun(names: Iterator[str], count: int) -> str:
    """The first so many."""
    return "".join(next(names) for _ in range(count))


def test_what_was_met_is_counted_by_load() -> None:
    """A fault that met another load has not met this one."""
    pairs = Pairs()
    pairs.meet("steady", "a")
    pairs.meet("steady", "a")
    assert [pairs.times(load, "a") for load in ("steady", "backlog")] == [2, 0]


@pytest.mark.parametrize("seed", range(10))
def test_a_load_meets_first_what_no_load_has_met(seed: int) -> None:
    """Then what only it has not met, then the rest."""
    pairs = Pairs()
    for load, faults in (("steady", "ab"), ("backlog", "bc")):
        for fault in faults:
            pairs.meet(load, fault)
    found = begun(rotation(pairs, "backlog", seed), 5)
    assert [set(found[:2]), found[2], set(found[3:])] == [{"d", "e"}, "a", {"b", "c"}]


def test_short_rounds_together_meet_every_pair() -> None:
    """Each goes on where an earlier one of its load has stopped."""
    pairs = Pairs()
    for number in range(3):
        for load in ("steady", "backlog"):
            begun(rotation(pairs, load, number), 2)
    assert all(pairs.times(load, name) for load in ("steady", "backlog") for name in "abcde")


def test_each_comes_once_in_a_rotation() -> None:
    """Whether it comes about or not."""
    dice = random.Random(1)  # noqa: S311 - dice, not secrets
    names = (fault.name for fault in Pairs().rotation("steady", FIVE, dice))
    assert [sorted(begun(names, 5)) for _ in range(3)] == [list("abcde")] * 3


@pytest.mark.parametrize("seed", range(10))
def test_what_is_to_be_first_is_and_comes_no_oftener_for_that(seed: int) -> None:
    """Also if it was met already."""
    pairs = Pairs()
    pairs.meet("backlog", "c")
    found = begun(rotation(pairs, "backlog", seed, FIVE[2]), 10)
    assert found[0] == "c"
    assert sorted(found) == sorted("abcde" * 2)


def test_without_faults_nothing_begins() -> None:
    """A cluster may allow none of those that were asked for."""
    assert list(Pairs().rotation("steady", [], random.Random(1))) == []  # noqa: S311 - dice
