"""I9: a partition stands still, or the end is not reached."""

from __future__ import annotations

from stream_scorer.records import TopicPartition
from stream_scorer.verify.invariants.liveness import Liveness
from stream_scorer.verify.values import Entry, Invariant, Violation

ONE, TWO = TopicPartition("in", 0), TopicPartition("in", 1)
ENDS = {ONE: 10, TWO: 10}


def test_a_partition_that_moves_on_is_alive() -> None:
    """However slowly, as long as each step comes within the bound."""
    liveness = Liveness(bound_seconds=10)
    for at in range(0, 80, 8):
        liveness.sampled(at, {ONE: at // 8}, ENDS, impaired=False)
    assert liveness.violations() == []


def test_a_partition_that_stands_still_is_named_once() -> None:
    """The others may be fine."""
    liveness = Liveness(bound_seconds=10)
    for at in range(0, 50, 5):
        liveness.sampled(at, {ONE: at, TWO: 3}, {ONE: 100, TWO: 10}, impaired=False)
    assert liveness.violations() == [
        Violation(
            Invariant.LIVENESS,
            "in[1] was stuck at offset 3 of 10 for more than 10 s with one worker that nothing "
            "halted.",
        )
    ]


def test_a_partition_whose_events_are_done_may_stand() -> None:
    """Nothing waits; when something comes the clock starts."""
    liveness = Liveness(bound_seconds=10)
    for at in range(0, 100, 5):
        liveness.sampled(at, {ONE: 10}, ENDS, impaired=False)
    liveness.sampled(100, {ONE: 10}, {ONE: 11}, impaired=False)
    liveness.sampled(109, {ONE: 10}, {ONE: 11}, impaired=False)
    assert liveness.violations() == []


def test_time_under_injury_does_not_count() -> None:
    """It counts again from where it was, once all is healed."""
    liveness = Liveness(bound_seconds=10)
    for at in (0, 4, 8):
        liveness.sampled(at, {ONE: 1}, ENDS, impaired=False)
    for at in (12, 16, 20):
        liveness.sampled(at, {ONE: 1}, ENDS, impaired=True)
    assert liveness.violations() == []
    liveness.sampled(24, {ONE: 1}, ENDS, impaired=False)
    assert [violation.invariant for violation in liveness.violations()] == [Invariant.LIVENESS]


def given(who: str, *partitions: TopicPartition) -> Entry:
    """What a worker says when the group gives it partitions."""
    return Entry(0.0, who, "assigned", {"partitions": [list(each) for each in partitions]})


def test_a_worker_that_takes_a_partition_over_gets_the_whole_bound() -> None:
    """Two workers that are injured one after the other are no stall."""
    liveness = Liveness(bound_seconds=10)
    for who, begins in (("a", 0), ("b", 8), ("c", 16)):
        liveness.told(given(who, ONE))
        for at in range(begins, begins + 8, 4):
            liveness.sampled(at, {ONE: 1}, ENDS, impaired=False)
    assert liveness.violations() == []


def test_a_worker_that_keeps_a_partition_gets_the_bound_once() -> None:
    """However often the group gives it the same again, and others theirs."""
    liveness = Liveness(bound_seconds=10)
    for at in range(0, 20, 4):
        liveness.told(given("a", ONE))
        liveness.told(given("b", TWO))
        liveness.sampled(at, {ONE: 1, TWO: at}, {ONE: 10, TWO: 100}, impaired=False)
    assert [violation.invariant for violation in liveness.violations()] == [Invariant.LIVENESS]


def test_a_partition_that_is_not_known_for_a_while_is_not_judged_for_it() -> None:
    """Brokers that don't say what is committed say nothing against the fleet."""
    liveness = Liveness(bound_seconds=10)
    liveness.sampled(0, {ONE: 1}, ENDS, impaired=False)
    for at in range(1, 60):
        liveness.sampled(at, {}, ENDS, impaired=False)
    liveness.sampled(60, {ONE: 1}, ENDS, impaired=False)
    liveness.sampled(120, {ONE: 1}, ENDS, impaired=False)
    assert liveness.violations() == []


def test_an_end_that_is_not_reached_is_named_by_partition() -> None:
    """The fleet had its time."""
    liveness = Liveness(bound_seconds=10)
    liveness.end_not_reached(45, {ONE: 10}, ENDS)
    assert [violation.sentence for violation in liveness.violations()] == [
        "in[1] is at offset 0 of 10, 45 s after the last fault was healed."
    ]
