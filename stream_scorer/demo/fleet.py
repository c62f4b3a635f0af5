"""The demo's workers: real ``stream-scorer run`` processes, started, killed and stopped."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from stream_scorer.demo.watching import Watched
from stream_scorer.errors import Broken

STOP_SECONDS = 30.0
JOIN_SECONDS = 60.0
#: A kill is detected and its open transaction aborted within seconds, so that one can watch it.
QUICK_TAKEOVER = (
    "kafka.consumer.session.timeout.ms=6000",
    "kafka.consumer.heartbeat.interval.ms=1000",
    "kafka.producer.transaction.timeout.ms=6000",
)
#: Settings for the page: a lag every second, and a log from which each worker's port can be read.
WATCHED = ("kafka.consumer.statistics.interval.ms=1000", "logging.format=json")


class Fleet:
    """Several copies of one worker; their logs are beside the config."""

    def __init__(self, config: Path, size: int) -> None:
        self._config = config
        self._logs = [config.parent / f"worker-{number}.log" for number in range(1, size + 1)]
        self._workers: list[subprocess.Popen[bytes]] = []
        self._killed: set[int] = set()

    def __enter__(self) -> Self:
        """Start all workers."""
        self._workers = [self._start(log) for log in self._logs]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the workers that still run."""
        self.stop()

    def _start(self, log: Path) -> subprocess.Popen[bytes]:
        values = (*QUICK_TAKEOVER, *WATCHED)
        settings = [argument for each in values for argument in ("--set", each)]
        command: Sequence[str] = (
            sys.executable, "-m", "stream_scorer", "run", "-c", self._config.name, *settings,
        )  # fmt: skip
        with log.open("wb") as stream:
            return subprocess.Popen(  # noqa: S603 - our own module with our own arguments
                command, cwd=self._config.parent, stdout=stream, stderr=stream
            )

    def wait_until_assigned(self) -> None:
        """Wait until each worker has logged that it got partitions.

        Raises:
            Broken: a worker ended by itself, or did not get partitions in time.
        """
        deadline = time.monotonic() + JOIN_SECONDS
        while not all(
            "partitions assigned" in log.read_text(errors="replace") for log in self._logs
        ):
            self.check()
            if time.monotonic() > deadline:
                raise Broken(
                    f"The workers did not get partitions within {JOIN_SECONDS:.0f} s; see "
                    f"{self._logs[0]} (keep it with `--folder`)."
                )
            time.sleep(0.1)

    def watched(self) -> list[Watched]:
        """Return the workers to show on the page, including killed ones."""
        return [
            Watched(f"worker {number}", _port_in(log)) for number, log in enumerate(self._logs, 1)
        ]

    def kill(self, number: int) -> None:
        """Kill a worker, counted from 1, by SIGKILL: it can't clean up."""
        self._killed.add(number - 1)
        self._workers[number - 1].kill()

    def check(self) -> None:
        """Check that no worker ended by itself.

        Raises:
            Broken: one did; the message has the end of its log.
        """
        for index, worker in enumerate(self._workers):
            if worker.poll() is not None and index not in self._killed:
                log = self._logs[index]
                last = log.read_text(errors="replace").strip().splitlines()[-3:]
                raise Broken(
                    f"Worker {index + 1} ended by itself with exit code {worker.returncode}; "
                    f"{log} ends with:\n" + "\n".join(last)
                )

    def stop(self) -> None:
        """Ask all to stop with SIGTERM, wait, and kill those that don't."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            try:
                worker.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def _port_in(log: Path) -> int | None:
    """Return the port that a worker logged when it started running."""
    if not log.exists():
        return None
    for line in log.read_text(errors="replace").splitlines():
        if '"running"' in line:
            port: int | None = json.loads(line)["port"]
            return port
    return None
