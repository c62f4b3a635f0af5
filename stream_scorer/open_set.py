"""What is gathered for the next transaction, and how much of it there may be."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream_scorer.records import ScoredBatch, TopicPartition


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
