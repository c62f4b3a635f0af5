"""The result of the throughput benchmark for readers: on the terminal, and in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from benchmarks import charts, page, tables, targets
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

    def sections(self) -> list[page.Section]:
        """Return the tables: one a workload, then the targets."""
        by_workload = [
            page.Section(backlog.sentence(), tables.COLUMNS, tables.cells(summaries))
            for backlog, summaries in self.by_workload()
        ]
        wanted = [finding.cells() for finding in targets.findings(self.summaries)]
        return by_workload + ([page.Section("Targets", targets.COLUMNS, wanted)] if wanted else [])


def show(report: Report, console: Console) -> None:
    """Print the tables, how to read them, and the machine."""
    for section in report.sections():
        console.print(_table(section))
    for footnote in _footnotes(report):
        console.print(footnote, highlight=False)


def write(report: Report, folder: Path) -> None:
    """Write the numbers, the tables, a chart for each question, and a page with all of them."""
    save(folder, NAME, asdict(report))
    pictures = []
    for name, chart in charts.throughput(report.summaries).items():
        png = charts.drawn(chart)
        (folder / f"{NAME}-{name}.png").write_bytes(png)
        pictures.append(page.Picture(png, chart.title))
    sections, footnotes = report.sections(), _footnotes(report)
    blocks = [f"{each.heading}\n\n{tables.markdown(each.columns, each.rows)}" for each in sections]
    text = "\n".join([*blocks, *(f"{each}\n" for each in footnotes)])
    (folder / f"{NAME}.md").write_text(text, encoding="utf-8")
    content = page.html(_TITLE, (_CONTEST, _CEILING), pictures, sections, footnotes)
    (folder / f"{NAME}.html").write_text(content, encoding="utf-8")


def _table(section: page.Section) -> Table:
    table = Table(title=section.heading, title_justify="left", box=box.SIMPLE_HEAD)
    table.padding = (0, 1, 0, 0)
    cells = list(zip(*section.rows, strict=True))
    for place, (column, column_cells) in enumerate(zip(section.columns, cells, strict=True)):
        justify: JustifyMethod = "right" if place else "left"
        # A heading may wrap between words, a number may not.
        width = max(map(len, (*column_cells, *column.split())))
        table.add_column(column, justify=justify, width=width)
    for row in section.rows:
        table.add_row(*row)
    return table


def _footnotes(report: Report) -> tuple[str, ...]:
    """Return how to read the tables, and what they were taken on."""
    versions = ", ".join(f"{name} {version}" for name, version in report.machine.versions)
    legend = tables.LEGEND.format(runs=report.summaries[0].runs)
    return legend, report.machine.sentence(), f"{versions}."
