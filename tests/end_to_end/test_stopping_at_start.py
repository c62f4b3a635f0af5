"""A worker that is asked to stop while it starts: one exit code, one sentence, no traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Kafka, TopicFactory
from tests.scorers import kafka_section, scorer
from tests.topics import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="asks Linux which signals a process catches"
)

#: So many workers start at once.
AT_ONCE = 3
STARTED = re.compile(rb"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)


@dataclass(frozen=True)
class End:
    """How a worker ended that got ``number`` some time after its first line."""

    delay: float
    number: signal.Signals
    code: int
    words: str

    def __str__(self) -> str:
        """Say it in a line, and what it printed below."""
        return f"{self.number.name} after {self.delay:.3f} s: {self.code}\n{self.words}"

    @property
    def orderly(self) -> bool:
        """Whether it ended as one that was asked to stop."""
        return (
            self.code == 0
            and "Traceback" not in self.words
            and "Error" not in self.words
            and self.words.count("\n") == len(self.words.splitlines())
        )


def hears(process: subprocess.Popen[bytes]) -> bool:
    """Whether our first lines have run: no interpreter catches SIGTERM by itself."""
    status = Path(f"/proc/{process.pid}/status").read_bytes()
    caught = STARTED.search(status)
    assert process.poll() is None, "it ended while it started"
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def stopped(config: Path, delay: float, numbers: Sequence[signal.Signals]) -> End:
    """Start a worker and send it the signals, one right after the other."""
    words = [sys.executable, "-m", "stream_scorer", "run", "-c", str(config)]
    with subprocess.Popen(  # noqa: S603 - our own words
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            wait_for(lambda: hears(process), "its first line")
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                for number in numbers:
                    process.send_signal(number)
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
    return End(delay, numbers[0], process.returncode, said.decode())


def sweep(config: Path, delays: Sequence[float]) -> list[End]:
    """Stop a worker after each of the delays, by one signal and by the other."""
    both = (signal.SIGTERM, signal.SIGINT)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(
            pool.map(lambda each: stopped(config, each[1], [both[each[0] % 2]]), enumerate(delays))
        )


def spread(until: float) -> list[float]:
    """Return delays all over the start, so many that a step of it is met."""
    steps = int(os.environ.get("STREAM_SCORER_START_STEPS", "40"))
    return [until * step / steps for step in range(steps)]


def disorderly(ends: Sequence[End]) -> Iterator[str]:
    """Yield how workers ended that did not end as they should."""
    return (str(end) for end in ends if not end.orderly)


@pytest.mark.kafka
@pytest.mark.timeout(300)
def test_a_stop_at_any_moment_of_the_start_is_exit_0(
    kafka: Kafka, topic: TopicFactory, tmp_path: Path
) -> None:
    """Imports, config, model, preflight, joining, the first rounds: a stop that was asked for."""
    section = kafka_section(kafka.bootstrap_servers, topic(), topic())
    kafka.create_topic(section["dead_letter_topic"])
    ends = sweep(scorer(tmp_path, {"kafka": section}), spread(3.0))
    assert list(disorderly(ends)) == []


@pytest.mark.timeout(300)
def test_a_stop_is_heard_while_no_broker_answers(tmp_path: Path) -> None:
    """The client calls back into Python all the time, and nothing may be raised into it."""
    nowhere = kafka_section("127.0.0.1:1", "in", "out")
    ends = sweep(scorer(tmp_path, {"kafka": nowhere}), spread(4.0))
    assert list(disorderly(ends)) == []
