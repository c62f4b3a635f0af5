"""The dead-letter budget: a ratio over a sliding window, with a minimum count."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Up to ``ratio`` of the events of the last ``window_seconds`` may be dead letters.

    Below ``minimum`` dead letters in the window it is never spent.
    """

    ratio: float
    window_seconds: float
    minimum: int


class BudgetLedger:
    """Recent commits, and whether the next one still fits the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._committed: deque[tuple[float, int, int]] = deque()
        self._events = 0
        self._dead_letters = 0

    def would_overspend(self, now_seconds: float, events: int, dead_letters: int) -> bool:
        """Tell whether committing these on top of the window's would cross the budget."""
        self._forget_until(now_seconds - self._budget.window_seconds)
        events += self._events
        dead_letters += self._dead_letters
        return dead_letters >= self._budget.minimum and dead_letters > self._budget.ratio * events

    def spend(self, now_seconds: float, events: int, dead_letters: int) -> None:
        """Note what was committed."""
        self._forget_until(now_seconds - self._budget.window_seconds)
        self._committed.append((now_seconds, events, dead_letters))
        self._events += events
        self._dead_letters += dead_letters

    def _forget_until(self, seconds: float) -> None:
        while self._committed and self._committed[0][0] <= seconds:
            _, events, dead_letters = self._committed.popleft()
            self._events -= events
            self._dead_letters -= dead_letters
