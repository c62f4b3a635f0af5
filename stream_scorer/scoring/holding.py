"""A batch of which some events can't be scored now: what is in front of them, in each partition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stream_scorer.records import Batch, Cause, Held, ScoredBatch, TopicPartition

#: Why the output has not so many partitions, and for how many seconds that is worth no other look;
#: ``None`` if it has.
Lacking = Callable[[int], tuple[str, float] | None]


def lacks_nothing(_partitions: int) -> None:
    """Say of any number of partitions that the output has them."""


def held_beyond(batch: Batch, lacking: Lacking, *, by_key: bool) -> dict[TopicPartition, Held]:
    """Return where each partition is held whose scored events have no partition to go to.

    By its source an event goes to the partition of its own number, by its key to any that is there.
    The dead letters of such a partition wait with the rest, to keep its order.
    """
    if not batch.sources or lacking(_needed(batch.sources, by_key=by_key)) is None:
        return {}
    held: dict[TopicPartition, Held] = {}
    for number, source in enumerate(batch.sources):
        offsets = batch.offsets[batch.source_index == number]
        found = lacking(_needed([source], by_key=by_key)) if len(offsets) else None
        if found is not None:
            held[source] = Held(int(offsets.min()), *found, Cause.OUTPUT_PARTITION)
    return held


def _needed(sources: Sequence[TopicPartition], *, by_key: bool) -> int:
    return 1 if by_key else 1 + max(source.partition for source in sources)


def held_at(batch: Batch, waiting: Mapping[int, tuple[str, float]]) -> dict[TopicPartition, Held]:
    """Return where each partition is held by these rows: why, and for how many seconds."""
    first: dict[TopicPartition, Held] = {}
    for row, (why, seconds) in waiting.items():
        source, offset = batch.source_of(row), int(batch.offsets[row])
        if source not in first or offset < first[source].offset:
            first[source] = Held(offset, why, seconds)
    return first


def score_before(
    held: Mapping[TopicPartition, Held], batch: Batch, score: Callable[[Batch], ScoredBatch]
) -> ScoredBatch:
    """Return the traces of what is in front of what is held: the order in a partition is kept."""
    limits = np.array([_limit(held.get(source)) for source in batch.sources], np.int64)
    rows: NDArray[np.intp] = np.flatnonzero(batch.offsets < limits[batch.source_index])
    scored = score(batch.take(rows))
    return replace(scored, rows=rows[scored.rows], held={**held, **scored.held})


def _limit(held: Held | None) -> int:
    return np.iinfo(np.int64).max if held is None else held.offset
