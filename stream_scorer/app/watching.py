"""Builds the observability of a worker from the settings: metrics, readiness, status and page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.observe.board import Board
from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.lags import Lags
from stream_scorer.observe.logs import Log
from stream_scorer.observe.metrics import Metrics
from stream_scorer.observe.observer import LoopObserver
from stream_scorer.observe.readiness import Readiness
from stream_scorer.observe.routes import Routes, routes_of
from stream_scorer.observe.status import Status
from stream_scorer.pipeline.pipeline import Pipeline
from stream_scorer.scoring.profiling import Profiler


@dataclass(frozen=True, slots=True)
class Watching:
    """The loop tells ``observer``; the server asks ``routes``; ``registry`` has the metrics."""

    observer: LoopObserver
    readiness: Readiness
    registry: CollectorRegistry
    routes: Routes


def make_watching(
    settings: Settings,
    kafka: KafkaConfig,
    pipeline: Pipeline,
    *,
    heartbeat: Heartbeat,
    why_unhealthy: Callable[[], str | None],
    log: Log,
) -> Watching:
    """Return it, not yet told anything."""
    registry, lags, readiness = CollectorRegistry(), Lags(), Readiness()
    board = Board(shows_values=settings.server.show_values)
    contract = pipeline.contract
    model, profiler = contract.model, Profiler.of(contract.features, contract.outputs)
    board.declare(profiler.features)
    metrics = Metrics(registry, lambda: lags.all(time.time()), time.time)
    metrics.model(model.name, model.version, model.sha256)
    metrics.declare(profiler.features, profiler.scores)
    metrics.watch(
        ready=lambda: readiness.why_not() is None,
        waiting=lambda: readiness.waits is not None,
        standing_seconds=lambda: time.monotonic() - heartbeat.sign.since,
    )
    observer = LoopObserver(metrics, log, heartbeat, readiness=readiness, lags=lags, board=board)
    status = Status(
        _facts(settings, kafka, pipeline), board, lags, readiness, heartbeat, why_unhealthy
    )
    routes = routes_of(
        registry,
        why_unhealthy=why_unhealthy,
        why_not_ready=readiness.why_not,
        status=status.to_json,
        page=settings.server.page,
    )
    return Watching(observer, readiness, registry, routes)


def _facts(settings: Settings, kafka: KafkaConfig, pipeline: Pipeline) -> dict[str, object]:
    """Return the sections of the status that never change."""
    model, schemas = pipeline.contract.model, pipeline.schemas
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
        "schemas": {"reader": schemas.reader_origin, "framing": schemas.framing},
        "config": settings.redacted(),
    }
