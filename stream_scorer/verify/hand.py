"""How long a worker has events in hand: from the first one that is scored to a commit or a drop."""

from __future__ import annotations

import time
from collections.abc import Callable


class Hand:
    """What a worker has scored and neither committed nor dropped yet; for one thread.

    ``clock`` is seconds of any one clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    def take(self) -> bool:
        """Note that something was scored; return whether nothing was in hand before."""
        was_empty = self._since is None
        if was_empty:
            self._since = self._clock()
        return was_empty

    def put_down(self) -> float | None:
        """Note that nothing is in hand any more; return for how many seconds something was."""
        since, self._since = self._since, None
        return None if since is None else round(self._clock() - since, 4)
