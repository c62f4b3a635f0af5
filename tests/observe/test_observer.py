"""What the loop tells its observer becomes metrics, lines, and a sign of life."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from stream_scorer.observe.board import Board
from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.lags import Lags
from stream_scorer.observe.metrics import Metrics
from stream_scorer.observe.observer import LoopObserver
from stream_scorer.observe.readiness import NO_BROKER, NOT_A_MEMBER, Readiness
from stream_scorer.profile import Profile, ScoreCounts
from stream_scorer.protocols import Observer
from stream_scorer.records import Batch, Cause, Held, TopicPartition
from tests.lines import CapturingLogger
from tests.observe.making import CARDS, OTHER, Clock, batch, letter, place, scored, statistics

SOURCES = (TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0))


class Bench:
    """An observer with everything around it in the test's hands."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.lines = CapturingLogger()
        self.monotonic = Clock()
        self.wall_clock = Clock(1000.0)
        self.readiness, self.lags, self.board = Readiness(self.monotonic), Lags(), Board()
        self.readiness.ask(lambda: True)
        self.observer = LoopObserver(
            Metrics(self.registry, lambda: self.lags.all(self.wall_clock())),
            self.lines,
            Heartbeat(300.0, self.monotonic),
            readiness=self.readiness,
            lags=self.lags,
            board=self.board,
            monotonic=self.monotonic,
            wall_clock=self.wall_clock,
        )

    def value(self, name: str, **labels: str) -> float | None:
        """The value of a series."""
        return self.registry.get_sample_value(f"stream_scorer_{name}", labels)

    def said(self) -> list[tuple[str, str]]:
        """Level and message of every line."""
        return [(call.method_name, call.args[0]) for call in self.lines.calls]


@pytest.fixture
def bench() -> Bench:
    """A new one for each test."""
    return Bench()


def test_it_is_the_observer_that_the_loop_wants(bench: Bench) -> None:
    """By its Protocol; the type checker reads this line."""
    observer: Observer = bench.observer
    assert observer is bench.observer


def test_a_batch_counts_by_topic_not_by_partition(bench: Bench) -> None:
    """Rows of two partitions of one topic are one count."""
    source_index = np.array([0, 1, 1, 2, 0])
    rows = len(source_index)
    nothing = [None] * rows
    batch = Batch(
        nothing,
        nothing,
        nothing,
        np.zeros(rows, dtype=np.int64),
        SOURCES,
        source_index,
        np.arange(rows),
    )
    bench.observer.polled(batch, 0.125)
    assert bench.value("events_consumed_total", topic="a") == 4
    assert bench.value("events_consumed_total", topic="b") == 1
    assert bench.value("stage_seconds_sum", stage="poll") == 0.125


def test_a_commit_counts_all_its_batches(bench: Bench) -> None:
    """Their events, dead letters, stages and ages; an event without a timestamp has no age."""
    batches = [scored([999_000, -1], [letter(timestamp=998_000)]), scored([999_500])]
    bench.observer.committed(batches, 0.01)
    assert bench.value("events_scored_total") == 3
    assert bench.value("dead_letters_total", reason="undecodable") == 1
    assert bench.value("transactions_total", outcome="committed") == 1
    assert bench.value("stage_seconds_sum", stage="infer") == 1.0
    assert bench.value("stage_seconds_sum", stage="commit") == 0.01
    assert bench.value("event_age_seconds_count") == 3
    assert bench.value("event_age_seconds_sum") == pytest.approx(1.0 + 2.0 + 0.5)


def test_aborts_of_one_cause_are_a_line_a_minute_with_their_number(bench: Bench) -> None:
    """Another cause is said at once."""
    for bench.monotonic.now in (0.0, 1.0, 59.0, 60.0):
        bench.observer.aborted(RuntimeError(f"timed out after {bench.monotonic.now} s"), 1)
    bench.observer.aborted(RuntimeError("fenced"), 2)
    said = [(call.kwargs["reason"], call.kwargs.get("and_before")) for call in bench.lines.calls]
    assert said == [
        ("timed out after 0.0 s", None),
        ("timed out after 60.0 s", 2),
        ("fenced", None),
    ]


def test_an_abort_says_what_happens_next(bench: Bench) -> None:
    """Nobody has to guess whether events are lost."""
    bench.observer.aborted(RuntimeError("fenced"), 2)
    (call,) = bench.lines.calls
    assert call.method_name == "warning"
    assert call.args == ("transaction aborted; its events are read and scored again",)
    assert call.kwargs == {"reason": "fenced", "in_a_row": 2}
    assert bench.value("aborts_in_a_row") == 2


