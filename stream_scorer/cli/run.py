"""``stream-scorer run``."""

from __future__ import annotations

import signal

from stream_scorer.cli.interrupts import interruptible
from stream_scorer.cli.options import ConfigFile, Overrides, settings_from


def run(config: ConfigFile = None, overrides: Overrides = None) -> None:
    """Consume, score and produce until SIGTERM or SIGINT.

    Any number of copies share the work through the consumer group.

    Example:
        stream-scorer run -c scorer.yaml --set batching.max_records=512
    """
    settings = settings_from(config, overrides, need_kafka=True)

    from stream_scorer.app.run import run as run_worker

    # Process 1 of a container gets no SIGTERM that it has no handler for. The loop listens for it
    # by itself; before that there is nothing to finish.
    with interruptible("Stopped before the first event was read.", [signal.SIGTERM]):
        run_worker(settings)
