"""Rate-limits repeated messages: the first at once, then one per interval with the count."""

from __future__ import annotations

import re
from collections.abc import Callable

SECONDS_BETWEEN = 60.0

_NUMBERS = re.compile(r"\d+")


class Repeats:
    """Remembers what was said lately. Texts that differ in numbers only are the same.

    Args:
        clock: monotonic seconds.
        most: more different texts than this are not remembered.
    """

    def __init__(self, clock: Callable[[], float], most: int) -> None:
        self._clock = clock
        self._most = most
        self._said_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def due(self, text: str) -> int | None:
        """Return how often it was not said before now, ``None`` if it must not be said now."""
        kind, now = _NUMBERS.sub("0", text), self._clock()
        unsaid = self._unsaid.pop(kind, 0)
        if now - self._said_at.get(kind, float("-inf")) < SECONDS_BETWEEN:
            self._unsaid[kind] = unsaid + 1
            return None
        if len(self._said_at) >= self._most:
            self._said_at.clear()
            self._unsaid.clear()
        self._said_at[kind] = now
        return unsaid
