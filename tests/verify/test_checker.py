"""The checker as a whole: what is no violation, how much is said, what it costs."""

from __future__ import annotations

import tracemalloc

from stream_scorer.records import Reason
from stream_scorer.verify.checker import Checker
from tests.verify.cases import IN, Case, event, said, told, trace


def test_a_history_of_two_scored_events_violates_nothing() -> None:
    """The one that the others differ from."""
    assert Case(samples=[2]).judged() == []


def test_nothing_at_all_violates_nothing() -> None:
    """No input, no trace."""
    assert Checker(order_by="key").finish([], {}, {}) == []


def test_a_dead_letter_for_its_reason_is_a_trace_like_any_other() -> None:
    """In its own topic, in the same transaction."""
    events = [event(0), event(1, Reason.TOMBSTONE)]
    traces = [trace(0, 0), trace(0, 1, reason=Reason.TOMBSTONE)]
    assert Case(events=events, traces=traces).judged() == []


def test_an_offset_without_an_event_needs_no_trace() -> None:
    """The marker of a transaction, or an event that was aborted."""
    case = Case(events=[event(0), event(2)], traces=[trace(0, 0), trace(1, 2)], committed=4)
    assert case.judged() == []


def test_an_event_that_is_not_committed_yet_needs_no_trace() -> None:
    """The fleet may be stopped before it is through."""
    assert Case(events=[event(0), event(1), event(2)]).judged() == []


def test_of_each_invariant_the_first_sentences_are_kept_and_the_rest_counted() -> None:
    """A run that is all wrong is not a flood."""
    checker = Checker(order_by="source", sentences=2)
    checker.told(told("a", 5))
    checker.expect(event(offset) for offset in range(5))
    checker.seen(trace(offset, offset, score=-1.0) for offset in range(5))
    assert said(checker.violations()) == [
        "I8 in[0]@0 has the score -1.0 at out[0]@0; it must be 0.0.",
        "I8 in[0]@1 has the score -1.0 at out[0]@1; it must be 1.0.",
        "I8 … and 3 more.",
    ]


def test_an_event_that_is_given_again_is_the_same_event() -> None:
    """A reader of the input may start over."""
    case = Case(events=[event(0), event(0), event(1), event(0), event(1)])
    assert case.judged() == []


def test_an_event_costs_a_byte_or_two() -> None:
    """So that a day's run fits into memory: no object is kept of an event that has its trace."""
    checker = Checker(order_by="source")
    count = 20_000
    tracemalloc.start()
    for start in range(0, count, 1000):
        rows = range(start, start + 1000)
        checker.expect(event(row) for row in rows)
        checker.told(told(f"t{start}", 1000))
        checker.seen(trace(row, row, f"t{start}") for row in rows)
        checker.sampled(0.0, {IN: start + 1000})
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert checker.violations() == []
    assert held < 2 * count + 100_000
