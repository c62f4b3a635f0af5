"""The time for which workers had open sets, from their own histories."""

from __future__ import annotations

import statistics
from array import array
from dataclasses import dataclass

from stream_scorer.verify.values import Entry


@dataclass(frozen=True, slots=True)
class HeldTimes:
    """The time for which sets were open, in seconds; ``None`` if there were none.

    It does not include a set that was open when its worker died.
    """

    sets: int
    median_seconds: float | None
    longest_seconds: float | None


class Held:
    """Collects these times from the histories. Memory: eight bytes a set."""

    def __init__(self) -> None:
        self._seconds = array("d")

    def told(self, entry: Entry) -> None:
        """Record a history entry of a worker."""
        seconds = entry.details.get("held_seconds")
        if seconds is not None:
            self._seconds.append(seconds)

    def times(self) -> HeldTimes:
        """Return the times as numbers."""
        if not self._seconds:
            return HeldTimes(0, None, None)
        median = statistics.median(self._seconds)
        return HeldTimes(len(self._seconds), median, max(self._seconds))
