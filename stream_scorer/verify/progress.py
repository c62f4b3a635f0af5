"""The display of a round in progress: a bar on a terminal, and a line for each fault anywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from stream_scorer.verify.invariants.found import MORE
from stream_scorer.verify.values import Violation

_MARKS = {"injured": "[yellow]▲[/]", "healed": "[green]✓[/]", "missed": "[dim]·[/]"}


class Display:
    """The bar of one round, and the lines above it."""

    def __init__(self, progress: Progress, task: TaskID, console: Console) -> None:
        self._progress = progress
        self._task = task
        self._console = console
        self._started = time.monotonic()
        self._said: set[Violation] = set()

    def numbers(self, events: int, traces: int) -> None:
        """Show the counts so far."""
        self._progress.update(
            self._task,
            completed=time.monotonic() - self._started,
            numbers=f"{events:,} events in, {traces:,} results out",
        )

    def fault(self, what: str, name: str) -> None:
        """Print that a fault began, ended or did not occur."""
        seconds = time.monotonic() - self._started
        self._console.print(f"{seconds:7.1f} s {_MARKS[what]} {name}", highlight=False)

    def violations(self, found: list[Violation]) -> None:
        """Print each new violation once; further ones are counted at the end."""
        for violation in found:
            if violation not in self._said and not violation.sentence.startswith(MORE):
                self._said.add(violation)
                # A sentence may quote a log, whose brackets are not markup.
                sentence = Text.assemble((violation.invariant, "bold red"), " ", violation.sentence)
                self._console.print(sentence)


@contextmanager
def displaying(title: str, seconds: float, console: Console) -> Iterator[Display]:
    """Show a bar for a round of about this length; without a terminal, print only lines."""
    console.print(f"[bold]{title}[/]")
    columns = (BarColumn(), TextColumn("{task.fields[numbers]}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Display(progress, progress.add_task("", total=seconds, numbers=""), console)
