"""Aborts, a lost producer, and what is away."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections import Counter
from dataclasses import dataclass, field

import pytest

from stream_scorer.errors import (
    Broken,
    ProducerLost,
    Refused,
    StreamScorerError,
    TransactionAborted,
    Unanswered,
)
from stream_scorer.records import Batch, Held
from tests.worker.loop import GROUP, INPUT, P0, P1, Loop, numbered


def test_an_aborted_set_is_read_and_scored_again(loop: Loop) -> None:
    """Nothing of it was visible."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.fail("commit", TransactionAborted("not now"))
    loop.run()
    assert loop.scored() == numbered(8)
    assert [str(each) for each in loop.heard.aborts] == ["not now"]


def test_each_abort_in_a_row_halves_the_next_set_and_each_commit_lets_it_grow(loop: Loop) -> None:
    """What is wrong may be the size."""
    loop.kafka.write(P0, numbered(64))
    for _ in range(3):
        loop.kafka.fail("commit", TransactionAborted("not now"))
    loop.run()
    assert loop.heard.committed_rows == [8, 9, 10, 11, 12, 13, 1]
    assert loop.scored() == numbered(64)


def test_a_slow_uplink_is_found_out_and_not_overrun_every_other_time(loop: Loop) -> None:
    """A set that it does not take within the messages' timeout aborts, after that time."""
    loop.kafka.write(P0, numbered(2_000))

    def send(client: object, call: str) -> None:
        if client is not loop.producer or call != "commit":
            return
        seconds = 0.5 * loop.kafka.open[loop.producer.request.transactional_id].records
        loop.kafka.clock.advance(min(seconds, 12.0))
        if seconds > 12.0:
            raise TransactionAborted("_MSG_TIMED_OUT")

    loop.kafka.on_call = send
    loop.run_until(lambda: loop.kafka.lag(GROUP, INPUT) == 0, seconds=3_000)
    assert loop.scored() == numbered(2_000)
    commits, aborts = len(loop.heard.committed_rows), len(loop.heard.aborts)
    assert aborts < commits / 5
    assert 2_000 / commits > 24 / 2, "more than half of what it takes"


def test_aborts_in_a_row_wait_longer_and_longer(loop: Loop) -> None:
    """0.1 s, doubled each time, at most 5 s; the group is not left for it."""
    loop.kafka.write(P0, numbered(4))
    for _ in range(9):
        loop.kafka.fail("commit", TransactionAborted("not now"))
    started = loop.kafka.clock()
    loop.run()
    expected = 0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 3.2 + 5 + 5 + 5
    assert loop.kafka.clock() - started == pytest.approx(expected, abs=0.1)
    assert loop.heard.rounds > expected / 0.2
    assert "lost" not in loop.heard.rebalances


def test_a_commit_ends_the_row_of_aborts(loop: Loop) -> None:
    """The next abort waits as the first one does."""
    loop.kafka.write(P0, numbered(4))
    loop.kafka.fail("commit", TransactionAborted("not now"))

    def feed() -> bool:
        if len(loop.scored()) == len(loop.kafka.logs[P0]) == 4:
            loop.kafka.write(P0, numbered(4, 4))
            loop.kafka.fail("commit", TransactionAborted("not now"))
        return len(loop.scored()) == 8

    loop.run_until(feed)
    assert loop.heard.in_a_row == [1, 1]


def test_a_lost_producer_is_made_anew_before_anything_is_read(loop: Loop) -> None:
    """Its initialisation decides what became of the open transaction."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.fail("commit", ProducerLost("in doubt"))
    loop.run()
    assert loop.producer.rebuilds == 2
    assert loop.scored() == numbered(8)


def test_a_commit_in_doubt_that_happened_is_not_done_again(loop: Loop) -> None:
    """The rewind goes to what the brokers have, not to what the worker remembers."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.fail("commit", ProducerLost("in doubt"), happened=True)
    loop.run_until(lambda: loop.kafka.lag(GROUP, INPUT) == 0 and loop.producer.rebuilds == 2)
    assert loop.scored() == numbered(8)


def test_brokers_that_are_away_are_waited_for(loop: Loop) -> None:
    """While the producer can't be made anew the worker stays, says so, and fetches nothing."""
    loop.kafka.write(P0, numbered(4))
    loop.kafka.fail("commit", ProducerLost("in doubt"))
    for _ in range(3):
        loop.kafka.fail("init", Unanswered("no coordinator"))
    loop.run()
    assert loop.scored() == numbered(4)
    # The first of the three is met at the start, before there is anything to lose.
    assert [str(each) for each in loop.heard.waits] == ["no coordinator"] * 3
    assert loop.consumer.paused == 3


def test_a_stop_ends_the_wait_for_brokers(loop: Loop) -> None:
    """Within a poll."""
    for _ in range(100):
        loop.kafka.fail("init", Unanswered("no coordinator"))
    started = loop.kafka.clock()
    loop.run_until(lambda: loop.kafka.clock() > started + 7)
    assert loop.kafka.clock() - started < 7.5
    assert loop.consumer.closed


