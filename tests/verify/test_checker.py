"""The checker: for each invariant a smallest history that violates it, and what is said then."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from stream_scorer.records import Reason, TopicPartition
from stream_scorer.verify.checker import Checker
from stream_scorer.verify.values import Entry, InputEvent, Trace, Violation

IN = TopicPartition("in", 0)
OUT = TopicPartition("out", 0)
DEAD = TopicPartition("dead", 0)


def event(offset: int, reason: Reason | None = None, key: bytes | None = None) -> InputEvent:
    """An event of ``in[0]`` whose score is its offset."""
    return InputEvent(IN, offset, key, reason, None if reason else float(offset))


def trace(offset: int, of: int, transaction: str = "a", reason: Reason | None = None,
          score: float | None = None) -> Trace:  # fmt: skip
    """A trace of an event of ``in[0]``: ``out[0]``, or ``dead[0]`` with a reason."""
    if reason is None and score is None:
        score = float(of)
    return Trace(DEAD if reason else OUT, offset, IN, of, None, transaction, reason, score)


def told(transaction: str, records: int | None, outcome: str | None = "committed") -> list[Entry]:
    """What a worker says of a transaction; without ``records`` it died before it sent all."""
    sent: dict[str, Any] = {"transaction": transaction, "records": records, "offsets": []}
    entries = [Entry(0.0, "w1", "begun", {"transaction": transaction})]
    entries += [] if records is None else [Entry(1.0, "w1", "sent", sent)]
    ended = Entry(2.0, "w1", outcome or "", {"transaction": transaction})
    return [*entries, ended] if outcome else entries


@dataclass
class Case:
    """A history: two events, scored in one transaction, unless it is changed."""

    events: list[InputEvent] = field(default_factory=lambda: [event(0), event(1)])
    traces: list[Trace] = field(default_factory=lambda: [trace(0, 0), trace(1, 1)])
    final: list[Trace] | None = None
    entries: list[Entry] = field(default_factory=lambda: told("a", 2))
    samples: list[int] = field(default_factory=list)
    committed: int = 2
    stable: int = 3

    def judged(self, order_by: Literal["source", "key"] = "source") -> list[str]:
        """What is said of it: ``I1 in[0]@0 has …``."""
        checker = Checker(order_by=order_by)
        checker.expect(self.events)
        checker.seen(self.traces)
        checker.told(self.entries)
        for offset in self.samples:
            checker.sampled(0.0, {IN: offset})
        final = self.traces if self.final is None else self.final
        return said(checker.finish(final, {IN: self.committed}, {OUT: (self.stable, 3)}))


def said(violations: Iterable[Violation]) -> list[str]:
    """Violations as text."""
    return [f"{each.invariant} {each.sentence}" for each in violations]


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


# ------------------------------------------------------------------ I1


def test_i1_a_second_trace() -> None:
    """At once: while the faults go on."""
    again = [trace(0, 0), trace(1, 1), trace(2, 1, "b")]
    assert Case(traces=again, entries=told("a", 2) + told("b", 1)).judged() == [
        "I1 in[0]@1 has one more trace, at out[0]@2."
    ]


def test_i1_scored_and_dead_lettered() -> None:
    """Two traces, whatever their topics."""
    both = [trace(0, 0), trace(1, 1), trace(0, 1, "b", Reason.INFERENCE_FAILED)]
    assert Case(traces=both, entries=told("a", 2) + told("b", 1)).judged() == [
        "I1 in[0]@1 has one more trace, at dead[0]@0."
    ]


def test_i1_no_trace() -> None:
    """Below the committed offset nobody will score it any more."""
    case = Case(traces=[trace(0, 1)], entries=told("a", 1))
    assert case.judged() == ["I1 in[0]@0 has no trace, and in[0] is committed up to 2."]


def test_i1_a_trace_of_an_aborted_event() -> None:
    """A worker that reads uncommitted input scores what never was."""
    traces = [trace(0, 0), trace(1, 1), trace(2, 2)]
    case = Case([event(0), event(2)], traces, entries=told("a", 3), committed=4)
    assert case.judged() == ["I1 out[0]@1 is a trace of in[0]@1, where no committed event is."]


def test_i1_a_trace_of_what_comes_after_the_last_event() -> None:
    """The input ends before it."""
    traces = [trace(0, 0), trace(1, 1), trace(2, 2)]
    case = Case(traces=traces, entries=told("a", 3), committed=3)
    assert case.judged() == ["I1 out[0]@2 is a trace of in[0]@2, where no committed event is."]


def test_i1_an_absurd_trace_costs_no_memory() -> None:
    """An offset that was misread is a violation like another."""
    traces = [trace(0, 0), trace(1, 1), replace(trace(2, 2), source_offset=2**62)]
    assert Case(traces=traces, entries=told("a", 3), committed=2**62 + 1).judged() == [
        f"I1 out[0]@2 is a trace of in[0]@{2**62}, where no committed event is."
    ]


def test_i1_a_trace_of_an_offset_below_zero_is_one_of_no_event() -> None:
    """What is misread is not taken for something else."""
    traces = [replace(trace(0, 0), source_offset=-3), trace(1, 0), trace(2, 1)]
    assert Case(traces=traces, entries=told("a", 3)).judged() == [
        "I1 out[0]@0 is a trace of in[0]@-3, where no committed event is."
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
def test_i1_a_trace_of_the_wrong_kind(must: Reason | None, done: Reason | None, words: str) -> None:
    """Whichever of the two is known first."""
    case = Case([event(0, must)], [trace(0, 0, reason=done)], entries=told("a", 1), committed=1)
    assert case.judged() == [f"I1 in[0]@0 {words}."]
    late = Checker(order_by="source")
    late.seen(case.traces)
    late.expect(case.events)
    assert said(late.violations()) == [f"I1 in[0]@0 {words}."]


def test_i1_what_is_certain_is_said_while_the_faults_go_on() -> None:
    """A trace whose event is only about to be read is not."""
    checker = Checker(order_by="source")
    checker.seen([trace(0, 0), trace(1, 1)])
    assert checker.violations() == []
    checker.expect([event(0)])
    assert checker.violations() == []
    checker.expect([event(2)])
    assert said(checker.violations()) == [
        "I1 out[0]@1 is a trace of in[0]@1, where no committed event is."
    ]


def test_i1_a_trace_that_no_offset_covers() -> None:
    """Outputs without their offsets: whoever comes next scores the event again."""
    assert Case(committed=1).judged() == [
        "I1 in[0]@1 has a trace, and in[0] is committed only up to 1.",
        "I5 in[0] is committed only up to 1, and the trace of in[0]@1 is visible.",
    ]


# ------------------------------------------------------------------ I2


def test_i2_two_events_of_a_source_in_each_others_place() -> None:
    """Neither is lost nor doubled."""
    assert Case(traces=[trace(0, 1), trace(1, 0)]).judged() == [
        "I2 in[0]@0 has its trace at out[0]@1, after that of in[0]@1."
    ]


def test_i2_dead_letters_keep_the_order_of_their_source() -> None:
    """Also where scored events are ordered by key."""
    reason = Reason.UNDECODABLE
    events = [event(0, reason), event(1, reason)]
    traces = [trace(0, 1, reason=reason), trace(1, 0, reason=reason)]
    assert Case(events, traces).judged("key") == [
        "I2 in[0]@0 has its trace at dead[0]@1, after that of in[0]@1."
    ]


def test_i2_a_scored_event_and_a_dead_letter_have_no_order_between_them() -> None:
    """They stand in two topics, which a reader gets in any order."""
    events = [event(0), event(1, Reason.TOMBSTONE)]
    traces = [trace(0, 1, reason=Reason.TOMBSTONE), trace(0, 0)]
    assert Case(events, traces).judged() == []


def test_i2_by_key_only_events_of_a_key_have_an_order() -> None:
    """Another key may overtake; the same may not; none at all has no order."""
    traces = [trace(0, 1), trace(1, 0)]
    keyed = [replace(traces[0], key=b"x"), replace(traces[1], key=b"y")]
    same = [replace(each, key=b"x") for each in traces]
    assert Case(traces=traces).judged("key") == []
    assert Case(traces=keyed).judged("key") == []
    assert Case(traces=same).judged("key") == [
        "I2 in[0]@0 of key b'x' has its trace at out[0]@1, after that of in[0]@1."
    ]


def test_i2_by_source_an_event_stands_in_the_partition_of_its_number() -> None:
    """The order of a partition is that of its topic partition, not of several."""
    elsewhere = replace(trace(1, 1), place=TopicPartition("out", 1))
    assert Case(traces=[trace(0, 0), elsewhere]).judged() == [
        "I2 in[0]@1 has its trace at out[1]@1, in a partition of another number."
    ]


# ------------------------------------------------------------------ I3, I4


def test_i3_a_torn_transaction() -> None:
    """Another one wrote the rest: no event is lost, and yet a reader saw half a transaction."""
    traces = [trace(0, 0), trace(1, 1, "b")]
    case = Case(traces=traces, entries=told("a", 2, outcome=None) + told("b", 1))
    assert case.judged() == [
        "I3 Transaction a of w1 is torn: 1 of 2 records are visible, the first at out[0]@0."
    ]


def test_i3_a_transaction_that_never_sent_all_it_had() -> None:
    """It can't have committed, so who wrote its end was somebody else's request."""
    case = Case(entries=told("a", None, outcome=None))
    assert case.judged() == [
        (
            "I3 Transaction a, which never sent all of its records, has 2 visible, the first at "
            "out[0]@0."
        )
    ]


def test_i3_records_that_name_no_transaction() -> None:
    """Somebody else writes to these topics, or outside of transactions."""
    traces = [trace(0, 0, ""), trace(1, 1, "")]
    assert Case(traces=traces, entries=[]).judged() == [
        (
            "I3 A transaction without a name, which never sent all of its records, has 2 visible, "
            "the first at out[0]@0."
        )
    ]


def test_i3_more_than_was_sent() -> None:
    """Whether the transaction is known to be whole or not."""
    assert Case(entries=told("a", 1)).judged() == [
        "I3 Transaction a of w1 sent 1 records, and more are visible."
    ]
    checker = Checker(order_by="source")
    checker.told(told("a", 1))
    checker.seen([trace(0, 0), trace(1, 1)])
    assert said(checker.violations()) == [
        "I3 Transaction a has one more visible record than it sent, at out[0]@1."
    ]


def test_i3_a_transaction_of_unknown_outcome_may_be_visible_or_not() -> None:
    """Its worker died while it waited for the answer."""
    entries = told("a", 2, outcome=None) + told("b", 3, outcome=None)
    assert Case(entries=entries).judged() == []


@pytest.mark.parametrize("history_first", [True, False])
def test_i4_an_aborted_transaction_that_is_visible(history_first: bool) -> None:  # noqa: FBT001
    """Whichever is known first."""
    checker = Checker(order_by="source")
    if history_first:
        checker.told(told("a", 2, "aborted"))
    checker.seen([trace(0, 0)])
    if not history_first:
        checker.told(told("a", 2, "aborted"))
    assert said(checker.violations()) == [
        "I4 Transaction a was aborted, and its record at out[0]@0 is visible."
    ]


def test_i4_a_committed_transaction_that_is_not_visible() -> None:
    """A lost write, though somebody scored the events again."""
    assert Case(entries=told("a", 2) + told("b", 2)).judged() == [
        "I4 Transaction b of w1 committed, and 0 of its 2 records are visible."
    ]


def test_i4_a_transaction_of_offsets_alone_has_nothing_to_show() -> None:
    """It moves the committed offset over control markers."""
    assert Case(entries=told("a", 2) + told("b", 0), committed=3).judged() == []


# ------------------------------------------------------------------ I5


def test_i5_an_offset_that_goes_back() -> None:
    """Between two samples."""
    checker = Checker(order_by="source")
    checker.sampled(3600.0, {IN: 2})
    checker.sampled(3661.0, {IN: 1})
    assert said(checker.violations()) == [
        "I5 The committed offset of in[0] went back from 2 to 1 (sampled at 01:01:01 UTC)."
    ]


def test_i5_a_sample_behind_what_is_visible() -> None:
    """A transaction's offsets are never there later than its records."""
    assert Case(samples=[1, 2]).judged() == [
        (
            "I5 in[0] is committed only up to 1, and the trace of in[0]@1 is visible "
            "(sampled at 00:00:00 UTC)."
        )
    ]


