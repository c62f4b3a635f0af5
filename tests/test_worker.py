"""The loop over a Kafka in memory, on a clock that only waiting moves."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from stream_scorer.budget import Budget, BudgetLedger
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.errors import (
    Broken,
    ProducerLost,
    Refused,
    StreamScorerError,
    Terminated,
    TooManyDeadLetters,
    TransactionAborted,
    Unanswered,
)
from stream_scorer.open_set import Pace
from stream_scorer.output import DeadLetterOutput, TransactionalOutput
from stream_scorer.records import (
    Batch,
    DeadLetter,
    Problem,
    Reason,
    ScoredBatch,
    ScoredEvents,
    Stage,
    TopicPartition,
)
from stream_scorer.worker import Worker
from tests.fakes import FakeConsumer, FakeKafka, FakeProducer

INPUT, OUTPUT, DEAD, GROUP = "in", "out", "dead", "group"
P0, P1 = TopicPartition(INPUT, 0), TopicPartition(INPUT, 1)
PACE = Pace(
    max_records=4,
    max_wait_seconds=0.0,
    commit_interval_seconds=0.1,
    min_commit_interval_seconds=0.01,
    transaction_max_records=100,
    transaction_max_bytes=1_000_000,
    max_poll_interval_seconds=300.0,
)


@dataclass
class Scoring:
    """Writes an event's own value behind ``scored:``; what goes wrong is up to the test."""

    kafka: FakeKafka
    seconds_per_row: float = 0.0
    before: Callable[[Batch], None] = lambda _: None
    rejected: dict[tuple[TopicPartition, int], str] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)

    def score(self, batch: Batch) -> ScoredBatch:
        """Score a batch; a value that begins with ``bad`` is a dead letter."""
        self.before(batch)
        self.batches.append(len(batch))
        self.kafka.clock.advance(self.seconds_per_row * len(batch))
        dead = [row for row in range(len(batch)) if self._is_bad(batch, row)]
        good = [row for row in range(len(batch)) if row not in dead]
        values = [b"scored:" + (batch.values[row] or b"") for row in good]
        return ScoredBatch(
            ScoredEvents(
                values,
                [batch.keys[row] for row in good],
                [batch.headers[row] for row in good],
                [int(batch.timestamps[row]) for row in good],
                [batch.source_of(row).partition for row in good],
            ),
            tuple(self._dead_letter(batch, row) for row in dead),
            batch.next_offsets(),
            size_bytes=sum(map(len, values)),
        )

    def reject(self, source: TopicPartition, offset: int, why: str) -> None:
        """Take note, or stop the worker at the second time, as the real scorer does."""
        if (source, offset) in self.rejected:
            raise TooManyDeadLetters(f"the dead letter is refused too: {why}")
        self.rejected[source, offset] = why

    def _is_bad(self, batch: Batch, row: int) -> bool:
        place = (batch.source_of(row), int(batch.offsets[row]))
        return (batch.values[row] or b"").startswith(b"bad") or place in self.rejected

    def _dead_letter(self, batch: Batch, row: int) -> DeadLetter:
        source, offset = batch.source_of(row), int(batch.offsets[row])
        refused = (source, offset) in self.rejected
        reason = Reason.REJECTED_BY_BROKER if refused else Reason.UNDECODABLE
        problem = Problem(reason, Stage.DECODE, "it is bad")
        return DeadLetter(batch.values[row], None, None, -1, source, offset, problem)


