"""What a worker says of its resources is its own, and what the system says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream_scorer.verify.history import HistoryReader
from stream_scorer.verify.resources import _resources
from stream_scorer.verify.values import Entry
from tests.topics import wait_for

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")

WATCHED = """
import pathlib, sys
from stream_scorer.verify.history import HistoryFile
from stream_scorer.verify.resources import watch_resources

watch_resources(HistoryFile(pathlib.Path(sys.argv[1]), "worker-1.1"))
"""


def test_a_worker_says_at_once_how_much_it_takes(tmp_path: Path) -> None:
    """A process that lives for a second is counted too."""
    reader, told = HistoryReader(tmp_path / "history"), list[Entry]()
    process = subprocess.Popen([sys.executable, "-c", WATCHED, tmp_path / "history"])  # noqa: S603 - ours

    def has_said_something() -> bool:
        told.extend(reader.new())
        return bool(told)

    try:
        wait_for(has_said_something, "a line")
        threads = len(os.listdir(f"/proc/{process.pid}/task"))  # noqa: PTH208 - names suffice
    finally:
        process.kill()
        process.wait()
    [line] = told
    assert (line.who, line.what) == ("worker-1.1", "resources")
    assert line.details["threads"] == threads
    assert line.details["rss_bytes"] > 5 * 1024 * 1024
    assert line.details["descriptors"] >= 4


def test_what_a_process_takes_more_is_seen() -> None:
    """A leak of descriptors or of memory grows line by line."""
    before = _resources()
    held = [Path(os.devnull).open() for _ in range(20)]  # noqa: SIM115 - they are held
    ballast = bytes(range(256)) * (64 * 1024 * 1024 // 256)
    after = _resources()
    for stream in held:
        stream.close()
    assert after["descriptors"] - before["descriptors"] == 20
    assert after["rss_bytes"] - before["rss_bytes"] > len(ballast) // 2
