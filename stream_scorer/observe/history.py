"""The last minutes, in intervals: events, their ages, and what the time went into."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

INTERVAL_SECONDS = 2.0
#: Five minutes.
INTERVALS = 150
#: A minute: what the shares of the stages are taken from.
RECENT_INTERVALS = 30
#: Ages are kept as a histogram, from a millisecond to a day, a fifth more from edge to edge.
_AGE_EDGES = np.geomspace(0.001, 86_400, 101)
#: So many ages of one transaction say enough.
SAMPLED_AGES = 256

Series = list[float | None]


@dataclass(slots=True)
class _Interval:
    number: int
    scored: int = 0
    dead_letters: int = 0
    ages: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(_AGE_EDGES) + 1, np.int64))
    stages: dict[str, float] = field(default_factory=dict)


class History:
    """Belongs to whoever holds its lock. Times are seconds of the wall clock."""

    def __init__(self) -> None:
        self._intervals: deque[_Interval] = deque(maxlen=INTERVALS + 1)

    def committed(
        self, scored: int, dead_letters: int, ages_seconds: NDArray[np.float64], now: float
    ) -> None:
        """Note what one transaction made visible."""
        interval = self._at(now)
        interval.scored += scored
        interval.dead_letters += dead_letters
        some = ages_seconds[:: len(ages_seconds) // SAMPLED_AGES + 1]
        interval.ages += np.bincount(
            np.searchsorted(_AGE_EDGES, some), minlength=len(interval.ages)
        )

    def spent(self, stage: str, seconds: float, now: float) -> None:
        """Note how long a stage took."""
        stages = self._at(now).stages
        stages[stage] = stages.get(stage, 0.0) + seconds

    def _at(self, now: float) -> _Interval:
        number = int(now // INTERVAL_SECONDS)
        while self._intervals and self._intervals[-1].number > number:
            self._intervals.pop()  # the clock was set back: those times are still to come
        if not self._intervals or self._intervals[-1].number < number:
            self._intervals.append(_Interval(number))
        return self._intervals[-1]

    def series(self, now: float) -> dict[str, object]:
        """Return the intervals that are over, those without events among them."""
        current = int(now // INTERVAL_SECONDS)
        known = {each.number: each for each in self._intervals}
        first = max(min(known, default=current), current - INTERVALS)
        over = [known.get(number) or _Interval(number) for number in range(first, current)]
        return {
            "interval_seconds": INTERVAL_SECONDS,
            "until": current * INTERVAL_SECONDS,
            "scored": [each.scored for each in over],
            "dead_letters": [each.dead_letters for each in over],
            "age_p50_seconds": [_quantile(each.ages, 0.5) for each in over],
            "age_p99_seconds": [_quantile(each.ages, 0.99) for each in over],
        }

    def stages(self, now: float) -> Mapping[str, float]:
        """Return the seconds that went into each stage during the last minute."""
        current = int(now // INTERVAL_SECONDS)
        total: dict[str, float] = {}
        for interval in self._intervals:
            if current - RECENT_INTERVALS <= interval.number <= current:
                for stage, seconds in interval.stages.items():
                    total[stage] = total.get(stage, 0.0) + seconds
        return total


def _quantile(counts: NDArray[np.int64], share: float) -> float | None:
    """Return the upper edge of the bucket in which so many of the ages are younger."""
    total = int(counts.sum())
    if total == 0:
        return None
    bucket = int(np.searchsorted(counts.cumsum(), share * total))
    return float(_AGE_EDGES[min(bucket, len(_AGE_EDGES) - 1)])
