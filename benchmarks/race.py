"""Runs a scorer as a process of its own and watches it from outside, by its committed offsets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition

_WATCH_EVERY_SECONDS = 0.02
_GIVE_UP_SECONDS = 300.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Contender:
    """A scorer: its name, how to start it, the folder for its log, and its consumer group."""

    name: str
    command: tuple[str, ...]
    folder: Path
    group: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a run took.

    The rate is from the first commit seen to the last, without the start. CPU time and the peak of
    the resident set are those of the process, start included.
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
    watch = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": contender.group,
            # Else each look would wait until no transaction is open on the group's offsets.
            "isolation.level": "read_uncommitted",
        }
    )
    with path.open("wb") as log:
        process = psutil.Popen(contender.command, stdout=log, stderr=log)
    try:
        rate, peak_rss_bytes = _watch(process, lambda: _committed(watch, backlog), events)
        cpu = process.cpu_times()
        process.terminate()
        code = process.wait(_STOP_SECONDS)
    except (RuntimeError, psutil.Error) as error:
        raise RuntimeError(f"{contender.name} {error}; see {path}") from error
    finally:
        watch.close()
        if process.poll() is None:
            process.kill()
            process.wait()
    if code:
        raise RuntimeError(f"{contender.name} ended with exit code {code}; see {path}")
    return Result(contender.name, rate, cpu.user + cpu.system, peak_rss_bytes / 1024**2)


def _watch(process: psutil.Popen, committed: Callable[[], int], events: int) -> tuple[float, int]:
    """Watch until ``events`` are committed; return how many a second, and the most bytes held.

    The resident set is sampled: what the kernel notes as the peak of a child counts the parent's
    memory at the fork, too.
    """
    give_up = time.monotonic() + _GIVE_UP_SECONDS
    first: tuple[float, int] | None = None
    peak_rss_bytes = 0
    while (done := committed()) < events:
        now = time.monotonic()
        if first is None and done:
            first = now, done
        if process.poll() is not None:
            raise RuntimeError(f"ended with exit code {process.returncode} after {done:,} events")
        if now > give_up:
            raise RuntimeError(f"committed {done:,} events in {_GIVE_UP_SECONDS:.0f} s")
        peak_rss_bytes = max(peak_rss_bytes, process.memory_info().rss)
        time.sleep(_WATCH_EVERY_SECONDS)
    if first is None:
        raise RuntimeError("was done before it could be watched: give it more events")
    rate = (events - first[1]) / (time.monotonic() - first[0])
    return rate, max(peak_rss_bytes, process.memory_info().rss)


def _committed(watch: Consumer, backlog: list[TopicPartition]) -> int:
    """Return how many events the group has done: its offsets, of topics that begin at zero.

    A consumer that never subscribes is no member. ``AdminClient.list_consumer_group_offsets`` would
    be the obvious call, but librdkafka 2.16 crashes in it while a group has no coordinator yet.
    """
    try:
        return sum(max(each.offset, 0) for each in watch.committed(backlog, timeout=10))
    except KafkaException:  # no coordinator yet
        return 0
