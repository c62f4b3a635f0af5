"""Ends a command: an exit code, and one sentence on stderr if it is not 0."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Callable

from stream_scorer.errors import StreamScorerError, reason
from stream_scorer.hiding import without_credentials

INTERNAL = 70
INTERRUPTED = 130


def exit_code_of(command: Callable[[], object], *, debug: bool) -> int:
    """Run a command and return the process's exit code.

    0: done. 1: ``verify`` found a violation. 2: usage or configuration. 3 to 5 and 70: as the
    error's class says (:mod:`stream_scorer.errors`). 130: interrupted; see
    :mod:`stream_scorer.cli.interrupts`.

    Args:
        command: what to run; it may raise anything.
        debug: whether to print a traceback too.
    """
    try:
        command()
    except StreamScorerError as error:
        _say(f"Error: {error}", debug=debug)
        return error.exit_code
    except KeyboardInterrupt:
        _say("Interrupted.", debug=debug)
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except MemoryError as error:
        _say(
            f"There is not enough memory{f' ({error})' if str(error) else ''}: raise the limit, or "
            "lower batching.max_records and batching.transaction_max_bytes. Nothing is lost.",
            debug=debug,
        )
        return INTERNAL
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _internal(error, debug=debug)
        _say(f"{reason(error)}: what was to be written has no room.", debug=debug)
        return INTERNAL
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes a sentence
        return _internal(error, debug=debug)
    return 0


def _internal(error: Exception, *, debug: bool) -> int:
    _say(
        f"Internal error: {type(error).__name__}: {reason(error)}. This is a bug in "
        "stream-scorer; the same command with --debug shows where.",
        debug=debug,
    )
    return INTERNAL


def _say(sentence: str, *, debug: bool) -> None:
    if debug:
        print(without_credentials(traceback.format_exc()), end="", file=sys.stderr)
    print(without_credentials(sentence), file=sys.stderr)
