"""Events that are to be written, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from stream_scorer.records import Headers


class Outcome(StrEnum):
    """How a burst is written."""

    PLAIN = "plain"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event to be written.

    The timestamp is milliseconds since the epoch; 0 is the time at which it is handed over.
    """

    partition: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int = 0
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Burst:
    """Events that are written one after the other: in one transaction, unless plainly."""

    events: tuple[Outgoing, ...]
    outcome: Outcome = Outcome.PLAIN
