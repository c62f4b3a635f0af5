"""A worker's parts, made from settings and a pipeline, and put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stream_scorer import protocols
from stream_scorer.app.clients import make_consumer, make_output
from stream_scorer.app.preflight import topics_for_run
from stream_scorer.app.renewed_logins import RenewedLogins
from stream_scorer.app.schema_checks import look_at_reading
from stream_scorer.app.watching import Watching
from stream_scorer.app.written_topics import WrittenTopics, written_topics
from stream_scorer.check.findings import heed
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.errors import ConfigError
from stream_scorer.kafka.client_config import MAX_POLL_INTERVAL_MS
from stream_scorer.kafka.transactional_client import MakeClient, make_client
from stream_scorer.observe.logs import Log
from stream_scorer.open_set import Pace
from stream_scorer.pipeline.contract import warm_up
from stream_scorer.pipeline.pipeline import Pipeline, make_scorer
from stream_scorer.worker import Worker

#: So many calls' rows are read and written at once, where they are small and quick.
CALLS_PER_BATCH = 4


@dataclass(frozen=True, slots=True)
class Seams:
    """Hooks between the parts of a worker, for `verify` and tests; `run` uses none."""

    consumer: Callable[[protocols.Consumer], protocols.Consumer] = lambda consumer: consumer
    scorer: Callable[[protocols.Scorer], protocols.Scorer] = lambda scorer: scorer
    output: Callable[[protocols.Output], protocols.Output] = lambda output: output
    make_client: MakeClient = make_client
    loop: type[Worker] = Worker


NO_SEAMS = Seams()


@dataclass(frozen=True, slots=True)
class Ready:
    """The parts that passed all checks; the model is warm."""

    topics: WrittenTopics
    scorer: protocols.Scorer
    seconds_per_row: float


def kafka_of(settings: Settings) -> KafkaConfig:
    """Return the settings of Kafka.

    Raises:
        ConfigError: there are none.
    """
    if settings.kafka is None:
        raise ConfigError("kafka: `run` needs it; see docs/configuration.md.")
    return settings.kafka


def make_ready(settings: Settings, kafka: KafkaConfig, pipeline: Pipeline, log: Log) -> Ready:
    """Look at schemas and topics, register the scored schema if that is configured, warm the model.

    Raises:
        RefusesToStart: with all that ``check`` calls an error.
    """
    heed(look_at_reading(settings, pipeline.contract, pipeline.schemas), log.warning)
    topics = written_topics(kafka, topics_for_run(settings, kafka, log.warning))
    scorer = make_scorer(pipeline, topics.scored_limits, lacking=topics.lacking)
    rows = settings.batching.max_records
    return Ready(topics, scorer, warm_up(pipeline.contract.model, rows))


def make_loop(
    settings: Settings,
    kafka: KafkaConfig,
    ready: Ready,
    watching: Watching,
    *,
    stopping: Callable[[], bool],
    logins: RenewedLogins,
    log: Log,
    seams: Seams = NO_SEAMS,
) -> Worker:
    """Make the clients, and return the loop over them; it has not joined the group yet."""
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
    return seams.loop(
        seams.consumer(consumer),
        seams.scorer(ready.scorer),
        seams.output(output),
        pace_of(settings),
        watching.observer,
        stopping=stopping,
        seconds_per_row=ready.seconds_per_row,
    )


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