@pytest.mark.parametrize(
    ("kind", "level"), [("assigned", "info"), ("revoked", "info"), ("lost", "warning")]
)
def test_a_rebalance_is_counted_and_told(bench: Bench, kind: str, level: str) -> None:
    """A loss is worse than a revocation."""
    bench.observer.rebalanced(kind, [TopicPartition("a", 1)])
    assert bench.value("rebalances_total", kind=kind) == 1
    assert bench.said() == [(level, f"partitions {kind}")]
    assert bench.lines.calls[0].kwargs == {"partitions": ["a[1]"]}


def test_waiting_is_said_at_once_then_once_a_minute_then_that_it_is_over(bench: Bench) -> None:
    """An outage of an hour is sixty lines, not thousands."""
    for now in range(0, 150, 5):
        bench.monotonic.now = float(now)
        bench.observer.waiting(RuntimeError("registry away"))
    waited = [call.kwargs["seconds"] for call in bench.lines.calls]
    assert waited == [0.0, 60.0, 120.0]
    bench.observer.committed([], 0.0)
    assert ("info", "working again") in bench.said()
    bench.observer.waiting(RuntimeError("again"))
    assert bench.lines.calls[-1].kwargs["seconds"] == 0.0


def test_that_it_works_again_is_said_once_it_does(bench: Bench) -> None:
    """Also where no event flows: rounds that go well for a while are enough."""
    bench.observer.waiting(RuntimeError("registry away"))
    bench.observer.working({})
    assert bench.said() == [("warning", "waiting; the place is kept and nothing is lost")]
    bench.monotonic.now += 10
    for _ in range(3):
        bench.observer.working({})
    assert bench.said()[1:] == [("info", "working again")]
    assert bench.lines.calls[-1].kwargs == {"after_seconds": 10.0}


WAITS = Held(5, "The registry refuses access to schema id 7.", 1.0)


def test_a_partition_that_waits_is_named_while_the_worker_goes_on(bench: Bench) -> None:
    """It is ready, but not well: the reason is said once a minute, and that it is over."""
    bench.observer.rebalanced("assigned", [CARDS, OTHER])
    bench.lines.calls.clear()
    for bench.monotonic.now in (0.0, 1.0, 59.0):
        bench.observer.committed([], 0.0)
        bench.observer.working({CARDS: WAITS})
    (call,) = (each for each in bench.lines.calls if each.method_name == "warning")
    assert call.args == (
        "partitions wait, the others go on; the place is kept and nothing is lost",
    )
    assert call.kwargs == {"partitions": ["cards[0]"], "reason": WAITS.why}
    waits = bench.readiness.waits
    assert waits is not None
    assert waits.reason == f"cards[0] waits at offset 5: {WAITS.why}"
    assert (waits.since, bench.readiness.why_not()) == (0.0, None)
    bench.observer.working({})
    assert bench.said()[-1] == ("info", "no partition waits any more")
    assert bench.readiness.waits is None


def test_partitions_that_wait_are_counted_by_what_they_wait_for(bench: Bench) -> None:
    """From the start, and as long as they do."""

    def counted() -> tuple[float | None, float | None]:
        schema, output = (
            bench.value("partitions_waiting", cause=each) for each in ("schema", "output_partition")
        )
        return schema, output

    assert counted() == (0, 0)
    lacks = replace(WAITS, cause=Cause.OUTPUT_PARTITION)
    bench.observer.rebalanced("assigned", [CARDS, OTHER, TopicPartition("cards", 2)])
    bench.observer.working({CARDS: lacks, OTHER: lacks})
    assert counted() == (0, 2)
    bench.observer.working({CARDS: WAITS, OTHER: lacks})
    assert counted() == (1, 1)
    bench.observer.working({})
    assert counted() == (0, 0)


def test_a_worker_of_which_every_partition_waits_is_not_ready(bench: Bench) -> None:
    """It takes no events, as when brokers are away."""
    bench.observer.rebalanced("assigned", [CARDS, OTHER])
    bench.lines.calls.clear()
    bench.observer.working({CARDS: WAITS, OTHER: WAITS})
    reason = f"cards[0] waits at offset 5, 1 more wait too: {WAITS.why}"
    assert bench.readiness.why_not() == reason
    assert bench.said() == [("warning", "waiting; the place is kept and nothing is lost")]
    assert bench.lines.calls[0].kwargs["reason"] == reason
    bench.observer.committed([], 0.0)
    bench.observer.working({OTHER: WAITS})
    assert bench.readiness.why_not() is None
    assert ("info", "working again") in bench.said()
    bench.observer.rebalanced("revoked", [CARDS])
    bench.observer.working({OTHER: WAITS})
    assert bench.readiness.why_not() == f"cards[1] waits at offset 5: {WAITS.why}"