def test_a_right_that_is_taken_back_ends_the_worker(loop: Loop) -> None:
    """Waiting does not bring it back; nothing is committed."""
    loop.kafka.write(P0, numbered(4))
    loop.kafka.fail("send_offsets", Refused("no right"))
    with pytest.raises(Refused):
        loop.run()
    assert loop.scored() == []
    assert loop.consumer.closed


def test_an_error_nobody_foresaw_drops_the_set_and_leaves_the_group(loop: Loop) -> None:
    """The next worker reads the events again."""
    loop.kafka.write(P0, numbered(12))

    def fail(_: Batch) -> None:
        if len(loop.scoring.batches) == 2:
            raise Broken("the device is gone")

    loop.scoring.before = fail
    with pytest.raises(Broken):
        loop.run()
    assert loop.scored() == []
    assert loop.consumer.closed
    after = Loop(loop.kafka)
    after.run()
    assert after.scored() == numbered(12)


@dataclass
class Registry:
    """Does not answer for events that begin so, until it is told to; asked again after 3 s."""

    withheld: bytes
    asked: Counter[bytes] = field(default_factory=Counter)
    answers: bool = False

    def __call__(self, value: bytes | None) -> None:
        """Answer, or not."""
        value = value or b""
        self.asked[value] += 1
        if value.startswith(self.withheld) and not self.answers:
            raise Unanswered("the registry is away", seconds=3.0)


def test_a_registry_that_is_away_keeps_the_place(loop: Loop) -> None:
    """What is in front of the event that waits is committed; it and those behind it are not."""
    loop.kafka.write(P0, [*numbered(6), b"new", *numbered(3, 7)])
    loop.scoring.ask = registry = Registry(b"new")
    started = loop.kafka.clock()

    def wait() -> bool:
        registry.answers = loop.kafka.clock() > started + 10
        assert registry.answers or loop.scored() in ([], numbered(6))
        return loop.kafka.lag(GROUP, INPUT) == 0

    loop.run_until(wait)
    assert loop.scored() == [*numbered(6), b"new", *numbered(3, 7)]
    assert registry.asked[b"new"] == 5, "once in three seconds"
    assert loop.heard.held == [{P0: Held(6, "the registry is away", 3.0)}]
    assert (loop.heard.waits, loop.heard.aborts) == ([], [])


def test_a_partition_that_waits_starves_no_other(loop: Loop) -> None:
    """Nor what comes later to the others; it is committed as quickly as ever."""
    loop.kafka.write(P0, [b"0", b"new", b"1"])
    loop.kafka.write(P1, numbered(1_000, 10))
    loop.scoring.ask = registry = Registry(b"new")
    started = loop.kafka.clock()
    loop.run_until(lambda: len(loop.scored()) == 1_001)
    assert loop.kafka.clock() - started < 2.0
    assert loop.kafka.groups[GROUP].committed == {P0: 1, P1: 1_000}
    assert registry.asked[b"new"] == 1
    registry.answers = True
    after = Loop(loop.kafka)
    after.scoring.ask = registry
    after.run()
    assert after.scored() == [b"0", b"new", b"1", *numbered(1_000, 10)]


def test_an_idle_position_does_not_step_over_an_event_that_is_held(loop: Loop) -> None:
    """The client has read it; the group must not take it for done. Markers before it are."""
    loop.kafka.write(P0, numbered(1), end="committed")
    loop.kafka.write(P0, [b"new"], end="committed")
    loop.scoring.ask = registry = Registry(b"new")
    started = loop.kafka.clock()

    def wait() -> bool:
        registry.answers = loop.kafka.clock() > started + 10
        if not registry.answers:
            assert loop.kafka.groups[GROUP].committed.get(P0, 0) <= 2
        return loop.kafka.lag(GROUP, INPUT) == 0

    loop.run_until(wait)
    assert loop.scored() == [b"0", b"new"]


def test_an_abort_while_a_partition_is_held_reads_nothing_twice(loop: Loop) -> None:
    """The rewind goes back to what is committed, and ends the hold."""
    loop.kafka.write(P0, [*numbered(2), b"new", b"2"])
    loop.kafka.write(P1, numbered(8, 10))
    loop.kafka.fail("commit", TransactionAborted("not now"))
    loop.scoring.ask = registry = Registry(b"new")
    started = loop.kafka.clock()

    def wait() -> bool:
        registry.answers = loop.kafka.clock() > started + 5
        return loop.kafka.lag(GROUP, INPUT) == 0

    loop.run_until(wait)
    assert loop.scored() == [*numbered(2), b"new", b"2", *numbered(8, 10)]
    assert len(loop.heard.aborts) == 1