def test_i5_a_sample_that_lacks_a_partition_says_nothing_of_it() -> None:
    """Brokers may not have answered for it."""
    checker = Checker(order_by="source")
    checker.seen([trace(0, 0)])
    checker.sampled(0.0, {TopicPartition("in", 1): 5})
    assert checker.violations() == []


def test_i5_events_between_the_last_trace_and_the_offset() -> None:
    """The tail is lost, as by who commits a position with events still in hand."""
    case = Case(traces=[trace(0, 0)], entries=told("a", 1), committed=3)
    assert case.judged() == [
        "I1 in[0]@1 has no trace, and in[0] is committed up to 3.",
        (
            "I5 in[0] is committed up to 3; its last trace is of offset 0, and the event in[0]@1 "
            "lies between."
        ),
    ]


def test_i5_the_offset_may_lie_behind_markers() -> None:
    """They are no events."""
    assert Case(committed=9, samples=[7]).judged() == []


# ------------------------------------------------------------------ I6, I7, I8


def test_i6_the_readers_saw_different_records() -> None:
    """Such as one that became visible below a reader, or went away."""
    assert Case(final=[trace(0, 0)]).judged() == [
        (
            "I6 out[0] had 2 records (the last at 1) for who read during the faults, 1 (the last "
            "at 0) for who read afterwards; they differ from record 0 on or later."
        )
    ]


