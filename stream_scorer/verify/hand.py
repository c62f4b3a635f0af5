"""Measures how long a worker has uncommitted events: from the first score to commit or drop."""

from __future__ import annotations

import time
from collections.abc import Callable


class Hand:
    """Tracks whether a worker has scored events that are neither committed nor dropped; one thread.

    ``clock`` returns seconds of any one clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    def take(self) -> bool:
        """Note that something was scored; return whether nothing was uncommitted before."""
        was_empty = self._since is None
        if was_empty:
            self._since = self._clock()
        return was_empty

    def put_down(self) -> float | None:
        """Note a commit or a drop; return for how many seconds events were uncommitted."""
        since, self._since = self._since, None
        return None if since is None else round(self._clock() - since, 4)
