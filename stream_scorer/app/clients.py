"""The Kafka clients of a worker, from settings and from what the brokers say of the topics."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Collection
from contextlib import closing
from functools import partial

from stream_scorer import __version__
from stream_scorer.app.renewed_logins import RenewedLogins
from stream_scorer.app.written_topics import (
    OutputTopics,
    WrittenTopics,
    cluster_as_now,
    limits_of,
    why_lacking,
)
from stream_scorer.budget import Budget, BudgetLedger
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.config.transactional_id import render
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.errors import RefusesToStart, Unanswered
from stream_scorer.kafka.at_least_once import AtLeastOnceProducer
from stream_scorer.kafka.client_config import (
    Property,
    SetLimits,
    consumer_properties,
    producer_properties,
    transaction_timeout_seconds,
)
from stream_scorer.kafka.cluster import Cluster, TopicFacts
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.kafka.identity import LogId
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.kafka.statistics import Hears
from stream_scorer.kafka.transactional_client import MakeClient, make_client
from stream_scorer.output import DeadLetterOutput, TransactionalOutput

#: How long the brokers may take to say which topics there are. New partitions wait meanwhile, and
#: so do all others.
IDENTIFY_SECONDS = 2.0
#: The same once that was too short. The client that asks is made for it: over a slow network, its
#: connections alone take seconds.
SLOWLY_SECONDS = 10.0

#: A budget that is never spent, for ``dead_letters.budget: null``.
UNLIMITED = Budget(ratio=1.0, window_seconds=1.0, minimum=0)


def transactional_id(kafka: KafkaConfig) -> str:
    """Return this process's transactional id, a new one unless the template is constant."""
    return render(
        kafka.transactional_id,
        group_id=kafka.group_id,
        hostname=socket.gethostname(),
        random=secrets.token_hex(4),
    )


def make_consumer(
    settings: Settings,
    kafka: KafkaConfig,
    warn: Callable[[str], None],
    logins: RenewedLogins | None = None,
    hears: Hears | None = None,
) -> EventConsumer:
    """Return a consumer that has not joined yet; it follows ``logins``."""
    properties = read_properties(settings, kafka)
    reset = OffsetReset(
        kafka.offset_reset,
        kafka.on_data_loss,
        warn,
        identify=_Identify(partial(cluster_as_now, kafka)),
    )
    consumer = EventConsumer(properties, kafka.input_topics, reset, hears=hears)
    if logins is not None:
        logins.follow(consumer, {**kafka.common, **kafka.consumer})
    return consumer


class _Identify:
    """Asks which logs topics are, with the login that is in force now; after no answer, for longer.

    ``ask`` returns a cluster whose questions are bounded by so many seconds. ``clock`` counts them.
    """

    def __init__(
        self, ask: Callable[[float], closing[Cluster]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._seconds = IDENTIFY_SECONDS

    def __call__(self, topics: Collection[str]) -> dict[str, LogId]:
        began, seconds = self._clock(), self._seconds
        self._seconds = SLOWLY_SECONDS
        try:
            with self._ask(seconds) as cluster:
                logs = cluster.logs(topics)
        except RefusesToStart as error:
            raise Unanswered(str(error)) from error
        if self._clock() - began < IDENTIFY_SECONDS:
            self._seconds = IDENTIFY_SECONDS
        return logs


def make_output(
    settings: Settings,
    kafka: KafkaConfig,
    topics: WrittenTopics,
    consumer: EventConsumer,
    *,
    warn: Callable[[str], None],
    make_client: MakeClient = make_client,
    logins: RenewedLogins | None = None,
    hears: Hears | None = None,
    letters_of: str | None = None,
) -> TransactionalOutput:
    """Return where scored batches leave, exactly once or at least once; it follows ``logins``.

    ``letters_of`` is the group whose dead letters are written, the consumer's own unless given.
    When a record is more than its topic takes the topics are read again, and a client is made that
    fits them. The output's partitions are asked for through the producer, which must know them too.
    """
    producer = make_producer(
        settings, kafka, topics.now, consumer, warn=warn, make_client=make_client, hears=hears
    )
    if logins is not None:
        logins.follow(producer, {**kafka.common, **kafka.producer})
    topics.ask(producer.partitions)
    group = letters_of or kafka.group_id
    dead_letters = _dead_letters(settings, kafka, group, topics.now.dead_letters)

    def read_topics_again() -> None:
        if topics.read_again():
            fitting = write_properties(settings, kafka, topics.now)
            producer.fit({name: fitting[name] for name in ("message.max.bytes", "batch.size")})
            dead = topics.now.dead_letters
            if dead_letters is not None and dead is not None:
                dead_letters.fit(limits_of(dead), dead.partitions)
                if dead.partitions == 0:
                    warn(why_lacking(dead, "dead-letter"))

    return TransactionalOutput(
        producer, kafka.output_topic, dead_letters, look_again=read_topics_again
    )


def make_producer(
    settings: Settings,
    kafka: KafkaConfig,
    topics: OutputTopics,
    consumer: EventConsumer,
    *,
    warn: Callable[[str], None],
    make_client: MakeClient = make_client,
    hears: Hears | None = None,
) -> TransactionalProducer | AtLeastOnceProducer:
    """Return a producer that has not asked the brokers for anything yet."""
    properties = write_properties(settings, kafka, topics)
    seconds = transaction_timeout_seconds(kafka.common, kafka.producer)
    if kafka.delivery == "exactly_once":
        return TransactionalProducer(
            properties, seconds, make_client=make_client, warn=warn, hears=hears
        )
    return AtLeastOnceProducer(properties, consumer.commit, seconds, hears=hears)


def read_properties(settings: Settings, kafka: KafkaConfig) -> dict[str, Property]:
    """Return the consumer's properties."""
    return consumer_properties(
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=kafka.group_id,
        limits=set_limits(settings),
        common=kafka.common,
        consumer=kafka.consumer,
    )


def write_properties(
    settings: Settings, kafka: KafkaConfig, topics: OutputTopics
) -> dict[str, Property]:
    """Return the producer's properties."""
    return producer_properties(
        bootstrap_servers=kafka.bootstrap_servers,
        transactional_id=transactional_id(kafka) if kafka.delivery == "exactly_once" else None,
        limits=set_limits(settings),
        compression=settings.output.compression,
        common=kafka.common,
        producer=kafka.producer,
        topic_message_bytes=topics.message_bytes(),
    )


def set_limits(settings: Settings) -> SetLimits:
    """Return how much one transaction may gather."""
    batching = settings.batching
    return SetLimits(batching.transaction_max_records, batching.transaction_max_bytes)


def _dead_letters(
    settings: Settings, kafka: KafkaConfig, group: str, topic: TopicFacts | None
) -> DeadLetterOutput | None:
    if kafka.dead_letter_topic is None or topic is None:
        return None
    configured = settings.dead_letters.budget
    budget = (
        Budget(configured.ratio, configured.window_seconds, configured.minimum)
        if configured
        else UNLIMITED
    )
    record_format = DeadLetterFormat(
        group=group,
        version=__version__,
        model=f"{settings.model.name}:{settings.model.version}".rstrip(":"),
        partitions=topic.partitions,
        limits=limits_of(topic),
    )
    return DeadLetterOutput(kafka.dead_letter_topic, record_format, BudgetLedger(budget))
