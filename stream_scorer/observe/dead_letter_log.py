"""Dead letters in the log: how many, why, and where the first one came from, at most so often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from stream_scorer.records import DeadLetter, ScoredBatch

#: One line in this time, whatever the number of dead letters.
SECONDS_BETWEEN_LINES = 10.0


class Say(Protocol):
    """Writes one line, as the methods of the log do."""

    def __call__(self, event: str, **values: object) -> object:
        """Write the line."""


class DeadLetterLog:
    """Says at once that there are dead letters, then sums up until the next line is due."""

    def __init__(self, say: Say, clock: Callable[[], float]) -> None:
        self._say = say
        self._clock = clock
        self._said_at = float("-inf")
        self._first: DeadLetter | None = None
        self._reasons: Counter[str] = Counter()

    def committed(self, scored: Sequence[ScoredBatch]) -> None:
        """Count the dead letters of a transaction, and say what is due."""
        for batch in scored:
            for letter in batch.dead_letters:
                self._first = self._first or letter
                self._reasons[str(letter.problem.reason)] += 1
        now = self._clock()
        if self._first is None or now - self._said_at < SECONDS_BETWEEN_LINES:
            return
        self._say(
            "events could not be scored and are in the dead-letter topic",
            count=self._reasons.total(),
            reasons=dict(self._reasons),
            first=f"{self._first.source.topic}[{self._first.source.partition}]@{self._first.offset}",
            why=self._first.problem.message,
        )
        self._said_at, self._first = now, None
        self._reasons.clear()
