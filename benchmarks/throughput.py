"""Events a second through a real Kafka, exactly once: ``stream-scorer``, the ceiling, the others.

    python -m benchmarks.throughput [--events 500000] [--runs 3] [--workloads mlp-30 trees-30]
        [--peers] [--contenders stream-scorer pass-through] [--folder build/bench]

All score the same backlog in turn, each as a process of its own with the broker beside it, and each
output is checked. Read the ratios: absolute numbers are those of the machine.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import report
from benchmarks.arena import Arena, arena, checked, measure
from benchmarks.contenders import entered
from benchmarks.contenders.contender import Contender
from benchmarks.exactness import NotExact
from benchmarks.machine import this_machine
from benchmarks.outcome import add_folder_option
from benchmarks.report import Backlogs, Report
from benchmarks.results import Result, summarised
from benchmarks.workloads import named
from stream_scorer.errors import StreamScorerError
from stream_scorer.local.kafka import EmbeddedKafka

#: What the first run of a workload may take; it warms the broker and the files, and is not counted.
_WARM_UP_SECONDS = 2.0


def main() -> None:
    """Measure, and report on the terminal and in files; exit code 1 says that there is none."""
    options = _options()
    console = Console(stderr=True)
    try:
        workloads = named(options.workloads)
        chosen = _contenders(options, console)
        folder = _fresh(options.folder / "work")
        results, backlogs = [], []
        with EmbeddedKafka() as kafka:
            for workload in workloads:
                count = round(options.events * workload.share)
                console.print(f"{workload.name}: producing {count:,} events")
                place = arena(kafka, workload, folder / workload.name, count)
                backlogs.append(Backlogs.of(place))
                results += _in_turn(place, chosen, options, console)
    except (ValueError, RuntimeError, NotExact, StreamScorerError) as error:
        sys.exit(str(error))
    shutil.rmtree(folder)
    found = Report(this_machine(), tuple(backlogs), tuple(summarised(results)), tuple(results))
    report.write(found, options.folder)
    report.show(found, Console())
    console.print(f"Tables and charts are in {options.folder}.")


def _in_turn(
    place: Arena, chosen: Sequence[Contender], options: argparse.Namespace, console: Console
) -> list[Result]:
    """Let the contenders alternate, so that what changes on the machine changes for all."""
    results = []
    for contender in chosen:
        checked(place, contender, "warm-up", _WARM_UP_SECONDS)
    for run in range(1, options.runs + 1):
        for contender in chosen:
            result = measure(place, contender, str(run), options.limit_seconds)
            console.print(
                f"  run {run} of {options.runs}, {contender.name}: "
                f"{result.events_per_second:,.0f}/s, {result.cpu_us_per_event:.2f} µs of CPU"
            )
            results.append(result)
    return results


def _fresh(folder: Path) -> Path:
    """Return the folder, empty; what fails leaves its logs in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder.absolute()


def _contenders(options: argparse.Namespace, console: Console) -> list[Contender]:
    everyone = entered.core() + (entered.peers(console.print) if options.peers else [])
    return entered.named(everyone, options.contenders)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=500_000, help="of the smallest kind")
    parser.add_argument("--runs", type=int, default=3, help="that count, after one that warms up")
    parser.add_argument("--limit-seconds", type=float, default=6.0, help="the longest run counted")
    parser.add_argument("--workloads", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--contenders", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--peers", action="store_true", help="enter those of other makers, too")
    add_folder_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
