"""A summary of a batch: the distribution of its scores, and its missing features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: One scale for probabilities, in steps of 0.05, and for scores of any other size. A value on an
#: edge belongs to the bucket below it, as Prometheus counts (``le``).
SCORE_EDGES = (
    -1000.0, -100.0, -10.0, -1.0,
    *(step / 20 for step in range(21)),
    10.0, 100.0, 1000.0,
)  # fmt: skip
_EDGES = np.array(SCORE_EDGES)


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """The number of scores in each bucket; there is one more bucket than there are edges.

    Those that are NaN or infinite are in no bucket.
    """

    counts: NDArray[np.int64]
    not_finite: int

    @classmethod
    def of(cls, scores: NDArray[np.floating]) -> ScoreCounts:
        """Return the counts of scores, ``[rows]``."""
        finite = np.isfinite(scores)
        not_finite = len(scores) - int(np.count_nonzero(finite))
        kept = scores[finite] if not_finite else scores
        # As float32 has it 0.05 is larger than as float64 has it: each is on its own edge.
        edges = _EDGES.astype(scores.dtype)
        counts = np.bincount(np.searchsorted(edges, kept), minlength=len(edges) + 1)
        return cls(counts, not_finite)

    @classmethod
    def none(cls) -> ScoreCounts:
        """Return the counts of no score."""
        return cls(np.zeros(len(_EDGES) + 1, np.int64), 0)

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        return ScoreCounts(self.counts + other.counts, self.not_finite + other.not_finite)


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts over the readable events of one batch.

    Attributes:
        rows: how many there are.
        missing: nullable feature, by its path, to the number of rows in which it is null.
        scores: field of the scored event to its counts.
    """

    rows: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)
    scores: Mapping[str, ScoreCounts] = field(default_factory=dict)

    @classmethod
    def of_all(cls, profiles: Iterable[Profile]) -> Profile:
        """Return one profile of all their events."""
        rows, missing, scores = 0, dict[str, int](), dict[str, ScoreCounts]()
        for each in profiles:
            rows += each.rows
            for path, count in each.missing.items():
                missing[path] = missing.get(path, 0) + count
            for name, counts in each.scores.items():
                scores[name] = scores[name] + counts if name in scores else counts
        return cls(rows, missing, scores)