@dataclass
class Heard:
    """What the loop tells its observer."""

    committed_rows: list[int] = field(default_factory=list)
    aborts: list[StreamScorerError] = field(default_factory=list)
    in_a_row: list[int] = field(default_factory=list)
    rebalances: list[str] = field(default_factory=list)
    waits: list[StreamScorerError] = field(default_factory=list)
    rounds: int = 0

    def polled(self, batch: Batch, seconds: float) -> None:
        """Events arrived."""

    def committed(self, scored: Sequence[ScoredBatch], seconds: float) -> None:
        """A transaction committed."""
        del seconds
        self.committed_rows.append(sum(map(len, scored)))

    def aborted(self, error: StreamScorerError, in_a_row: int) -> None:
        """A transaction left no trace."""
        self.aborts.append(error)
        self.in_a_row.append(in_a_row)

    def rebalanced(self, kind: str, partitions: Sequence[TopicPartition]) -> None:
        """Partitions came or went."""
        del partitions
        self.rebalances.append(kind)

    def waiting(self, error: StreamScorerError) -> None:
        """Something is away."""
        self.waits.append(error)

    def alive(self) -> None:
        """The loop went round."""
        self.rounds += 1


class Loop:
    """A worker and all that it stands on."""

    _numbers = itertools.count(1)

    def __init__(
        self, kafka: FakeKafka | None = None, budget: Budget | None = None, **pace: Any
    ) -> None:
        self.kafka = kafka or FakeKafka()
        for topic in (INPUT, OUTPUT, DEAD):
            self.kafka.create_topic(topic, 2)
        self.consumer = FakeConsumer(self.kafka, [INPUT], GROUP)
        self.producer = FakeProducer(self.kafka, f"id-{next(self._numbers)}")
        self.scoring = Scoring(self.kafka)
        self.heard = Heard()
        ledger = BudgetLedger(budget or Budget(1.0, 60.0, 0))
        dead = DeadLetterOutput(DEAD, DeadLetterFormat(GROUP, "0", "model", 2), ledger)
        self._ends_at = float("inf")
        self._is_done: Callable[[], bool] = lambda: False
        self.worker = Worker(
            self.consumer,
            self.scoring,
            TransactionalOutput(self.producer, OUTPUT, dead, self.kafka.clock),
            replace(PACE, **pace),
            self.heard,
            stopping=self._stopping,
            clock=self.kafka.clock,
        )

    def _stopping(self) -> bool:
        assert self.kafka.clock() < self._ends_at, "the loop does not get there"
        return self._is_done()

    def run_until(self, is_done: Callable[[], bool], seconds: float = 120.0) -> None:
        """Run until it is done; fail if that takes longer in the clock's seconds."""
        self._is_done = is_done
        self._ends_at = self.kafka.clock() + seconds
        self.worker.run()

    def run(self) -> None:
        """Run until everything that is in the input is committed, and the group is at its end."""
        self.run_until(lambda: self.kafka.lag(GROUP, INPUT) == 0)

    def scored(self) -> list[bytes]:
        """Return the scored events that a reader of committed events gets."""
        return [(each.value or b"").removeprefix(b"scored:") for each in self.kafka.visible(OUTPUT)]

    def dead(self) -> list[tuple[bytes | None, bytes | None]]:
        """Return the dead letters' values and reasons."""
        letters = self.kafka.visible(DEAD)
        return [(each.value, dict(each.headers or ())["stream_scorer.reason"]) for each in letters]


def numbered(count: int, first: int = 0) -> list[bytes]:
    """Return so many different values."""
    return [b"%d" % each for each in range(first, first + count)]


@pytest.fixture
def loop() -> Loop:
    """A worker that has not begun."""
    return Loop()


# ------------------------------------------------------------------ gathering and committing


def test_every_event_is_scored_once_and_in_order(loop: Loop) -> None:
    """Ten batches, two partitions."""
    loop.kafka.write(P0, numbered(17))
    loop.kafka.write(P1, numbered(23, 17))
    loop.run()
    assert loop.scored() == numbered(40)
    assert loop.consumer.closed


def test_a_lone_event_is_committed_at_once(loop: Loop) -> None:
    """The input is dry, and the last commit is long ago: nobody waits for a timer."""
    loop.kafka.write(P0, [b"a"])
    started = loop.kafka.clock()
    loop.run()
    assert loop.scored() == [b"a"]
    assert loop.kafka.clock() == started


