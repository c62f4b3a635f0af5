"""The result of the throughput benchmark for readers: on the terminal, and in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import charts, page, tables
from benchmarks.arena import Arena
from benchmarks.machine import Machine
from benchmarks.outcome import save
from benchmarks.results import Result, Summary

#: What the files' names begin with.
NAME = "throughput"

_TITLE = "How fast stream-scorer is, and beside what"
_CONTEST = (
    "Each contender scores the same backlog in a real Kafka, exactly once, as a process of its own "
    "with the broker beside it; they take turns. Rates and CPU times are from the first commit to "
    "the last, without the start. Each output was checked: every event once, in order, with its "
    "timestamp and headers and the score that ONNX Runtime gives."
)
_CEILING = (
    "The ceiling, pass-through, is a bare loop with the same client and the same transactions that "
    "copies key, timestamp and partition and writes values as long as a scored event. Read the "
    "ratios; absolute numbers are those of the machine."
)


@dataclass(frozen=True, slots=True)
class Backlogs:
    """What a workload's backlog was."""

    workload: str
    events: int
    mean_bytes: float
    features: int

    @classmethod
    def of(cls, place: Arena) -> Backlogs:
        """Return what the arena's backlog is."""
        events = place.backlog.events
        return cls(place.workload.name, events, place.backlog.mean_bytes, place.workload.features)

    def sentence(self) -> str:
        """Return it in one line."""
        return (
            f"{self.workload}: {self.events:,} events of {self.mean_bytes:,.0f} bytes, "
            f"{self.features} features"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found."""

    machine: Machine
    backlogs: tuple[Backlogs, ...]
    summaries: tuple[Summary, ...]
    results: tuple[Result, ...]

    def by_workload(self) -> Iterator[tuple[Backlogs, list[Summary]]]:
        """Yield the backlogs, each with the summaries of the contenders."""
        for backlog in self.backlogs:
            yield backlog, [each for each in self.summaries if each.workload == backlog.workload]


def show(report: Report, console: Console) -> None:
    """Print a table for each workload, then the machine."""
    for backlog, summaries in report.by_workload():
        runs = summaries[0].runs
        table = Table(title=f"{backlog.sentence()}; median of {runs} ± half the range")
        for column in tables.COLUMNS:
            table.add_column(column, justify="right" if column else "left")
        for row in tables.cells(summaries):
            table.add_row(*row)
        console.print(table)
    console.print(report.machine.sentence())
    console.print(_versions(report.machine))


def write(report: Report, folder: Path) -> None:
    """Write the numbers, the tables, a chart for each question, and a page with all of them."""
    save(folder, NAME, asdict(report))
    pictures = []
    for name, chart in charts.throughput(report.summaries).items():
        png = charts.drawn(chart)
        (folder / f"{NAME}-{name}.png").write_bytes(png)
        pictures.append(page.Picture(png, chart.title))
    parts = list(report.by_workload())
    text = "\n".join(f"{each.sentence()}\n\n{tables.markdown(rows)}" for each, rows in parts)
    (folder / f"{NAME}.md").write_text(text, encoding="utf-8")
    sections = [
        page.Section(each.sentence(), tables.COLUMNS, tables.cells(rows)) for each, rows in parts
    ]
    footnotes = (report.machine.sentence(), _versions(report.machine))
    content = page.html(_TITLE, (_CONTEST, _CEILING), pictures, sections, footnotes)
    (folder / f"{NAME}.html").write_text(content, encoding="utf-8")


def _versions(machine: Machine) -> str:
    return ", ".join(f"{name} {version}" for name, version in machine.versions)
