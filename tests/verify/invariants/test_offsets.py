"""I5: committed offsets never go back, and agree with what is visible."""

from __future__ import annotations

from stream_scorer.records import TopicPartition
from stream_scorer.verify.checker import Checker
from tests.verify.cases import IN, Case, said, told, trace


def test_an_offset_that_goes_back() -> None:
    """Between two samples."""
    checker = Checker(order_by="source")
    checker.sampled(3600.0, {IN: 2})
    checker.sampled(3661.0, {IN: 1})
    assert said(checker.violations()) == [
        "I5 The committed offset of in[0] went back from 2 to 1 (sampled at 01:01:01 UTC)."
    ]


def test_a_sample_behind_what_is_visible() -> None:
    """A transaction's offsets are never there later than its records."""
    assert Case(samples=[1, 2]).judged() == [
        (
            "I5 in[0] is committed only up to 1, but the result of in[0]@1 is visible "
            "(sampled at 00:00:00 UTC)."
        )
    ]


def test_a_sample_that_lacks_a_partition_says_nothing_of_it() -> None:
    """Brokers may not have answered for it."""
    checker = Checker(order_by="source")
    checker.seen([trace(0, 0)])
    checker.sampled(0.0, {TopicPartition("in", 1): 5})
    assert checker.violations() == []


def test_events_between_the_last_trace_and_the_offset() -> None:
    """The tail is lost, as by who commits a position with events still in hand."""
    case = Case(traces=[trace(0, 0)], entries=told("a", 1), committed=3)
    assert case.judged() == [
        "I1 in[0]@1 has no result, but in[0] is committed up to 3.",
        (
            "I5 in[0] is committed up to 3, but its last result is for offset 0, and event in[0]@1 "
            "lies between."
        ),
    ]


def test_the_offset_may_lie_behind_markers() -> None:
    """They are not events."""
    assert Case(committed=9, samples=[7]).judged() == []
