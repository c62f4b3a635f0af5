"""What was measured: one result a run, and a summary of several runs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.race import Run


@dataclass(frozen=True, slots=True)
class Result:
    """One contender's run over one workload, between the first commit seen and the last."""

    workload: str
    contender: str
    events: int
    seconds: float
    events_per_second: float
    cpu_us_per_event: float
    broker_cpu_us_per_event: float
    peak_rss_mib: float
    transactions: int
    events_per_transaction: float
    output_bytes: float

    @classmethod
    def of(
        cls, workload: str, contender: str, run: Run, transactions: int, output_bytes: float
    ) -> Result:
        """Return the result of a run; transactions are those of the contender's whole life."""
        return cls(
            workload=workload,
            contender=contender,
            events=run.events,
            seconds=run.seconds,
            events_per_second=run.events / run.seconds,
            cpu_us_per_event=run.cpu_seconds / run.events * 1e6,
            broker_cpu_us_per_event=run.broker_cpu_seconds / run.events * 1e6,
            peak_rss_mib=run.peak_rss_mib,
            transactions=transactions,
            events_per_transaction=sum(run.committed) / max(transactions, 1),
            output_bytes=output_bytes,
        )


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several runs, and their extremes."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Summary:
    """All counted runs of one contender over one workload."""

    workload: str
    contender: str
    runs: int
    events_per_second: Spread
    cpu_us_per_event: Spread
    broker_cpu_us_per_event: Spread
    peak_rss_mib: Spread
    transactions: Spread
    events_per_transaction: Spread
    output_bytes: Spread


def summarised(results: Sequence[Result]) -> list[Summary]:
    """Return one summary for each workload and contender, in the order of their first runs."""
    pairs = dict.fromkeys((result.workload, result.contender) for result in results)
    return [
        _summary([result for result in results if (result.workload, result.contender) == pair])
        for pair in pairs
    ]


def _summary(runs: Sequence[Result]) -> Summary:
    def spread(of: Callable[[Result], float]) -> Spread:
        values = [of(run) for run in runs]
        return Spread(statistics.median(values), min(values), max(values))

    return Summary(
        workload=runs[0].workload,
        contender=runs[0].contender,
        runs=len(runs),
        events_per_second=spread(lambda run: run.events_per_second),
        cpu_us_per_event=spread(lambda run: run.cpu_us_per_event),
        broker_cpu_us_per_event=spread(lambda run: run.broker_cpu_us_per_event),
        peak_rss_mib=spread(lambda run: run.peak_rss_mib),
        transactions=spread(lambda run: run.transactions),
        events_per_transaction=spread(lambda run: run.events_per_transaction),
        output_bytes=spread(lambda run: run.output_bytes),
    )
