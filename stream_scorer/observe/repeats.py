"""A cause that repeats is said at once, then counted, and said again with the count."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

SECONDS_BETWEEN_LINES = 60.0
#: More different causes than this are not remembered.
REMEMBERED_CAUSES = 100

_NUMBERS = re.compile(r"\d+")


class Say(Protocol):
    """Writes one line, as the methods of the log do."""

    def __call__(self, event: str, **values: object) -> object:
        """Write the line."""


class Repeats:
    """Causes that differ in numbers only are the same cause. ``clock`` counts monotonic seconds."""

    def __init__(self, say: Say, clock: Callable[[], float]) -> None:
        self._say = say
        self._clock = clock
        self._said_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def happened(self, event: str, reason: str, **values: object) -> None:
        """Say so, unless the same cause was said a moment ago."""
        cause, now = _NUMBERS.sub("0", f"{event} {reason}"), self._clock()
        unsaid = self._unsaid.pop(cause, 0)
        if now - self._said_at.get(cause, float("-inf")) < SECONDS_BETWEEN_LINES:
            self._unsaid[cause] = unsaid + 1
            return
        if len(self._said_at) >= REMEMBERED_CAUSES:
            self._said_at.clear()
            self._unsaid.clear()
        self._said_at[cause] = now
        if unsaid:
            values["and_before"] = unsaid
        self._say(event, reason=reason, **values)
