"""The small machine's worker as a process: the unit's own command, held to limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import topics
from tests.examples import confined, edge, unit_file

UNIT = unit_file.read(edge.UNIT)


@dataclass(frozen=True)
class Names:
    """The topics of one worker; its group has the input's name."""

    source: str

    @property
    def output(self) -> str:
        """Where scored events go."""
        return f"{self.source}.scored"

    @property
    def dead(self) -> str:
        """Where dead letters go."""
        return f"{self.source}.dead-letters"

    def settings(self, servers: str) -> dict[str, Any]:
        """The settings that put a worker on these topics."""
        return {
            "kafka.bootstrap_servers": servers,
            "kafka.group_id": self.source,
            "kafka.input_topics": f"[{self.source}]",
            "kafka.output_topic": self.output,
            "kafka.dead_letter_topic": self.dead,
            "server.port": 0,
        }


class Worker:
    """A worker that runs; ``Popen`` and what it said."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def words(self) -> str:
        """All that it said."""
        return self._log.read_text()

    def wait_until_done(self, servers: str, names: Names) -> None:
        """Return once it has scored what is there, and readers get all of it."""
        topics.wait_for(lambda: self._is_done(servers, names), self.words)

    def _is_done(self, servers: str, names: Names) -> bool:
        self._assert_runs()
        return topics.lag(servers, names.source, names.source) == 0 and all(
            topics.is_settled(servers, topic) for topic in (names.output, names.dead)
        )

    def _assert_runs(self) -> None:
        ended = self.process.poll()
        assert ended is None, f"exit {ended}: {self.words()}"

    def port(self) -> int:
        """The port that it serves, once it does."""
        topics.wait_for(self._serving, self.words)
        port: int = self._serving()[0]["port"]
        return port

    def _serving(self) -> list[dict[str, Any]]:
        self._assert_runs()
        lines = [json.loads(line) for line in self.words().splitlines() if line.endswith("}")]
        return [line for line in lines if line["message"] == "running"]

    def stop(self) -> int:
        """Ask it to stop, and return how it ended."""
        self.process.terminate()
        return self.process.wait(topics.PATIENCE_SECONDS)


@contextmanager
def running(box: Path, settings: Mapping[str, Any], log: Path, **limits: Any) -> Iterator[Worker]:
    """Start what the unit starts, with settings of the test's; it is gone afterwards."""
    program, *arguments = UNIT.one("ExecStart").split()
    command = [str(edge.PROGRAMS / Path(program).name), *arguments]
    command[command.index("--config") + 1] = str(box / "scorer.yaml")
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - the unit's own command
            [sys.executable, confined.__file__, json.dumps(limits), *command],
            env=UNIT.environment(credentials=box),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Worker(process, log)
    finally:
        process.kill()
        process.wait()
