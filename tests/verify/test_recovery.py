"""How long a partition stands still after a kill, from the history alone."""

from __future__ import annotations

import random

from stream_scorer.records import TopicPartition
from stream_scorer.verify.recovery import Gap, Recovery, RecoveryTimes, together
from stream_scorer.verify.values import Entry

ONE, TWO = TopicPartition("in", 0), TopicPartition("in", 1)


def commit(at: float, who: str, *partitions: TopicPartition) -> list[Entry]:
    """A transaction of a worker that commits."""
    name = f"{who}-{at}"
    offsets = [[*partition, 1] for partition in partitions]
    sent = {"transaction": name, "records": 1, "offsets": offsets}
    return [
        Entry(at - 0.1, who, "sent", sent),
        Entry(at, who, "committed", {"transaction": name}),
    ]


def kill(at: float, who: str) -> Entry:
    """A worker kills itself at a point."""
    return Entry(at, who, "reached", {"point": "after-fetch", "act": "SIGKILL"})


def recovery_of(*entries: Entry) -> Recovery:
    """What these lines say, in whatever order they come."""
    recovery = Recovery()
    dice = random.Random(1)  # noqa: S311 - dice, not secrets
    names = {str(entry.details.get("transaction", id(entry))): dice.random() for entry in entries}
    for entry in sorted(
        entries, key=lambda each: names[str(each.details.get("transaction", id(each)))]
    ):
        recovery.told(entry)
    return recovery


def test_a_gap_lasts_from_the_last_commit_before_to_the_first_after() -> None:
    """By whoever has the partition then."""
    recovery = recovery_of(
        *commit(1, "w1.1", ONE), *commit(2, "w1.1", ONE), kill(3, "w1.1"),
        *commit(9, "w2.1", ONE), *commit(10, "w2.1", ONE),
    )  # fmt: skip
    assert recovery.gaps() == [Gap("w1.1", 3, ONE, 7.0, disturbed=False)]


def test_only_partitions_of_the_killed_worker_have_a_gap() -> None:
    """The others go on."""
    recovery = recovery_of(
        *commit(1, "w1.1", ONE), *commit(2, "w2.1", TWO), kill(3, "w1.1"),
        *commit(4, "w2.1", TWO), *commit(5, "w2.1", ONE, TWO),
    )  # fmt: skip
    assert [(gap.partition, gap.seconds) for gap in recovery.gaps()] == [(ONE, 4.0)]


def test_a_transaction_that_was_aborted_or_of_unknown_outcome_is_no_commit() -> None:
    """What counts is what was said to be committed."""
    aborted = [*commit(4, "w2.1", ONE)[:1], Entry(4, "w2.1", "aborted", {"transaction": "w2.1-4"})]
    recovery = recovery_of(
        *commit(1, "w1.1", ONE), *commit(2, "w1.1", ONE)[:1], kill(3, "w1.1"),
        *aborted, *commit(6, "w2.1", ONE),
    )  # fmt: skip
    assert [gap.seconds for gap in recovery.gaps()] == [5.0]


def test_a_kill_from_outside_is_known_by_how_the_process_ended() -> None:
    """Noticed a little later; one that stopped or failed was not killed."""
    ended = [
        Entry(at, "verify", "ended", {"worker": who, "exit_code": code})
        for at, who, code in ((3, "w1.1", -9), (4, "w2.1", -15), (5, "w3.1", 70))
    ]
    recovery = recovery_of(
        *commit(1, "w1.1", ONE), *commit(2, "w2.1", TWO), *ended, *commit(8, "w1.2", ONE, TWO)
    )
    assert recovery.gaps() == [Gap("w1.1", 3, ONE, 7.0, disturbed=False)]
    assert recovery_of(kill(2.5, "w1.1"), *ended).times().kills == 1


def test_a_gap_with_another_injury_in_it_is_disturbed() -> None:
    """Its length says little about one kill."""
    lines = [*commit(1, "w1.1", ONE), kill(3, "w1.1"), *commit(9, "w2.1", ONE)]
    during = Entry(1, "verify", "injured", {"fault": "brokers away"})
    healed = Entry(4, "verify", "healed", {"fault": "brokers away"})
    assert [gap.disturbed for gap in recovery_of(*lines, kill(5, "w3.1")).gaps()] == [True]
    assert [gap.disturbed for gap in recovery_of(*lines, during, healed).gaps()] == [True]


def test_a_gap_is_not_disturbed_by_what_is_over_comes_later_or_is_the_kill_itself() -> None:
    """Faults before and after, and the entry for the kill."""
    lines = [*commit(1, "w1.1", ONE), kill(3, "w1.1"), *commit(9, "w2.1", ONE)]
    others = [
        Entry(0, "verify", "injured", {"fault": "brokers away"}),
        Entry(2, "verify", "healed", {"fault": "brokers away"}),
        Entry(2, "verify", "injured", {"fault": "SIGKILL after-fetch"}),
        kill(10, "w2.1"),
        Entry(11, "verify", "injured", {"fault": "brokers away"}),
    ]
    assert recovery_of(*lines, *others).gaps()[0] == Gap("w1.1", 3, ONE, 8.0, disturbed=False)


def test_times_are_of_gaps_that_closed_undisturbed() -> None:
    """The worst one is named; what never went on has no length."""
    recovery = recovery_of(
        *commit(1, "w1.1", ONE, TWO), kill(2, "w1.1"),
        *commit(4, "w2.1", ONE), *commit(8, "w2.1", TWO),
        *commit(9, "w3.1", ONE), kill(10, "w3.1"),
    )  # fmt: skip
    times = recovery.times()
    assert (times.kills, len(times.seconds), times.disturbed) == (2, 2, 0)
    assert times.median_seconds == 5.0
    assert times.worst == Gap("w1.1", 2, TWO, 7.0, disturbed=False)
    assert recovery.gaps()[-1].seconds is None


def test_without_a_kill_there_is_nothing_to_measure() -> None:
    """Not even if commits are rare."""
    times = recovery_of(*commit(1, "w1.1", ONE), *commit(100, "w1.1", ONE)).times()
    assert (times.kills, times.median_seconds, times.worst) == (0, None, None)


def test_the_gaps_of_several_rounds_are_one_number() -> None:
    """The median is that of all gaps, not of the rounds' medians."""
    gap = Gap("w1.1", 2, ONE, 9.0, disturbed=False)
    times = together(
        [RecoveryTimes(3, (1.0, 2.0, 9.0), gap), RecoveryTimes(), RecoveryTimes(1, (3.0,), None)]
    )
    assert (times.kills, times.median_seconds, times.worst) == (4, 2.5, gap)
