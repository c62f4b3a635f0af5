"""An output with fewer partitions than the input, at the start or from some time on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream_scorer.app.written_topics import REST_SECONDS
from stream_scorer.errors import TopicInDoubt, TransactionAborted
from stream_scorer.records import Cause, TopicPartition
from tests.fakes.log import FakeTransaction
from tests.worker.loop import GROUP, INPUT, OUTPUT, P0, P1, Loop, numbered

P2, P3 = TopicPartition(INPUT, 2), TopicPartition(INPUT, 3)


@pytest.fixture
def grown(loop: Loop) -> Loop:
    """A worker that has not begun, with two partitions more in its input than in its output."""
    loop.kafka.add_partitions(INPUT, 4)
    return loop


def committed(loop: Loop) -> dict[TopicPartition, int]:
    """What the group has committed, of partitions in which something is done."""
    return {each: at for each, at in loop.kafka.groups[GROUP].committed.items() if at > 0}


def test_partitions_that_the_output_lacks_wait_and_the_others_go_on(grown: Loop) -> None:
    """No transaction is lost over it; they start within seconds once the output has grown."""
    for each, source in enumerate((P0, P1, P2, P3)):
        grown.kafka.write(source, [*numbered(6, 10 * each), b"bad"])
    started = grown.kafka.clock()

    def grow_later() -> bool:
        seconds = grown.kafka.clock() - started
        if seconds > 100:
            grown.kafka.add_partitions(OUTPUT, 4)
        elif seconds > 50:
            grown.kafka.add_partitions(OUTPUT, 3)
        elif seconds > 1:
            assert committed(grown) == {P0: 7, P1: 7}
        if 50 + 2 * REST_SECONDS < seconds < 100:
            assert committed(grown) == {P0: 7, P1: 7, P2: 7}
        return grown.kafka.lag(GROUP, INPUT) == 0

    grown.run_until(grow_later)
    assert grown.kafka.clock() - started < 100 + 2 * REST_SECONDS
    assert grown.scored() == [row for each in range(4) for row in numbered(6, 10 * each)]
    assert len(grown.dead()) == 4
    assert grown.heard.aborts == []
    assert {each.cause for held in grown.heard.held for each in held.values()} == {
        Cause.OUTPUT_PARTITION
    }


def test_it_is_said_what_is_lacking_and_what_to_do(grown: Loop) -> None:
    """One sentence for all partitions that wait, so that the log has one line."""
    grown.kafka.write(P2, numbered(1))
    grown.kafka.write(P3, numbered(1))
    grown.run_until(lambda: bool(grown.heard.held))
    (why,) = {each.why for each in grown.heard.held[0].values()}
    assert why == (
        "the output topic out has 2 partitions, and with output.partition `source` each partition "
        "of the input needs the one of its own number; add partitions (kafka-topics.sh --alter "
        "--topic out --partitions …)"
    )


def test_what_waits_costs_a_question_every_few_seconds(grown: Loop) -> None:
    """However much goes on beside it."""
    grown.kafka.write(P2, numbered(8))
    asked: list[float] = []
    grown.kafka.on_call = lambda _, call: (
        asked.append(grown.kafka.clock()) if call == "partitions" else None
    )
    grown.scoring.seconds_per_row = 0.1
    started = grown.kafka.clock()

    def write_on() -> bool:
        grown.kafka.write(P0, numbered(1))
        return grown.kafka.clock() > started + 60

    grown.run_until(write_on)
    assert 10 <= len(asked) <= 60 / REST_SECONDS + 1


def test_what_waits_outlives_aborts_long_waits_and_idle_times(grown: Loop) -> None:
    """Each time it is read again, and held again at the same event."""
    grown.kafka.write(P2, numbered(8, 20), end="committed")
    started = grown.kafka.clock()
    troubles = [10, 20, 30]

    def trouble() -> bool:
        seconds = grown.kafka.clock() - started
        assert committed(grown).get(P2, 0) == 0 or seconds > 60
        if troubles and seconds > troubles[0]:
            when = troubles.pop(0)
            grown.kafka.write(P0, numbered(2, when))
            grown.kafka.fail("commit", TransactionAborted("not now"))
            if when == 20:
                grown.kafka.go_away(8)
        if seconds > 60:
            grown.kafka.add_partitions(OUTPUT, 4)
        return grown.kafka.lag(GROUP, INPUT) == 0

    grown.run_until(trouble, 300)
    assert sorted(grown.scored()) == sorted(
        [*numbered(8, 20), *numbered(2, 10), *numbered(2, 20), *numbered(2, 30)]
    )
    assert not troubles
    assert not any(isinstance(each, TopicInDoubt) for each in grown.heard.aborts)


def test_what_waits_can_move_to_another_worker(grown: Loop) -> None:
    """Its next owner finds out by itself; nothing of it is done by either."""
    for source in (P0, P1, P2, P3):
        grown.kafka.write(source, numbered(4, 10 * source.partition))
    grown.run_until(lambda: committed(grown) == {P0: 4, P1: 4})
    first, second = grown.another(), grown.another()
    for each in (first, second):
        each.worker._renew()
    for _ in range(20):
        first.worker._go_round()
        second.worker._go_round()
    waiting = [set(each.worker._intake.held) for each in (first, second)]
    assert set.union(*waiting) == {P2, P3}
    second.consumer.close()
    grown.kafka.add_partitions(OUTPUT, 4)
    first.run()
    assert first.scored() == [row for each in range(4) for row in numbered(4, 10 * each)]
    assert first.heard.aborts == second.heard.aborts == []


def test_an_output_that_is_made_anew_with_fewer_partitions_costs_one_transaction(
    loop: Loop,
) -> None:
    """Then what it lacks waits."""
    loop.kafka.write(P0, numbered(2))
    loop.kafka.write(P1, numbered(2, 10))
    loop.kafka.partitions[OUTPUT] = 1
    started = loop.kafka.clock()

    def grow_later() -> bool:
        if loop.kafka.clock() > started + 30:
            loop.kafka.partitions[OUTPUT] = 2
        return loop.kafka.lag(GROUP, INPUT) == 0

    loop.run_until(grow_later)
    assert [type(each) for each in loop.heard.aborts] == [TopicInDoubt]
    assert loop.scored() == [*numbered(2), *numbered(2, 10)]


def test_an_output_that_disappears_is_waited_for(loop: Loop) -> None:
    """Everything waits, and says for what; it goes on where it was."""
    loop.kafka.write(P0, numbered(2))
    started = loop.kafka.clock()

    def come_and_go() -> bool:
        seconds = loop.kafka.clock() - started
        if loop.kafka.lag(GROUP, INPUT) == 0 and not loop.heard.held:
            loop.kafka.partitions[OUTPUT] = 0
            loop.kafka.write(P0, numbered(2, 2))
            loop.kafka.write(P1, numbered(2, 10))
        if seconds > 40:
            loop.kafka.partitions[OUTPUT] = 2
        return loop.kafka.lag(GROUP, INPUT) == 0 and seconds > 40

    loop.run_until(come_and_go)
    assert [type(each) for each in loop.heard.aborts] == [TopicInDoubt]
    (why,) = {each.why for each in loop.heard.held[0].values()}
    assert why == (
        "the output topic out does not exist any more; create it again (kafka-topics.sh --create "
        "--topic out)"
    )
    assert loop.scored() == [*numbered(4), *numbered(2, 10)]


def test_what_waits_and_disappears_from_the_log_waits_no_more(grown: Loop) -> None:
    """It expired, or was compacted away; nothing comes after it that could be scored."""
    grown.kafka.write(P2, numbered(1), end="committed")
    started = grown.kafka.clock()

    def expire() -> bool:
        if grown.kafka.clock() > started + 20:
            log = grown.kafka.logs[P2]
            log[0] = replace(log[0], transaction=FakeTransaction(state="aborted"))
        is_over = committed(grown).get(P2) == 2
        assert bool(grown.worker._intake.held) is (bool(grown.heard.held) and not is_over)
        return is_over

    grown.run_until(expire)
    assert grown.heard.held
