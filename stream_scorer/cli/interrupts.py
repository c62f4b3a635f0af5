"""How a command that must clean up ends early."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

CLOSED = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible(sentence: str, signals: Sequence[signal.Signals] = CLOSED) -> Iterator[None]:
    """Let SIGTERM, and a terminal that is closed, end the block as Ctrl-C does: it cleans up.

    ``sentence`` is said on stderr then.
    """

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    earlier = {each: signal.signal(each, interrupt) for each in signals}
    try:
        yield
    except KeyboardInterrupt:
        print(sentence, file=sys.stderr)
        raise
    finally:
        for each, handler in earlier.items():
            signal.signal(each, handler)
