"""I6 and I7: readers during and after the faults see the same, and nothing is open."""

from __future__ import annotations

from stream_scorer.verify.checker import Checker
from tests.verify.cases import IN, Case, event, said, told, trace


def test_the_readers_saw_different_records() -> None:
    """Such as one that became visible below a reader, or went away."""
    assert Case(final=[trace(0, 0)]).judged() == [
        (
            "I6 out[0] had 2 records (the last at 1) for the reader during the faults, but 1 "
            "(the last at 0) for the reader afterwards; they differ from record 0 on or later."
        )
    ]


def test_the_log_went_back_below_the_reader() -> None:
    """What was read is not there any more, and something else took its place."""
    checker = Checker(order_by="source")
    checker.seen([trace(4, 0), trace(4, 1)])
    assert said(checker.violations()) == [
        "I6 out[0]@4 was read after out[0]@4: the log moved backwards under a reader."
    ]


def test_a_difference_is_found_to_a_thousand_records() -> None:
    """The digests of thousands tell where to look."""
    checker = Checker(order_by="source")
    traces = [trace(offset, offset) for offset in range(2500)]
    checker.expect(event(offset) for offset in range(2500))
    checker.seen(traces)
    checker.told(told("a", 2500))
    final = [*traces[:2100], trace(2100, 2100, "b"), *traces[2101:]]
    [violation] = said(checker.finish(final, {IN: 2500}, {}))
    assert violation.endswith("they differ from record 2000 on or later.")


def test_a_transaction_is_left_open() -> None:
    """Readers of committed records don't get to the end."""
    [said_of_it] = Case(stable=2).judged()
    assert said_of_it.startswith("I7 out[0] ends at 3, but readers of committed records stop at 2")
