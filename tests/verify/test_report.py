"""The report: a violation can't be overlooked, and how to see it again is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from stream_scorer.verify.held import HeldTimes
from stream_scorer.verify.loads import BACKLOG, STEADY
from stream_scorer.verify.pairs import Pairs
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.recovery import RecoveryTimes
from stream_scorer.verify.report import (
    invariants_of,
    numbers_of,
    pairs_of,
    rounds_of,
    verdict_of,
)
from stream_scorer.verify.scene import Course, Fault, Scene
from stream_scorer.verify.values import MEANING, Invariant, Violation
from tests.verify.results import GAP, result

LOST = Violation(Invariant.ONE_TRACE, "in[0]@7 has no result, though [/tmp/x] is committed.")
HISTORY = Path("history.jsonl")


def shown(what: RenderableType) -> list[str]:
    """The lines that a person sees."""
    console = Console(width=200, no_color=True)
    with console.capture() as captured:
        console.print(what)
    return captured.get().splitlines()


def row(what: RenderableType, name: str) -> list[str]:
    """The cells of the row of this name."""
    lines = [[cell.strip() for cell in line[1:-1].split("│")] for line in shown(what)]
    [found] = [cells for cells in lines if cells[0] == name]
    return found[1:]


def test_without_violations_it_held() -> None:
    """How much it was that held is added up over the rounds."""
    results = [result(faults={"SIGKILL": 3}), result(protocol="consumer", faults={"storm": 2})]
    text = "\n".join(shown(verdict_of(results, Plan(seed=5), HISTORY)))
    assert "It held: 24,690 events, 5 faults, nothing lost, nothing duplicated." in text


def test_a_violation_is_said_with_how_to_see_it_again() -> None:
    """Whole, whatever letters it has; with the seed and the history."""
    results = [result(), result(LOST, protocol="consumer", number=2)]
    text = "\n".join(shown(verdict_of(results, Plan(seed=5), HISTORY)))
    assert "It did not hold." in text
    assert f"I1 in round 2 (steady): {LOST.sentence}" in text
    assert "Seed 5; history: history.jsonl." in text
    assert "It held" not in text


def test_of_many_violations_the_first_are_said_and_the_others_counted() -> None:
    """The history has them all."""
    many = [Violation(Invariant.ORDER, f"number {number} is late.") for number in range(50)]
    text = "\n".join(shown(verdict_of([result(*many)], Plan(), HISTORY)))
    assert "number 19 is late." in text
    assert "number 20 is late." not in text
    assert "… and 30 more." in text


def test_each_invariant_has_a_row_and_each_round_a_column() -> None:
    """What is violated in one of them is not held there."""
    late = Violation(Invariant.ORDER, "in[0]@7 is late.")
    table = invariants_of([result(), result(LOST, late, LOST, protocol="consumer")])
    text = "\n".join(shown(table))
    found = {Invariant.ONE_TRACE: "2 violations", Invariant.ORDER: "1 violation"}
    for invariant in Invariant:
        assert MEANING[invariant] in text
        assert row(table, invariant)[-2:] == ["held", found.get(invariant, "held")]
    assert "classic-source" in text
    assert "consumer-source" in text


def never(_: Scene) -> Course:
    """A course that does nothing."""
    yield from ()
    return True


def plain(what: RenderableType) -> str:
    """What a person sees, without the spaces that make columns."""
    return "\n".join(" ".join(line.split()) for line in shown(what))


def test_which_faults_met_which_loads_is_shown_and_counted() -> None:
    """How often; a fault that met none has no row, and is counted as one that is missing."""
    faults = [Fault(name, never) for name in ("storm", "rain", "snow")]
    pairs = Pairs()
    for load, fault in (("backlog", "storm"), ("backlog", "storm"), ("steady", "rain")):
        pairs.meet(load, fault)
    text = plain(pairs_of(pairs, [BACKLOG, STEADY], faults))
    assert "Faults by load: 2 of 6 pairs occurred, 2 of 3 faults." in text
    assert "a: backlog, b: steady" in text
    assert "\nstorm 2\n" in text
    assert "\nrain 1\n" in text
    assert "snow" not in text


def test_each_round_says_its_load_its_rates_and_how_long_sets_were_in_hand() -> None:
    """So that a reader sees what was tested."""
    held = HeldTimes(7, 1.875, 27.5)
    first = result(load=BACKLOG, held=held, faults={"a": 2}, events=100_000, scored=90_000)
    text = plain(rounds_of([first, result(protocol="consumer", number=2)]))
    assert "1 backlog classic-source, short 100,000 2,000 1,500 1.88 s 27.50 s 2" in text
    assert "2 steady consumer-source, short 12,345 247 200 0" in text


def test_rounds_of_one_protocol_and_order_are_added_up() -> None:
    """A column each, however many rounds there were."""
    results = [result(faults={"a": 1}), result(protocol="consumer"), result(LOST, number=3)]
    assert row(numbers_of(results), "events in") == ["24,690", "12,345"]
    assert row(invariants_of(results), "I1")[-2:] == ["1 violation", "held"]


def test_rounds_with_other_timeouts_allow_other_gaps() -> None:
    """The shortest and the longest are said."""
    table = numbers_of([result(), result(recovery_seconds=94.0, number=2)])
    assert row(table, "partition without commits after a kill: allowed") == ["27.0 s to 94.0 s"]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("seconds", ["61"]),
        ("events in", ["12,345"]),
        ("scored", ["12,000"]),
        ("dead letters", ["345"]),
        ("transactions committed", ["900"]),
        ("transactions aborted", ["20"]),
        ("transactions cut short", ["3"]),
        ("faults", ["4"]),
        ("workers ended: by SIGKILL", ["9"]),
        ("partition without commits after a kill: median", ["5.5 s"]),
        ("partition without commits after a kill: worst", ["7.2 s"]),
        ("partition without commits after a kill: worst, injured again", [""]),
        ("partition without commits after a kill: allowed", ["27.0 s"]),
    ],
)
def test_what_happened_is_shown_in_numbers(name: str, cells: list[str]) -> None:
    """What there was none of is left empty."""
    recovery = RecoveryTimes(9, (4.0, 5.5, 7.25), GAP)
    table = numbers_of([result(faults={"a": 4}, ended={"by SIGKILL": 9}, recovery=recovery)])
    assert row(table, name) == cells


def test_an_ending_that_one_round_did_not_have_is_none_there() -> None:
    """Its row is there for the other."""
    table = numbers_of([result(ended={"with exit code 70": 1}), result(protocol="consumer")])
    assert row(table, "workers ended: with exit code 70") == ["1", "0"]
