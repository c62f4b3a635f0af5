"""``stream-scorer run``."""

from __future__ import annotations

import typer

from stream_scorer.cli.options import ConfigFile, Overrides, settings_from


def run(context: typer.Context, config: ConfigFile = None, overrides: Overrides = None) -> None:
    """Consume, score and produce until SIGTERM or SIGINT; either ends it with exit code 0.

    Any number of copies share the work through the consumer group.

    Example:
        stream-scorer run -c scorer.yaml --set batching.max_records=512
    """
    settings = settings_from(config, overrides, need_kafka=True)

    from stream_scorer.app.run import run as run_worker

    run_worker(settings, signals=context.obj)
