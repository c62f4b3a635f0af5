"""I3 and I4: a transaction is visible as a whole or not at all, as its outcome says."""

from __future__ import annotations

import pytest

from stream_scorer.verify.checker import Checker
from tests.verify.cases import Case, said, told, trace


def test_a_torn_transaction() -> None:
    """Another one wrote the rest: no event is lost, and yet a reader saw half a transaction."""
    traces = [trace(0, 0), trace(1, 1, "b")]
    case = Case(traces=traces, entries=told("a", 2, outcome=None) + told("b", 1))
    assert case.judged() == [
        "I3 Transaction a of w1 is torn: 1 of 2 records are visible, the first at out[0]@0."
    ]


def test_a_transaction_that_never_sent_all_it_had() -> None:
    """It can't have committed, so who wrote its end was somebody else's request."""
    case = Case(entries=told("a", None, outcome=None))
    assert case.judged() == [
        (
            "I3 Transaction a, which never sent all of its records, has 2 visible, the first at "
            "out[0]@0."
        )
    ]


def test_records_that_name_no_transaction() -> None:
    """Somebody else writes to these topics, or outside of transactions."""
    traces = [trace(0, 0, ""), trace(1, 1, "")]
    assert Case(traces=traces, entries=[]).judged() == [
        (
            "I3 A transaction without a name, which never sent all of its records, has 2 visible, "
            "the first at out[0]@0."
        )
    ]


def test_more_than_was_sent() -> None:
    """Whether the transaction is known to be whole or not."""
    assert Case(entries=told("a", 1)).judged() == [
        "I3 Transaction a of w1 sent 1 records, but more are visible."
    ]
    checker = Checker(order_by="source")
    checker.told(told("a", 1))
    checker.seen([trace(0, 0), trace(1, 1)])
    assert said(checker.violations()) == [
        "I3 Transaction a has one more visible record than it sent, at out[0]@1."
    ]


def test_a_transaction_of_unknown_outcome_may_be_visible_or_not() -> None:
    """Its worker died while it waited for the answer."""
    entries = told("a", 2, outcome=None) + told("b", 3, outcome=None)
    assert Case(entries=entries).judged() == []


@pytest.mark.parametrize("history_first", [True, False])
def test_an_aborted_transaction_that_is_visible(history_first: bool) -> None:  # noqa: FBT001
    """Whichever is known first."""
    checker = Checker(order_by="source")
    if history_first:
        checker.told(told("a", 2, "aborted"))
    checker.seen([trace(0, 0)])
    if not history_first:
        checker.told(told("a", 2, "aborted"))
    assert said(checker.violations()) == [
        "I4 Transaction a was aborted, but its record at out[0]@0 is visible."
    ]


def test_a_committed_transaction_that_is_not_visible() -> None:
    """A lost write, though somebody scored the events again."""
    assert Case(entries=told("a", 2) + told("b", 2)).judged() == [
        "I4 Transaction b of w1 committed, but 0 of its 2 records are visible."
    ]


def test_a_transaction_of_offsets_alone_has_nothing_to_show() -> None:
    """It moves the committed offset over control markers."""
    assert Case(entries=told("a", 2) + told("b", 0), committed=3).judged() == []
