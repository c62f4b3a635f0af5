"""A download shows a bar on a terminal and one line elsewhere."""

from __future__ import annotations

import contextlib
import os
import pty
import sys
from typing import TYPE_CHECKING

from stream_scorer.local.progress import Arrivals, arrivals

if TYPE_CHECKING:
    import pytest


def everything(terminal: int) -> str:
    """What was written to a pseudo-terminal whose other side is closed."""
    read = bytearray()
    with contextlib.suppress(OSError):  # Linux ends it with EIO
        while chunk := os.read(terminal, 65536):
            read += chunk
    os.close(terminal)
    return read.decode()


def test_files_and_bytes_are_counted_as_they_arrive() -> None:
    """A file that is half here counts half; Maven's descriptions of jars don't count."""
    shown: list[tuple[float, int, int]] = []
    progress = Arrivals(lambda *state: shown.append(state))
    with progress.file("kafka.pom", 100) as chunk:
        chunk(100)
    progress.expect(2)
    with progress.file("kafka.jar", 1000) as chunk:
        chunk(500)
        chunk(500)
    with progress.file("client.jar", 10) as chunk:
        chunk(10)
    assert shown == [(0.5, 2, 500), (1.0, 2, 1000), (2.0, 2, 1010)]


def test_without_a_terminal_one_line_says_what_takes_so_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A log file gets no control characters, and stdout nothing at all."""
    with arrivals("Kafka") as progress, progress.file("kafka.jar", 10) as chunk:
        chunk(10)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Downloading Kafka (only the first time)\n")


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how far it is, and how much has arrived."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with arrivals("Kafka") as progress, progress.file("kafka.jar", 5_000_000) as chunk:
            chunk(5_000_000)
    shown = everything(ours)
    assert "Downloading Kafka" in shown
    assert "100%" in shown
    assert "5 MB" in shown
