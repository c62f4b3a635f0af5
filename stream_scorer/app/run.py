"""``run``: a worker as a process, with a log, signals, an HTTP server and a watchdog."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from stream_scorer.app.garbage import seldom_collected
from stream_scorer.app.logs import start_logging
from stream_scorer.app.loop import NO_SEAMS, Seams, kafka_of, make_loop, make_ready, pace_of
from stream_scorer.app.renewed_logins import RenewedLogins, as_now
from stream_scorer.app.signals import Signals, hearing
from stream_scorer.app.stopping import Stopping, stopped_at_start
from stream_scorer.app.trial import judge_clients
from stream_scorer.app.watchdog import ANSWER_SECONDS, Watchdog, WatchedOutput
from stream_scorer.app.watching import make_watching
from stream_scorer.check.findings import heed
from stream_scorer.check.model import judge_packages
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.kafka.client_config import transaction_timeout_seconds
from stream_scorer.kafka.cluster import brokers_answer
from stream_scorer.kafka.producer import longest_call_seconds
from stream_scorer.model.runtime import conflicting_packages
from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.logs import Log
from stream_scorer.observe.page import PAGE_HEADERS
from stream_scorer.observe.server import serving
from stream_scorer.pipeline.pipeline import Pipeline, open_pipeline


def run(settings: Settings, seams: Seams = NO_SEAMS, signals: Signals | None = None) -> None:
    """Consume, score and produce until a signal asks for a stop.

    Everything that can be wrong is looked at, and the model is warm, before the group is joined.
    A stop before that ends the process at once, with exit code 0 as any stop. Without ``signals``
    they are heard from here on.

    Raises:
        RefusesToStart: nothing was consumed.
        StopsTheWorker: what is not committed is read again by the next worker.
    """
    log = start_logging(settings)
    kafka = kafka_of(settings)
    with ExitStack() as stack:
        heard = stack.enter_context(hearing(signals))
        heard.tell(stopped_at_start)
        heed(judge_clients(settings, kafka), log.warning)
        heed(judge_packages(conflicting_packages()), log.warning)
        pipeline = stack.enter_context(_opened(settings, log))
        ready = make_ready(settings, kafka, pipeline, log)
        heartbeat = Heartbeat(pace_of(settings).max_poll_interval_seconds)
        watchdog = Watchdog(heartbeat, partial(_brokers_answer, kafka), log)
        stopping = Stopping(pipeline.contract.model.terminate, log.error)
        # From here on there are clients to close, and a group to leave.
        stack.enter_context(stopping.told_by(heard))
        watching = make_watching(
            settings,
            kafka,
            pipeline,
            heartbeat=heartbeat,
            why_unhealthy=watchdog.why_unhealthy,
            log=log,
        )
        logins = RenewedLogins(log)
        worker = make_loop(
            settings,
            kafka,
            ready,
            watching,
            stopping=stopping,
            logins=logins,
            log=log,
            seams=replace(
                seams,
                output=lambda output: WatchedOutput(
                    seams.output(output), heartbeat, _longest_call_seconds(kafka)
                ),
            ),
        )
        server = settings.server
        port = stack.enter_context(
            serving(watching.routes, host=server.host, port=server.port, headers=PAGE_HEADERS)
        )
        stack.enter_context(watchdog.watching())
        stack.enter_context(logins.watching())
        stack.enter_context(seldom_collected())
        log.info("running", group=kafka.group_id, input=kafka.input_topics, port=port)
        worker.run()
    log.info("stopped")


def _opened(settings: Settings, log: Log) -> Pipeline:
    pipeline = open_pipeline(settings)
    model = pipeline.contract.model
    log.info(
        "model loaded",
        name=model.name,
        version=model.version,
        sha256=model.sha256,
        providers=model.providers_in_use,
        threads=model.threads.reason,
    )
    log.info("reader schema", schema=pipeline.schemas.reader_origin)
    return pipeline


def _brokers_answer(kafka: KafkaConfig) -> bool:
    servers = {**as_now(kafka.common), "bootstrap.servers": kafka.bootstrap_servers}
    return brokers_answer(servers, ANSWER_SECONDS)


def _longest_call_seconds(kafka: KafkaConfig) -> float:
    return longest_call_seconds(transaction_timeout_seconds(kafka.common, kafka.producer))
