"""``python -m stream_scorer`` and the console script ``stream-scorer``."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from stream_scorer.app.signals import Signals, ignore

__all__ = ["main"]


def main() -> int:
    """Run the command of this process's arguments, and return its exit code.

    Signals are heard before anything else is imported, and until the exit code is decided.
    """
    signals = Signals()
    signals.hear()
    if isinstance(sys.stdout, TextIOWrapper):
        # As stderr does: a name of a file or a locale must not end a command amid its output.
        sys.stdout.reconfigure(errors="backslashreplace")

    from stream_scorer.cli.main import main as command_line  # noqa: PLC0415 - takes a while

    code = command_line(signals=signals)
    ignore()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
