"""The small machine's worker does its work within the memory and the rights that its unit grants.

The limit of data (``RLIMIT_DATA``) counts what is private and writable: heaps, and stacks whole,
touched or not. So it holds a worker to less than a control group would. Code and other pages of
files it does not count; the kernel's own peak of the resident set has those as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stream_scorer.bench.usage import peak_rss_bytes
from stream_scorer.demo.events import events
from stream_scorer.demo.stories import MACHINE_TELEMETRY
from tests import topics
from tests.conftest import Kafka
from tests.end_to_end.workers import headers_of
from tests.examples import confined, edge, unit_file
from tests.examples.system_calls import allowed_calls

pytestmark = pytest.mark.kafka

EVENTS = 30_000
TOO_LITTLE_BYTES = 70_000_000

UNIT = unit_file.read(edge.UNIT)


class Worker:
    """The unit's command on topics of its own; a process that can be asked for its memory."""

    def __init__(self, kafka: Kafka, box: Path, log: Path, **limits: Any) -> None:
        self.servers = kafka.bootstrap_servers
        self.source = f"edge-{uuid.uuid4().hex[:8]}"
        self.output, self.dead = f"{self.source}.scored", f"{self.source}.dead-letters"
        for topic in (self.source, self.output, self.dead):
            kafka.create_topic(topic)
        self._box, self._log, self._limits = box, log, limits

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The worker's process, which is gone afterwards."""
        program, *arguments = UNIT.one("ExecStart").split()
        limits = json.dumps(self._limits)
        command = [str(edge.PROGRAMS / Path(program).name), *arguments, *self._overrides()]
        command[command.index("--config") + 1] = str(self._box / "scorer.yaml")
        with self._log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - the unit's own command
                [sys.executable, confined.__file__, limits, *command],
                env=UNIT.environment(credentials=self._box),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _overrides(self) -> Iterator[str]:
        settings = {
            "kafka.bootstrap_servers": self.servers,
            "kafka.common.security.protocol": "PLAINTEXT",
            "kafka.group_id": self.source,
            "kafka.input_topics": f"[{self.source}]",
            "kafka.output_topic": self.output,
            "kafka.dead_letter_topic": self.dead,
            "server.port": 0,
        }
        for name, value in settings.items():
            yield from ("--set", f"{name}={value}")

    def words(self) -> str:
        """All that it said."""
        return self._log.read_text()

    def is_done(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it has scored what is there; it still runs, or it is."""
        assert process.poll() is None, f"exit {process.returncode}: {self.words()}"
        return topics.lag(self.servers, self.source, self.source) == 0 and all(
            topics.is_settled(self.servers, topic) for topic in (self.output, self.dead)
        )


def test_a_backlog_is_scored_within_160_mb(kafka: Kafka, box: Path, tmp_path: Path) -> None:
    """Each event is scored or a dead letter for its fault, and the worker stops as it should."""
    worker = Worker(kafka, box, tmp_path / "log", data_bytes=edge.LIMIT_BYTES)
    faults = _write_backlog(worker)
    with worker.running() as process:
        topics.wait_for(lambda: worker.is_done(process), worker.words)
        peak_bytes = peak_rss_bytes(process.pid)
        process.terminate()
        assert process.wait(topics.PATIENCE_SECONDS) == 0, worker.words()
    assert peak_bytes is not None
    assert peak_bytes < edge.LIMIT_BYTES
    letters = topics.read(worker.servers, worker.dead)
    reasons = Counter(headers_of(each)["stream_scorer.reason"].decode() for each in letters)
    assert reasons == faults
    assert len(topics.read(worker.servers, worker.output)) == EVENTS - faults.total()


def test_a_worker_without_enough_memory_ends_with_a_word(
    kafka: Kafka, box: Path, tmp_path: Path
) -> None:
    """The limit is a real one: with less than the libraries take, there is no worker."""
    worker = Worker(kafka, box, tmp_path / "log", data_bytes=TOO_LITTLE_BYTES)
    with worker.running() as process:
        assert process.wait(topics.PATIENCE_SECONDS) != 0
    assert worker.words()


def test_the_worker_needs_no_right_that_the_unit_takes(
    kafka: Kafka, box: Path, tmp_path: Path
) -> None:
    """Under the kernel's own filters for the unit's settings it scores, answers and stops."""
    worker = Worker(
        kafka,
        box,
        tmp_path / "log",
        calls=allowed_calls(UNIT.words("SystemCallFilter")),
        no_written_code=UNIT.one("MemoryDenyWriteExecute") == "yes",
        address_families=UNIT.words("RestrictAddressFamilies"),
    )
    topics.write(worker.servers, worker.source, [topics.Event(_value()) for _ in range(100)])
    with worker.running() as process:
        topics.wait_for(lambda: worker.is_done(process), worker.words)
        process.terminate()
        assert process.wait(topics.PATIENCE_SECONDS) == 0, worker.words()
    assert len(topics.read(worker.servers, worker.output)) == 100


def _value() -> bytes | None:
    (event,) = events(MACHINE_TELEMETRY, 1, seed=1)
    return event.value


def _write_backlog(worker: Worker) -> Counter[str]:
    """Write the events; what is wrong with how many of them."""
    backlog = list(events(MACHINE_TELEMETRY, EVENTS, seed=1))
    topics.write(
        worker.servers, worker.source, [topics.Event(each.value, each.key) for each in backlog]
    )
    return Counter(str(each.reason) for each in backlog if each.reason is not None)
