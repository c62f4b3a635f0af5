"""Stops a worker, and bounds the time that takes.

On a signal (:mod:`stream_scorer.app.signals`) the loop ends its round: it commits what is gathered,
leaves the group, and exits 0. An inference that still runs after :data:`INFERENCE_SECONDS` is
ended. After :data:`BOUND_SECONDS` the process ends whatever it does; what it had open is aborted by
the brokers. A worker that has not begun ends at once, exit 0 too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stream_scorer.app.signals import Signals, end_at_once, nothing

INFERENCE_SECONDS = 10.0
BOUND_SECONDS = 25.0
#: The loop is stuck in a call that can't be bounded otherwise (see ``errors.Broken``).
STUCK_EXIT_CODE = 70


def stopped_at_start() -> None:
    """End the process, for as long as a worker has joined nothing and opened nothing."""
    end_at_once(0, "Stopped before the first event was read.")


class Stopping:
    """A stop request; any thread may check it or make it."""

    def __init__(self, end_inference: Callable[[], None], say: Callable[[str], None]) -> None:
        self._asked = threading.Event()
        self._end_inference = end_inference
        self._say = say
        self._timers: list[threading.Timer] = []

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask for a stop and start its clocks; a second call changes nothing."""
        if self._asked.is_set():
            return
        self._asked.set()
        self._start(INFERENCE_SECONDS, self._end_inference)
        self._start(BOUND_SECONDS, self._give_up)

    @contextmanager
    def told_by(self, signals: Signals) -> Iterator[None]:
        """Ask for a stop at a signal while the block runs; after it, signals change nothing."""
        signals.tell(self.ask)
        try:
            yield
        finally:
            signals.tell(nothing)
            for timer in self._timers:
                timer.cancel()

    def _start(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def _give_up(self) -> None:
        self._say(
            f"The worker did not stop within {BOUND_SECONDS:.0f} s and is ended; the brokers abort "
            "what it had open, and its events are read again"
        )
        os._exit(STUCK_EXIT_CODE)
