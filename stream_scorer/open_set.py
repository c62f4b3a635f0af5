"""What is gathered for the next transaction, and how much of it there may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stream_scorer.halving import Places, halves_of
from stream_scorer.records import Batch, ScoredBatch, TopicPartition

#: A size grows by this part of itself.
GROWTH = 8


@dataclass(frozen=True, slots=True)
class Pace:
    """How much to gather, and when to commit it. All times in seconds."""

    max_records: int
    max_wait_seconds: float
    commit_interval_seconds: float
    min_commit_interval_seconds: float
    transaction_max_records: int
    transaction_max_bytes: int
    max_poll_interval_seconds: float


class SetSize:
    """How many rows the next set may have.

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


@dataclass(slots=True)
class OpenSet:
    """What is scored and not committed.

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
        self._add(scored, Places.of(batch, scored.rows))
        self.rows += len(batch) - len(scored)

    def traces(self) -> int:
        """Return how many records there are to write."""
        return sum(map(len, self.batches))

    def first_place(self) -> tuple[TopicPartition, int]:
        """Return where the event of the first trace stands."""
        return next(places.at(0) for places in self.places if len(places.offsets))

    def halves(self) -> tuple[OpenSet, OpenSet]:
        """Return the earlier and the later half of it, which has two traces or more.

        Of each partition, a half is a run of its events: the halves may be committed one after the
        other.
        """
        pairs = list(zip(self.batches, self.places, strict=True))
        if len(pairs) == 1:
            pairs = list(halves_of(*pairs[0]))
        middle = len(pairs) // 2
        return self._of(pairs[:middle]), self._of(pairs[middle:])

    def _of(self, pairs: Sequence[tuple[ScoredBatch, Places]]) -> OpenSet:
        part = OpenSet(self.opened_at)
        for scored, places in pairs:
            part._add(scored, places)
        return part

    def _add(self, scored: ScoredBatch, places: Places) -> None:
        self.batches.append(scored)
        self.places.append(places)
        self.offsets.update(scored.next_offsets)
        self.rows += len(scored)
        self.size_bytes += scored.size_bytes
