"""What the brokers refuse, and how many dead letters are too many."""

from __future__ import annotations

import pytest

from stream_scorer.budget import Budget
from stream_scorer.errors import RecordsRefused, TooManyDeadLetters
from stream_scorer.records import Batch
from tests.worker.loop import DEAD, GROUP, OUTPUT, P0, P1, Loop, numbered


def test_a_record_that_the_broker_refuses_becomes_a_dead_letter(loop: Loop) -> None:
    """Its set leaves no trace and is read again, at once."""
    loop.kafka.write(P0, numbered(20))
    loop.kafka.refuses = lambda topic, value: topic == OUTPUT and value == b"scored:13"
    started = loop.kafka.clock()
    loop.run()
    assert loop.dead() == [(b"13", b"rejected_by_broker")]
    assert loop.scored() == [each for each in numbered(20) if each != b"13"]
    assert len(loop.heard.aborts) == 1
    assert loop.kafka.clock() - started < 0.1, "there is nothing to wait for"


def test_all_that_is_refused_of_a_set_is_found_at_once(loop: Loop) -> None:
    """In two partitions; their neighbours are scored once more, and in order."""
    loop.kafka.write(P0, numbered(30))
    loop.kafka.write(P1, numbered(30, 30))
    culprits = {b"scored:%d" % each for each in (0, 1, 29, 44)}
    loop.kafka.refuses = lambda topic, value: topic == OUTPUT and value in culprits
    loop.run()
    assert sorted(value or b"" for value, _ in loop.dead()) == [b"0", b"1", b"29", b"44"]
    good = [each for each in numbered(60) if b"scored:" + each not in culprits]
    assert loop.scored() == good
    assert len(loop.heard.aborts) == 1
    assert sum(loop.scoring.batches) == 2 * 60


def test_a_refusal_that_names_no_record_is_an_abort_like_any_other(loop: Loop) -> None:
    """There is nothing to do otherwise, so it waits, with a smaller set each time."""
    loop.kafka.write(P0, numbered(16))
    for _ in range(2):
        loop.kafka.fail("commit", RecordsRefused("INVALID_RECORD", {}))
    started = loop.kafka.clock()
    loop.run()
    assert loop.scored() == numbered(16)
    assert loop.dead() == []
    assert loop.heard.committed_rows[0] < 16
    assert loop.kafka.clock() - started > 0.1 + 0.2


def test_after_the_culprit_sets_are_as_large_as_before(loop: Loop) -> None:
    """One bad record does not make the worker slow."""
    loop.kafka.write(P0, numbered(64))
    loop.kafka.refuses = lambda topic, value: topic == OUTPUT and value == b"scored:5"
    loop.run()
    assert loop.heard.committed_rows[-1] >= 32


def test_a_dead_letter_that_is_refused_too_is_written_with_less_in_it(loop: Loop) -> None:
    """In the end without its value; its neighbours are not touched."""
    loop.kafka.write(P0, [*numbered(8), b"bad"])
    loop.kafka.refuses = lambda _, value: value in (b"scored:5", b"5", b"bad")
    loop.run()
    assert loop.dead() == [(None, b"rejected_by_broker"), (None, b"undecodable")]
    assert loop.scored() == [each for each in numbered(8) if each != b"5"]


def test_a_dead_letter_topic_that_takes_nothing_stops_the_worker(loop: Loop) -> None:
    """There is no place left for the event; nothing is lost, what came before is committed."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.refuses = lambda topic, value: topic == DEAD or value == b"scored:5"
    with pytest.raises(TooManyDeadLetters, match="even without time, value, headers and key"):
        loop.run()
    assert loop.kafka.groups[GROUP].committed.get(P0, 0) <= 5
    assert loop.scored() == numbered(loop.kafka.groups[GROUP].committed.get(P0, 0))


def test_dead_letters_leave_in_the_transaction_of_their_neighbours(loop: Loop) -> None:
    """Each event has one trace."""
    loop.kafka.write(P0, [b"1", b"bad", b"2"])
    loop.run()
    assert loop.scored() == [b"1", b"2"]
    assert loop.dead() == [(b"bad", b"undecodable")]
    assert loop.heard.committed_rows == [3]


def test_the_set_that_would_cross_the_budget_is_not_committed() -> None:
    """The worker stops; what was committed before stays, the rest is read by the next one."""
    loop = Loop(budget=Budget(ratio=0.1, window_seconds=60, minimum=3))
    loop.kafka.write(P0, [*numbered(6), b"bad1", b"bad2"])
    loop.run_until(lambda: loop.kafka.groups[GROUP].committed.get(P0) == 8)
    loop.kafka.write(P0, [b"bad3", b"8"])
    after = Loop(loop.kafka, budget=Budget(ratio=0.1, window_seconds=60, minimum=1))
    with pytest.raises(TooManyDeadLetters, match="1 of the next 2") as stopped:
        after.run()
    assert stopped.value.exit_code == 5
    assert after.kafka.groups[GROUP].committed[P0] == 8
    assert len(after.dead()) == 2


def test_the_budget_is_asked_once_for_all_that_is_refused_of_a_set() -> None:
    """A tenth of the set is within it; the half that has them all would not be."""
    loop = Loop(budget=Budget(ratio=0.1, window_seconds=60, minimum=1))
    loop.kafka.write(P0, numbered(40))
    culprits = {b"scored:%d" % each for each in range(4)}
    loop.kafka.refuses = lambda topic, value: topic == OUTPUT and value in culprits
    loop.run()
    assert len(loop.dead()) == 4
    assert loop.heard.committed_rows == [40]


def test_what_was_rejected_is_forgotten_once_it_is_committed(loop: Loop) -> None:
    """A worker lives for months."""
    loop.kafka.write(P0, numbered(20))
    loop.kafka.refuses = lambda topic, value: topic == OUTPUT and value == b"scored:13"
    loop.run()
    assert len(loop.dead()) == 1
    assert loop.scoring.rejections._scores == {}


def test_a_budget_that_is_crossed_in_a_revocation_stops_the_worker() -> None:
    """The partitions go uncommitted."""
    loop = Loop(budget=Budget(ratio=0.0, window_seconds=60, minimum=1))
    loop.kafka.write(P0, [b"1", b"2", b"3", b"bad"])
    loop.kafka.write(P1, numbered(4, 4))

    def join(_: Batch) -> None:
        if len(loop.scoring.batches) == 0:
            loop.another()

    loop.scoring.before = join
    with pytest.raises(TooManyDeadLetters):
        loop.run()
    assert loop.scored() == []
    assert loop.kafka.groups[GROUP].committed == {}
