"""The scorer alone: every size, by stage, on events that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from stream_scorer.avro.schema import parse
from stream_scorer.bench import alone
from stream_scorer.bench.alone import measure_alone, sizes_for
from stream_scorer.bench.events import FramedEvents
from stream_scorer.bench.made_up import MadeUpEvents
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
from tests.scorers import EVENT

BAD = Problem(Reason.INFERENCE_FAILED, Stage.INFER, "no such category")


@dataclass
class Timed:
    """A scorer that takes so many seconds a batch and a row, on a clock that only it moves."""

    a_batch: float
    a_row: float
    now: float = 0.0
    every_bad: int = 0
    seen: list[int] = field(default_factory=list)
    values: set[bytes] = field(default_factory=set)

    def clock(self) -> float:
        """Seconds."""
        return self.now

    def score(self, batch: Batch) -> ScoredBatch:
        """Takes its time; one row in ``every_bad`` is a dead letter."""
        rows = len(batch)
        self.seen.append(rows)
        self.values.update(value for value in batch.values if value is not None)
        seconds = self.a_batch + rows * self.a_row
        self.now += seconds
        bad = np.arange(0, rows, self.every_bad) if self.every_bad else np.empty(0, np.intp)
        good = np.setdiff1d(np.arange(rows), bad)
        letters = tuple(
            DeadLetter(batch.values[row], b"", [], 0, TopicPartition("bench", 0), row, BAD)
            for row in bad.tolist()
        )
        taken = batch.take(good)
        scored = ScoredEvents(
            taken.values, taken.keys, taken.headers, taken.timestamps, taken.offsets
        )
        spent = {Stage.DECODE: seconds / 4, Stage.INFER: seconds / 2, Stage.ENCODE: seconds / 8}
        return ScoredBatch(scored, letters, {}, np.append(good, bad), seconds=spent)

    def reject(self, source: TopicPartition, offset: int, why: str, *, is_letter: bool) -> None:
        """Is not asked for."""

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Is not asked for."""


@pytest.fixture
def events() -> FramedEvents:
    """Made up, five bytes of framing before each."""
    return FramedEvents(MadeUpEvents(parse(dict(EVENT)), {}), b"\x00\x00\x00\x00\x01")


def test_the_sizes_are_those_of_a_trickle_of_a_backlog_and_between() -> None:
    """Each once."""
    assert sizes_for(1024) == (1, 16, 256, 1024, 4096)
    assert sizes_for(64) == (1, 16, 64, 256)


def test_an_event_costs_less_in_larger_batches(events: FramedEvents) -> None:
    """What a batch takes is shared by its rows; each stage has its part, and the rest is told."""
    scorer = Timed(a_batch=0.001, a_row=0.000_001)
    found = measure_alone(scorer, events, 64, scorer.clock)
    assert [size.rows for size in found.sizes] == [1, 16, 64, 256]
    for size in found.sizes:
        total = 1e6 * (0.001 / size.rows + 0.000_001)
        assert size.total == pytest.approx(total)
        assert size.decode == pytest.approx(total / 4)
        assert size.infer == pytest.approx(total / 2)
        assert size.encode == pytest.approx(total / 8)
        assert size.other == pytest.approx(total / 8)
    assert found.left_out == ()
    assert found.refusals.share == 0
    assert 30 < found.event_bytes < 50


def test_batches_are_many_and_differ(events: FramedEvents) -> None:
    """Else the processor would learn the few rows."""
    scorer = Timed(a_batch=0.01, a_row=0.0)
    measure_alone(scorer, events, 16, scorer.clock)
    assert len(scorer.values) > 16 * alone.POOL_BATCHES


def test_a_batch_that_would_take_too_long_is_left_out(events: FramedEvents) -> None:
    """A slow model is measured with the small ones."""
    scorer = Timed(a_batch=0.0, a_row=0.1)
    found = measure_alone(scorer, events, 1024, scorer.clock)
    assert [size.rows for size in found.sizes] == [1, 16]
    assert found.left_out == (256, 1024, 4096)
    assert max(scorer.seen) == 16


def test_dead_letters_are_counted_with_a_reason(events: FramedEvents) -> None:
    """And one of them in words."""
    scorer = Timed(a_batch=0.001, a_row=0.0, every_bad=4)
    refusals = measure_alone(scorer, events, 16, scorer.clock).refusals
    assert refusals.events == sum(scorer.seen)
    assert set(refusals.reasons) == {"inference_failed"}
    assert refusals.example == "no such category"
    assert refusals.share >= 0.25


def test_the_nearest_smaller_size_stands_for_one_that_was_not_measured(
    events: FramedEvents,
) -> None:
    """A worker's batches have any number of rows."""
    scorer = Timed(a_batch=0.001, a_row=0.0)
    found = measure_alone(scorer, events, 16, scorer.clock)
    nearest = [found.at(rows).rows for rows in (1, 15, 16, 63, 100, 9_999)]
    assert nearest == [1, 1, 16, 16, 64, 256]
