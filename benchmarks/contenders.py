"""Runs a scorer as a process of its own and watches it from outside, by its committed offsets."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition

_WATCH_EVERY_SECONDS = 0.02
_GIVE_UP_SECONDS = 300.0
_STOP_SECONDS = 30.0
_RSS_UNITS_PER_MIB = 1024**2 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Contender:
    """A scorer: its name, how to start it, in which folder, and its consumer group."""

    name: str
    command: tuple[str, ...]
    folder: Path
    group: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a run took.

    The rate is from the first commit seen to the last, without the start. CPU and memory (the peak
    of the resident set) are those of the process, start included.
    """

    name: str
    events_per_second: float
    cpu_seconds: float
    peak_rss_mib: float


def race(
    contender: Contender, bootstrap_servers: str, backlog: list[TopicPartition], events: int
) -> Result:
    """Run the contender over a backlog of ``events`` until its group has committed them all.

    Raises:
        RuntimeError: it ends early, takes too long, or does not end well; the text names its log.
    """
    path = contender.folder / f"{contender.group}.log"
    watch = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": contender.group})
    with path.open("wb") as log:
        child = _Child(contender, log.fileno())
    try:
        rate = _rate(child, lambda: _committed(watch, backlog), events)
        usage = child.end()
    except RuntimeError as error:
        child.kill()
        raise RuntimeError(f"{contender.name} {error}; see {path}") from error
    finally:
        watch.close()
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Result(contender.name, rate, cpu_seconds, usage.ru_maxrss / _RSS_UNITS_PER_MIB)


def _rate(child: _Child, committed: Callable[[], int], events: int) -> float:
    """Watch until ``events`` are committed; return how many a second that were."""
    give_up = time.monotonic() + _GIVE_UP_SECONDS
    first: tuple[float, int] | None = None
    while (done := committed()) < events:
        now = time.monotonic()
        if first is None and done:
            first = now, done
        if child.has_ended() and committed() < events:
            raise RuntimeError(f"ended after {done:,} events")
        if now > give_up:
            raise RuntimeError(f"committed {done:,} events in {_GIVE_UP_SECONDS:.0f} s")
        time.sleep(_WATCH_EVERY_SECONDS)
    if first is None:
        raise RuntimeError("was done before it could be watched: give it more events")
    return (events - first[1]) / (time.monotonic() - first[0])


def _committed(watch: Consumer, backlog: list[TopicPartition]) -> int:
    """Return how many events the group has done: its offsets, of topics that begin at zero.

    A consumer that never subscribes is no member. ``AdminClient.list_consumer_group_offsets`` would
    be the obvious call, but librdkafka 2.16 crashes in it while a group has no coordinator yet.
    """
    try:
        return sum(max(each.offset, 0) for each in watch.committed(backlog, timeout=10))
    except KafkaException:  # no coordinator yet
        return 0


class _Child:
    """A process whose use of CPU and memory is known once it has ended."""

    def __init__(self, contender: Contender, log: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the command is ours
            contender.command, cwd=contender.folder, stdout=log, stderr=log
        )
        self._usage: resource.struct_rusage | None = None

    def has_ended(self) -> bool:
        """Return whether it has ended."""
        if self._usage is None:
            self._collect(os.WNOHANG)
        return self._usage is not None

    def end(self) -> resource.struct_rusage:
        """End it in order, if it still runs, and return what it used."""
        if not self.has_ended():
            os.kill(self._process.pid, signal.SIGTERM)
        give_up = time.monotonic() + _STOP_SECONDS
        while not self.has_ended():
            if time.monotonic() > give_up:
                raise RuntimeError(f"does not end within {_STOP_SECONDS:.0f} s of SIGTERM")
            time.sleep(_WATCH_EVERY_SECONDS)
        if self._process.returncode or self._usage is None:
            raise RuntimeError(f"ended with exit code {self._process.returncode}")
        return self._usage

    def kill(self) -> None:
        """End it at once."""
        if not self.has_ended():
            os.kill(self._process.pid, signal.SIGKILL)
            self._collect(0)

    def _collect(self, options: int) -> None:
        # Popen.wait would do, if it only told what the child used.
        pid, status, usage = os.wait4(self._process.pid, options)
        if pid:
            self._usage = usage
            self._process.returncode = os.waitstatus_to_exitcode(status)
