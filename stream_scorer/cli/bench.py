"""``stream-scorer bench``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from stream_scorer.cli.interrupts import interruptible
from stream_scorer.cli.options import ConfigFile, Overrides, TopicPrefix


def bench(
    context: typer.Context,
    *,
    config: ConfigFile = None,
    overrides: Overrides = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--input",
            metavar="FILE.avro",
            help="Score the events of this file, over and over, instead of made-up ones.",
            show_default=False,
        ),
    ] = None,
    events: Annotated[
        int | None,
        typer.Option(
            help="The backlog; as many as fill --seconds if it is not given.", show_default=False
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="How long the backlog should last, and each rate is held.")
    ] = 10.0,
    rate: Annotated[
        list[float] | None,
        typer.Option(
            help="Events a second to measure the latency at; may be repeated. By default a light "
            "and a busy rate.",
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        bool,
        typer.Option(
            "--cluster",
            help="Use the Kafka of the configuration, and only topics made for it; not an "
            "embedded one.",
        ),
    ] = False,
    partitions: Annotated[int, typer.Option(help="Of each topic.")] = 4,
    topic_prefix: TopicPrefix = None,
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the numbers here, as JSON.", show_default=False),
    ] = None,
) -> None:
    """Measure your model and schema on this machine: events/s, latency, memory, what limits them.

    The worker is a real one with your settings, over a real Kafka with topics of its own: an
    embedded one, for which nothing needs to be installed, or yours. No topic, group or
    transactional id of yours is touched.

    Example:
        stream-scorer bench -c scorer.yaml --input events.avro
    """
    from rich.console import Console

    from stream_scorer.bench.plan import Plan
    from stream_scorer.bench.report import show
    from stream_scorer.bench.results import json_text
    from stream_scorer.bench.run import bench as measure
    from stream_scorer.files import NewFiles
    from stream_scorer.verify.topics import any_prefix

    plan = Plan(
        config=config,
        overrides=tuple(overrides or ()),
        source=source,
        events=events,
        seconds=seconds,
        rates=tuple(rate or ()),
        own_cluster=cluster,
        partitions=partitions,
        topic_prefix=any_prefix("bench") if topic_prefix is None else topic_prefix,
        json=json,
    )
    with NewFiles(*([source] if source else [])) as files:
        report = None if plan.json is None else files.open(plan.json, "--json")
        with interruptible(context.obj, "Interrupted: nothing was measured to the end."):
            results = measure(plan, os.environ, Console(stderr=True))
        show(results, Console())
        if report is not None:
            report.write(json_text(results))
