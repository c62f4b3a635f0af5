"""How a command ends early that is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from stream_scorer.app.signals import Signals, end_at_once
from stream_scorer.cli.failures import INTERRUPTED


def interrupted_at_once() -> None:
    """End the process, as a command that leaves nothing behind."""
    end_at_once(INTERRUPTED, "Interrupted.")


@contextmanager
def interruptible(signals: Signals, sentence: str) -> Iterator[None]:
    """Let SIGTERM, Ctrl-C, and a terminal that is closed, end a block that must clean up.

    ``sentence`` is said on stderr then.

    Raises:
        KeyboardInterrupt: a signal came, and the block has ended for it.
    """
    try:
        with signals.raising():
            yield
    except (KeyboardInterrupt, Exception) as error:
        # Native code makes a SystemError of what is raised through it, and a child that was
        # interrupted with us is missed: after a signal, whatever ends the block was its doing.
        if not (signals.asked or isinstance(error, KeyboardInterrupt)):
            raise
        print(sentence, file=sys.stderr)
        raise KeyboardInterrupt from error
