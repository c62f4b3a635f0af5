"""The scorer alone: batches from memory, without Kafka, in this process."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np

from stream_scorer.app.loop import CALLS_PER_BATCH
from stream_scorer.bench.events import FramedEvents
from stream_scorer.protocols import Scorer
from stream_scorer.records import Batch, Headers, ScoredBatch, Stage, TopicPartition

#: The time for each batch size, after a first batch that doesn't count.
SECONDS = 0.4
FEWEST_BATCHES, MOST_BATCHES = 3, 2_000
#: A batch that is expected to take longer is skipped.
LONGEST_BATCH_SECONDS = 5.0
#: Distinct batches, as far as memory allows, so that no branch predictor learns the rows.
POOL_BATCHES = 16
POOL_BYTES = 64 * 2**20
_SOURCE = TopicPartition("bench", 0)


@dataclass(frozen=True, slots=True)
class Size:
    """The cost of an event in batches of this many rows, medians in microseconds.

    ``other`` is time that belongs to no stage: splitting and assembling the batch.
    """

    rows: int
    total: float
    decode: float
    infer: float
    encode: float

    @property
    def other(self) -> float:
        """Return the time that belongs to no stage."""
        return max(0.0, self.total - self.decode - self.infer - self.encode)


@dataclass(slots=True)
class Refusals:
    """Counts of the events tried and of the dead letters by reason, and one example message."""

    events: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    example: str = ""

    def heed(self, scored: ScoredBatch) -> None:
        """Count the dead letters of a batch."""
        self.events += len(scored)
        for letter in scored.dead_letters:
            self.reasons[letter.problem.reason.value] += 1
            self.example = self.example or letter.problem.message

    @property
    def share(self) -> float:
        """Return the share of dead letters."""
        return self.reasons.total() / self.events if self.events else 0.0


@dataclass(frozen=True, slots=True)
class Alone:
    """The scorer alone: one entry per batch size, and the size of an event on the wire."""

    sizes: tuple[Size, ...]
    left_out: tuple[int, ...]
    event_bytes: float
    refusals: Refusals

    def at(self, rows: int) -> Size:
        """Return the measured size nearest to this many rows, from below if there is one."""
        below = [size for size in self.sizes if size.rows <= rows]
        return below[-1] if below else self.sizes[0]


def sizes_for(max_records: int) -> tuple[int, ...]:
    """Return the batch sizes to measure: those of a trickle, of a backlog, and between."""
    return tuple(sorted({1, 16, 256, max_records, CALLS_PER_BATCH * max_records}))


def measure_alone(
    scorer: Scorer,
    events: FramedEvents,
    max_records: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Alone:
    """Score batches of several sizes and record the cost of an event by stage."""
    refusals = Refusals()
    sample = _sample(events)
    measured: list[Size] = []
    left_out = []
    for rows in sizes_for(max_records):
        if measured and measured[-1].total * rows > LONGEST_BATCH_SECONDS * 1e6:
            left_out.append(rows)
            continue
        batches = cycle(_batches(events, rows, sample))
        refusals.heed(scorer.score(next(batches)))
        measured.append(_size(scorer, rows, batches, refusals, clock))
    return Alone(tuple(measured), tuple(left_out), sample, refusals)


def _sample(events: FramedEvents) -> float:
    """Return the mean size of a few events in bytes."""
    few = events.take(64)
    return sum(map(len, few)) / len(few)


def _size(
    scorer: Scorer,
    rows: int,
    batches: Iterator[Batch],
    refusals: Refusals,
    clock: Callable[[], float],
) -> Size:
    totals: list[float] = []
    stages: dict[Stage, list[float]] = {
        stage: [] for stage in (Stage.DECODE, Stage.INFER, Stage.ENCODE)
    }
    until = clock() + SECONDS
    while len(totals) < FEWEST_BATCHES or (clock() < until and len(totals) < MOST_BATCHES):
        batch = next(batches)
        started = clock()
        scored = scorer.score(batch)
        totals.append(clock() - started)
        refusals.heed(scored)
        for stage, seconds in stages.items():
            seconds.append(scored.seconds.get(stage, 0.0))
    micros = {stage: statistics.median(spent) * 1e6 / rows for stage, spent in stages.items()}
    return Size(
        rows,
        statistics.median(totals) * 1e6 / rows,
        micros[Stage.DECODE],
        micros[Stage.INFER],
        micros[Stage.ENCODE],
    )


def _batches(events: FramedEvents, rows: int, event_bytes: float) -> list[Batch]:
    affordable = int(POOL_BYTES / (rows * max(event_bytes, 1.0)))
    wanted = min(max(POOL_BATCHES, 1_024 // rows), max(affordable, 1))
    return [batch_of(events.take(rows), number * rows) for number in range(wanted)]


def batch_of(values: Sequence[bytes], first_offset: int) -> Batch:
    """Return events as one poll would, each with a key, all from one partition."""
    rows = len(values)
    no_headers: list[Headers | None] = [None] * rows
    return Batch(
        values=values,
        keys=[b"%d" % (first_offset + row) for row in range(rows)],
        headers=no_headers,
        timestamps=np.full(rows, time.time_ns() // 1_000_000, np.int64),
        sources=(_SOURCE,),
        source_index=np.zeros(rows, np.int64),
        offsets=np.arange(first_offset, first_offset + rows, dtype=np.int64),
    )
