"""What the loop tells its observer becomes metrics, lines, and a sign of life."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.metrics import Metrics
from stream_scorer.observe.observer import LoopObserver
from stream_scorer.protocols import Observer
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
from tests.lines import CapturingLogger

SOURCES = (TopicPartition("a", 0), TopicPartition("a", 1), TopicPartition("b", 0))


class Clock:
    """A clock that the test moves."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time that the test set."""
        return self.now


class Bench:
    """An observer with everything around it in the test's hands."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.lines = CapturingLogger()
        self.monotonic = Clock()
        self.observer = LoopObserver(
            Metrics(self.registry),
            self.lines,
            Heartbeat(300.0, self.monotonic),
            monotonic=self.monotonic,
            wall_clock=Clock(1000.0),
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


def scored(timestamps: list[int], dead: list[int]) -> ScoredBatch:
    """A batch with scored events and undecodable ones of these timestamps."""
    nothing = [None] * len(timestamps)
    problem = Problem(Reason.UNDECODABLE, Stage.DECODE, "broken")
    return ScoredBatch(
        ScoredEvents(
            nothing,
            nothing,
            nothing,
            np.array(timestamps, np.int64),
            np.zeros(len(timestamps), np.int64),
        ),
        tuple(DeadLetter(b"", None, None, at, SOURCES[0], 0, problem) for at in dead),
        {},
        np.arange(len(timestamps) + len(dead)),
        seconds={Stage.DECODE: 0.25, Stage.INFER: 0.5},
    )


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
    batches = [scored([999_000, -1], [998_000]), scored([999_500], [])]
    bench.observer.committed(batches, 0.01)
    assert bench.value("events_scored_total") == 3
    assert bench.value("dead_letters_total", reason="undecodable") == 1
    assert bench.value("transactions_total", outcome="committed") == 1
    assert bench.value("stage_seconds_sum", stage="infer") == 1.0
    assert bench.value("stage_seconds_sum", stage="commit") == 0.01
    assert bench.value("event_age_seconds_count") == 3
    assert bench.value("event_age_seconds_sum") == pytest.approx(1.0 + 2.0 + 0.5)


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
