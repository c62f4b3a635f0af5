"""I1 and I8: each event has one trace, of the right kind, with the right score."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream_scorer.records import Reason
from stream_scorer.verify.checker import Checker
from tests.verify.cases import Case, event, said, told, trace


def test_a_second_trace() -> None:
    """At once: while the faults go on."""
    again = [trace(0, 0), trace(1, 1), trace(2, 1, "b")]
    assert Case(traces=again, entries=told("a", 2) + told("b", 1)).judged() == [
        "I1 in[0]@1 has another result at out[0]@2."
    ]


def test_scored_and_dead_lettered() -> None:
    """Two traces, whatever their topics."""
    both = [trace(0, 0), trace(1, 1), trace(0, 1, "b", Reason.INFERENCE_FAILED)]
    assert Case(traces=both, entries=told("a", 2) + told("b", 1)).judged() == [
        "I1 in[0]@1 has another result at dead[0]@0."
    ]


def test_no_trace() -> None:
    """Below the committed offset nobody will score it any more."""
    case = Case(traces=[trace(0, 1)], entries=told("a", 1))
    assert case.judged() == ["I1 in[0]@0 has no result, but in[0] is committed up to 2."]


def test_a_trace_of_an_aborted_event() -> None:
    """A worker that reads uncommitted input scores what never was."""
    traces = [trace(0, 0), trace(1, 1), trace(2, 2)]
    case = Case([event(0), event(2)], traces, entries=told("a", 3), committed=4)
    assert case.judged() == ["I1 out[0]@1 is a result of in[0]@1, where no committed event exists."]


def test_a_trace_of_what_comes_after_the_last_event() -> None:
    """The input ends before it."""
    traces = [trace(0, 0), trace(1, 1), trace(2, 2)]
    case = Case(traces=traces, entries=told("a", 3), committed=3)
    assert case.judged() == ["I1 out[0]@2 is a result of in[0]@2, where no committed event exists."]


def test_an_absurd_trace_costs_no_memory() -> None:
    """An offset that was misread is a violation like another."""
    traces = [trace(0, 0), trace(1, 1), replace(trace(2, 2), source_offset=2**62)]
    assert Case(traces=traces, entries=told("a", 3), committed=2**62 + 1).judged() == [
        f"I1 out[0]@2 is a result of in[0]@{2**62}, where no committed event exists."
    ]


def test_a_trace_of_an_offset_below_zero_is_one_of_no_event() -> None:
    """What is misread is not taken for something else."""
    traces = [replace(trace(0, 0), source_offset=-3), trace(1, 0), trace(2, 1)]
    assert Case(traces=traces, entries=told("a", 3)).judged() == [
        "I1 out[0]@0 is a result of in[0]@-3, where no committed event exists."
    ]


@pytest.mark.parametrize(
    ("must", "done", "words"),
    [
        (None, Reason.TOO_LARGE, "is dead-lettered as too_large at dead[0]@0; it must be scored"),
        (Reason.TOO_LARGE, None, "is scored at out[0]@0; it must be dead-lettered as too_large"),
        (
            Reason.UNDECODABLE,
            Reason.TOO_LARGE,
            "is dead-lettered as too_large at dead[0]@0; it must be dead-lettered as undecodable",
        ),
    ],
)
def test_a_trace_of_the_wrong_kind(must: Reason | None, done: Reason | None, words: str) -> None:
    """Whichever of the two is known first."""
    case = Case([event(0, must)], [trace(0, 0, reason=done)], entries=told("a", 1), committed=1)
    assert case.judged() == [f"I1 in[0]@0 {words}."]
    late = Checker(order_by="source")
    late.seen(case.traces)
    late.expect(case.events)
    assert said(late.violations()) == [f"I1 in[0]@0 {words}."]


def test_what_is_certain_is_said_while_the_faults_go_on() -> None:
    """A trace whose event is only about to be read is not."""
    checker = Checker(order_by="source")
    checker.seen([trace(0, 0), trace(1, 1)])
    assert checker.violations() == []
    checker.expect([event(0)])
    assert checker.violations() == []
    checker.expect([event(2)])
    assert said(checker.violations()) == [
        "I1 out[0]@1 is a result of in[0]@1, where no committed event exists."
    ]


def test_a_trace_that_no_offset_covers() -> None:
    """Outputs without their offsets: whoever comes next scores the event again."""
    assert Case(committed=1).judged() == [
        "I1 in[0]@1 has a result, but in[0] is committed only up to 1.",
        "I5 in[0] is committed only up to 1, but the result of in[0]@1 is visible.",
    ]


def test_a_wrong_score() -> None:
    """To the last bit."""
    traces = [trace(0, 0), trace(1, 1, score=1.0000000000000002)]
    assert Case(traces=traces).judged() == [
        "I8 in[0]@1 has the score 1.0000000000000002 at out[0]@1; it must be 1.0."
    ]
