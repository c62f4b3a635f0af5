"""A worker that is asked to stop while it starts: one exit code, one sentence, no traceback.

Until our first lines have run, the kernel or the interpreter decides what a signal does. A worker
is sent its signals after that: the kernel says which signals a process catches.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Kafka, TopicFactory
from tests.scorers import kafka_section, scorer
from tests.topics import PATIENCE_SECONDS, wait_for

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not Path("/proc/self/status").exists(), reason="Linux says which signals are caught"
    ),
]

#: The pause before who insists sends the next one.
INSIST_SECONDS = 0.002
#: So many workers start at once.
AT_ONCE = 3
TERM, INT, HUP = (signal.SIGTERM,), (signal.SIGINT,), (signal.SIGHUP,)
CAUGHT = re.compile(r"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)
EARLY = "Stopped before the first event was read.\n"


@dataclass(frozen=True)
class End:
    """How a worker ended that was sent signals some time after its first lines."""

    delay: float
    numbers: Sequence[signal.Signals]
    code: int
    words: str

    def __str__(self) -> str:
        """Say it in a line, and what it printed below."""
        sent = ", ".join(number.name for number in self.numbers)
        return f"{sent} after {self.delay:.3f} s: {self.code}\n{self.words}"

    @property
    def orderly(self) -> bool:
        """Whether it ended as one that was asked to stop, and says where it was."""
        return (
            self.code == 0
            and "Traceback" not in self.words
            and "Error" not in self.words
            and (self.words.endswith(EARLY) or '"message": "stopped"' in self.words)
        )


def hears(process: subprocess.Popen[str]) -> bool:
    """Tell whether our first lines have run: the interpreter by itself never catches SIGTERM."""
    assert process.poll() is None, "it ended while it started"
    caught = CAUGHT.search(Path(f"/proc/{process.pid}/status").read_text())
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def ended_within(seconds: float, process: subprocess.Popen[str]) -> bool:
    """Wait for the end of a process, no longer than that."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def stopped(
    config: Path, moment: tuple[float, Sequence[signal.Signals]], *, insist: bool = False
) -> End:
    """Start a worker and send it the signals, one right after the other.

    With ``insist`` the first one is sent again and again until the process is gone.
    """
    delay, numbers = moment
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "stream_scorer", "run", "-c", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            wait_for(lambda: hears(process), "its first lines")
            if not ended_within(delay, process):
                for number in numbers:
                    process.send_signal(number)
            while insist and not ended_within(INSIST_SECONDS, process):
                process.send_signal(numbers[0])
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
    return End(delay, numbers, process.returncode, said)


def disorderly(config: Path, until: float, steps: int, *, insist: bool = False) -> list[str]:
    """Stop workers at moments all over their start; say how those ended that should not end so."""
    sent = (TERM, INT, TERM + TERM, INT + TERM + INT, HUP + TERM)
    moments = [(until * step / steps, sent[step % len(sent)]) for step in range(steps)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = list(pool.map(partial(stopped, config, insist=insist), moments))
    return [str(end) for end in ends if not end.orderly]


@pytest.mark.kafka
def test_a_stop_at_any_moment_of_the_start_is_exit_0(
    kafka: Kafka, topic: TopicFactory, tmp_path: Path
) -> None:
    """Imports, config, model, preflight, joining, the first rounds; one signal or several."""
    section = kafka_section(kafka.bootstrap_servers, topic(), topic())
    kafka.create_topic(section["dead_letter_topic"])
    assert disorderly(scorer(tmp_path, {"kafka": section}), until=2.5, steps=40) == []


@pytest.mark.kafka
def test_asking_again_until_it_is_gone_changes_nothing(
    kafka: Kafka, topic: TopicFactory, tmp_path: Path
) -> None:
    """While it commits, leaves the group, and while the interpreter takes itself apart."""
    section = kafka_section(kafka.bootstrap_servers, topic(), topic())
    kafka.create_topic(section["dead_letter_topic"])
    config = scorer(tmp_path, {"kafka": section})
    assert disorderly(config, until=5.0, steps=12, insist=True) == []


def test_a_stop_is_heard_while_no_broker_answers(tmp_path: Path) -> None:
    """The client calls back into Python again and again, and nothing is raised into it."""
    nowhere = kafka_section("127.0.0.1:1", "in", "out")
    assert disorderly(scorer(tmp_path, {"kafka": nowhere}), until=4.0, steps=25) == []
