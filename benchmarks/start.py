"""From the start of ``stream-scorer run`` to the first scored event that a reader can see.

    python -m benchmarks.start [--runs 5]

The broker runs and events wait. The embedded broker lets a group begin without waiting for more
members (``group.initial.rebalance.delay.ms=0``; Kafka's own default is 3 s, which comes on top).
A group is new, or it is known: it has committed before, as after a restart. The steps are those
that the worker logs. What is imported is timed in a process that imports what a worker does, and
nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks import backlog, workloads
from benchmarks.backlog import PARTITIONS
from benchmarks.contenders import ours
from benchmarks.contenders.contender import Job
from benchmarks.ground import Ground, ground
from benchmarks.group_progress import make_known
from benchmarks.machine import this_machine
from benchmarks.outcome import add_folder_option, save
from benchmarks.running import running
from stream_scorer.errors import StreamScorerError
from stream_scorer.local.kafka import SHORT_TIMEOUTS

TARGET_SECONDS = 2.5
TARGET_IMPORTS_SECONDS = 0.7

_LIMIT_SECONDS = 60.0
_EVENTS = 10_000
_IMPORTS = """\
import stream_scorer.__main__, stream_scorer.app.run
from stream_scorer.cli import main
main.build()
from stream_scorer.model.runtime import onnxruntime
onnxruntime()
"""
#: What the worker says, and what is done by then.
_STEPS = (
    ("model loaded", "model loaded"),
    ("running", "checked, model warm, about to join"),
    ("partitions assigned", "in the group"),
)
NEW, KNOWN = "new", "known"
_DELAY = "group.initial.rebalance.delay.ms"


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the start of the process to each step, and to the first visible event."""

    group: str
    steps: dict[str, float]
    visible_seconds: float


def start(on: Ground, job: Job, group: str) -> Start:
    """Run a worker until the first event of its output is visible; its group is as said.

    Raises:
        RuntimeError: that takes too long, or it ends; the text names its log.
    """
    command, log = ours.contender().command(job), on.log(job)
    if group == KNOWN:
        make_known(job.bootstrap_servers, job.group, job.input_topic, PARTITIONS)
    with _first_event(job) as seen:
        began_at, began = time.time(), time.monotonic()
        with running(command, log) as process:
            while (at := seen()) is None:
                if process.poll() is not None or time.monotonic() - began > _LIMIT_SECONDS:
                    raise RuntimeError(f"No scored event in {_LIMIT_SECONDS:.0f} s; see {log}")
    return Start(group, steps_of(log.read_text().splitlines(), began_at), at - began)


def steps_of(lines: Iterable[str], began_at: float) -> dict[str, float]:
    """Return when a worker had done which step, in seconds from a time of the wall clock.

    ``lines`` are those of its log; each step counts with its first line.
    """
    names, found = dict(_STEPS), dict[str, float]()
    for line in lines:
        entry = _entry(line)
        name = names.get(str(entry.get("message")))
        if name is not None and name not in found:
            found[name] = datetime.fromisoformat(str(entry["timestamp"])).timestamp() - began_at
    return found


def _entry(line: str) -> dict[str, object]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


@contextmanager
def _first_event(job: Job) -> Iterator[Callable[[], float | None]]:
    """Yield a function that waits a little, and returns when an event was seen, if one was."""
    consumer = Consumer(
        {
            "bootstrap.servers": job.bootstrap_servers,
            "group.id": f"reads-{job.output_topic}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 100,
        }
    )
    places = [TopicPartition(job.output_topic, n, OFFSET_BEGINNING) for n in range(PARTITIONS)]
    consumer.assign(places)

    def seen() -> float | None:
        message = consumer.poll(0.05)
        return None if message is None or message.error() else time.monotonic()

    try:
        consumer.poll(0.5)  # its connections are there before the worker starts
        yield seen
    finally:
        consumer.close()


def seconds_of(code: str) -> float:
    """Return how long a Python process takes that runs the code."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - ours
    return time.monotonic() - began


def table_of(starts: Sequence[Start], python: float, imports: float) -> Table:
    """Return the medians: what the imports take, and when each step was done."""
    table = Table("seconds", NEW + " group", KNOWN + " group", "target")
    besides = f"{imports - python:.2f}"
    table.add_row("Python alone", f"{python:.2f}", "", "")
    table.add_row("its imports, besides", besides, "", f"{TARGET_IMPORTS_SECONDS}")
    groups = [[one for one in starts if one.group == group] for group in (NEW, KNOWN)]
    for name in starts[0].steps:
        cells = [_median(one.steps[name] for one in group) for group in groups]
        table.add_row(f"from the start: {name}", *cells, "")
    cells = [_median(one.visible_seconds for one in group) for group in groups]
    table.add_row("from the start: first visible event", *cells, f"{TARGET_SECONDS}")
    return table


def _median(seconds: Iterable[float]) -> str:
    return f"{statistics.median(seconds):.2f}"


def main() -> None:
    """Start Kafka, fill it a little, start workers one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    add_folder_option(parser)
    options = parser.parse_args()
    (workload,) = workloads.named(["mlp-30"])
    try:
        with ground() as on:
            on.kafka.create_topic("events", PARTITIONS)
            backlog.fill(on.kafka.bootstrap_servers, "events", workload, _EVENTS)
            # The first two read the files from the disk and are not counted.
            starts = [
                start(on, on.job(f"{group}-{run}", "events"), group)
                for run in range(options.runs + 1)
                for group in (NEW, KNOWN)
            ]
    except (RuntimeError, StreamScorerError) as error:
        sys.exit(str(error))
    python = statistics.median(seconds_of("pass") for _ in range(options.runs))
    imports = statistics.median(seconds_of(_IMPORTS) for _ in range(options.runs))
    _report(starts[2:], python, imports, options.folder)


def _report(starts: Sequence[Start], python: float, imports: float, folder: Path) -> None:
    console = Console()
    console.print(table_of(starts, python, imports))
    console.print(
        f"medians of {len(starts) // 2} starts; {_DELAY}={SHORT_TIMEOUTS[_DELAY]} on the broker"
    )
    found = {
        "machine": asdict(this_machine()),
        "starts": [asdict(one) for one in starts],
        "python_seconds": python,
        "imports_seconds": imports - python,
        _DELAY: SHORT_TIMEOUTS[_DELAY],
    }
    console.print(f"written to {save(folder, 'start', found)}")


if __name__ == "__main__":
    main()
