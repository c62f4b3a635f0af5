"""How much memory a worker takes: idle, and under a backlog; by defaults, and made small.

    python -m benchmarks.memory [--events 300000] [--profiles defaults edge]

A worker that has joined and waits is idle. The peak under a backlog is the kernel's own
(``VmHWM``). The owners are those of the largest resident set that was seen, by ``smaps``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import backlog, workloads
from benchmarks.contenders import ours
from benchmarks.ground import Ground, ground, with_settings
from benchmarks.group_progress import group_progress
from benchmarks.mappings import Memory, memory_of, peak_bytes
from benchmarks.outcome import add_folder_option, save
from benchmarks.running import running, wait_until
from stream_scorer.errors import StreamScorerError

_LIMIT_SECONDS = 120.0
_SMAPS_EVERY_SECONDS = 0.25
_SETTLED_SECONDS = 3.0
_MIB = 2**20
_MB = 10**6


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings and environment variables of a worker; ``target_mb`` is what it may take at most."""

    settings: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    target_mb: int | None = None


EDGE = {
    "batching.max_records": 256,
    "batching.transaction_max_records": 5_000,
    "batching.transaction_max_bytes": "4MiB",
    "model.intra_op_threads": 1,
    "model.enable_cpu_mem_arena": False,
    "kafka.consumer.queued.min.messages": 1_000,
    "kafka.consumer.queued.max.messages.kbytes": 1_024,
    "kafka.consumer.fetch.message.max.bytes": 256 * 1024,
    "kafka.consumer.fetch.max.bytes": 1_024 * 1024,
    "kafka.producer.queue.buffering.max.kbytes": 4_096,
}

PROFILES = {
    "defaults": Profile(target_mb=150),
    "defaults, 1 malloc arena": Profile(environment={"MALLOC_ARENA_MAX": "1"}),
    "edge": Profile(EDGE, target_mb=115),
    "edge, 1 malloc arena": Profile(EDGE, {"MALLOC_ARENA_MAX": "1"}),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What one profile took."""

    profile: str
    idle: Memory
    loaded: Memory
    peak_bytes: int


def measure(on: Ground, name: str, profile: Profile, filled: backlog.Backlog, idle: str) -> Result:
    """Run a worker on an empty topic, then one on a backlog."""
    return Result(
        name, _idle(on, profile, idle), *_loaded(on, profile, filled.topic, filled.events)
    )


def _idle(on: Ground, profile: Profile, topic: str) -> Memory:
    number = time.monotonic_ns()
    job = on.job(f"idle-{number}", topic)
    contender = with_settings(ours.contender(), "idle", profile.settings)
    log = on.log(job)
    with running(contender.command(job), log, profile.environment) as process:
        wait_until(
            lambda: b"partitions assigned" in log.read_bytes(),
            process,
            within_seconds=_LIMIT_SECONDS,
            what="it had its partitions",
        )
        time.sleep(_SETTLED_SECONDS)
        return memory_of(process.pid)


def _loaded(on: Ground, profile: Profile, topic: str, events: int) -> tuple[Memory, int]:
    job = on.job(f"loaded-{time.monotonic_ns()}", topic)
    contender = with_settings(ours.contender(), "loaded", profile.settings)
    command = contender.command(job)
    with (
        group_progress(job.bootstrap_servers, job.group, topic, backlog.PARTITIONS) as progress,
        running(command, on.log(job), profile.environment) as process,
    ):
        watch = _Watch(process)
        wait_until(
            lambda: progress.committed() >= events,
            process,
            within_seconds=_LIMIT_SECONDS,
            what="the backlog was scored",
            each=watch.look,
        )
        watch.look()
        return watch.largest, peak_bytes(process.pid)


class _Watch:
    """Keeps the owners of the largest resident set; asking for them takes the process a while."""

    def __init__(self, process: psutil.Popen) -> None:
        self._process = process
        self._next_look = 0.0
        self.largest = memory_of(process.pid)

    def look(self) -> None:
        if time.monotonic() >= self._next_look:
            self.largest = max(self.largest, memory_of(self._process.pid), key=_rss)
            self._next_look = time.monotonic() + _SMAPS_EVERY_SECONDS


def _rss(memory: Memory) -> int:
    return memory.rss_bytes


def table_of(results: Iterable[Result]) -> Table:
    """Return idle and peak, a line a profile; an MB is a million bytes."""
    table = Table("MB", "idle", "peak under backlog", "target")
    for each in results:
        target = PROFILES[each.profile].target_mb
        table.add_row(
            each.profile,
            f"{each.idle.rss_bytes / _MB:.1f}",
            f"{each.peak_bytes / _MB:.1f}",
            "" if target is None else f"{target} at most",
        )
    return table


def owners_of(result: Result) -> Table:
    """Return who has it, idle and at the largest resident set that was seen."""
    table = Table(f"{result.profile}, MiB", "idle", "under backlog")
    for owner in {**result.loaded.by_owner, **result.idle.by_owner}:
        sizes = (memory.by_owner.get(owner, 0) for memory in (result.idle, result.loaded))
        table.add_row(owner, *map(_mib, sizes))
    return table


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:.1f}"


def _as_json(result: Result) -> dict[str, object]:
    return {
        "profile": result.profile,
        "idle_bytes": result.idle.rss_bytes,
        "peak_bytes": result.peak_bytes,
        "idle_by_owner": result.idle.by_owner,
        "loaded_by_owner": result.loaded.by_owner,
    }


def _measured(profiles: Iterable[str], events: int, console: Console) -> Iterator[Result]:
    (workload,) = workloads.named(["mlp-30"])
    with ground() as on:
        for topic in ("nothing", "events"):
            on.kafka.create_topic(topic, backlog.PARTITIONS)
        filled = backlog.fill(on.kafka.bootstrap_servers, "events", workload, events)
        for name in profiles:
            console.print(f"{name} …")
            yield measure(on, name, PROFILES[name], filled, "nothing")


def main() -> None:
    """Start Kafka, fill it, run the profiles one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--profiles", nargs="*", choices=PROFILES, default=["defaults", "edge"])
    add_folder_option(parser)
    arguments = parser.parse_args()
    console = Console()
    try:
        results = list(_measured(arguments.profiles, arguments.events, console))
    except (RuntimeError, StreamScorerError) as error:
        sys.exit(str(error))
    for result in results:
        console.print(owners_of(result))
    console.print(table_of(results))
    found = {"events": arguments.events, "profiles": [_as_json(each) for each in results]}
    console.print(f"written to {save(arguments.folder, 'memory', found)}")


if __name__ == "__main__":
    main()
