"""A worker within somebody else's process: the loop alone, without what makes a process of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Self

from prometheus_client import CollectorRegistry

from stream_scorer.app.loop import kafka_of, make_loop, make_ready, pace_of
from stream_scorer.app.renewed_logins import RenewedLogins
from stream_scorer.app.trial import judge_clients
from stream_scorer.app.watching import make_watching
from stream_scorer.check.findings import heed
from stream_scorer.config.loading import load
from stream_scorer.config.settings import Settings
from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.logs import Log
from stream_scorer.pipeline.pipeline import Pipeline, open_pipeline


class Worker:
    """A member of the consumer group that reads, scores and commits on the thread that runs it.

    It is what ``stream-scorer run`` runs, without signals, logging set-up, HTTP server, watchdog or
    settings of the garbage collector: those are the process's. It logs to the logger
    ``stream_scorer``. A worker runs once.

    Attributes:
        metrics: the worker's Prometheus metrics (docs/operations.md), a registry of its own.
    """

    def __init__(self, settings: Settings, pipeline: Pipeline, *, closes: bool = False) -> None:
        """Make a worker that has not asked the brokers for anything yet.

        ``closes``: it closes the pipeline after its run.
        """
        self._settings = settings
        self._closes = closes
        self._kafka = kafka_of(settings)
        self._log = Log("stream_scorer")
        heed(judge_clients(settings, self._kafka), self._log.warning)
        self._pipeline = pipeline
        self._watching = make_watching(
            settings,
            self._kafka,
            pipeline,
            heartbeat=Heartbeat(pace_of(settings).max_poll_interval_seconds),
            why_unhealthy=lambda: None,
            log=self._log,
        )
        self.metrics: CollectorRegistry = self._watching.registry

    @classmethod
    def from_config(
        cls,
        path: str | Path,
        *,
        pipeline: Pipeline | None = None,
        overrides: Sequence[str] = (),
    ) -> Self:
        """Return a worker of a configuration file.

        Args:
            path: the configuration file, with its ``kafka`` section.
            pipeline: what it scores with; loaded from the same file unless given.
            overrides: settings that win over the file, each ``a.b=value`` as for ``--set``.

        Raises:
            ConfigError: a setting or a file is wrong.
            ContractError: the model can't be served, or does not fit the schema.
            Unreachable: the registry does not answer.
        """
        settings = load(Path(path), overrides, os.environ, need_kafka=True)
        if pipeline is not None:
            return cls(settings, pipeline)
        return cls(settings, open_pipeline(settings), closes=True)

    def run(self, stop: threading.Event) -> None:
        """Consume, score and produce until ``stop`` is set; then commit, and leave the group.

        Topics and rights are checked first. An inference that runs is waited for.

        Raises:
            RefusesToStart: nothing was consumed.
            StopsTheWorker: what is not committed is read again by the next worker.
        """
        with self._pipeline if self._closes else nullcontext():
            ready = make_ready(self._settings, self._kafka, self._pipeline, self._log)
            logins = RenewedLogins(self._log)
            loop = make_loop(
                self._settings,
                self._kafka,
                ready,
                self._watching,
                stopping=stop.is_set,
                logins=logins,
                log=self._log,
            )
            with logins.watching():
                loop.run()
