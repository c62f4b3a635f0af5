"""The kernel's books: who used the CPU, and how much memory there was."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from stream_scorer.bench.usage import cores, peak_rss_bytes, usage_of

linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc")


def _compute(seconds: float) -> None:
    """Use a core."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def _books(proc: Path) -> None:
    """A process 7 of three threads, one of them the Kafka client's, with a trap in a name."""
    for number, name, user, system in ((7, "stream) R 9 9", 100, 20), (8, "rdk:main", 30, 5),
                                       (9, "python", 4, 1)):  # fmt: skip
        task = proc / "7" / "task" / str(number)
        task.mkdir(parents=True)
        task.joinpath("stat").write_text(
            f"{number} ({name}) S 1 7 7 0 -1 4194560 9 0 0 0 {user} {system} 0 0 20 0 3 0 1 1 1\n"
        )
    (proc / "7" / "status").write_text("Name:\tpython\nVmPeak:\t 9 kB\nVmHWM:\t  2048 kB\n")
    (proc / "stat").write_text("cpu  10 0 20 3000 100 0 0 0 0 0\ncpu0 5 0 10 1500 50 0 0 0 0 0\n")


def test_threads_are_told_apart_by_number_and_name(tmp_path: Path) -> None:
    """The loop is the first thread, librdkafka names its own."""
    _books(tmp_path)
    ticks = os.sysconf("SC_CLK_TCK")
    used = usage_of(7, tmp_path)
    assert used is not None
    assert (used.loop, used.client, used.other) == (120 / ticks, 35 / ticks, 5 / ticks)
    assert used.idle == 3100 / ticks
    assert peak_rss_bytes(7, tmp_path) == 2048 * 1024


def test_without_books_nothing_is_claimed(tmp_path: Path) -> None:
    """As on macOS."""
    assert usage_of(7, tmp_path) is None
    assert peak_rss_bytes(7, tmp_path) is None


@linux
def test_the_books_of_this_process_are_read() -> None:
    """Another thread's work is not the loop's."""
    before = usage_of(os.getpid())
    worker = threading.Thread(target=_compute, args=(0.3,))
    worker.start()
    _compute(0.1)
    worker.join(timeout=0.15)  # it is still there, and so are its books
    after = usage_of(os.getpid())
    worker.join()
    assert before is not None
    assert after is not None
    assert after.loop - before.loop >= 0.05
    assert after.other + after.client >= before.other + before.client
    assert after.at > before.at
    assert (peak_rss_bytes(os.getpid()) or 0) > 10 * 2**20


def test_there_is_a_core() -> None:
    """Or the part of one that a quota grants."""
    assert 0 < cores() <= (os.cpu_count() or sys.maxsize)