def test_full_batches_gather_until_the_input_is_dry(loop: Loop) -> None:
    """One transaction for as many batches as there are."""
    loop.kafka.write(P0, numbered(11))
    loop.run()
    assert loop.heard.committed_rows == [11]
    assert loop.scoring.batches == [4, 4, 3]


def test_a_set_is_committed_when_the_commit_interval_is_over() -> None:
    """However much there is to read."""
    loop = Loop(commit_interval_seconds=0.1)
    loop.scoring.seconds_per_row = 0.03 / 4
    loop.kafka.write(P0, numbered(32))
    loop.run()
    assert loop.heard.committed_rows == [16, 16]


def test_small_commits_keep_their_distance() -> None:
    """After a commit the next one waits for the minimal interval, though the input is dry."""
    loop = Loop(min_commit_interval_seconds=0.05, commit_interval_seconds=0.1)
    written: list[float] = []

    def feed() -> bool:
        if len(loop.scored()) == len(written) < 5:
            written.append(loop.kafka.clock())
            loop.kafka.write(P0, numbered(1))
        return len(loop.scored()) == 5

    loop.run_until(feed)
    assert loop.heard.committed_rows == [1] * 5
    gaps = [later - earlier for earlier, later in itertools.pairwise(written)]
    assert gaps == pytest.approx([0, 0.05, 0.05, 0.05], abs=0.002)


@pytest.mark.parametrize(
    ("setting", "limit", "expected"),
    [("transaction_max_records", 6, [6, 6, 1]), ("transaction_max_bytes", 60, [8, 5])],
)
def test_a_set_is_committed_when_it_is_full(setting: str, limit: int, expected: list[int]) -> None:
    """By rows it never grows beyond the limit, by bytes at most by a batch."""
    pace: dict[str, Any] = {setting: limit}
    loop = Loop(**pace)
    loop.kafka.write(P0, numbered(13))
    loop.run()
    assert loop.heard.committed_rows == expected


def test_a_batch_is_no_longer_than_the_model_is_fast() -> None:
    """A call that would outlast a quarter of max.poll.interval.ms is sliced."""
    loop = Loop(max_poll_interval_seconds=12.0)
    loop.scoring.seconds_per_row = 1.5
    loop.kafka.write(P0, numbered(9))
    loop.run()
    assert loop.scoring.batches == [4, 2, 2, 1]
    assert loop.scored() == numbered(9)


def test_a_model_that_is_slower_than_that_scores_row_by_row() -> None:
    """There is no smaller batch."""
    loop = Loop(max_poll_interval_seconds=1.0)
    loop.scoring.seconds_per_row = 1.5
    loop.kafka.write(P0, numbered(6))
    loop.run()
    assert loop.scoring.batches == [4, 1, 1]


def test_a_stop_commits_what_is_gathered(loop: Loop) -> None:
    """It is scored, so it need not be scored again."""
    loop.kafka.write(P0, numbered(20))
    loop.run_until(lambda: len(loop.scoring.batches) == 2)
    assert loop.scored() == numbered(8)
    assert loop.kafka.groups[GROUP].committed == {P0: 8}
    assert loop.consumer.closed


def test_an_inference_that_is_ended_for_a_stop_leaves_the_earlier_ones(loop: Loop) -> None:
    """What was gathered before it is committed."""
    loop.kafka.write(P0, numbered(20))

    def end(_: Batch) -> None:
        if len(loop.scoring.batches) == 2:
            raise Terminated("a stop was asked for")

    loop.scoring.before = end
    loop.run_until(lambda: False)
    assert loop.scored() == numbered(8)
    assert loop.consumer.closed


def test_a_stop_before_the_first_event_just_leaves(loop: Loop) -> None:
    """Nothing is committed."""
    loop.run_until(lambda: True)
    assert loop.heard.committed_rows == []
    assert loop.consumer.closed


