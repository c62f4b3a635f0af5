"""What was done and what held, as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from stream_scorer.verify.plan import Plan
from stream_scorer.verify.round import Result
from stream_scorer.verify.values import MEANING, Invariant

_SHOWN = 20


def numbers_of(results: Sequence[Result]) -> Table:
    """Return what each round went through, a column a round."""
    table = Table(title="What happened")
    table.add_column("")
    for result in results:
        table.add_column(result.kind.label, justify="right")
    rows = {
        "seconds": [f"{result.seconds:,.0f}" for result in results],
        "events in": [f"{result.seen.events:,}" for result in results],
        "scored": [f"{result.seen.scored:,}" for result in results],
        "dead letters": [f"{sum(result.seen.dead_letters.values()):,}" for result in results],
    }
    for reason in sorted({each for result in results for each in result.seen.dead_letters}):
        rows[f"dead letters: {reason}"] = [
            f"{result.seen.dead_letters.get(reason, 0):,}" for result in results
        ]
    for outcome in ("committed", "aborted", "cut short"):
        rows[f"transactions {outcome}"] = [
            f"{result.seen.transactions[outcome]:,}" for result in results
        ]
    rows["faults"] = [f"{result.faults.inflicted.total():,}" for result in results]
    for ending in sorted({each for result in results for each in result.seen.ended}):
        rows[f"workers ended: {ending}"] = [
            f"{result.seen.ended.get(ending, 0):,}" for result in results
        ]
    rows["partition without commits after a kill: median"] = [
        _seconds(result.seen.recovery.median_seconds) for result in results
    ]
    for name, worst in (
        ("worst", [result.seen.recovery.worst for result in results]),
        ("worst, injured again", [result.seen.recovery.worst_disturbed for result in results]),
    ):
        rows[f"partition without commits after a kill: {name}"] = [
            _seconds(gap.seconds if gap else None) for gap in worst
        ]
    rows["partition without commits after a kill: allowed"] = [
        _seconds(result.seen.recovery_seconds) for result in results
    ]
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def faults_of(results: Sequence[Result]) -> Table:
    """Return how often each fault came about, a column a round."""
    table = Table(title="What was done to it")
    table.add_column("fault")
    for result in results:
        table.add_column(result.kind.label, justify="right")
    for name in sorted({each for result in results for each in result.faults.inflicted}):
        cells = [str(result.faults.inflicted[name] or "") for result in results]
        table.add_row(name, *cells)
    return table


def invariants_of(results: Sequence[Result]) -> Table:
    """Return what held."""
    table = Table(title="What held")
    table.add_column("")
    table.add_column("invariant")
    for result in results:
        table.add_column(result.kind.label, justify="right")
    for invariant in Invariant:
        cells = [_verdict(result, invariant) for result in results]
        table.add_row(invariant, MEANING[invariant], *cells)
    return table


def verdict_of(results: Sequence[Result], plan: Plan, history: Path) -> Panel:
    """Return one sentence, the first violations, and how to see it again."""
    violations = [each for result in results for each in result.violations]
    if not violations:
        faults = sum(result.faults.inflicted.total() for result in results)
        events = sum(result.seen.events for result in results)
        return Panel(
            Text(
                f"It held: {events:,} events, {faults} faults, nothing lost, nothing doubled.",
                "bold green",
            )
        )
    lines = [f"{each.invariant} {each.sentence}" for each in violations[:_SHOWN]]
    if len(violations) > _SHOWN:
        lines.append(f"… and {len(violations) - _SHOWN} more.")
    lines.append(f"Seed {plan.seed}; the history is {history}.")
    return Panel(Text("\n".join(["It did not hold.", *lines]), "bold red"))


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _verdict(result: Result, invariant: Invariant) -> Text:
    number = sum(violation.invariant is invariant for violation in result.violations)
    if number == 0:
        return Text("held", "green")
    return Text(f"{number} violation{'s' if number > 1 else ''}", "bold red")
