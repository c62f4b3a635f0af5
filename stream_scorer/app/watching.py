"""What watches a worker and shows it: metrics, readiness, status and page, from the settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.model.session import Model
from stream_scorer.observe.board import Board
from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.lags import Lags
from stream_scorer.observe.logs import Log
from stream_scorer.observe.metrics import Metrics
from stream_scorer.observe.observer import LoopObserver
from stream_scorer.observe.readiness import Readiness
from stream_scorer.observe.routes import Routes, routes_of
from stream_scorer.observe.status import Status
from stream_scorer.scoring.profiling import Profiler


@dataclass(frozen=True, slots=True)
class Scored:
    """What is scored with: the model, where its reader schema is from, and what is watched."""

    model: Model
    reader_origin: str
    profiler: Profiler


@dataclass(frozen=True, slots=True)
class Watching:
    """The loop tells ``observer``; the server asks ``routes``."""

    observer: LoopObserver
    readiness: Readiness
    routes: Routes


def make_watching(
    settings: Settings,
    kafka: KafkaConfig,
    scored: Scored,
    *,
    heartbeat: Heartbeat,
    why_unhealthy: Callable[[], str | None],
    log: Log,
) -> Watching:
    """Return it, not yet told anything."""
    registry, lags, readiness = CollectorRegistry(), Lags(), Readiness()
    board = Board(shows_values=settings.server.show_values)
    board.declare(scored.profiler.features)
    metrics = Metrics(registry, lambda: lags.all(time.time()), time.time)
    metrics.model(scored.model.name, scored.model.version, scored.model.sha256)
    metrics.declare(scored.profiler.features, scored.profiler.scores)
    metrics.watch(
        ready=lambda: readiness.why_not() is None,
        waiting=lambda: readiness.waits is not None,
        standing_seconds=lambda: time.monotonic() - heartbeat.sign.since,
    )
    observer = LoopObserver(metrics, log, heartbeat, readiness=readiness, lags=lags, board=board)
    status = Status(
        _facts(settings, kafka, scored), board, lags, readiness, heartbeat, why_unhealthy
    )
    routes = routes_of(
        registry,
        why_unhealthy=why_unhealthy,
        why_not_ready=readiness.why_not,
        status=status.to_json,
        page=settings.server.page,
    )
    return Watching(observer, readiness, routes)


def _facts(settings: Settings, kafka: KafkaConfig, scored: Scored) -> dict[str, object]:
    """Return the sections of the status that never change."""
    model = scored.model
    return {
        "kafka": {
            "group": kafka.group_id,
            "input_topics": list(kafka.input_topics),
            "output_topic": kafka.output_topic,
            "dead_letter_topic": kafka.dead_letter_topic,
            "delivery": kafka.delivery,
        },
        "model": {
            "name": model.name,
            "version": model.version,
            "sha256": model.sha256,
            "providers": list(model.providers_in_use),
            "threads": model.threads.reason,
        },
        "schemas": {"reader": scored.reader_origin, "framing": settings.schemas.framing},
        "config": settings.redacted(),
    }
