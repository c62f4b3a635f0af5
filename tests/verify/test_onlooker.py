"""The onlooker: it misses no worker's end, and judges what nobody else can."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from stream_scorer.records import TopicPartition
from stream_scorer.verify.checker import Checker
from stream_scorer.verify.fleet import Fleet, Member
from stream_scorer.verify.history import HistoryFile, HistoryReader
from stream_scorer.verify.invariants.liveness import Liveness
from stream_scorer.verify.onlooker import Onlooker
from stream_scorer.verify.points import Act, Order, Point
from stream_scorer.verify.readers import Readers
from stream_scorer.verify.values import Entry, Invariant
from tests.topics import wait_for
from tests.verify.cases import IN, event, said, told, trace
from tests.verify.reading import Reading
from tests.verify.scenes import fleet_in, started
from tests.verify.test_recovery import commit


class Rig:
    """An onlooker, and all that it looks at, on a clock that the test moves."""

    def __init__(self, folder: Path, size: int) -> None:
        self.reading = Reading()
        self.fleet: Fleet = fleet_in(folder, size)
        self.now = 100.0
        self._path = folder / "journal"
        self._journal = HistoryFile(self._path, "verify", clock=lambda: self.now)
        self.onlooker = Onlooker(
            readers=cast("Readers", self.reading),
            checker=Checker(order_by="source"),
            liveness=Liveness(10.0),
            fleet=self.fleet,
            journal=self._journal,
            recovery_seconds=20.0,
            clock=lambda: self.now,
        )

    def look(self, *, impaired: bool = False) -> None:
        """Look once, a second later."""
        self.now += 1.0
        self.onlooker.look(0.0, impaired=impaired)

    def close(self) -> None:
        """End all."""
        self.fleet.kill()
        self._journal.close()

    @property
    def journal(self) -> list[tuple[str, str]]:
        """Who said what so far."""
        return [(each.who, each.what) for each in HistoryReader(self._path).new()]

    @property
    def violations(self) -> list[str]:
        """What was violated so far."""
        return said(self.onlooker.violations())


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """An onlooker with nobody to look at."""
    rig = Rig(tmp_path, 0)
    yield rig
    rig.close()


@pytest.fixture
def one(tmp_path: Path) -> Iterator[tuple[Rig, Member]]:
    """An onlooker with one worker."""
    rig = Rig(tmp_path, 1)
    [member] = started(rig.fleet)
    yield rig, member
    rig.close()


def dead(member: Member, number: signal.Signals = signal.SIGKILL) -> None:
    """End a process from outside."""
    member.process.send_signal(number)
    wait_for(lambda: not member.alive, "the process to end")


def write(member: Member, *entries: Entry) -> None:
    """Let a worker's history have these lines."""
    file = HistoryFile(member.history._path, member.who)
    for entry in entries:
        file.append(entry)
    file.close()


# ---------------------------------------------------------------------- how workers end


def test_a_worker_that_ends_by_itself_is_a_violation(one: tuple[Rig, Member]) -> None:
    """With its exit code and the end of its log; it is replaced nevertheless."""
    rig, member = one
    member.log.write_text("a\nb\nc\nError: it is broken.\n")
    dead(member)
    rig.look()
    [violation] = rig.violations
    assert violation.startswith("I9 worker-1.1 ended by itself with exit code -9; its log ends")
    assert violation.endswith(":\nb\nc\nError: it is broken.")
    assert rig.journal == [("verify", "ended")]
    assert [each.who for each in rig.fleet.serving] == ["worker-1.2"]
    rig.look()
    assert len(rig.violations) == 1


def test_a_worker_that_was_to_end_is_none(one: tuple[Rig, Member]) -> None:
    """It was ordered; how it came to it is in the journal before its end."""
    rig, member = one
    member.order(Order(Point.AFTER_FETCH, Act.KILL))
    wait_for(lambda: not member.alive, "the process to end")
    rig.look()
    assert rig.violations == []
    assert rig.journal == [("worker-1.1", "reached"), ("verify", "ended")]


def test_who_ended_by_itself_just_before_all_were_stopped_is_a_violation_too(
    one: tuple[Rig, Member],
) -> None:
    """Nobody has looked in between."""
    rig, member = one
    dead(member)
    rig.onlooker.stop_the_fleet()
    assert len(rig.violations) == 1
    assert dict(rig.onlooker.finish().ended) == {"by SIGKILL": 1}


