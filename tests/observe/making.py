"""Values that the loop and the clients hand over, as small as a test wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from stream_scorer.profile import Profile
from stream_scorer.records import (
    Batch,
    ClientStatistics,
    DeadLetter,
    PartitionStatistics,
    Problem,
    Reason,
    ScoredBatch,
    ScoredEvents,
    Stage,
    TopicPartition,
)

CARDS = TopicPartition("cards", 0)
OTHER = TopicPartition("cards", 1)


class Clock:
    """A clock that the test sets, forward or back."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time that the test set."""
        return self.now


def batch(
    offsets: Sequence[int],
    source: TopicPartition = CARDS,
    timestamps: Sequence[int] | None = None,
) -> Batch:
    """A batch of one partition: these offsets, and no more than that."""
    rows = len(offsets)
    return Batch(
        [b""] * rows,
        [None] * rows,
        [None] * rows,
        np.array(timestamps if timestamps is not None else [-1] * rows, np.int64),
        (source,),
        np.zeros(rows, np.int64),
        np.array(offsets, np.int64),
    )


def letter(
    offset: int = 0,
    reason: Reason = Reason.UNDECODABLE,
    message: str = "broken",
    value: bytes | None = b"v",
    timestamp: int = -1,
) -> DeadLetter:
    """A dead letter of partition 0."""
    return DeadLetter(
        value, None, None, timestamp, CARDS, offset, Problem(reason, Stage.DECODE, message)
    )


def scored(
    timestamps: Sequence[int] = (),
    letters: Sequence[DeadLetter] = (),
    next_offsets: Mapping[TopicPartition, int] | None = None,
    profile: Profile | None = None,
) -> ScoredBatch:
    """Scored events of these timestamps and these dead letters."""
    rows = len(timestamps)
    events = ScoredEvents(
        [b""] * rows,
        [None] * rows,
        [None] * rows,
        np.array(timestamps, np.int64),
        np.zeros(rows, np.int64),
    )
    return ScoredBatch(
        events,
        tuple(letters),
        next_offsets or {},
        np.arange(rows + len(letters)),
        seconds={Stage.DECODE: 0.25, Stage.INFER: 0.5},
        profile=profile or Profile(),
    )


def place(
    *,
    committed: int | None = None,
    start: int | None = 0,
    end: int | None = None,
    high: int | None = None,
) -> PartitionStatistics:
    """What a consumer's client knows of a partition; no transaction is open unless it says so."""
    return PartitionStatistics(committed, start, end, end if high is None else high)


def statistics(
    client: Literal["consumer", "producer"] = "consumer",
    partitions: Mapping[TopicPartition, PartitionStatistics] | None = None,
    *,
    brokers_up: int = 1,
    messages: int = 0,
) -> ClientStatistics:
    """What a client says of itself; each number is another one."""
    return ClientStatistics(
        client=client,
        brokers_up=brokers_up,
        queue_messages=2,
        queue_bytes=3,
        requests=4,
        request_bytes=5,
        responses=6,
        response_bytes=7,
        messages=messages,
        message_bytes=9,
        partitions=partitions or {},
    )
