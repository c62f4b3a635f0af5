"""The process's log, as configured: whose lines are written, and what is hidden in them."""

from __future__ import annotations

import sys

from stream_scorer.config.redaction import hider
from stream_scorer.config.settings import Settings
from stream_scorer.observe.logs import Log, configure_logging

#: Properties by which somebody asks librdkafka to say more.
_LOUDER = ("debug", "log_level")


def start_logging(settings: Settings) -> Log:
    """Send every line to stderr, and return the process's own log."""
    wanted, kafka = settings.logging, settings.kafka
    sections = (kafka.common, kafka.consumer, kafka.producer) if kafka else ()
    asked = any(name in section for name in _LOUDER for section in sections)
    configure_logging(
        wanted.level,
        wanted.format,
        sys.stderr,
        libraries=wanted.libraries,
        asked=frozenset({"librdkafka"} if asked else ()),
        hide=hider(settings.model_dump()),
    )
    return Log("stream_scorer")
