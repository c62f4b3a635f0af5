"""The loop's current activity, and the time limit for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ROUND = "going round"


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of life: what is done since then (monotonic seconds), and how long it may take.

    Each is an object of its own: two that are equal are still two.
    """

    doing: str
    since: float
    allowed_seconds: float


class Heartbeat:
    """Given by the loop's thread, seen by any other: one reference to a value is all there is.

    Args:
        round_seconds: how long the loop may take for one round, an inference among the rest.
        clock: monotonic seconds.
    """

    def __init__(self, round_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._round_seconds = round_seconds
        self._clock = clock
        self.sign = Sign(ROUND, clock(), round_seconds)

    def beat(self) -> None:
        """Note that the loop went round."""
        self._give(ROUND, self._round_seconds)

    @contextmanager
    def during(self, doing: str, allowed_seconds: float) -> Iterator[None]:
        """Hold what happens inside to a limit of its own; its end is a sign of life too."""
        self._give(doing, allowed_seconds)
        try:
            yield
        finally:
            self.beat()

    def _give(self, doing: str, allowed_seconds: float) -> None:
        self.sign = Sign(doing, self._clock(), allowed_seconds)
