"""The results of a run as tables for people."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from stream_scorer.verify.loads import Load
from stream_scorer.verify.pairs import Pairs
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.recovery import Gap, together
from stream_scorer.verify.round import Result
from stream_scorer.verify.scene import Fault
from stream_scorer.verify.values import MEANING, Invariant

_SHOWN = 20


def pairs_of(pairs: Pairs, loads: Sequence[Load], faults: Sequence[Fault]) -> Group:
    """Return how often each fault occurred under each load: one row a fault, one column a load."""
    names = [fault.name for fault in faults]
    met = [name for name in names if any(pairs.times(load.name, name) for load in loads)]
    count = sum(pairs.times(load.name, name) > 0 for load in loads for name in names)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("fault")
    for at in range(len(loads)):
        table.add_column(_letter(at), justify="right")
    for name in met:
        table.add_row(name, *(str(pairs.times(load.name, name) or "") for load in loads))
    return Group(
        Text(
            f"Faults by load: {count} of {len(loads) * len(names)} pairs occurred, "
            f"{len(met)} of {len(names)} faults.",
            "italic",
        ),
        table,
        Text(", ".join(f"{_letter(at)}: {load.name}" for at, load in enumerate(loads))),
        Text(),
    )


def rounds_of(results: Sequence[Result]) -> Table:
    """Return the load, rates and faults of each round, one row per round."""
    table = Table(title="Rounds, and how long sets stayed open", box=SIMPLE_HEAD)
    for name in ("", "load", "group, order, timeouts"):
        table.add_column(name)
    for name in ("events", "in/s", "out/s", "median", "longest", "faults"):
        table.add_column(name, justify="right")
    for result in results:
        kind, held = result.kind, result.seen.held
        table.add_row(
            str(kind.number),
            kind.load.name,
            f"{kind.variant}, {kind.patience}",
            f"{result.seen.events:,}",
            f"{result.seen.events / result.writing_seconds:,.0f}",
            f"{result.seen.scored / result.busy_seconds:,.0f}",
            _seconds(held.median_seconds, 2),
            _seconds(held.longest_seconds, 2),
            f"{result.faults.inflicted.total():,}",
        )
    return table


def numbers_of(results: Sequence[Result]) -> Table:
    """Return the counts, one column for each group protocol and output order."""
    variants = _by_variant(results)
    table = Table(title="What happened")
    table.add_column("")
    for variant in variants:
        table.add_column(variant, justify="right")
    rounds = list(variants.values())
    rows: dict[str, list[str]] = {}

    def count(name: str, of: Callable[[Result], int]) -> None:
        rows[name] = [f"{sum(map(of, group)):,}" for group in rounds]

    count("seconds", lambda result: round(result.seconds))
    count("events in", lambda result: result.seen.events)
    count("scored", lambda result: result.seen.scored)
    count("dead letters", lambda result: sum(result.seen.dead_letters.values()))
    for reason in sorted({each for result in results for each in result.seen.dead_letters}):
        count(f"dead letters: {reason}", _counter("dead_letters", reason))
    for outcome in ("committed", "aborted", "cut short"):
        count(f"transactions {outcome}", _counter("transactions", outcome))
    count("faults", lambda result: result.faults.inflicted.total())
    for ending in sorted({each for result in results for each in result.seen.ended}):
        count(f"workers ended: {ending}", _counter("ended", ending))
    gaps = [together([result.seen.recovery for result in group]) for group in rounds]
    without = "partition without commits after a kill"
    rows[f"{without}: median"] = [_seconds(each.median_seconds) for each in gaps]
    rows[f"{without}: worst"] = [_gap(each.worst) for each in gaps]
    rows[f"{without}: worst, injured again"] = [_gap(each.worst_disturbed) for each in gaps]
    rows[f"{without}: allowed"] = [_allowed(group) for group in rounds]
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def invariants_of(results: Sequence[Result]) -> Table:
    """Return which invariants held."""
    table = Table(title="What held")
    table.add_column("")
    table.add_column("invariant")
    variants = _by_variant(results)
    for variant in variants:
        table.add_column(variant, justify="right")
    for invariant in Invariant:
        cells = [_verdict(group, invariant) for group in variants.values()]
        table.add_row(invariant, MEANING[invariant], *cells)
    return table


def verdict_of(results: Sequence[Result], plan: Plan, history: Path) -> Panel:
    """Return the verdict, the first violations, and how to reproduce the run."""
    violations = [(result, each) for result in results for each in result.violations]
    if not violations:
        faults = sum(result.faults.inflicted.total() for result in results)
        events = sum(result.seen.events for result in results)
        return Panel(
            Text(
                f"It held: {events:,} events, {faults} faults, nothing lost, nothing duplicated.",
                "bold green",
            )
        )
    lines = [
        f"{each.invariant} in round {result.kind.number} ({result.kind.load.name}): {each.sentence}"
        for result, each in violations[:_SHOWN]
    ]
    if len(violations) > _SHOWN:
        lines.append(f"… and {len(violations) - _SHOWN} more.")
    lines.append(f"Seed {plan.seed}; history: {history}.")
    return Panel(Text("\n".join(["It did not hold.", *lines]), "bold red"))


def _by_variant(results: Sequence[Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.kind.variant, []).append(result)
    return groups


def _counter(which: str, name: str) -> Callable[[Result], int]:
    return lambda result: int(getattr(result.seen, which).get(name, 0))


def _letter(at: int) -> str:
    return string.ascii_lowercase[at]


def _seconds(seconds: float | None, digits: int = 1) -> str:
    return "" if seconds is None else f"{seconds:.{digits}f} s"


def _gap(gap: Gap | None) -> str:
    return _seconds(gap.seconds if gap else None)


def _allowed(results: Sequence[Result]) -> str:
    """Return the limit for a round, or the range if rounds differ."""
    allowed = sorted({result.seen.recovery_seconds for result in results})
    return " to ".join(_seconds(each) for each in dict.fromkeys((allowed[0], allowed[-1])))


def _verdict(results: Sequence[Result], invariant: Invariant) -> Text:
    number = sum(each.invariant is invariant for result in results for each in result.violations)
    if number == 0:
        return Text("held", "green")
    return Text(f"{number} violation{'s' if number > 1 else ''}", "bold red")
