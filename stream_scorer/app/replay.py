"""``dlq replay``: dead letters scored again, or given back, exactly once and with an end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from stream_scorer.app.back_to_input import BackToInput
from stream_scorer.app.clients import make_consumer, make_output, make_producer
from stream_scorer.app.logs import start_logging
from stream_scorer.app.loop import pace_of
from stream_scorer.app.preflight import topics_for_replay
from stream_scorer.app.renewed_logins import as_now
from stream_scorer.app.replay_ends import ASK_SECONDS, Until, places, unread
from stream_scorer.app.replay_progress import Progress
from stream_scorer.app.signals import Signals, hearing
from stream_scorer.app.stopping import Stopping
from stream_scorer.app.trial import judge_clients
from stream_scorer.app.written_topics import WrittenTopics, written_topics
from stream_scorer.check.findings import heed
from stream_scorer.config.mistakes import given_instead
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.config.transactional_id import DEFAULT
from stream_scorer.errors import ConfigError
from stream_scorer.kafka.bounded import BoundedConsumer
from stream_scorer.kafka.client_config import transaction_timeout_seconds
from stream_scorer.kafka.cluster import REQUEST_SECONDS, Cluster
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.observe.logs import Log
from stream_scorer.pipeline.pipeline import Pipeline, make_scorer, open_pipeline
from stream_scorer.pipeline.sources import open_schemas
from stream_scorer.protocols import Output, Scorer
from stream_scorer.records import TopicLimits
from stream_scorer.scoring.replay import Refusals, ReplayScorer, ReturnToInput
from stream_scorer.worker import Worker

Destination = Literal["output", "input"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """The outcome of a replay."""

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
    group: str | None = None,
) -> Replayed:
    """Replay every dead letter of a group that its replay group has not replayed yet.

    The group is the scorer's own unless given. Its replays have a group and a transaction of their
    own, ``{group}-replay``, so what is replayed is replayed once, also when it is interrupted and
    started again. Dead letters that arrive meanwhile, its own among them, are left for the next
    time. A signal ends it after a commit; without ``signals`` they are heard while dead letters are
    replayed.

    Raises:
        RefusesToStart: nothing was replayed.
        StopsTheWorker: what is not committed is replayed by the next call.
    """
    log = start_logging(settings)
    replaying, kafka, group = _replay_settings(settings, group)
    heed(judge_clients(replaying, kafka), log.warning)
    given_back = _configured_inputs(settings) if destination == "input" else ()
    topics = written_topics(kafka, topics_for_replay(replaying, kafka, given_back, log.debug))
    common = {**kafka.common, "bootstrap.servers": kafka.bootstrap_servers}
    dead_letters = kafka.input_topics[0]
    # The transaction of a replay that was killed may be open for so long.
    patience = REQUEST_SECONDS + transaction_timeout_seconds(kafka.common, kafka.producer)
    ends = unread(places(common, dead_letters, kafka.group_id, patience))
    if not ends:
        return Replayed(0, 0, 0, ())
    refusals = Refusals(max_replays, group)
    consumer = make_consumer(replaying, kafka, partial(_warn_of_expired, log))
    bounded = BoundedConsumer(consumer, ends)
    input_side = _InputSide(settings, consumer, topics, refusals, group, log.error)
    build = _to_input if destination == "input" else _to_output
    built = build(replaying, kafka, input_side)
    progress = Progress(log)
    look = partial(places, common, dead_letters, kafka.group_id, ASK_SECONDS)
    until = Until(bounded, ends, look, built.stopping)
    pace = pace_of(replaying)
    worker = Worker(bounded, built.scorer, built.output, pace, progress, stopping=until)
    with closing(built), hearing(signals) as heard, built.stopping.told_by(heard):
        worker.run()
    passed_over = tuple(refusals.sentences())
    stopped = built.stopping() and not until.is_done()
    if destination == "input":
        return Replayed(0, 0, progress.dead_letters, passed_over, stopped)
    return Replayed(progress.scored, progress.dead_letters, 0, passed_over, stopped)


def _warn_of_expired(log: Log, sentence: str) -> None:
    # What follows in the sentence is what the worker's own setting says of its input.
    gap, _, _ = sentence.partition(";")
    log.warning("dead letters have expired; the replay goes on behind them", reason=gap)


def _configured_inputs(settings: Settings) -> tuple[str, ...]:
    return settings.kafka.input_topics if settings.kafka is not None else ()


def _replay_settings(settings: Settings, group: str | None) -> tuple[Settings, KafkaConfig, str]:
    """Return the settings with the dead letters as input, and whose dead letters to take.

    There is no budget for dying again, and dead letters that have expired are no loss.

    Raises:
        ConfigError: there is no topic for dead letters, or the group can't have that name.
    """
    kafka = settings.kafka
    if kafka is None or kafka.dead_letter_topic is None:
        raise ConfigError("kafka.dead_letter_topic: name the topic whose dead letters to replay.")
    if group is None:
        group = kafka.group_id
    else:
        group = str(given_instead(KafkaConfig, "group_id", "--group", group))
    replaying = kafka.model_copy(
        update={
            "input_topics": (kafka.dead_letter_topic,),
            "group_id": f"{group}-replay",
            # A live worker may hold the configured name, or another replay this one.
            "transactional_id": f"{kafka.transactional_id or DEFAULT}-replay-{{random}}",
            "consumer": {**kafka.consumer, "auto.offset.reset": "earliest"},
            "on_data_loss": "continue",
        }
    )
    unlimited = settings.dead_letters.model_copy(update={"budget": None})
    settings = settings.model_copy(update={"kafka": replaying, "dead_letters": unlimited})
    return settings, replaying, group


@dataclass(frozen=True, slots=True)
class _InputSide:
    """The dead letters that are read, and who hears of trouble.

    ``configured`` are the worker's own settings: its schemas are those of its input topics.
    """

    configured: Settings
    consumer: EventConsumer
    topics: WrittenTopics
    refusals: Refusals
    group: str
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Ends:
    """The scorer and the output of a replay."""

    scorer: Scorer
    output: Output
    stopping: Stopping
    pipeline: Pipeline | None = None

    def close(self) -> None:
        """Close the registry's connections, if there are any."""
        if self.pipeline is not None:
            self.pipeline.close()


