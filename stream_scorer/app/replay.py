"""``dlq replay``: dead letters scored again, or given back, exactly once and with an end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from stream_scorer.app.back_to_input import BackToInput
from stream_scorer.app.clients import make_consumer, make_output, make_producer
from stream_scorer.app.contract import make_contract, make_scorer, open_model
from stream_scorer.app.logs import start_logging
from stream_scorer.app.preflight import topics_for_run
from stream_scorer.app.replay_progress import Progress
from stream_scorer.app.run import pace_of
from stream_scorer.app.schema_sources import Schemas, open_schemas
from stream_scorer.app.signals import Signals, hearing
from stream_scorer.app.stopping import Stopping
from stream_scorer.app.trial import judge_clients
from stream_scorer.app.written_topics import WrittenTopics, written_topics
from stream_scorer.check.findings import heed
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.config.transactional_id import DEFAULT
from stream_scorer.errors import ConfigError
from stream_scorer.kafka.bounded import BoundedConsumer
from stream_scorer.kafka.cluster import Cluster
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.kafka.reading import bounds_of
from stream_scorer.protocols import Output, Scorer
from stream_scorer.scoring.replay import Refusals, ReplayScorer, ReturnToInput
from stream_scorer.worker import Worker

Destination = Literal["output", "input"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the dead letters."""

    scored: int
    dead_again: int
    returned: int
    passed_over: tuple[str, ...]
    #: A stop was asked for before all were replayed.
    stopped: bool = False


def replay(
    settings: Settings,
    destination: Destination,
    max_replays: int,
    signals: Signals | None = None,
) -> Replayed:
    """Replay every dead letter that this scorer's replay group has not replayed yet.

    It has a group and a transaction of its own, ``{group_id}-replay``, so what is replayed is
    replayed once, also when it is interrupted and started again. Dead letters that arrive
    meanwhile, its own among them, are left for the next time. A signal ends it after a commit;
    without ``signals`` they are heard while dead letters are replayed.

    Raises:
        RefusesToStart: nothing was replayed.
        StopsTheWorker: what is not committed is replayed by the next call.
    """
    log = start_logging(settings)
    replaying, kafka = _replay_settings(settings)
    heed(judge_clients(replaying, kafka), log.warning)
    topics = written_topics(kafka, topics_for_run(replaying, kafka, log.debug))
    common = {**kafka.common, "bootstrap.servers": kafka.bootstrap_servers}
    bounds = bounds_of(common, kafka.input_topics[0])
    committed = Cluster(common, warn=log.warning).committed(kafka.group_id, bounds)
    ends = {each: end for each, (start, end) in bounds.items() if committed.get(each, start) < end}
    refusals = Refusals(max_replays)
    if not ends:
        return Replayed(0, 0, 0, ())
    consumer = make_consumer(replaying, kafka, log.warning)
    bounded = BoundedConsumer(consumer, ends)
    input_side = _InputSide(settings, consumer, topics, refusals, log.error)
    build = _to_input if destination == "input" else _to_output
    built = build(replaying, kafka, input_side)
    progress = Progress(log)
    until = _Until(bounded, built.stopping)
    worker = Worker(
        bounded,
        built.scorer,
        built.output,
        pace_of(replaying),
        progress,
        stopping=until,
    )
    with closing(built), hearing(signals) as heard, built.stopping.told_by(heard):
        worker.run()
    passed_over = tuple(refusals.sentences())
    if destination == "input":
        return Replayed(0, 0, progress.dead_letters, passed_over, until.stopped)
    return Replayed(progress.scored, progress.dead_letters, 0, passed_over, until.stopped)


class _Until:
    """When the loop ends: everything is read, or a stop was asked for."""

    def __init__(self, bounded: BoundedConsumer, stopping: Stopping) -> None:
        self._bounded = bounded
        self._stopping = stopping
        #: Whether it is, or would be, the stop that ends the loop.
        self.stopped = True

    def __call__(self) -> bool:
        self.stopped = not self._bounded.finished()
        return not self.stopped or self._stopping()


def _replay_settings(settings: Settings) -> tuple[Settings, KafkaConfig]:
    """Return the settings with the dead letters as input, and no budget for dying again."""
    kafka = settings.kafka
    if kafka is None or kafka.dead_letter_topic is None:
        raise ConfigError("kafka.dead_letter_topic: name the topic whose dead letters to replay.")
    replaying = kafka.model_copy(
        update={
            "input_topics": (kafka.dead_letter_topic,),
            "group_id": f"{kafka.group_id}-replay",
            # A live worker may hold the configured name, and must not be fenced by this.
            "transactional_id": f"{kafka.transactional_id or DEFAULT}-replay",
            "consumer": {**kafka.consumer, "auto.offset.reset": "earliest"},
        }
    )
    unlimited = settings.dead_letters.model_copy(update={"budget": None})
    return settings.model_copy(update={"kafka": replaying, "dead_letters": unlimited}), replaying


@dataclass(frozen=True, slots=True)
class _InputSide:
    """The dead letters that are read, and who hears of trouble.

    ``configured`` are the worker's own settings: its schemas are those of its input topics.
    """

    configured: Settings
    consumer: EventConsumer
    topics: WrittenTopics
    refusals: Refusals
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Ends:
    """What the loop scores with, and where the result goes."""

    scorer: Scorer
    output: Output
    stopping: Stopping
    schemas: Schemas | None = None

    def close(self) -> None:
        """Close the registry's connections, if there are any."""
        if self.schemas is not None:
            self.schemas.close()


def _to_input(settings: Settings, kafka: KafkaConfig, input_side: _InputSide) -> _Ends:
    producer = make_producer(
        settings, kafka, input_side.topics.now, input_side.consumer, warn=input_side.say
    )
    stopping = Stopping(lambda: None, input_side.say)
    return _Ends(ReturnToInput(input_side.refusals), BackToInput(producer), stopping)


def _to_output(settings: Settings, kafka: KafkaConfig, input_side: _InputSide) -> _Ends:
    model = open_model(settings.model)
    schemas = open_schemas(input_side.configured)
    contract = make_contract(settings, model, schemas.reader)
    scorer = make_scorer(
        settings,
        contract,
        schemas.source,
        schemas.prefix_for(contract.scored),
        input_side.topics.scored_limits,
    )
    output = make_output(
        settings, kafka, input_side.topics, input_side.consumer, warn=input_side.say
    )
    stopping = Stopping(model.terminate, input_side.say)
    return _Ends(ReplayScorer(scorer, input_side.refusals), output, stopping, schemas)
