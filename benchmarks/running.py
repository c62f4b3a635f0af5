"""A contender as a process of its own, from its start to its end in good order."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

_STOP_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.02
#: A Java that SIGTERM ends in good order says so with 128 + 15.
_ENDED_WELL = (0, 143)


class TookTooLong(RuntimeError):
    """What was waited for did not come in time."""


@contextmanager
def running(
    command: tuple[str, ...], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[psutil.Popen]:
    """Run a command as long as the block; then ask it to end (SIGTERM), and see that it does.

    Args:
        command: what to run.
        log: the file that gets what it says.
        environment: variables besides our own.

    Raises:
        RuntimeError: it ended before the block, with an error, or had to be killed; the text names
            the log.
    """
    with log.open("wb") as output:
        process = psutil.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
    try:
        yield process
        process.terminate()
        code = process.wait(_STOP_SECONDS)
    except psutil.Error as error:
        raise RuntimeError(f"{error}; see {log}") from error
    finally:
        _kill(process)
    if code not in _ENDED_WELL:
        raise RuntimeError(f"It ended with exit code {code}; see {log}")


def _kill(process: psutil.Popen) -> None:
    """End what is left of a process and of those that it started."""
    if process.poll() is None:
        for child in process.children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


def wait_until(
    condition: Callable[[], object],
    process: psutil.Popen,
    *,
    within_seconds: float,
    what: str,
    each: Callable[[], object] = lambda: None,
    every_seconds: float = _LOOK_EVERY_SECONDS,
) -> None:
    """Return once the condition is true; ``each`` is called at every look before that.

    Raises:
        TookTooLong: it does not within the time.
        RuntimeError: the process ends before.
    """
    give_up = time.monotonic() + within_seconds
    while not condition():
        each()
        if process.poll() is not None:
            raise RuntimeError(f"It ended with exit code {process.returncode} before {what}.")
        if time.monotonic() > give_up:
            raise TookTooLong(f"It took longer than {within_seconds:.0f} s until {what}.")
        time.sleep(every_seconds)
