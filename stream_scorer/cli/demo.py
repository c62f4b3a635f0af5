"""``stream-scorer demo``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stream_scorer.cli.interrupts import interruptible
from stream_scorer.cli.options import writable

NOT_EXACT = 70


class StoryName(StrEnum):
    """What the demo is about."""

    CARD_FRAUD = "card-fraud"
    MACHINE_TELEMETRY = "machine-telemetry"


def demo(
    context: typer.Context,
    *,
    story: Annotated[StoryName, typer.Option(help="What to score.")] = StoryName.CARD_FRAUD,
    events: Annotated[int, typer.Option(min=100, help="How many events.")] = 30_000,
    rate: Annotated[float, typer.Option(min=1.0, help="Events a second.")] = 2_000.0,
    workers: Annotated[int, typer.Option(min=1, help="How many workers.")] = 2,
    folder: Annotated[
        Path | None,
        typer.Option(help="Keep Kafka's data, the logs and the config here.", show_default=False),
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(help="Save what is printed as a picture (SVG).", show_default=False),
    ] = None,
) -> None:
    """Show it all on this machine: a real Kafka, workers of which one is killed, an exact count.

    Nothing needs to be installed: Kafka runs on a Java from PyPI. The first run fetches its jars.
    The exit code is 0 only if every event has exactly one result.

    Example:
        stream-scorer demo --story machine-telemetry
    """
    from rich.console import Console

    from stream_scorer.demo.show import Scale, show
    from stream_scorer.demo.stories import STORIES
    from stream_scorer.files import NewFiles

    console = Console(record=svg is not None, width=100 if svg is not None else None)
    kept = writable("--folder", folder)
    with NewFiles() as files:
        picture = None if svg is None else files.open(svg, "--svg")
        with interruptible(context.obj, "Interrupted: nothing was counted."):
            tally = show(STORIES[story.value], Scale(events, rate, workers), kept, console)
        if picture is not None:
            picture.write(console.export_svg(title="stream-scorer demo"))
    if not tally.exact:
        raise typer.Exit(NOT_EXACT)
