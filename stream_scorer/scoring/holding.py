"""A batch of which some events can't be scored now: what is in front of them, in each partition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stream_scorer.records import Batch, Held, ScoredBatch, TopicPartition


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
