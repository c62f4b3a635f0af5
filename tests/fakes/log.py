"""What stands in a partition: events, control markers, and the transactions that they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from stream_scorer.records import Headers, TopicPartition

State = Literal["open", "committed", "aborted"]


@dataclass(eq=False)
class FakeTransaction:
    """What one transaction wrote, when the brokers end it by themselves, and how it ended."""

    name: str = ""
    state: State = "open"
    records: int = 0
    ends_at: float = float("inf")
    touched: set[TopicPartition] = field(default_factory=set)
    offsets: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """One place in a partition; a control marker has no event."""

    transaction: FakeTransaction | None
    value: bytes | None = None
    key: bytes | None = None
    headers: Headers | None = None
    timestamp: int = -1
    is_marker: bool = False
    offset: int = -1

    @property
    def visible(self) -> bool:
        """Whether a reader of committed events gets it."""
        done = self.transaction is None or self.transaction.state == "committed"
        return done and not self.is_marker

    @property
    def pending(self) -> bool:
        """Whether readers of committed events wait here."""
        return self.transaction is not None and self.transaction.state == "open"
