"""Seconds by stage, added up over a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stream_scorer.records import Stage


class Stopwatch:
    """Adds up what each stage takes; a stage may be entered again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.seconds: dict[Stage, float] = {}

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Count what happens inside the block toward the stage."""
        started = self._clock()
        try:
            yield
        finally:
            spent = self._clock() - started
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent
