"""From an event to its visible score: how long, at a steady rate, beside a bare loop and others.

    python -m benchmarks.latency [--rates 500 2000 10000] [--seconds 10] [--peers]

Each contender runs as a process of its own, one after the other on the same broker, and all rates
are played to it. The producer is a process of its own too; it writes the time into the event's key.
This process reads ``read_committed`` what comes out, and looks at the clock once for each batch
that it is handed. The first seconds of a rate are not counted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from benchmarks.contenders import bare_loop, batched_loop, entered, ours
from benchmarks.contenders.contender import Contender
from benchmarks.ground import Ground, ground
from benchmarks.machine import this_machine
from benchmarks.outcome import add_folder_option, save
from benchmarks.targets import COLUMNS, OURS, Finding
from benchmarks.visibility import Overwhelmed, Plan, Trial, trials
from stream_scorer.errors import StreamScorerError

_WARM_UP_SECONDS = 10.0
#: What is asked of the product: a percentile at rates, against another contender's.
_TARGETS = (
    ("p50", (500, 2_000), "bare loop", 1.3),
    ("p99", (10_000,), "bare loop", 1.5),
    ("p99", (500, 2_000), "Kafka Streams", 0.4),
)


def contenders(*, peers: bool) -> list[Contender]:
    """Return who takes part; with ``peers``, all that can run here."""
    own = [bare_loop.contender(), ours.contender(), batched_loop.contender()]
    return own + (entered.peers() if peers else [])


def measure(
    on: Ground, chosen: Sequence[Contender], plan: Plan, runs: int, console: Console
) -> Iterator[Trial]:
    """Yield a trial for each contender and rate, and run; the contenders alternate.

    Each is told on the console, as is a rate that is too high to say anything of.
    """
    for run in range(1, runs + 1):
        for contender in chosen:
            try:
                for trial in trials(on, contender, plan, run):
                    console.print(
                        f"{trial.contender} at {trial.rate:,}/s: "
                        f"p50 {trial.p50_ms:.1f} ms, p99 {trial.p99_ms:.1f} ms"
                    )
                    yield trial
            except Overwhelmed as too_much:
                console.print(str(too_much))


def _warm_up(on: Ground) -> None:
    """Let the broker compile what it needs; else the first contender would meet a slow one."""
    plan = Plan(rates=(2_000,), seconds=_WARM_UP_SECONDS, warm_up_seconds=0.0)
    for _ in trials(on, bare_loop.contender(), plan, run=0):
        pass


def medians(found: Sequence[Trial]) -> list[Trial]:
    """Return one trial for each contender and rate: the run whose p99 is the median of its runs.

    A real run, and not a median of each number, so that its numbers belong together.
    """
    pairs = dict.fromkeys((trial.contender, trial.rate) for trial in found)
    chosen = []
    for pair in pairs:
        runs = [trial for trial in found if (trial.contender, trial.rate) == pair]
        middle = statistics.median_low(trial.p99_ms for trial in runs)
        chosen.append(next(trial for trial in runs if trial.p99_ms == middle))
    return chosen


def findings(found: Sequence[Trial]) -> list[Finding]:
    """Return the targets for which both sides took part, as ratios."""
    by_pair = {(trial.contender, trial.rate): trial for trial in found}
    pairs = [
        (percentile, by_pair.get((OURS, rate)), by_pair.get((other, rate)), most)
        for percentile, rates, other, most in _TARGETS
        for rate in rates
    ]
    return [
        Finding(
            f"{percentile} at {mine.rate:,}/s, times {theirs.contender}",
            getattr(mine, f"{percentile}_ms") / getattr(theirs, f"{percentile}_ms"),
            most,
            is_least=False,
        )
        for percentile, mine, theirs, most in pairs
        if mine is not None and theirs is not None
    ]


def table_of(found: Sequence[Trial], title: str) -> Table:
    """Return a line for each trial, those of a rate together; latencies in milliseconds."""
    table = Table("events/s", "", "p50", "p95", "p99", "most", "lag", "CPU", title=title)
    for trial in sorted(found, key=lambda trial: trial.rate):
        table.add_row(
            f"{trial.rate:,}",
            trial.contender,
            *(f"{ms:.1f}" for ms in (trial.p50_ms, trial.p95_ms, trial.p99_ms, trial.most_ms)),
            _lag(trial),
            f"{trial.cpu_share:.0%}",
        )
    return table


def _lag(trial: Trial) -> str:
    if trial.missing:
        return f"{trial.missing:,} missing"
    return "steady" if trial.keeps_up else f"+{trial.lag_growth_per_second:,.0f}/s"


def main() -> None:
    """Start Kafka, let each contender run at each rate, print the table and the ratios."""
    options = _options()
    console = Console()
    plan = Plan(tuple(options.rates), options.seconds, options.warm_up_seconds)
    chosen = entered.named(contenders(peers=options.peers), options.contenders)
    try:
        with ground() as on:
            _warm_up(on)
            found = list(measure(on, chosen, plan, options.runs, console))
    except (RuntimeError, ValueError, StreamScorerError) as error:
        sys.exit(str(error))
    middle = medians(found)
    title = (
        f"From event to visible score, ms; {options.seconds:.0f} s a rate, {options.runs} run(s)"
    )
    console.print(table_of(middle, title))
    if held := findings(middle):
        targets = Table(*COLUMNS)
        for each in held:
            targets.add_row(*each.cells())
        console.print(targets)
    path = save(
        options.folder,
        "latency",
        {
            "machine": asdict(this_machine()),
            "trials": [asdict(trial) for trial in found],
            "targets": [asdict(each) for each in held],
        },
    )
    console.print(f"written to {path}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rates", type=int, nargs="+", default=[500, 2_000, 10_000])
    parser.add_argument("--seconds", type=float, default=10.0, help="that count, of each rate")
    parser.add_argument("--warm-up-seconds", type=float, default=3.0, help="before those")
    parser.add_argument("--runs", type=int, default=3, help="of each rate")
    parser.add_argument("--contenders", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--peers", action="store_true", help="enter those of other makers, too")
    add_folder_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
