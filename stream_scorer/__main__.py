"""``python -m stream_scorer`` and the console script ``stream-scorer``."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from stream_scorer.app.signals import Signals, ignore

__all__ = ["main"]


def main() -> int:
    """Run the command of this process's arguments, and return its exit code.

    Signals are heard before anything else is imported, and until the exit code is decided.
    """
    _open_streams()
    signals = Signals()
    signals.hear()

    from stream_scorer.cli.main import main as command_line  # noqa: PLC0415 - takes a while

    code = command_line(signals=signals)
    ignore()
    return code


def _open_streams() -> None:
    """Have all three standard streams, and a stdout that takes any text.

    A stream that the parent has closed leads nowhere. If it stayed closed, the next file that is
    opened would get its number, and with it what native code writes there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    if isinstance(sys.stdout, TextIOWrapper):
        # As stderr does: a file's name, or a locale, must not end a command amid its output.
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    raise SystemExit(main())