def test_workers_that_were_stopped_are_counted_by_how_they_ended(one: tuple[Rig, Member]) -> None:
    """An orderly stop is no violation."""
    rig, _ = one
    rig.onlooker.stop_the_fleet()
    assert rig.violations == []
    assert dict(rig.onlooker.finish().ended) == {"with exit code 0": 1}


# ---------------------------------------------------------------------- what it counts


def test_events_traces_and_transactions_are_counted_to_the_end(one: tuple[Rig, Member]) -> None:
    """Those that came during the faults, and those that are read afterwards."""
    rig, member = one
    begun = Entry(3, member.who, "begun", {"transaction": "b"})
    write(member, *told("a", 2), begun)
    rig.reading.events_now, rig.reading.traces_now = [event(0)], [trace(0, 0)]
    rig.reading.events_later, rig.reading.traces_later = [event(1)], [trace(1, 1)]
    rig.look()
    assert (rig.onlooker.events, rig.onlooker.traces) == (1, 1)
    rig.reading.committed = {IN: 2}
    seen = rig.onlooker.finish()
    assert (seen.events, seen.scored, dict(seen.dead_letters)) == (2, 2, {})
    assert seen.transactions == {"committed": 1, "aborted": 0, "cut short": 1}
    assert rig.violations == []


def test_what_the_checker_finds_is_found(rig: Rig) -> None:
    """It is given all that was read."""
    rig.reading.events_now, rig.reading.traces_now = [event(0)], [trace(0, 0), trace(1, 0)]
    rig.look()
    assert [each[:2] for each in rig.violations] == [Invariant.ONE_TRACE]


# ---------------------------------------------------------------------- whether it moves


def test_a_partition_that_stands_still_is_a_violation_unless_something_is_injured(
    rig: Rig,
) -> None:
    """What halts all excuses it, only while it lasts."""
    rig.reading.latest, rig.reading.until = {IN: 3}, {IN: 9}
    for _ in range(30):
        rig.look(impaired=True)
    assert rig.violations == []
    for _ in range(15):
        rig.look()
    assert len(rig.violations) == 1
    assert "in[0] was stuck at offset 3 of 9" in rig.violations[0]


def test_offsets_that_nobody_says_are_no_violation(rig: Rig) -> None:
    """Brokers may be away."""
    rig.reading.latest = rig.reading.committed = rig.reading.ending = None
    for _ in range(30):
        rig.look()
    assert rig.violations == []
    assert not rig.onlooker.is_at_the_end()


def test_the_end_is_where_all_of_the_input_is_committed(rig: Rig) -> None:
    """Every partition of it, its control markers too."""
    other = TopicPartition("in", 1)
    rig.reading.ending = {IN: 9, other: 4}
    for committed, at_the_end in (({}, False), ({IN: 9}, False), ({IN: 9, other: 4}, True)):
        rig.reading.committed = dict(committed)
        assert rig.onlooker.is_at_the_end() is at_the_end


def test_an_end_that_was_not_reached_is_a_violation_of_each_partition(rig: Rig) -> None:
    """With how far it got."""
    rig.reading.ending, rig.reading.committed = {IN: 9}, {IN: 5}
    rig.look()
    rig.onlooker.end_not_reached(60.0)
    assert len(rig.violations) == 1
    assert "in[0] is at offset 5 of 9, 60 s after" in rig.violations[0]


@pytest.mark.parametrize(("seconds", "found"), [(19.0, 0), (21.0, 1)])
def test_a_recovery_that_takes_too_long_is_a_violation(
    seconds: float, found: int, one: tuple[Rig, Member]
) -> None:
    """Longer than what the brokers wait for the dead explains."""
    rig, member = one
    killed = Entry(5, member.who, "reached", {"point": "after-fetch", "act": "SIGKILL"})
    write(member, *commit(4, member.who, IN), killed, *commit(4 + seconds, member.who, IN))
    rig.look()
    seen = rig.onlooker.finish()
    assert seen.recovery.worst is not None
    assert seen.recovery.worst.seconds == seconds
    assert sum("was without commits" in each for each in rig.violations) == found
