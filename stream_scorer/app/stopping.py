"""How a worker is asked to stop, and how long it may take.

On SIGTERM or SIGINT the loop ends its round: it commits what is gathered, leaves the group, and
exits 0. An inference that still runs after :data:`INFERENCE_SECONDS` is ended. After
:data:`BOUND_SECONDS` the process ends whatever it does; what it had open is aborted by the brokers.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INFERENCE_SECONDS = 10.0
BOUND_SECONDS = 25.0
#: The loop is stuck in a call that can't be bounded otherwise (see ``errors.Broken``).
STUCK_EXIT_CODE = 70


class Stopping:
    """Whether a stop was asked for; any thread may ask, and may ask for one."""

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
    def on_signals(self) -> Iterator[None]:
        """Ask for a stop on SIGTERM and SIGINT while the block runs (main thread only).

        Python runs a handler on the main thread between two of its instructions, and an inference
        can be one instruction for long. The wake-up descriptor is written to at once, whichever
        thread does what (``signal.set_wakeup_fd``).
        """
        hears, tells = socket.socketpair()
        tells.setblocking(False)
        listener = threading.Thread(target=self._listen, args=(hears,), daemon=True)
        listener.start()
        earlier = {each: signal.signal(each, _note) for each in (signal.SIGTERM, signal.SIGINT)}
        earlier_descriptor = signal.set_wakeup_fd(tells.fileno())
        try:
            yield
        finally:
            signal.set_wakeup_fd(earlier_descriptor)
            for number, handler in earlier.items():
                signal.signal(number, handler)
            tells.close()
            listener.join()
            hears.close()
            for timer in self._timers:
                timer.cancel()

    def _listen(self, hears: socket.socket) -> None:
        while hears.recv(1):
            self.ask()

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


def _note(_: int, __: FrameType | None) -> None:
    """Do nothing: a handler of ours is what makes Python write to the wake-up descriptor."""
