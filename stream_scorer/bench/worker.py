"""The measured worker: a real ``stream-scorer run`` in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from stream_scorer.errors import (
    Broken,
    ConfigError,
    ContractError,
    StreamScorerError,
    TooManyDeadLetters,
    Unreachable,
)

JOIN_SECONDS = 120.0
STOP_SECONDS = 40.0
PAUSE_SECONDS = 0.05
_ERROR = "Error: "
_BY_CODE: dict[int, type[StreamScorerError]] = {
    each.exit_code: each for each in (ConfigError, ContractError, Unreachable, TooManyDeadLetters)
}


class Worker:
    """A worker that runs for the duration of a ``with`` block; its log is a file of JSON lines.

    Args:
        config: the configuration file, if there is one.
        words: settings as for ``--set``; later ones override earlier ones.
        log: the file that it writes to.
    """

    def __init__(self, config: Path | None, words: Sequence[str], log: Path) -> None:
        named = [] if config is None else ["-c", str(config)]
        sets = [word for each in words for word in ("--set", each)]
        self._command = [sys.executable, "-m", "stream_scorer", "run", *named, *sets]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        #: The port of its metrics, once it has joined.
        self.port = 0

    def __enter__(self) -> Self:
        """Start it; it has not joined yet when this returns."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, the user's settings
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it with SIGTERM, so that it leaves its group; kill it if it does not stop."""
        process = self._running()
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._running().pid

    def wait_until_joined(self) -> None:
        """Wait until it has partitions.

        Raises:
            StreamScorerError: it ended, with its own error and exit code; or it took too long.
        """
        deadline = time.monotonic() + JOIN_SECONDS
        while not self._has_joined():
            self.check()
            if time.monotonic() > deadline:
                raise Broken(
                    f"The worker has no partitions after {JOIN_SECONDS:.0f} s; the end of its log:"
                    f"\n{self._last_words()}"
                )
            time.sleep(PAUSE_SECONDS)

    def check(self) -> None:
        """Check that it has not ended by itself.

        Raises:
            StreamScorerError: it has, with its own error and exit code.
        """
        code = self._running().poll()
        if code is None:
            return
        raise _BY_CODE.get(code, Broken)(f"The worker ended by itself: {self._last_words()}")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AssertionError("the worker must be entered before it is used")
        return self._process

    def _has_joined(self) -> bool:
        joined = False
        for line in self._log.read_text(errors="replace").splitlines():
            said = _parsed(line)
            if said.get("message") == "running":
                self.port = int(said["port"])
            joined = joined or said.get("message") == "partitions assigned"
        return joined and self.port > 0

    def _last_words(self) -> str:
        """Return the error that it logged, or the end of its log."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        errors = [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)]
        return errors[-1] if errors else "\n".join(lines[-3:])


def _parsed(line: str) -> dict[str, str]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
