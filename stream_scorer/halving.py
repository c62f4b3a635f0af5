"""A scored batch in two: so a record that the broker refuses is found among its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream_scorer.records import Batch, ScoredBatch, TopicPartition, next_offset


@dataclass(frozen=True, slots=True)
class Places:
    """Where the events of some traces stand: row ``i`` at ``offsets[i]`` of its source."""

    sources: tuple[TopicPartition, ...]
    source_index: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, batch: Batch, rows: NDArray[np.intp]) -> Places:
        """Return the places of these rows of a batch."""
        return cls(batch.sources, batch.source_index[rows], batch.offsets[rows])

    def at(self, row: int) -> tuple[TopicPartition, int]:
        """Return the place of one row."""
        return self.sources[int(self.source_index[row])], int(self.offsets[row])

    def take(self, rows: NDArray[np.intp]) -> Places:
        """Return the given rows, in that order."""
        return Places(self.sources, self.source_index[rows], self.offsets[rows])

    def next_offsets(self) -> dict[TopicPartition, int]:
        """Return, for each source with a row here, the offset after its last one."""
        ends: dict[TopicPartition, int] = {}
        for row in range(len(self.offsets)):
            source, offset = self.at(row)
            ends[source] = max(ends.get(source, 0), next_offset(offset))
        return ends


def halves_of(
    scored: ScoredBatch, places: Places
) -> tuple[tuple[ScoredBatch, Places], tuple[ScoredBatch, Places]]:
    """Return two batches that make up this one, which has two traces or more.

    The first one ends where its own traces do, in each partition; the second one where this one
    does, which may be further: events that left no trace here are behind their neighbours. It has
    the profile of both.
    """
    order = np.lexsort((places.offsets, places.source_index))
    middle = len(order) // 2
    first, second = (np.sort(part) for part in (order[:middle], order[middle:]))
    earlier = _part(scored, places, first)
    later, later_places = _part(scored, places, second)
    last = replace(later, next_offsets=scored.next_offsets, profile=scored.profile)
    return earlier, (last, later_places)


def _part(
    scored: ScoredBatch, places: Places, traces: NDArray[np.intp]
) -> tuple[ScoredBatch, Places]:
    """Return the batch of these traces, numbered as the batch's: scored events, then letters."""
    events = len(scored.scored)
    letters: Sequence[int] = (traces[traces >= events] - events).tolist()
    mine = places.take(traces)
    part = ScoredBatch(
        scored.scored.take(traces[traces < events]),
        tuple(scored.dead_letters[letter] for letter in letters),
        mine.next_offsets(),
        scored.rows[traces],
        seconds=scored.seconds,
    )
    return part, mine
