"""Brokers that are 2 ms away: what that costs, and how long the worker waits for its commits.

    python -m benchmarks.round_trip [--round-trip-ms 2] [--events 500000]

All traffic of the worker goes through the delaying proxy of ``stream_scorer.local``, which takes
CPU time itself. So it is measured without delay, too, and what counts is the difference; and past
the proxy, which shows what the proxy costs. The share of the time that is spent in commits, from
the worker's metrics, is the most that another thread could gain which commits while the next batch
is read and scored.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace

from rich.console import Console
from rich.table import Table

from benchmarks import backlog
from benchmarks.backlog import PARTITIONS
from benchmarks.contenders import ours
from benchmarks.ground import Ground, ground, with_settings
from benchmarks.group_progress import group_progress, make_known
from benchmarks.machine import this_machine
from benchmarks.outcome import add_folder_option, save
from benchmarks.running import running, wait_until
from benchmarks.workloads import named
from stream_scorer.bench.counters import STAGES, Counters, counters_of
from stream_scorer.errors import StreamScorerError
from stream_scorer.local.ports import ReservedPort
from stream_scorer.local.proxy import Proxy

_TOPIC = "events"
_LIMIT_SECONDS = 120.0
_BROKER = 1


@dataclass(frozen=True, slots=True)
class Passage:
    """A run over the backlog, from the first commit that was seen to the last.

    ``shares`` are the parts of that time that were spent in each stage; ``round_trip_ms`` is
    ``None`` past the proxy.
    """

    round_trip_ms: float | None
    commit_interval: str
    events_per_second: float
    transactions: float
    shares: Mapping[str, float]

    @classmethod
    def of(
        cls, round_trip_ms: float | None, interval: str, done: Counters, seconds: float
    ) -> Passage:
        """Return what the difference of two looks at the worker's metrics says."""
        shares = {stage: spent / seconds for stage, spent in done.stage_seconds.items()}
        rate = done.traces / seconds
        return cls(round_trip_ms, interval, rate, done.committed, shares)


def passage(
    on: Ground, events: int, interval: str, round_trip_ms: float | None, run: int
) -> Passage:
    """Run a worker over the backlog, past the proxy if ``round_trip_ms`` is ``None``.

    Raises:
        RuntimeError: it takes too long, or does not end well.
    """
    job = on.job(f"away-{round_trip_ms}-{interval}-{run}", _TOPIC)
    inside = on.kafka.internal_servers
    if round_trip_ms is None:
        job = replace(job, bootstrap_servers=inside)
    make_known(inside, job.group, _TOPIC, PARTITIONS)
    with (
        _free_port() as port,
        group_progress(inside, job.group, _TOPIC, PARTITIONS) as progress,
    ):
        settings = {"server.port": port, "batching.commit_interval": interval}
        command = with_settings(ours.contender(), "ours", settings).command(job)
        with running(command, on.log(job)) as process:

            def reaches(goal: int) -> Callable[[], bool]:
                return lambda: progress.committed() >= goal

            for goal, what in ((1, "the first commit"), (events, "the backlog was scored")):
                wait_until(reaches(goal), process, within_seconds=_LIMIT_SECONDS, what=what)
                if goal == 1:
                    first, began = counters_of(port), time.monotonic()
            done, seconds = counters_of(port).since(first), time.monotonic() - began
    return Passage.of(round_trip_ms, interval, done, seconds)


@contextmanager
def _free_port() -> Iterator[int]:
    port = ReservedPort()
    try:
        yield port.number
    finally:
        port.release()


def passages(
    on: Ground, proxy: Proxy, events: int, delays_ms: Sequence[float | None], runs: int
) -> Iterator[Passage]:
    """Yield a run for each delay and commit interval; they take turns."""
    for run in range(runs + 1):
        for delay_ms in delays_ms:
            for interval in ("100ms", "500ms"):
                # Each way takes half of the round trip.
                delaying = proxy.delay("*", delay_ms / 2000) if delay_ms else nullcontext()
                with delaying:
                    found = passage(on, events, interval, delay_ms, run)
                if run:  # the first of each warms the broker and the files
                    yield found


def medians(found: Sequence[Passage]) -> list[Passage]:
    """Return the run of the median rate for each delay and interval."""
    by_setting: dict[tuple[float | None, str], list[Passage]] = {}
    for one in found:
        by_setting.setdefault((one.round_trip_ms, one.commit_interval), []).append(one)
    middle = []
    for runs in by_setting.values():
        rate = statistics.median_low(run.events_per_second for run in runs)
        middle.append(next(run for run in runs if run.events_per_second == rate))
    return middle


def table_of(found: Sequence[Passage]) -> Table:
    """Return a line for each."""
    table = Table("round trip", "interval", "events/s", "commits", *STAGES)
    for one in found:
        table.add_row(
            "no proxy" if one.round_trip_ms is None else f"{one.round_trip_ms:g} ms",
            one.commit_interval,
            f"{one.events_per_second:,.0f}",
            f"{one.transactions:,.0f}",
            *(f"{one.shares[stage]:.0%}" for stage in STAGES),
        )
    return table


def main() -> None:
    """Start Kafka behind the proxy, fill it past the proxy, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--round-trip-ms", type=float, default=2.0)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3, help="of each, after one that warms up")
    add_folder_option(parser)
    options = parser.parse_args()
    (workload,) = named(["mlp-30"])
    delays_ms = (None, 0.0, options.round_trip_ms)
    try:
        with Proxy([_BROKER]) as proxy, ground(client_ports=proxy.ports) as on:
            proxy.target(_BROKER, on.kafka.client_address(_BROKER))
            on.kafka.create_topic(_TOPIC, PARTITIONS)
            backlog.fill(on.kafka.internal_servers, _TOPIC, workload, options.events)
            found = list(passages(on, proxy, options.events, delays_ms, options.runs))
    except (RuntimeError, StreamScorerError) as error:
        sys.exit(str(error))
    console = Console()
    middle = medians(found)
    console.print(table_of(middle))
    console.print("stages: parts of the time from the first commit to the last")
    content = {"machine": asdict(this_machine()), "passages": [asdict(one) for one in found]}
    console.print(f"written to {save(options.folder, 'round_trip', content)}")


if __name__ == "__main__":
    main()