def test_aborts_of_one_cause_are_a_line_a_minute(bench: Bench) -> None:
    """And each is counted."""
    for number in range(10):
        bench.observer.aborted(RuntimeError(f"broker {number} is away"), number + 1)
    assert len(bench.lines.calls) == 1
    assert bench.value("transactions_total", outcome="aborted") == 10


def test_partitions_that_are_held_are_counted_and_have_a_lag(bench: Bench) -> None:
    """Those that go take theirs with them, at `/metrics` too."""
    bench.observer.rebalanced("assigned", [CARDS])
    bench.observer.rebalanced("assigned", [OTHER])
    bench.observer.heard(
        statistics(partitions={CARDS: place(committed=1, end=4), OTHER: place(end=0)})
    )
    assert bench.value("assigned_partitions") == 2
    assert bench.value("lag_events", topic="cards", partition="0") == 3
    bench.observer.rebalanced("revoked", [CARDS])
    assert bench.value("assigned_partitions") == 1
    assert bench.value("lag_events", topic="cards", partition="0") is None
    assert bench.value("lag_events", topic="cards", partition="1") == 0


def test_events_that_were_read_wait_until_they_are_committed(bench: Bench) -> None:
    """A transaction that aborts makes the lag no smaller."""
    bench.observer.rebalanced("assigned", [CARDS])
    bench.observer.polled(batch([0, 1, 2], timestamps=[990_000] * 3), 0.1)
    bench.observer.heard(statistics(partitions={CARDS: place(end=3)}))
    bench.observer.aborted(RuntimeError("fenced"), 1)
    assert bench.value("lag_events", topic="cards", partition="0") == 3
    assert bench.value("lag_seconds", topic="cards", partition="0") == 10
    bench.observer.committed([scored([990_000] * 3, next_offsets={CARDS: 3})], 0.1)
    assert bench.value("lag_events", topic="cards", partition="0") == 0


def test_markers_that_are_stepped_over_are_behind_the_worker(bench: Bench) -> None:
    """An idle topic has a lag of zero."""
    bench.observer.rebalanced("assigned", [CARDS])
    bench.observer.heard(statistics(partitions={CARDS: place(committed=0, end=9)}))
    bench.observer.stepped_over({CARDS: 9})
    assert bench.value("lag_events", topic="cards", partition="0") == 0


def test_it_is_ready_once_the_group_has_taken_it_in_and_until_it_puts_it_out(
    bench: Bench,
) -> None:
    """With partitions or without."""
    assert bench.readiness.why_not() == NOT_A_MEMBER
    bench.observer.working({})
    assert bench.readiness.why_not() is None
    bench.observer.rebalanced("revoked", [CARDS])
    assert bench.readiness.why_not() is None
    bench.observer.rebalanced("lost", [CARDS])
    assert bench.readiness.why_not() == NOT_A_MEMBER


def test_only_the_consumer_s_connections_make_it_ready(bench: Bench) -> None:
    """A producer that has nothing to write needs none."""
    bench.observer.working({})
    bench.observer.heard(statistics("producer", brokers_up=0))
    assert bench.readiness.why_not() is None
    bench.observer.heard(statistics("consumer", brokers_up=0))
    assert bench.readiness.why_not() == NO_BROKER


def test_what_events_looked_like_counts_once_they_are_committed(bench: Bench) -> None:
    """Those of a transaction that aborted come again."""
    scores = {"score": ScoreCounts.of(np.array([0.5, np.nan]))}
    profile = Profile(2, {"a": 1}, scores)
    bench.observer.committed([scored([1, 2], profile=profile), scored([3], profile=profile)], 0.1)
    assert bench.value("feature_rows_total") == 4
    assert bench.value("missing_features_total", field="a") == 2
    assert bench.value("non_finite_scores_total", output="score") == 2
    shown = bench.board.shown(1002.0)
    assert shown["features"] == [{"field": "a", "events": 4, "missing": 2}]


@pytest.mark.parametrize("jump", [-10_000.0, 10_000.0])
def test_a_clock_that_jumps_makes_no_negative_age_and_stops_nothing(
    bench: Bench, jump: float
) -> None:
    """The time of day is for ages only."""
    bench.observer.rebalanced("assigned", [CARDS])
    bench.observer.heard(statistics(partitions={CARDS: place(committed=0, end=9)}))
    for _ in range(2):
        bench.observer.polled(batch([0], timestamps=[1_000_000]), 0.1)
        bench.observer.committed([scored([1_000_000], next_offsets={CARDS: 1})], 0.1)
        bench.wall_clock.now += jump
    assert bench.value("event_age_seconds_sum") == max(0.0, jump)
    assert (bench.value("lag_seconds", topic="cards", partition="0") or 0.0) >= 0
    assert bench.value("events_scored_total") == 2
