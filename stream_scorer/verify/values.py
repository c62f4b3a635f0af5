"""The values of a run: invariants, events, results, and the workers' history entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stream_scorer.records import Reason, TopicPartition

#: The header in which a written record names its transaction.
TRANSACTION_HEADER = "verify.transaction"


class Invariant(StrEnum):
    """The invariants that must hold despite all faults, as seen by readers of committed records."""

    ONE_TRACE = "I1"  # every event before the committed offset has one result, no other has any
    ORDER = "I2"  # results are in the order of their events
    ATOMIC = "I3"  # a transaction's records are all visible, or none is
    OUTCOME = "I4"  # aborted records are invisible, committed ones visible
    OFFSETS = "I5"  # committed offsets never go back, and are never behind visible results
    SAME_VIEW = "I6"  # readers during and after the faults see the same
    NOTHING_OPEN = "I7"  # at the end, no transaction holds readers back
    SCORE = "I8"  # each score equals what the model returns for that event
    LIVENESS = "I9"  # the fleet reaches the end, and no partition stalls
    NO_LEAK = "I10"  # memory, file descriptors and threads of a worker stay flat


#: The promise of each invariant, for tables.
MEANING: Mapping[Invariant, str] = {
    Invariant.ONE_TRACE: "each event has exactly one result, of the right kind",
    Invariant.ORDER: "results are in the order of their events",
    Invariant.ATOMIC: "a transaction is visible as a whole or not at all",
    Invariant.OUTCOME: "aborted records are invisible, committed ones visible",
    Invariant.OFFSETS: "committed offsets never go back, nor lag behind visible results",
    Invariant.SAME_VIEW: "readers during and after the faults see the same",
    Invariant.NOTHING_OPEN: "no transaction is left open",
    Invariant.SCORE: "each score equals its recomputation",
    Invariant.LIVENESS: "the fleet reaches the end in time; no partition stalls",
    Invariant.NO_LEAK: "memory, descriptors and threads stay flat",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation of an invariant."""

    invariant: Invariant
    sentence: str


@dataclass(frozen=True, slots=True)
class InputEvent:
    """An event as a ``read_committed`` reader finds it in the input, with its expected result.

    ``reason`` is why it must be dead-lettered; ``None`` if it must be scored, with ``score``.
    """

    source: TopicPartition
    offset: int
    key: bytes | None
    reason: Reason | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Trace:
    """A record that a ``read_committed`` reader finds in the output or dead-letter topic.

    ``place`` and ``offset`` are the record's position; ``source`` and ``source_offset`` identify
    its event.
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

    Entries of a worker, with ``details``:

    - ``assigned`` {partitions: [[topic, partition], …]}: the group assigned it these.
    - ``begun`` {transaction}
    - ``sent`` {transaction, records, offsets: [[topic, partition, offset], …]}: everything is sent,
      the commit is next. A transaction without this entry can't have committed.
    - ``committed`` {transaction}, ``aborted`` {transaction}: the client reported it. Neither: the
      outcome is unknown.
    - ``dropped``: scored and uncommitted events are read again.
    - These three with {held_seconds}: how long the worker had uncommitted scored events.
    - ``reached`` {point, act}: an injury happens now.
    - ``resources`` {rss_bytes, descriptors, threads}

    Entries of the verifier (``who`` is ``verify``): ``injured``, ``healed`` and ``missed`` {fault},
    ``ended`` {worker, exit_code}.
    """

    at: float
    who: str
    what: str
    details: Mapping[str, Any] = field(default_factory=dict)
