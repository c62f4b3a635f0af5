"""The values that cross walls: what is polled, what is scored, what is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_scorer.profile import Profile

Headers = list[tuple[str, bytes | None]]
"""Kafka record headers, in order; a name may repeat."""


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Position:
    """A group's committed position in a partition: Kafka's offset, leader epoch and metadata.

    ``offset`` is the next one to read. ``leader_epoch`` is the epoch of the partition's leader when
    what is before was read, -1 where it is not known. ``metadata`` is a text that the brokers keep.
    """

    offset: int
    leader_epoch: int = -1
    metadata: str = ""


class Reason(StrEnum):
    """Why an event became a dead letter: a closed list, and a metric label."""

    NO_SCHEMA = "no_schema"
    UNDECODABLE = "undecodable"
    MISSING_FEATURE = "missing_feature"
    NOT_REPRESENTABLE = "not_representable"
    INFERENCE_FAILED = "inference_failed"
    NON_FINITE_SCORE = "non_finite_score"
    TOO_LARGE = "too_large"
    REJECTED_BY_BROKER = "rejected_by_broker"
    TOMBSTONE = "tombstone"


class Stage(StrEnum):
    """A stage in the path of a batch."""

    POLL = "poll"
    DECODE = "decode"
    FEATURES = "features"
    INFER = "infer"
    ENCODE = "encode"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Problem:
    """The reason why one event can't be scored; its neighbours are not affected.

    ``headers_lost``: the client could not hand over its headers, so nobody here has them.
    """

    reason: Reason
    stage: Stage
    message: str
    exception: str = "stream_scorer.RecordError"
    headers_lost: bool = False


Problems = dict[int, Problem]
"""Row number to what is wrong with it."""


def next_offset(offset: int) -> int:
    """Return the offset to commit once the event at ``offset`` is done (Kafka's convention)."""
    return offset + 1


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one poll as columns: row ``i`` of each column is event ``i``.

    Within a source, rows are in offset order. ``timestamps`` are milliseconds since the epoch,
    -1 where the broker has none. ``sources[source_index[i]]`` is where event ``i`` came from.
    ``problems`` says of which events it is known already that they can't be scored.
    """

    values: Sequence[bytes | None]
    keys: Sequence[bytes | None]
    headers: Sequence[Headers | None]
    timestamps: NDArray[np.int64]
    sources: tuple[TopicPartition, ...]
    source_index: NDArray[np.int64]
    offsets: NDArray[np.int64]
    problems: Problems = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.values)

    def source_of(self, row: int) -> TopicPartition:
        """Return where event ``row`` came from."""
        return self.sources[int(self.source_index[row])]

    def next_offsets(self) -> dict[TopicPartition, int]:
        """Return, for each source with an event here, the offset after its last one."""
        last = np.full(len(self.sources), -1, dtype=np.int64)
        np.maximum.at(last, self.source_index, self.offsets)
        return {
            source: next_offset(int(offset))
            for source, offset in zip(self.sources, last, strict=True)
            if offset >= 0
        }

    def take(self, rows: NDArray[np.intp]) -> Batch:
        """Return the given rows, in that order, as a batch of their own."""
        chosen = rows.tolist()
        problems = self.problems and {
            new: self.problems[row] for new, row in enumerate(chosen) if row in self.problems
        }
        return Batch(
            [self.values[row] for row in chosen],
            [self.keys[row] for row in chosen],
            [self.headers[row] for row in chosen],
            self.timestamps[rows],
            self.sources,
            self.source_index[rows],
            self.offsets[rows],
            problems,
        )


@dataclass(frozen=True, slots=True)
class TopicLimits:
    """The limits of a topic, as far as they are known; for ``None`` the brokers decide.

    ``max_bytes`` are those of a record's contents. A timestamp may be so many milliseconds before
    the brokers' time, or after it; with ``may_set_time`` the topic may replace it by that of the
    writing (LogAppendTime). A compacted topic takes no record without a key. ``partitions`` are
    given where events go to the partition of their source's number, and it may be missing.
    """

    max_bytes: int | None = None
    before_max_ms: int | None = None
    after_max_ms: int | None = None
    needs_key: bool = False
    partitions: int | None = None
    may_set_time: bool = False

    def refused_side(self, timestamp: int, now_ms: int) -> Literal["before", "after"] | None:
        """Return on which side of now a record is too far away, if it is."""
        if self.before_max_ms is not None and now_ms - timestamp > self.before_max_ms:
            return "before"
        if self.after_max_ms is not None and timestamp - now_ms > self.after_max_ms:
            return "after"
        return None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that can't be scored: its own bytes, and why.

    ``refusals`` counts how often the dead-letter topic did not take it.
    """

    value: bytes | None
    key: bytes | None
    headers: Headers | None
    timestamp: int
    source: TopicPartition
    offset: int
    problem: Problem
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class ScoredEvents:
    """Scored events as columns, in input order; a ``None`` value is a forwarded tombstone.

    ``timestamps`` are milliseconds since the epoch, -1 for none; a partition of -1 is for the
    partitioner to choose.

    Raises:
        ValueError: the columns differ in length; an event would be written without its key, or not.
    """

    values: Sequence[bytes | None]
    keys: Sequence[bytes | None]
    headers: Sequence[Headers | None]
    timestamps: NDArray[np.int64]
    partitions: NDArray[np.int64]

    def __post_init__(self) -> None:
        columns = (self.values, self.keys, self.headers, self.timestamps, self.partitions)
        lengths = [len(column) for column in columns]
        if len(set(lengths)) > 1:
            raise ValueError(f"columns of {lengths} events")

    def __len__(self) -> int:
        """Return the number of scored events."""
        return len(self.values)

    def take(self, rows: NDArray[np.intp]) -> ScoredEvents:
        """Return the given rows, in that order."""
        chosen = rows.tolist()
        return ScoredEvents(
            [self.values[row] for row in chosen],
            [self.keys[row] for row in chosen],
            [self.headers[row] for row in chosen],
            self.timestamps[rows],
            self.partitions[rows],
        )


class Cause(StrEnum):
    """The reason why a partition waits: a closed list, and a metric label."""

    SCHEMA = "schema"
    OUTPUT_PARTITION = "output_partition"


@dataclass(frozen=True, slots=True)
class Held:
    """An event that can't be scored now, and all behind it in its partition with it.

    ``offset`` is the event's, ``why`` a sentence; it is worth no other try within ``seconds``.
    """

    offset: int
    why: str
    seconds: float
    cause: Cause = Cause.SCHEMA


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """The events of a batch, each as a scored event or a dead letter, and where to go on.

    ``rows`` are the rows of the batch that the traces are of: scored events, then dead letters.
    They are all of them but those that ``held`` leaves out: of each partition there, the event at
    its offset and whatever is behind it.
    """

    scored: ScoredEvents
    dead_letters: tuple[DeadLetter, ...]
    next_offsets: Mapping[TopicPartition, int]
    rows: NDArray[np.intp]
    size_bytes: int = 0
    seconds: Mapping[Stage, float] = field(default_factory=dict)
    profile: Profile = field(default_factory=Profile)
    held: Mapping[TopicPartition, Held] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of input events that left their trace here."""
        return len(self.scored) + len(self.dead_letters)


@dataclass(frozen=True, slots=True)
class PartitionStatistics:
    """A consumer client's view of a partition; offsets are ``None`` until they are known.

    ``committed`` is what the group had committed when the partition was assigned; ``start`` is the
    first offset that there still is; ``end`` is the last stable one, where the first transaction
    that is open begins; ``high`` is the high watermark, behind all that is written.
    """

    committed: int | None
    start: int | None
    end: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class ClientStatistics:
    """Statistics of a Kafka client. Counters start when the client is created."""

    client: Literal["consumer", "producer"]
    brokers_up: int
    queue_messages: int
    queue_bytes: int
    requests: int
    request_bytes: int
    responses: int
    response_bytes: int
    messages: int
    message_bytes: int
    partitions: Mapping[TopicPartition, PartitionStatistics]