def _to_input(settings: Settings, kafka: KafkaConfig, input_side: _InputSide) -> _Ends:
    producer = make_producer(
        settings, kafka, input_side.topics.now, input_side.consumer, warn=input_side.say
    )
    stopping = Stopping(lambda: None, input_side.say)
    partitions_of = partial(_partitions_of, kafka)
    return _Ends(ReturnToInput(input_side.refusals, partitions_of), BackToInput(producer), stopping)


def _partitions_of(kafka: KafkaConfig, topic: str) -> int:
    properties = {**as_now(kafka.common), "bootstrap.servers": kafka.bootstrap_servers}
    with closing(Cluster(properties, warn=lambda _: None)) as cluster:
        facts = cluster.topic(topic)
    return 0 if facts is None else facts.partitions


def _to_output(settings: Settings, kafka: KafkaConfig, input_side: _InputSide) -> _Ends:
    pipeline = open_pipeline(settings, open_schemas(input_side.configured))
    scorer = make_scorer(pipeline, partial(_scored_limits, settings, input_side.topics))
    output = make_output(
        settings,
        kafka,
        input_side.topics,
        input_side.consumer,
        warn=input_side.say,
        letters_of=input_side.group,
    )
    stopping = Stopping(pipeline.contract.model.terminate, input_side.say)
    return _Ends(ReplayScorer(scorer, input_side.refusals), output, stopping, pipeline)


def _scored_limits(settings: Settings, topics: WrittenTopics) -> TopicLimits:
    """Return what the output topic takes; it may have fewer partitions than events came from."""
    partitions = topics.now.scored.partitions if settings.output.partition == "source" else None
    return replace(topics.scored_limits(), partitions=partitions)
