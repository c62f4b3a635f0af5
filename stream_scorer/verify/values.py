"""What the proof is about: invariants, events, traces, and what workers say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stream_scorer.records import Reason, TopicPartition

#: The header by which a written record names its transaction.
TRANSACTION_HEADER = "verify.transaction"


class Invariant(StrEnum):
    """What must hold whatever dies. Each sentence is about readers of committed events."""

    ONE_TRACE = "I1"  # every event before the committed offset has one trace, no other has any
    ORDER = "I2"  # traces stand in the order of their events
    ATOMIC = "I3"  # of a transaction, all records are visible or none
    OUTCOME = "I4"  # what was aborted is invisible, what was committed is visible
    OFFSETS = "I5"  # committed offsets never go back, and never lie behind what is visible
    SAME_VIEW = "I6"  # who reads during the faults sees what who reads afterwards sees
    NOTHING_OPEN = "I7"  # in the end no transaction holds readers back
    SCORE = "I8"  # each score is what the model gives for that event
    LIVENESS = "I9"  # the fleet gets to the end, and no partition stands still
    NO_LEAK = "I10"  # memory, file descriptors and threads of a worker stay flat


#: What each invariant promises, for tables.
MEANING: Mapping[Invariant, str] = {
    Invariant.ONE_TRACE: "each event has exactly one trace, of the right kind",
    Invariant.ORDER: "traces stand in the order of their events",
    Invariant.ATOMIC: "a transaction is visible as a whole or not at all",
    Invariant.OUTCOME: "aborted is invisible, committed is visible",
    Invariant.OFFSETS: "committed offsets never go back nor lie behind what is visible",
    Invariant.SAME_VIEW: "readers during and after the faults see the same",
    Invariant.NOTHING_OPEN: "no transaction is left open",
    Invariant.SCORE: "each score equals its recomputation",
    Invariant.LIVENESS: "the fleet reaches the end in time; no partition stands still",
    Invariant.NO_LEAK: "memory, descriptors and threads stay flat",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not happen, and did."""

    invariant: Invariant
    sentence: str


@dataclass(frozen=True, slots=True)
class InputEvent:
    """An event as a ``read_committed`` reader finds it in the input, and what must become of it.

    ``reason`` is why it must be dead-lettered, ``None`` if it must be scored, with ``score``.
    """

    source: TopicPartition
    offset: int
    key: bytes | None
    reason: Reason | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Trace:
    """A record that a ``read_committed`` reader finds in the output or dead-letter topic.

    ``place`` and ``offset`` are where it stands; ``source`` and ``source_offset`` which event it is
    the trace of.
    """

    place: TopicPartition
    offset: int
    source: TopicPartition
    source_offset: int
    key: bytes | None
    transaction: str
    reason: Reason | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history: who did what, when (seconds since the epoch).

    Of a worker, with ``details``:

    - ``assigned`` {partitions: [[topic, partition], …]}: the group gave it these.
    - ``begun`` {transaction}
    - ``sent`` {transaction, records, offsets: [[topic, partition, offset], …]}: everything is
      handed over, the commit is next. A transaction without it cannot have committed.
    - ``committed`` {transaction}, ``aborted`` {transaction}: the client said so. Neither: unknown.
    - ``dropped``: what was scored and not committed yet is read again.
    - These three with {held_seconds}: so long the worker had something scored in hand.
    - ``reached`` {point, act}: an injury happens now.
    - ``resources`` {rss_bytes, descriptors, threads}

    Of the proof itself (``who`` is ``verify``): ``injured``, ``healed`` and ``missed`` {fault},
    ``ended`` {worker, exit_code}.
    """

    at: float
    who: str
    what: str
    details: Mapping[str, Any] = field(default_factory=dict)
