"""Events to write, in bursts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from stream_scorer.records import Headers


class Outcome(StrEnum):
    """How a burst is written: plainly, or in a transaction that commits or aborts."""

    PLAIN = "plain"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event to write.

    The timestamp is milliseconds since the epoch; 0 means the time of hand-over.
    """

    partition: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int = 0
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Burst:
    """Events that are written together: in one transaction, unless plainly."""

    events: tuple[Outgoing, ...]
    outcome: Outcome = Outcome.PLAIN