def test_a_partition_that_is_held_can_move_and_come_back(loop: Loop) -> None:
    """Its next owner asks anew; nobody remembers the hold."""
    loop.kafka.write(P0, [b"0", b"new", b"1"])
    loop.kafka.write(P1, [b"2", b"new", b"3"])
    loop.scoring.ask = registry = Registry(b"new")
    loop.run_until(lambda: len(loop.scored()) == 2 and loop.kafka.lag(GROUP, INPUT) == 4)
    first, second = loop.another(), loop.another()
    for each in (first, second):
        each.scoring.ask = registry
        each.worker._renew()
    for _ in range(20):
        first.worker._go_round()
        second.worker._go_round()
    assert {len(each.consumer.held) for each in (first, second)} == {1}
    assert {frozenset(each.worker._intake.held) for each in (first, second)} == {
        frozenset({P0}),
        frozenset({P1}),
    }
    second.consumer.close()
    first.worker._go_round()
    registry.answers = True
    first.run()
    assert first.scored() == [b"0", b"new", b"1", b"2", b"new", b"3"]


def test_brokers_that_do_not_say_what_is_committed_are_asked_again(loop: Loop) -> None:
    """No event is taken until they do."""
    loop.kafka.write(P0, numbered(4))
    loop.kafka.fail("commit", TransactionAborted("not now"))
    loop.consumer.rewind_fails = [Unanswered("no coordinator"), Unanswered("no coordinator")]
    loop.run()
    assert loop.scored() == numbered(4)
    assert len(loop.heard.waits) == 2


def test_a_set_in_hand_does_not_outlive_a_wait_for_a_coordinator(loop: Loop) -> None:
    """Its connection broke, and no coordinator answers: its events are read again, once."""
    loop.kafka.write(P0, numbered(12))

    def lose_connection(_: Batch) -> None:
        if len(loop.scoring.batches) == 1:
            loop.kafka.breaks.update(loop.kafka.epochs)
            loop.kafka.fail("init", Unanswered("no coordinator"))

    loop.scoring.before = lose_connection
    loop.run()
    assert len(loop.heard.waits) == 1
    assert loop.scored() == numbered(12)


def test_connections_that_break_under_every_set_do_not_keep_the_loop_from_committing(
    loop: Loop,
) -> None:
    """Each void set makes the next one smaller, until one is committed before that."""
    loop.kafka.write(P0, numbered(64))
    calls = itertools.count()

    def lose_connection(_: object, call: str) -> None:
        assert next(calls) < 10_000, "the loop does not get there"
        if call == "poll" and loop.worker._intake.open is not None:
            loop.kafka.breaks.update(loop.kafka.epochs)

    loop.kafka.on_call = lose_connection
    loop.run()
    assert loop.scored() == numbered(64)


def test_nothing_begins_with_a_producer_in_doubt(loop: Loop) -> None:
    """A copy of its last request could end the next transaction: it is replaced before."""
    loop.kafka.write(P0, numbered(3))
    loop.scoring.before = lambda _: loop.kafka.breaks.update(
        loop.kafka.epochs if not loop.scoring.batches else ()
    )
    loop.run()
    assert [type(each) for each in loop.heard.aborts] == [ProducerLost]
    assert loop.producer.rebuilds == 2
    assert loop.scored() == numbered(3)


def test_after_three_aborts_in_a_row_the_producer_is_replaced(loop: Loop) -> None:
    """Also where its client is as good as before by all that is known."""
    loop.kafka.write(P0, numbered(4))
    for _ in range(7):
        error = TransactionAborted("REBALANCE_IN_PROGRESS")
        loop.kafka.fail("send_offsets", error, by_group=True)
    loop.run()
    assert loop.producer.rebuilds == 1 + 2
    assert loop.scored() == numbered(4)


def test_an_abort_that_is_not_the_group_s_doing_replaces_the_producer(loop: Loop) -> None:
    """It may have set the client and the brokers apart for ever."""
    loop.kafka.write(P0, numbered(4))
    loop.kafka.fail("commit", TransactionAborted("INVALID_PRODUCER_ID_MAPPING"))
    loop.run()
    assert loop.producer.rebuilds == 2
    assert loop.scored() == numbered(4)


@pytest.mark.parametrize("kind", [TransactionAborted, ProducerLost, Unanswered])
def test_a_failure_that_was_dealt_with_is_gone(
    loop: Loop, kind: type[StreamScorerError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once: it leads to the client of its transaction, and cycles are looked for seldom."""
    raised: list[weakref.ref[StreamScorerError]] = []

    def watched(error: StreamScorerError) -> StreamScorerError:
        raised.append(weakref.ref(error))
        return error

    def fail(_: Batch) -> None:
        if not raised:
            raise watched(kind("not now"))

    loop.scoring.before = fail
    for hears in ("aborted", "waiting"):
        monkeypatch.setattr(loop.heard, hears, lambda *_: None)
    loop.kafka.write(P0, numbered(4))
    gc.disable()
    try:
        loop.run()
        assert [gone() for gone in raised] == [None]
    finally:
        gc.enable()
