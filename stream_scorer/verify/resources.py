"""Records the memory, file descriptors and threads of this process (Linux)."""

from __future__ import annotations

import os
import time
from pathlib import Path

from stream_scorer.verify.history import HistoryFile

EVERY_SECONDS = 2.0
_SELF = Path("/proc/self")


def watch_resources(history: HistoryFile) -> None:
    """Write an entry every two seconds, forever; do nothing without ``/proc``."""
    while _SELF.exists():
        history.write("resources", **_resources())
        time.sleep(EVERY_SECONDS)


def _resources() -> dict[str, int]:
    pages = int((_SELF / "statm").read_text().split()[1])
    return {
        "rss_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(list((_SELF / "fd").iterdir())),
        "threads": len(list((_SELF / "task").iterdir())),
    }
