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
        if process.poll() is None:
            process.kill()
            process.wait()
    if code not in _ENDED_WELL:
        raise RuntimeError(f"It ended with exit code {code}; see {log}")


def wait_until(
    condition: Callable[[], bool],
    process: psutil.Popen,
    *,
    within_seconds: float,
    what: str,
    each: Callable[[], object] = lambda: None,
    every_seconds: float = _LOOK_EVERY_SECONDS,
) -> None:
    """Return once the condition holds; ``each`` is called at every look before that.

    Raises:
        RuntimeError: it does not within the time, or the process ends before.
    """
    give_up = time.monotonic() + within_seconds
    while not condition():
        each()
        if process.poll() is not None:
            raise RuntimeError(f"It ended with exit code {process.returncode} before {what}.")
        if time.monotonic() > give_up:
            raise RuntimeError(f"It took longer than {within_seconds:.0f} s until {what}.")
        time.sleep(every_seconds)