# ------------------------------------------------------------------ idle


def test_an_idle_worker_steps_over_control_markers(loop: Loop) -> None:
    """A transactional topic reaches a lag of zero; nothing is written for it."""
    loop.kafka.write(P0, numbered(3), end="committed")
    loop.kafka.write(P1, numbered(2), end="aborted")
    loop.run()
    assert loop.kafka.groups[GROUP].committed == {P0: 4, P1: 3}
    assert loop.scored() == numbered(3)


def test_an_idle_worker_commits_a_position_once(loop: Loop) -> None:
    """Not at every poll."""
    loop.kafka.write(P0, numbered(3), end="committed")
    started = loop.kafka.clock()
    loop.run_until(lambda: loop.kafka.clock() > started + 10)
    assert len(loop.producer.bounds) == 2  # the events, and the marker


def test_a_position_that_can_not_be_committed_is_tried_again(loop: Loop) -> None:
    """It is as any transaction that aborts."""
    loop.kafka.write(P0, numbered(1), end="committed")
    loop.run_until(lambda: len(loop.heard.committed_rows) == 1)
    after = Loop(loop.kafka)
    loop.kafka.fail("commit", TransactionAborted("not now"))
    after.run()
    assert after.scored() == numbered(1)
    assert len(after.heard.aborts) == 1


# ------------------------------------------------------------------ aborts


def test_an_aborted_set_is_read_and_scored_again(loop: Loop) -> None:
    """Nothing of it was visible."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.fail("commit", TransactionAborted("not now"))
    loop.run()
    assert loop.scored() == numbered(8)
    assert [str(each) for each in loop.heard.aborts] == ["not now"]


def test_each_abort_in_a_row_halves_the_next_set_and_success_restores_it(loop: Loop) -> None:
    """What is wrong may be the size."""
    loop.kafka.write(P0, numbered(64))
    for _ in range(3):
        loop.kafka.fail("commit", TransactionAborted("not now"))
    loop.run()
    assert loop.heard.committed_rows == [8, 56]
    assert loop.scored() == numbered(64)


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


# ------------------------------------------------------------------ something outside is away


def test_a_registry_that_is_away_keeps_the_place(loop: Loop) -> None:
    """What is gathered before the event that waits is committed; then it is tried again."""
    loop.kafka.write(P0, numbered(12))
    tries: Counter[bytes | None] = Counter()

    def ask(batch: Batch) -> None:
        tries[batch.values[0]] += 1
        if batch.values[0] == b"8" and tries[b"8"] < 4:
            assert loop.scored() == numbered(8 if tries[b"8"] > 1 else 0)
            raise Unanswered("the registry is away")

    loop.scoring.before = ask
    loop.run()
    assert loop.scored() == numbered(12)
    assert tries[b"8"] == 4
    assert len(loop.heard.waits) == 3
    assert loop.consumer.paused == 3
    assert loop.heard.aborts == []


def test_brokers_that_do_not_say_what_is_committed_are_asked_again(loop: Loop) -> None:
    """No event is taken until they do."""
    loop.kafka.write(P0, numbered(4))
    loop.kafka.fail("commit", TransactionAborted("not now"))
    loop.consumer.rewind_fails = [Unanswered("no coordinator"), Unanswered("no coordinator")]
    loop.run()
    assert loop.scored() == numbered(4)
    assert len(loop.heard.waits) == 2


# ------------------------------------------------------------------ rebalances


def _share(loop: Loop) -> Loop:
    """Return a second worker's loop on the same Kafka that has joined already."""
    other = Loop(loop.kafka)
    other.consumer.subscribe(other.worker)
    return other


