"""The CPU and memory of a process and the machine, from the kernel's accounting (Linux)."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stream_scorer.model.threads import cpu_quota, usable_cores

#: The names that librdkafka gives its threads.
_CLIENT_THREADS = "rdk:"
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU since the start, at one moment (monotonic seconds).

    Attributes:
        at: the moment.
        loop: of the thread that polls, scores and commits.
        client: of the Kafka client's own threads.
        other: of all other threads: the model's, the HTTP server's.
        idle: idle time of all the machine's cores together.
    """

    at: float
    loop: float
    client: float
    other: float
    idle: float


def usage_of(pid: int, proc: Path = _PROC) -> Usage | None:
    """Return the CPU usage of a process, ``None`` where the kernel does not account for it."""
    by_kind = {"loop": 0.0, "client": 0.0, "other": 0.0}
    try:
        for task in (proc / str(pid) / "task").iterdir():
            # A thread that just ended; ESRCH if it ends between opening its file and reading it.
            with suppress(FileNotFoundError, ProcessLookupError):
                name, seconds = _thread(task)
                kind = "client" if name.startswith(_CLIENT_THREADS) else "other"
                by_kind["loop" if task.name == str(pid) else kind] += seconds
        idle = _idle_seconds(proc)
    except OSError:
        return None
    return Usage(time.monotonic(), idle=idle, **by_kind)


def peak_rss_bytes(pid: int, proc: Path = _PROC) -> int | None:
    """Return the most memory that a process has used since its program began."""
    try:
        status = (proc / str(pid) / "status").read_text()
    except OSError:
        return None
    found = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0][1]) * 1024 if found else None


def cores() -> float:
    """Return how many cores this process and its children may use, limited by any quota."""
    quota = cpu_quota(Path("/"))
    return float(usable_cores()) if quota is None else min(float(usable_cores()), quota)


def _thread(task: Path) -> tuple[str, float]:
    """Return a thread's name and its CPU seconds."""
    head, _, rest = (task / "stat").read_text().rpartition(")")
    user, system = rest.split()[11:13]
    return head.partition("(")[2], (int(user) + int(system)) / _ticks()


def _idle_seconds(proc: Path) -> float:
    numbers = (proc / "stat").read_text().partition("\n")[0].split()[1:]
    return (int(numbers[3]) + int(numbers[4])) / _ticks()


def _ticks() -> float:
    return float(os.sysconf("SC_CLK_TCK"))
