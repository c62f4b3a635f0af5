"""``stream-scorer score``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from stream_scorer.app.signals import Signals
from stream_scorer.cli.interrupts import ending_early
from stream_scorer.cli.options import ConfigFile, Overrides, settings_from

Input = Annotated[Path, typer.Argument(metavar="IN.avro", help="The events.")]
Output = Annotated[Path, typer.Argument(metavar="OUT.avro", help="Where the scored events go.")]
DeadLetters = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.avro",
        help="Where records go that can't be scored. Without it, the first one ends the command.",
    ),
]


def score(
    context: typer.Context,
    source: Input,
    target: Output,
    config: ConfigFile = None,
    overrides: Overrides = None,
    *,
    dead_letters: DeadLetters = None,
) -> None:
    """Score an Avro object container file, without Kafka.

    It is the same scorer as in `run`; the file's own schema is the writer's.

    Example:
        stream-scorer score -c scorer.yaml events.avro scored.avro --dead-letters bad.avro
    """
    settings = settings_from(config, overrides, need_kafka=False)

    from stream_scorer.app.score_files import score_file

    signals: Signals = context.obj
    with ending_early(signals, "Interrupted: no file was written."), _progress_bar() as progress:
        scores = score_file(
            settings, source, target, dead_letters, progress, signals=signals, config=config
        )
    print(f"{scores.scored} records scored, {scores.dead_letters} dead letters.", file=sys.stderr)


@contextmanager
def _progress_bar() -> Iterator[Callable[[int, int], None]]:
    """Show how far the file is read, on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda _, __: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("scoring")
        yield lambda read, total: bar.update(task, completed=read, total=total)