def test_what_is_gathered_is_committed_before_its_partitions_go(loop: Loop) -> None:
    """The next owner finds the offset where this one stopped; the commit is bounded."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.write(P1, numbered(8, 8))
    others: list[Loop] = []

    def join(_: Batch) -> None:
        if len(loop.scoring.batches) == 1:
            others.append(_share(loop))

    loop.scoring.before = join
    loop.run_until(lambda: "revoked" in loop.heard.rebalances)
    assert loop.heard.committed_rows[0] == 8
    assert loop.producer.bounds == [5.0]
    others[0].run()
    assert others[0].scored() == numbered(16)


def test_rows_that_were_polled_amid_a_revocation_are_void(loop: Loop) -> None:
    """They may belong to someone else now; those that stayed are read again."""
    loop.kafka.write(P0, numbered(6))
    loop.kafka.write(P1, numbered(6, 6))
    others: list[Loop] = []
    loop.consumer.amid_poll = lambda: others.append(_share(loop))
    loop.run_until(lambda: loop.kafka.groups[GROUP].committed.get(P0) == 6)
    assert loop.scored() == numbered(6)
    others[0].run()
    assert others[0].scored() == numbered(12)


def test_a_commit_that_fails_in_a_revocation_leaves_the_events_to_the_next_owner(
    loop: Loop,
) -> None:
    """Those of partitions that stay are read again here."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.write(P1, numbered(8, 8))
    others: list[Loop] = []

    def join(_: Batch) -> None:
        if len(loop.scoring.batches) == 3 and not others:
            loop.kafka.fail("commit", TransactionAborted("not now"))
            others.append(_share(loop))

    loop.scoring.before = join
    loop.run_until(lambda: loop.kafka.groups[GROUP].committed.get(P0) == 8)
    assert len(loop.heard.aborts) == 1
    others[0].run()
    assert others[0].scored() == numbered(16)


def test_lost_partitions_take_their_events_with_them(loop: Loop) -> None:
    """What is gathered is never committed: the new owner scores it."""
    loop.kafka.write(P0, numbered(12))

    def expel(_: Batch) -> None:
        if len(loop.scoring.batches) == 1:
            loop.consumer.expel()

    loop.scoring.before = expel
    loop.run_until(lambda: "lost" in loop.heard.rebalances)
    assert loop.producer.bounds == [], "not even tried"
    after = Loop(loop.kafka)
    after.run()
    assert after.scored() == numbered(12)


def test_a_member_that_was_expelled_without_knowing_commits_nothing(loop: Loop) -> None:
    """A zombie's commit is fenced by its membership, and it goes on once it has joined again."""
    loop.kafka.write(P0, numbered(3))

    def expel(_: Batch) -> None:
        if len(loop.scoring.batches) == 0:
            loop.consumer.expel()

    loop.scoring.before = expel
    loop.run()
    assert [type(each) for each in loop.heard.aborts] == [TransactionAborted]
    assert loop.heard.rebalances == ["assigned", "lost", "assigned", "revoked"]
    assert loop.scored() == numbered(3)


def test_nothing_is_remembered_of_a_partition_that_went(loop: Loop) -> None:
    """Its offset may have been set back meanwhile; the idle worker gets it to the end again."""
    loop.kafka.write(P0, numbered(3), end="committed")

    def set_back() -> bool:
        committed = loop.kafka.groups[GROUP].committed
        if committed.get(P0) == 4 and "lost" not in loop.heard.rebalances:
            loop.consumer.expel()
            committed[P0] = 3
            loop.consumer.stand_by(0)
        return "lost" in loop.heard.rebalances and committed.get(P0) == 4

    loop.run_until(set_back)


def test_a_partition_that_comes_back_is_not_committed_backwards(loop: Loop) -> None:
    """Its position is that of the new assignment."""
    loop.kafka.write(P0, numbered(2))
    loop.kafka.write(P1, numbered(2, 2))
    other = _share(loop)

    def follow() -> bool:
        other.consumer.stand_by(0.0)
        if len(loop.scored()) == 2 and other.consumer in loop.kafka.groups[GROUP].members:
            other.run_until(lambda: len(loop.scored()) == 4)
        return len(loop.scored()) == 4 and P1 in loop.consumer.held

    loop.run_until(follow)
    assert loop.kafka.groups[GROUP].committed == {P0: 2, P1: 2}
    assert sorted(loop.scored()) == numbered(4)


