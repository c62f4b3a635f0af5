"""What is gathered for the next transaction, and how much of it there may be."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream_scorer.records import ScoredBatch, TopicPartition

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

    A record that the broker refuses is another matter, and bisected: as long as there are suspects,
    a set has half of them, and the size that was settled on stays.
    """

    def __init__(self, full: int) -> None:
        self._full = self._settled = full
        #: Events from the committed offset on among which the broker refuses at least one.
        self._suspects = 0

    @property
    def rows(self) -> int:
        """Return the number of rows, at least 1."""
        if self._suspects:
            return max(1, min(self._suspects // 2, self._settled))
        return self._settled

    def committed(self, rows: int) -> None:
        """Note that a set of so many rows got through."""
        if self._suspects:
            self._suspects = max(0, self._suspects - rows)
        elif rows >= self._settled:
            self._settled = min(self._full, self._settled + max(1, self._settled // GROWTH))

    def aborted(self, rows: int) -> None:
        """Note that a set of so many rows did not."""
        self._settled = max(1, min(rows, self._settled) // 2)

    def refused(self, rows: int) -> None:
        """Note that the broker refuses at least one of these rows."""
        self._suspects = rows


@dataclass(slots=True)
class OpenSet:
    """What is scored and not committed.

    It lives within one assignment: it is committed or dropped before partitions leave.
    """

    opened_at: float
    batches: list[ScoredBatch] = field(default_factory=list)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    rows: int = 0
    size_bytes: int = 0

    def add(self, scored: ScoredBatch, rows: int) -> None:
        """Gather what a batch of so many events became, behind what is already here."""
        self.batches.append(scored)
        self.offsets.update(scored.next_offsets)
        self.rows += rows
        self.size_bytes += scored.size_bytes
