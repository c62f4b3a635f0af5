"""The set of scored batches for the next transaction, and the limits on its size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_scorer.records import Batch, ScoredBatch, TopicPartition

#: A size grows by this part of itself.
GROWTH = 8


#: An inference call may take this share of max.poll.interval.ms, as far as can be predicted.
INFERENCE_SHARE = 0.25
#: A batch of several inference calls takes no more than this share of the commit interval ...
BATCH_SHARE = 0.25
#: ... and no more bytes than a core's cache holds.
BATCH_BYTES = 1 << 20
#: So many events tell how large an event is.
SAMPLE = 8


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits on the size and age of a set. All times are in seconds.

    ``max_records`` are the rows of one inference call, ``max_calls`` how many calls' rows may be
    polled at once.
    """

    max_records: int
    max_wait_seconds: float
    commit_interval_seconds: float
    min_commit_interval_seconds: float
    transaction_max_records: int
    transaction_max_bytes: int
    max_poll_interval_seconds: float
    max_calls: int = 1


class BatchSize:
    """The number of rows to poll at once.

    Larger batches amortise per-batch overhead, so a batch has the rows of several inference calls
    as long as those are small and quick. A slow model gets fewer rows than one call may have, so
    that the loop does not exceed ``max.poll.interval.ms``.
    """

    def __init__(self, pace: Pace, seconds_per_row: float) -> None:
        self._pace = pace
        self._seconds_per_row = seconds_per_row
        self._bytes_per_row = float(BATCH_BYTES)

    def scored(self, batch: Batch, seconds: float) -> None:
        """Learn from a batch how long a row takes, and how large it is."""
        self._seconds_per_row = seconds / len(batch)
        some = batch.values[:: len(batch) // SAMPLE + 1]
        self._bytes_per_row = sum(len(value or b"") for value in some) / len(some)

    @property
    def rows(self) -> int:
        """The number of rows, at least 1."""
        pace, rows = self._pace, float(self._pace.max_records)
        if self._seconds_per_row > 0:
            quick = BATCH_SHARE * pace.commit_interval_seconds / self._seconds_per_row
            small = BATCH_BYTES / max(self._bytes_per_row, 1.0)
            rows = max(rows, min(rows * pace.max_calls, quick, small))
            rows = min(
                rows, INFERENCE_SHARE * pace.max_poll_interval_seconds / self._seconds_per_row
            )
        return max(int(rows), 1)


class SetSize:
    """The number of rows that the next set may have.

    What aborts a transaction may be its size: a message fails if the uplink does not take the whole
    set in time. So an abort halves it, and each full set that commits lets it grow by an eighth.
    This settles close to what gets through, with an abort every half a dozen commits. To return to
    the full size at once would abort every other time (Jacobson, Congestion Avoidance and Control,
    1988). A set that was not full says nothing of a larger one.
    """

    def __init__(self, full: int) -> None:
        self._full = full
        #: The number of rows, at least 1.
        self.rows = full

    def committed(self, rows: int) -> None:
        """Note that a set of so many rows got through."""
        if rows >= self.rows:
            self.rows = min(self._full, self.rows + max(1, self.rows // GROWTH))

    def aborted(self, rows: int) -> None:
        """Note that a set of so many rows did not."""
        self.rows = max(1, min(rows, self.rows) // 2)


class Place(NamedTuple):
    """The source position of a result's event, and whether the result is a dead letter."""

    source: TopicPartition
    offset: int
    is_letter: bool


@dataclass(frozen=True, slots=True)
class Places:
    """The source positions of some results' events: row ``i`` is at ``offsets[i]`` of its source.

    The first ``scored`` traces are scored events, those behind them dead letters.
    """

    sources: tuple[TopicPartition, ...]
    source_index: NDArray[np.int64]
    offsets: NDArray[np.int64]
    scored: int

    @classmethod
    def of(cls, batch: Batch, scored: ScoredBatch) -> Places:
        """Return the places of the events that a batch's traces are of."""
        rows = scored.rows
        return cls(batch.sources, batch.source_index[rows], batch.offsets[rows], len(scored.scored))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.offsets)

    def at(self, row: int) -> Place:
        """Return the place of one row."""
        source = self.sources[int(self.source_index[row])]
        return Place(source, int(self.offsets[row]), is_letter=row >= self.scored)


@dataclass(slots=True)
class OpenSet:
    """Scored batches that are not committed yet.

    It lives within one assignment: it is committed or dropped before partitions leave. ``places``
    says of each batch where the events of its traces stand.
    """

    opened_at: float
    batches: list[ScoredBatch] = field(default_factory=list)
    places: list[Places] = field(default_factory=list)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    rows: int = 0
    size_bytes: int = 0

    def add(self, scored: ScoredBatch, batch: Batch) -> None:
        """Gather what a batch became, behind what is already here; its bytes are not kept."""
        self.batches.append(scored)
        self.places.append(Places.of(batch, scored))
        self.offsets.update(scored.next_offsets)
        self.rows += len(scored.rows)
        self.size_bytes += scored.size_bytes

    def place(self, number: int) -> Place:
        """Return where the event of a trace stands; they are numbered in the order of writing.

        That is batch by batch, scored events first and then dead letters.
        """
        for places in self.places:
            if number < len(places):
                return places.at(number)
            number -= len(places)
        raise IndexError(f"the set has no trace of number {number} behind its last one")