# ------------------------------------------------------------------ what brokers refuse


def test_a_record_that_the_broker_refuses_is_found_and_becomes_a_dead_letter(loop: Loop) -> None:
    """The broker does not say which it was: the set is halved until it stands alone."""
    loop.kafka.write(P0, numbered(20))
    loop.kafka.refuses = lambda topic, value: topic == OUTPUT and value == b"scored:13"
    started = loop.kafka.clock()
    loop.run()
    assert loop.dead() == [(b"13", b"rejected_by_broker")]
    assert loop.scored() == [each for each in numbered(20) if each != b"13"]
    assert len(loop.heard.aborts) <= 6
    assert loop.kafka.clock() - started < 0.1, "there is nothing to wait for"


def test_several_refused_records_are_found_one_after_the_other(loop: Loop) -> None:
    """In two partitions; their neighbours are scored once, in order."""
    loop.kafka.write(P0, numbered(30))
    loop.kafka.write(P1, numbered(30, 30))
    culprits = {b"scored:%d" % each for each in (0, 1, 29, 44)}
    loop.kafka.refuses = lambda topic, value: topic == OUTPUT and value in culprits
    loop.run()
    assert sorted(value or b"" for value, _ in loop.dead()) == [b"0", b"1", b"29", b"44"]
    good = [each for each in numbered(60) if b"scored:" + each not in culprits]
    assert loop.scored() == good


def test_after_the_culprit_sets_are_as_large_as_before(loop: Loop) -> None:
    """One bad record does not make the worker slow."""
    loop.kafka.write(P0, numbered(64))
    loop.kafka.refuses = lambda topic, value: topic == OUTPUT and value == b"scored:5"
    loop.run()
    assert loop.heard.committed_rows[-1] >= 32


def test_sets_grow_again_when_nothing_is_refused_any_more(loop: Loop) -> None:
    """A topic's settings may change while the culprit is looked for."""
    loop.kafka.write(P0, numbered(128))
    refusals = iter([True])
    loop.kafka.refuses = lambda _topic, _value: next(refusals, False)
    loop.run()
    assert loop.heard.committed_rows == [50, 25, 12, 6, 3, 2, 1, 1, 28]


def test_a_dead_letter_that_is_refused_too_stops_the_worker(loop: Loop) -> None:
    """There is no place left for the event; nothing is lost, what came before is committed."""
    loop.kafka.write(P0, numbered(8))
    loop.kafka.refuses = lambda _, value: value in (b"scored:5", b"5")
    with pytest.raises(TooManyDeadLetters, match="refused too"):
        loop.run()
    assert loop.kafka.groups[GROUP].committed[P0] <= 5
    assert loop.scored() == numbered(loop.kafka.groups[GROUP].committed[P0])


# ------------------------------------------------------------------ the budget


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
    assert after.kafka.groups[GROUP].committed == {P0: 8}
    assert len(after.dead()) == 2


def test_a_budget_that_is_crossed_in_a_revocation_stops_the_worker() -> None:
    """The partitions go uncommitted."""
    loop = Loop(budget=Budget(ratio=0.0, window_seconds=60, minimum=1))
    loop.kafka.write(P0, [b"1", b"2", b"3", b"bad"])
    loop.kafka.write(P1, numbered(4, 4))

    def join(_: Batch) -> None:
        if len(loop.scoring.batches) == 0:
            _share(loop)

    loop.scoring.before = join
    with pytest.raises(TooManyDeadLetters):
        loop.run()
    assert loop.scored() == []
    assert loop.kafka.groups[GROUP].committed == {}
