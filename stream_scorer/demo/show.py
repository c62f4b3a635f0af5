"""The demo: a real Kafka, simulated events, workers of which one is killed, and the final count."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import fastavro
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stream_scorer.avro.schema import Schema
from stream_scorer.config.loading import load
from stream_scorer.demo.count import Tally, Trace, count
from stream_scorer.demo.fleet import Fleet
from stream_scorer.demo.stories import Story, add_scored_schema, lay_out
from stream_scorer.demo.table import table_of, verdict_of
from stream_scorer.demo.traffic import Reader, Traffic
from stream_scorer.demo.watching import watching
from stream_scorer.errors import Broken
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.pipeline.pipeline import open_pipeline
from stream_scorer.pipeline.sources import only, read_schema

PARTITIONS = 4
#: The fraction of events after which a worker is killed.
KILL_AT = 0.4
#: The demo gives up if nothing arrives for this long while events are missing.
SILENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of the demo."""

    events: int
    events_per_second: float
    workers: int


def show(story: Story, scale: Scale, folder: Path | None, console: Console) -> Tally:
    """Run the demo and print what happens; the returned count tells whether it was exact.

    ``folder`` keeps data, logs and the scorer's config; by default they are removed at the end.

    Raises:
        ConfigError: Java or the jars are missing.
        Broken: a worker or the producer ended by itself, or events stopped arriving.
    """
    console.print(f"[bold]{story.title}[/]")
    with ExitStack() as stack:
        root = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        kafka = stack.enter_context(EmbeddedKafka(folder=root / "kafka"))
        console.print(f"A real Kafka listens on {kafka.bootstrap_servers}.")
        for topic in (story.topic, story.output_topic, story.dead_letter_topic):
            kafka.create_topic(topic, PARTITIONS)
        config = lay_out(story, root, kafka.bootstrap_servers)
        scored = _scored_schema(config)
        add_scored_schema(story, root, scored.text)
        reader = Reader(
            kafka.bootstrap_servers, story, PARTITIONS, fastavro.parse_schema(scored.json)
        )
        stack.callback(reader.close)
        traffic = Traffic(kafka.bootstrap_servers, story, scale.events, scale.events_per_second)
        tally = _run(config, scale, traffic, reader, console)
    console.print(table_of(tally))
    console.print(verdict_of(tally))
    return tally


def _scored_schema(config: Path) -> Schema:
    settings = load(config, (), {}, need_kafka=False)
    reader = settings.schemas.reader
    if reader is None:
        raise AssertionError("a story's config names its reader schema")
    return open_pipeline(settings, only(read_schema(reader))).contract.scored


def _run(config: Path, scale: Scale, traffic: Traffic, reader: Reader, console: Console) -> Tally:
    with (
        Fleet(config, scale.workers) as fleet,
        watching(fleet.watched) as address,
        _progress(scale.events, console) as progress,
    ):
        console.print(f"Watch it: {address}")
        fleet.wait_until_assigned()
        console.print(f"{scale.workers} workers share the {PARTITIONS} partitions.")
        traffic.start()
        try:
            traces = _follow(scale, fleet, traffic, reader, progress)
        finally:
            traffic.halt()
        fleet.stop()
        # Nobody writes any more, so this includes late duplicates.
        traces += reader.read_to_end()
    return count(traffic.sent, traces)


def _follow(
    scale: Scale, fleet: Fleet, traffic: Traffic, reader: Reader, progress: Shown
) -> list[Trace]:
    """Read until there are as many results as events sent."""
    traces: list[Trace] = []
    to_kill = scale.workers > 1
    last_arrival = time.monotonic()
    while not (traffic.done and len(traces) >= len(traffic.sent)):
        fleet.check()
        traffic.check()
        arrived = reader.read(0.2)
        traces += arrived
        progress.advance(len(arrived))
        now = time.monotonic()
        last_arrival = now if arrived else last_arrival
        if now - last_arrival > SILENCE_SECONDS:
            raise Broken(
                f"Nothing has arrived for {SILENCE_SECONDS:.0f} s and "
                f"{scale.events - len(traces):,} events are missing; see the workers' logs "
                "(keep them with `--folder`)."
            )
        if to_kill and len(traces) >= KILL_AT * scale.events:
            progress.say(_visible_after(traces))
            fleet.kill(1)
            to_kill = False
            progress.say(
                "[bold yellow]Worker 1 is killed (SIGKILL)[/], whatever it is doing; "
                "the others take its partitions over."
            )
    return traces


def _visible_after(traces: list[Trace]) -> str:
    milliseconds = [trace.seen_ms - trace.timestamp_ms for trace in traces]
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return (
        f"So far an event's score is visible {p50:,.0f} ms (p50) and {p99:,.0f} ms (p99) after "
        "the event's timestamp."
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """The progress bar, and the lines above it."""

    progress: Progress
    task: int
    console: Console

    def advance(self, events: int) -> None:
        """Advance the bar."""
        if events:
            self.progress.update(self.task, advance=events)  # type: ignore[arg-type]

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(line)


@contextmanager
def _progress(events: int, console: Console) -> Iterator[Shown]:
    """Show how many results have arrived; without a terminal, print only lines."""
    columns = (
        TextColumn("scored"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Shown(progress, progress.add_task("", total=events), console)
