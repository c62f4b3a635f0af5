"""The signals that ask this process to stop, heard from its first lines to its last.

Python runs a signal's handler on the main thread, amid whatever that does. An exception from there
can come out in a callback of native code, which does not expect it: it is lost, or becomes a
``SystemError``. So the handler does nothing; a thread of its own hears of the signal and tells
whoever has asked to be told. :meth:`Signals.raising` does raise, for what can't be told otherwise.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: What asks for a stop: an orchestrator, Ctrl-C, a terminal that is closed.
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Signals that come so close together are one wish: a closing terminal sends two.
AGAIN_SECONDS = 1.0


class Signals:
    """Hears the signals and tells one listener at a time; what came early is not forgotten."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._lock = threading.Lock()
        self._told: Callable[[], None] = nothing
        self._asked = False
        self._raises = False
        self._raised_at = float("-inf")

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._asked

    def tell(self, action: Callable[[], None]) -> None:
        """Call ``action`` at each signal from now on, on any thread; at once if one came before.

        Whoever was told before is told no more once this returns.
        """
        with self._lock:
            self._told = action
            if self._asked:
                action()

    def hear(self) -> Callable[[], None]:
        """Hear the signals from now on (main thread only); return what ends it.

        Python writes to the wake-up descriptor at once, whichever thread does what, while the main
        thread can be in one call for long (``signal.set_wakeup_fd``). A SIGINT or SIGHUP that was
        ignored before stays so: a shell's background job, ``nohup``.
        """
        hears, tells = os.pipe()
        os.set_blocking(tells, False)
        before = signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
        handlers = {
            each: signal.signal(each, self._handle)
            for each in STOPS
            if each == signal.SIGTERM or signal.getsignal(each) != signal.SIG_IGN
        }
        listener = threading.Thread(target=self._listen, args=(hears,), name="signals", daemon=True)
        listener.start()

        def end() -> None:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            os.close(tells)
            listener.join()
            os.close(hears)

        return end

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Let a signal end the block by KeyboardInterrupt (main thread only), so that it cleans up.

        So does one that came before. While it cleans up another one interrupts it only after
        :data:`AGAIN_SECONDS`. A block in which native code calls Python can end by any exception
        then, and tells by :attr:`asked` why.
        """
        self.tell(nothing)
        try:
            self._raises = True
            if self._asked:
                self._interrupt()
            yield
        finally:
            self._raises = False

    def _handle(self, _: int, __: FrameType | None) -> None:
        self._asked = True
        if self._raises:
            self._interrupt()

    def _interrupt(self) -> None:
        now = time.monotonic()
        if now - self._raised_at > AGAIN_SECONDS:
            self._raised_at = now
            raise KeyboardInterrupt

    def _listen(self, hears: int) -> None:
        while os.read(hears, 1):
            with self._lock:
                self._asked = True
                self._told()


@contextmanager
def hearing(given: Signals | None) -> Iterator[Signals]:
    """Return the signals that the process hears already; without them, hear them for the block."""
    if given is not None:
        yield given
        return
    made = Signals()
    end = made.hear()
    try:
        yield made
    finally:
        end()


def ignore() -> None:
    """Ignore them from now on: how the process ends is decided, and nothing is to change it."""
    for each in STOPS:
        signal.signal(each, signal.SIG_IGN)


def end_at_once(code: int, sentence: str) -> None:
    """Say the sentence on stderr and end the process, for as long as nothing is at stake.

    No exception has to find its way out of a call that may take long, or through native code.
    """
    try:
        # Not by `print`, which waits for whichever thread is printing.
        os.write(2, f"{sentence}\n".encode())
    finally:
        os._exit(code)


def nothing() -> None:
    """Do nothing: the process ends by itself, or a block hears by :meth:`Signals.raising`."""