def test_i6_the_log_went_back_below_the_reader() -> None:
    """What was read is not there any more, and something else took its place."""
    checker = Checker(order_by="source")
    checker.seen([trace(4, 0), trace(4, 1)])
    assert said(checker.violations()) == [
        "I6 out[0]@4 was read after out[0]@4: the log went back below a reader."
    ]


def test_i6_a_difference_is_found_to_a_thousand_records() -> None:
    """The digests of thousands tell where to look."""
    checker = Checker(order_by="source")
    traces = [trace(offset, offset) for offset in range(2500)]
    checker.expect(event(offset) for offset in range(2500))
    checker.seen(traces)
    checker.told(told("a", 2500))
    final = [*traces[:2100], trace(2100, 2100, "b"), *traces[2101:]]
    [violation] = said(checker.finish(final, {IN: 2500}, {}))
    assert violation.endswith("they differ from record 2000 on or later.")


def test_i7_a_transaction_is_left_open() -> None:
    """Readers of committed records don't get to the end."""
    [said_of_it] = Case(stable=2).judged()
    assert said_of_it.startswith("I7 out[0] ends at 3, and readers of committed records get to 2")


def test_i8_a_wrong_score() -> None:
    """To the last bit."""
    traces = [trace(0, 0), trace(1, 1, score=1.0000000000000002)]
    assert Case(traces=traces).judged() == [
        "I8 in[0]@1 has the score 1.0000000000000002 at out[0]@1; it must be 1.0."
    ]


# ------------------------------------------------------------------ how much is said


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
    count = 100_000
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
