"""The report: a violation can't be overlooked, and how to see it again is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from stream_scorer.verify.plan import Plan
from stream_scorer.verify.recovery import RecoveryTimes
from stream_scorer.verify.report import faults_of, invariants_of, numbers_of, verdict_of
from stream_scorer.verify.values import MEANING, Invariant, Violation
from tests.verify.results import GAP, result

LOST = Violation(Invariant.ONE_TRACE, "in[0]@7 has no trace, though [/tmp/x] is committed.")
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
    assert "It held: 24,690 events, 5 faults, nothing lost, nothing doubled." in text


def test_a_violation_is_said_with_how_to_see_it_again() -> None:
    """Whole, whatever letters it has; with the seed and the history."""
    results = [result(), result(LOST, protocol="consumer")]
    text = "\n".join(shown(verdict_of(results, Plan(seed=5), HISTORY)))
    assert "It did not hold." in text
    assert f"I1 {LOST.sentence}" in text
    assert "Seed 5; the history is history.jsonl." in text
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


def test_how_often_each_fault_came_about_is_shown() -> None:
    """Also where another round did not have it."""
    table = faults_of([result(faults={"a": 2}), result(protocol="consumer", faults={"b": 1})])
    assert row(table, "a") == ["2", ""]
    assert row(table, "b") == ["", "1"]


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
    recovery = RecoveryTimes(9, 3, 5.5, GAP, 0, None)
    table = numbers_of([result(faults={"a": 4}, ended={"by SIGKILL": 9}, recovery=recovery)])
    assert row(table, name) == cells


def test_an_ending_that_one_round_did_not_have_is_none_there() -> None:
    """Its row is there for the other."""
    table = numbers_of([result(ended={"with exit code 70": 1}), result(protocol="consumer")])
    assert row(table, "workers ended: with exit code 70") == ["1", "0"]
