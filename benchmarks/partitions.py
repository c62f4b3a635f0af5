"""Many partitions: throughput over a backlog, and latency at a steady rate.

    python -m benchmarks.partitions [--partitions 600]

Input and output have so many partitions each, and the backlog is spread over all of them, an event
here, an event there: the dearest order that a worker can meet. Beside it the pass-through of the
same client, and the bare loop. Their groups are known, as after a restart; how long a new one takes
until its first commit is measured by itself. There is no target.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from confluent_kafka import Producer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks import events
from benchmarks.contenders import bare_loop, ours, pass_through
from benchmarks.ground import Ground, ground
from benchmarks.group_progress import group_progress, make_known
from benchmarks.latency import measure
from benchmarks.latency import table_of as latency_table
from benchmarks.machine import this_machine
from benchmarks.outcome import add_folder_option, save
from benchmarks.race import Run, race
from benchmarks.running import TookTooLong, running, wait_until
from benchmarks.visibility import Plan, Trial
from stream_scorer.errors import StreamScorerError

_TOPIC = "backlog"
_FLUSH_SECONDS = 120
_WARM_UP_SECONDS = 4.0
#: Each request that brings events wakes each fetch of all partitions, which has one broker to serve
#: it; so there are fewer of them than elsewhere.
_TICK_SECONDS = 0.01
NEW_GROUP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Size:
    """How many partitions, how many events in the backlog, and for how long at which rates."""

    partitions: int
    events: int
    rates: tuple[int, ...]
    seconds: float


def fill(bootstrap_servers: str, size: Size) -> None:
    """Produce the backlog, one event to each partition in turn.

    Raises:
        RuntimeError: the broker does not take it.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "linger.ms": 100,
            "queue.buffering.max.messages": size.events + 1,
            "queue.buffering.max.kbytes": 1 << 20,
        }
    )
    for number, value in enumerate(events.values(size.events)):
        producer.produce(_TOPIC, value, b"c-%d" % number, number % size.partitions)
    if producer.flush(_FLUSH_SECONDS):
        raise RuntimeError(f"The broker did not take the backlog within {_FLUSH_SECONDS} s.")


def backlog_runs(on: Ground, size: Size) -> Iterator[tuple[str, Run]]:
    """Yield how the product and the ceiling get through the backlog."""
    places = [TopicPartition(_TOPIC, number) for number in range(size.partitions)]
    for contender in (ours.contender(), pass_through.contender()):
        job = on.job(f"{contender.name}-backlog", _TOPIC, size.partitions)
        make_known(job.bootstrap_servers, job.group, _TOPIC, size.partitions)
        yield contender.name, race(contender, job, places, size.events)


def first_commit_seconds(on: Ground, size: Size) -> float | None:
    """Return how long a worker of a new group takes from its start to its first commit.

    ``None`` if that is longer than :data:`NEW_GROUP_SECONDS`; then it is killed.
    """
    job = on.job("new-group", _TOPIC, size.partitions)
    command, began = ours.contender().command(job), time.monotonic()
    with group_progress(job.bootstrap_servers, job.group, _TOPIC, size.partitions) as progress:
        try:
            with running(command, on.log(job)) as process:
                wait_until(
                    lambda: progress.committed() > 0,
                    process,
                    within_seconds=NEW_GROUP_SECONDS,
                    what="the first commit",
                )
                return time.monotonic() - began
        except TookTooLong:
            return None


def steady_trials(size: Size, console: Console) -> list[Trial]:
    """Return how long events take at the steady rates; each contender has a new broker."""
    plan = Plan(
        rates=size.rates,
        seconds=size.seconds,
        warm_up_seconds=_WARM_UP_SECONDS,
        partitions=size.partitions,
        tick_seconds=_TICK_SECONDS,
        first_rate=min(size.rates),
    )
    found: list[Trial] = []
    for contender in (bare_loop.contender(), ours.contender()):
        with ground() as on:
            found += measure(on, [contender], plan, 1, console)
    return found


def table_of(runs: dict[str, Run], size: Size) -> Table:
    """Return a line for each run over the backlog."""
    title = f"{size.events:,} events in {size.partitions} partitions"
    table = Table("", "events/s", "CPU µs/event", "peak MiB", title=title)
    for name, run in runs.items():
        table.add_row(
            name,
            f"{run.events / run.seconds:,.0f}",
            f"{run.cpu_seconds / run.events * 1e6:.2f}",
            f"{run.peak_rss_mib:,.0f}",
        )
    return table


def main() -> None:
    """Start Kafka, measure both, print both tables."""
    options = _options()
    size = Size(options.partitions, options.events, tuple(options.rates), options.seconds)
    console = Console()
    try:
        with ground() as on:
            on.kafka.create_topic(_TOPIC, size.partitions)
            fill(on.kafka.bootstrap_servers, size)
            runs = dict(backlog_runs(on, size))
            console.print(table_of(runs, size))
        found = steady_trials(size, console)
        console.print(latency_table(found, f"{size.partitions} partitions, ms"))
        with ground() as on:
            on.kafka.create_topic(_TOPIC, size.partitions)
            fill(on.kafka.bootstrap_servers, replace(size, events=size.partitions))
            first = first_commit_seconds(on, size)
    except (RuntimeError, StreamScorerError) as error:
        sys.exit(str(error))
    after = f"more than {NEW_GROUP_SECONDS:.0f}" if first is None else f"{first:.1f}"
    console.print(f"a new group's first commit: {after} s after the start")
    content = {
        "machine": asdict(this_machine()),
        "size": asdict(size),
        "backlog": {name: asdict(run) for name, run in runs.items()},
        "new_group_first_commit_seconds": first,
        "steady": [asdict(trial) for trial in found],
    }
    console.print(f"written to {save(options.folder, 'partitions', content)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--partitions", type=int, default=600)
    parser.add_argument("--events", type=int, default=500_000, help="of the backlog")
    parser.add_argument("--rates", type=int, nargs="+", default=[100, 500, 2_000])
    parser.add_argument("--seconds", type=float, default=15.0, help="of each rate")
    add_folder_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
