"""What exactly-once costs: ``stream-scorer`` beside itself with ``kafka.delivery: at_least_once``.

    python -m benchmarks.guarantees [--events 500000] [--runs 5]

Both score the same backlog in turn and commit every 100 ms. A pair of runs gives one ratio; the
median of the ratios counts, since what changes on the machine changes for both of a pair.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.arena import Arena, arena, measure
from benchmarks.contenders import ours
from benchmarks.contenders.contender import Contender
from benchmarks.exactness import NotExact
from benchmarks.ground import with_settings
from benchmarks.machine import this_machine
from benchmarks.outcome import add_folder_option, save
from benchmarks.results import Result
from benchmarks.workloads import named
from stream_scorer.errors import StreamScorerError
from stream_scorer.local.kafka import EmbeddedKafka

TARGET_SHARE = 0.1

_WARM_UP_SECONDS = 2.0
_LIMIT_SECONDS = 10.0

Pair = tuple[Result, Result]


def guarantees() -> tuple[Contender, Contender]:
    """Return the product exactly once, and at least once."""
    product = ours.contender()
    at_least_once = {"kafka.delivery": "at_least_once"}
    return (
        with_settings(product, "exactly-once", {}),
        with_settings(product, "at-least-once", at_least_once),
    )


def pairs(where: Arena, runs: int) -> list[Pair]:
    """Let both take turns; which one goes first changes, too.

    Raises:
        NotExact: what one wrote is not what the input demands.
        RuntimeError: one did not run well.
    """
    exactly, at_least = guarantees()
    for contender in (exactly, at_least):
        measure(where, contender, "warm-up", _WARM_UP_SECONDS)
    found = []
    for run in range(1, runs + 1):
        order = (exactly, at_least) if run % 2 else (at_least, exactly)
        results = {one.name: measure(where, one, str(run), _LIMIT_SECONDS) for one in order}
        found.append((results[exactly.name], results[at_least.name]))
    return found


def cost_of(found: Sequence[Pair]) -> float:
    """Return which share of its speed exactly-once costs, by the median pair."""
    return 1 - statistics.median(
        exactly.events_per_second / at_least.events_per_second for exactly, at_least in found
    )


def table_of(found: Sequence[Pair]) -> Table:
    """Return the medians of both."""
    table = Table("", "events/s", "CPU µs/event", "broker µs/event", "transactions")
    for results in zip(*found, strict=True):
        table.add_row(
            results[0].contender,
            f"{statistics.median(one.events_per_second for one in results):,.0f}",
            f"{statistics.median(one.cpu_us_per_event for one in results):.2f}",
            f"{statistics.median(one.broker_cpu_us_per_event for one in results):.2f}",
            f"{statistics.median(one.transactions for one in results):,.0f}",
        )
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=5, help="of each, after one that warms up")
    add_folder_option(parser)
    options = parser.parse_args()
    (workload,) = named(["mlp-30"])
    try:
        with EmbeddedKafka() as kafka, tempfile.TemporaryDirectory() as folder:
            where = arena(kafka, workload, Path(folder) / "guarantees", options.events)
            found = pairs(where, options.runs)
    except (RuntimeError, NotExact, StreamScorerError) as error:
        sys.exit(str(error))
    console = Console()
    console.print(table_of(found))
    cost = cost_of(found)
    console.print(
        f"exactly-once costs {cost:.1%} of the speed (target: {TARGET_SHARE:.0%} at most)"
    )
    results = [asdict(result) for pair in found for result in pair]
    content = {"machine": asdict(this_machine()), "cost": cost, "results": results}
    console.print(f"written to {save(options.folder, 'guarantees', content)}")


if __name__ == "__main__":
    main()
