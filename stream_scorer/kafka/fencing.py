"""Counts fencings, to tell a second process with the same transactional id from a late request.

The brokers fence a producer for one of three reasons. Its transaction outlived its timeout: they
aborted it, and one that comes back must not go on. Its own request for an epoch was sent twice, and
the second copy arrived late. Or another producer took the same transactional id: a process that has
its id for itself does not see that, but two that share one fence each other for ever; exact, but
with many a set scored again and again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from stream_scorer.errors import Fenced

#: So many times within so long is no coincidence: a process that ends hands its id over once.
FENCED_TIMES = 3
WITHIN_SECONDS = 300.0


class Fencing:
    """Counts how often one process was fenced by another.

    Args:
        transactional_id: the id that both have.
        warn: hears of it each time.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        transactional_id: str,
        warn: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transactional_id = transactional_id
        self._warn = warn
        self._clock = clock
        self._times: deque[float] = deque(maxlen=FENCED_TIMES)

    def by_another(self, why: str) -> Fenced | None:
        """Note that another process fenced this one; return what ends the worker, if it is due."""
        now = self._clock()
        self._times.append(now)
        twin = f"Another process has the transactional id {self._transactional_id} too ({why})"
        fix = "Set kafka.transactional_id so that each live process has its own, or leave it out"
        if len(self._times) == FENCED_TIMES and now - self._times[0] <= WITHIN_SECONDS:
            minutes = WITHIN_SECONDS / 60
            return Fenced(
                f"{twin}, and fenced this one {FENCED_TIMES} times within {minutes:.0f} min. {fix}."
            )
        self._warn(f"{twin}, and fenced this one's producer; nothing is lost or doubled. {fix}.")
        return None
