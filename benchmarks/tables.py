"""The table of a workload: the same cells on the terminal, in Markdown and on the page."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results import Spread, Summary

CEILING = "pass-through"
COLUMNS = (
    "",
    "events/s",
    "ratio",
    "CPU µs an event",
    "ratio",
    "broker µs",
    "peak MiB",
    "commits",
)
LEGEND = (
    "Medians, ± half the range; runs of each: {runs}. Ratios are to pass-through. CPU time is the "
    "contender's, then the broker's. Commits are Kafka transactions, all of the contender's life."
)
Cells = tuple[str, ...]


def cells(summaries: Sequence[Summary]) -> list[Cells]:
    """Return a row for each contender of one workload; what varies has its extremes behind it."""
    ceiling = next((each for each in summaries if each.contender == CEILING), None)
    return [_row(summary, ceiling) for summary in summaries]


def markdown(columns: Sequence[str], rows: Sequence[Cells]) -> str:
    """Return a table in Markdown, all but its first column to the right."""
    lines = [columns, ("---", *["---:"] * (len(columns) - 1)), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(summary: Summary, ceiling: Summary | None) -> Cells:
    speed, cpu = summary.events_per_second, summary.cpu_us_per_event
    return (
        summary.contender,
        f"{speed.median:,.0f} {_around(speed)}",
        _ratio(speed, ceiling.events_per_second if ceiling else None),
        f"{cpu.median:.2f} {_around(cpu)}",
        _ratio(cpu, ceiling.cpu_us_per_event if ceiling else None),
        f"{summary.broker_cpu_us_per_event.median:.2f}",
        f"{summary.peak_rss_mib.median:,.0f}",
        f"{summary.transactions.median:,.0f}",
    )


def _around(of: Spread) -> str:
    """Return half of the way from the least to the most, as a part of the median."""
    return f"±{(of.most - of.least) / 2 / of.median:.0%}"


def _ratio(of: Spread, ceiling: Spread | None) -> str:
    return "" if ceiling is None else f"{of.median / ceiling.median:.2f}"
