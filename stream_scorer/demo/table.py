"""The count as a table for people."""

from __future__ import annotations

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from stream_scorer.demo.count import Tally

_SHOWN = 5


def table_of(tally: Tally) -> Table:
    """Return the tally, one row per number; numbers that must be zero are green or red."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column()
    table.add_row(f"{tally.events_in:,}", "events in")
    table.add_row(f"{tally.scored:,}", "scored")
    table.add_row(f"{tally.dead_lettered:,}", Text("dead-lettered").append(_reasons(tally), "dim"))
    for name, number in {
        "duplicated": tally.duplicated,
        "missing": tally.missing,
        "out of order": tally.out_of_order,
        "unexpected": len(tally.unexpected),
    }.items():
        table.add_row(Text(f"{number:,}", "green" if number == 0 else "bold red"), name)
    table.add_row(f"{tally.events_per_second:,.0f}", "events/s")
    table.add_row(f"{tally.p50_latency_ms:,.0f} ms", "p50 from an event's timestamp to its result")
    table.add_row(f"{tally.p99_latency_ms:,.0f} ms", "p99")
    return table


def verdict_of(tally: Tally) -> Panel:
    """Return one sentence on whether the count is exact, and the first discrepancies."""
    if tally.exact:
        return Panel(Text("Exact: every event has exactly one result.", "bold green"))
    lines = ["Not exact.", *tally.unexpected[:_SHOWN]]
    if len(tally.unexpected) > _SHOWN:
        lines.append(f"… and {len(tally.unexpected) - _SHOWN:,} more.")
    return Panel(Text("\n".join(lines), "bold red"))


def _reasons(tally: Tally) -> str:
    parts = [f"{reason} {number:,}" for reason, number in sorted(tally.dead_letters.items())]
    return f"  {', '.join(parts)}" if parts else ""
