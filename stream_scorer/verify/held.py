"""How long workers had sets in hand, by what they said."""

from __future__ import annotations

import statistics
from array import array
from dataclasses import dataclass

from stream_scorer.verify.values import Entry


@dataclass(frozen=True, slots=True)
class HeldTimes:
    """How long sets were in hand, in seconds; ``None`` where there was none.

    A set that was in hand when its worker died is not among them.
    """

    sets: int
    median_seconds: float | None
    longest_seconds: float | None


class Held:
    """Gathers it from the histories. Memory: eight bytes a set."""

    def __init__(self) -> None:
        self._seconds = array("d")

    def told(self, entry: Entry) -> None:
        """Take a line of a worker's history in."""
        seconds = entry.details.get("held_seconds")
        if seconds is not None:
            self._seconds.append(seconds)

    def times(self) -> HeldTimes:
        """Return it in numbers."""
        if not self._seconds:
            return HeldTimes(0, None, None)
        median = statistics.median(self._seconds)
        return HeldTimes(len(self._seconds), median, max(self._seconds))
