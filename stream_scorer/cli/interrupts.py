"""Handles an interrupted command."""

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
def ending_early(signals: Signals, sentence: str) -> Iterator[None]:
    """Say the sentence on stderr if the block fails after a signal, whatever it fails by.

    Native code makes a SystemError of what is raised through it; a child that was interrupted with
    us is missed.

    Raises:
        KeyboardInterrupt: instead of that failure.
    """
    try:
        yield
    except (KeyboardInterrupt, Exception) as error:
        if not (signals.asked or isinstance(error, KeyboardInterrupt)):
            raise
        print(sentence, file=sys.stderr)
        raise KeyboardInterrupt from error


@contextmanager
def interruptible(signals: Signals, sentence: str) -> Iterator[None]:
    """Let SIGTERM, Ctrl-C, and a terminal that is closed, end a block that cleans up.

    Raises:
        KeyboardInterrupt: a signal came, and the block has ended for it.
    """
    with ending_early(signals, sentence), signals.raising():
        yield
