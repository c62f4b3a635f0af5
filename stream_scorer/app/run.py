"""``run``: builds a worker and runs it until it is asked to stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from stream_scorer import protocols
from stream_scorer.app.clients import make_consumer, make_output
from stream_scorer.app.contract import make_contract, make_scorer, open_model, warm_up
from stream_scorer.app.garbage import seldom_collected
from stream_scorer.app.logs import start_logging
from stream_scorer.app.preflight import topics_for_run
from stream_scorer.app.renewed_logins import RenewedLogins, as_now
from stream_scorer.app.schema_checks import look_at_reading
from stream_scorer.app.schema_sources import Schemas, open_schemas
from stream_scorer.app.signals import Signals, hearing
from stream_scorer.app.stopping import Stopping, stopped_at_start
from stream_scorer.app.trial import judge_clients
from stream_scorer.app.watchdog import ANSWER_SECONDS, Watchdog, WatchedOutput
from stream_scorer.app.watching import Scored, make_watching
from stream_scorer.app.written_topics import WrittenTopics, written_topics
from stream_scorer.check.findings import heed
from stream_scorer.check.model import judge_packages
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.errors import ConfigError
from stream_scorer.kafka.client_config import MAX_POLL_INTERVAL_MS, transaction_timeout_seconds
from stream_scorer.kafka.cluster import brokers_answer
from stream_scorer.kafka.producer import longest_call_seconds
from stream_scorer.kafka.transactional_client import MakeClient, make_client
from stream_scorer.model.runtime import conflicting_packages
from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.page import PAGE_HEADERS
from stream_scorer.observe.server import serving
from stream_scorer.open_set import Pace
from stream_scorer.scoring.profiling import Profiler
from stream_scorer.scoring.scorer import Scorer
from stream_scorer.worker import Worker

#: So many calls' rows are read and written at once, where they are small and quick.
CALLS_PER_BATCH = 4


@dataclass(frozen=True, slots=True)
class Seams:
    """Where somebody may stand between the parts of a worker; `run` puts nobody there."""

    consumer: Callable[[protocols.Consumer], protocols.Consumer] = lambda consumer: consumer
    scorer: Callable[[protocols.Scorer], protocols.Scorer] = lambda scorer: scorer
    make_client: MakeClient = make_client
    loop: type[Worker] = Worker


def run(settings: Settings, seams: Seams = Seams(), signals: Signals | None = None) -> None:
    """Consume, score and produce until a signal asks for a stop.

    Everything that can be wrong is looked at, and the model is warm, before the group is joined.
    A stop before that ends the process at once, with exit code 0 as any stop. Without ``signals``
    they are heard from here on.

    Raises:
        RefusesToStart: nothing was consumed.
        StopsTheWorker: what is not committed is read again by the next worker.
    """
    log = start_logging(settings)
    kafka = _kafka(settings)
    with ExitStack() as stack:
        heard = stack.enter_context(hearing(signals))
        heard.tell(stopped_at_start)
        ready = _look_and_load(settings, kafka, log)
        stack.callback(ready.schemas.close)
        pace = pace_of(settings)
        heartbeat = Heartbeat(pace.max_poll_interval_seconds)
        watchdog = Watchdog(heartbeat, partial(_brokers_answer, kafka), log)
        stopping = Stopping(ready.scored.model.terminate, log.error)
        # From here on there are clients to close, and a group to leave.
        stack.enter_context(stopping.told_by(heard))
        watching = make_watching(
            settings,
            kafka,
            ready.scored,
            heartbeat=heartbeat,
            why_unhealthy=watchdog.why_unhealthy,
            log=log,
        )
        logins = RenewedLogins(log)
        hears = watching.observer.heard
        consumer = make_consumer(settings, kafka, log.warning, logins, hears)
        watching.readiness.ask(consumer.is_member)
        output = make_output(
            settings,
            kafka,
            ready.topics,
            consumer,
            warn=log.warning,
            make_client=seams.make_client,
            logins=logins,
            hears=hears,
        )
        worker = seams.loop(
            seams.consumer(consumer),
            seams.scorer(ready.scorer),
            WatchedOutput(output, heartbeat, _longest_call_seconds(kafka)),
            pace,
            watching.observer,
            stopping=stopping,
            seconds_per_row=ready.seconds_per_row,
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


def _kafka(settings: Settings) -> KafkaConfig:
    if settings.kafka is None:
        raise ConfigError("kafka: `run` needs it; see docs/configuration.md.")
    return settings.kafka


@dataclass(frozen=True, slots=True)
class _Ready:
    """What was looked at and found fit, and the model, warm."""

    scored: Scored
    schemas: Schemas
    topics: WrittenTopics
    scorer: Scorer
    seconds_per_row: float


def _look_and_load(settings: Settings, kafka: KafkaConfig, log: Any) -> _Ready:
    """Do what must be done before the group is joined, and what ``check`` calls an error."""
    heed(judge_clients(settings, kafka), log.warning)
    heed(judge_packages(conflicting_packages()), log.warning)
    model = open_model(settings.model)
    log.info(
        "model loaded",
        name=model.name,
        version=model.version,
        sha256=model.sha256,
        providers=model.providers_in_use,
        threads=model.threads.reason,
    )
    schemas = open_schemas(settings)
    contract = make_contract(settings, model, schemas.reader)
    log.info("reader schema", schema=schemas.reader_origin)
    heed(look_at_reading(settings, contract, schemas), log.warning)
    topics = written_topics(kafka, topics_for_run(settings, kafka, log.warning))
    scorer = make_scorer(
        settings,
        contract,
        schemas.source,
        schemas.prefix_for(contract.scored),
        topics.scored_limits,
        lacking=topics.lacking,
    )
    profiler = Profiler.of(contract.features, contract.outputs)
    return _Ready(
        Scored(model, schemas.reader_origin, profiler),
        schemas,
        topics,
        scorer,
        warm_up(model, settings.batching.max_records),
    )


def _brokers_answer(kafka: KafkaConfig) -> bool:
    servers = {**as_now(kafka.common), "bootstrap.servers": kafka.bootstrap_servers}
    return brokers_answer(servers, ANSWER_SECONDS)


def _longest_call_seconds(kafka: KafkaConfig) -> float:
    return longest_call_seconds(transaction_timeout_seconds(kafka.common, kafka.producer))


def pace_of(settings: Settings) -> Pace:
    """Return how much the worker gathers, and when it commits."""
    batching, kafka = settings.batching, settings.kafka
    properties = {**kafka.common, **kafka.consumer} if kafka else {}
    max_poll_ms = float(properties.get("max.poll.interval.ms", MAX_POLL_INTERVAL_MS))
    return Pace(
        max_records=batching.max_records,
        max_wait_seconds=batching.max_wait_seconds,
        commit_interval_seconds=batching.commit_interval_seconds,
        min_commit_interval_seconds=batching.min_commit_interval_seconds,
        transaction_max_records=batching.transaction_max_records,
        transaction_max_bytes=batching.transaction_max_bytes,
        max_poll_interval_seconds=max_poll_ms / 1000,
        max_calls=CALLS_PER_BATCH,
    )
