"""Workers on a real Kafka that a test takes round by round, on its own thread.

They are the real parts, but for a scorer that a test can read and for points between the steps, at
which a test does what must happen just then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stream_scorer.budget import Budget, BudgetLedger
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.errors import StreamScorerError
from stream_scorer.intake import Intake
from stream_scorer.kafka.client_config import (
    Property,
    consumer_properties,
    producer_properties,
)
from stream_scorer.kafka.client_log import ClientLog
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.kafka.offset_reset import OffsetReset
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.open_set import Pace
from stream_scorer.output import DeadLetterOutput, TransactionalOutput
from stream_scorer.protocols import Output
from stream_scorer.records import Batch, Held, ScoredBatch, TopicPartition
from stream_scorer.verify.history import HistoryFile, HistoryReader
from stream_scorer.verify.injuries import Injuries
from stream_scorer.verify.instruments import (
    InstrumentedClient,
    InstrumentedConsumer,
    InstrumentedScorer,
    instrumented_client,
)
from stream_scorer.verify.points import Point
from stream_scorer.worker import Worker
from tests.kafka.clusters import LIMITS
from tests.verify.scoring import Scoring

#: A set is committed once the input runs dry.
QUICK = Pace(
    max_records=100,
    max_wait_seconds=0.0,
    commit_interval_seconds=0.1,
    min_commit_interval_seconds=0.0,
    transaction_max_records=1000,
    transaction_max_bytes=1_000_000,
    max_poll_interval_seconds=300.0,
)
#: A set stays open, until partitions leave or the test says otherwise.
NEVER_SECONDS = 1e9


@dataclass(frozen=True)
class Place:
    """Where a member works: the cluster, the topics, the group.

    Clients give a request up that is not answered within half of ``transaction_seconds``.
    """

    bootstrap_servers: str
    input: str
    output: str
    dead_letters: str
    partitions: int
    group: str
    consumer: Mapping[str, Property]
    transaction_seconds: float


def own_id(group: str, who: str) -> str:
    """Return a transactional id that no other process has."""
    return f"{group}-{who}"


@dataclass(frozen=True)
class Parts:
    """What a member is made of; a sabotage puts something else in one place."""

    consumer: type[EventConsumer] = EventConsumer
    producer: type[TransactionalProducer] = TransactionalProducer
    worker: type[Worker] = Worker
    intake: type[Intake] = Intake
    #: Stands before the real output, which it is given with the place of the member.
    output: Callable[[TransactionalOutput, Place], Output] = lambda output, _: output
    transactional_id: Callable[[str, str], str] = own_id
    consumer_properties: Mapping[str, Property] = field(default_factory=dict)


class Moments(Injuries):
    """What a test does when a member gets to a point: once, unless it is ``always``."""

    def __init__(self) -> None:
        self._acts: dict[Point, tuple[Callable[[], None], bool]] = {}

    def at(self, point: Point, act: Callable[[], None], *, always: bool = False) -> None:
        """Let it happen the next time that the member gets there."""
        self._acts[point] = (act, always)

    @property
    def left(self) -> list[Point]:
        """The points that the member did not get to."""
        return [point for point, (_, always) in self._acts.items() if not always]

    def pending(self, point: Point) -> bool:
        """Tell whether anything is to happen there."""
        return point in self._acts

    def passing(self, point: Point) -> None:
        """Do it."""
        act, always = self._acts.pop(point, (None, False))
        if act is None:
            return
        if always:
            self._acts[point] = (act, always)
        act()

    @contextmanager
    def during(self, point: Point) -> Iterator[None]:
        """Do it before: there is one thread."""
        self.passing(point)
        yield


@dataclass
class Heard:
    """What a member's loop tells its observer."""

    polled_rows: int = 0
    committed_rows: int = 0
    aborts: list[StreamScorerError] = field(default_factory=list)
    rebalances: list[str] = field(default_factory=list)
    waits: list[StreamScorerError] = field(default_factory=list)
    #: What a test does when something is waited for.
    on_wait: Callable[[], None] = lambda: None

    def polled(self, batch: Batch, seconds: float) -> None:
        """Events arrived."""
        del seconds
        self.polled_rows += len(batch)

    def committed(self, scored: Sequence[ScoredBatch], seconds: float) -> None:
        """A transaction committed."""
        del seconds
        self.committed_rows += sum(map(len, scored))

    def aborted(self, error: StreamScorerError, in_a_row: int) -> None:
        """A transaction left no trace."""
        del in_a_row
        self.aborts.append(error)

    def rebalanced(self, kind: str, partitions: Sequence[TopicPartition]) -> None:
        """Partitions came or went."""
        if partitions:
            self.rebalances.append(kind)

    def waiting(self, error: StreamScorerError) -> None:
        """Something is away."""
        self.waits.append(error)
        self.on_wait()

    def stepped_over(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Positions behind control markers were committed."""

    def working(self, held: Mapping[TopicPartition, Held]) -> None:
        """A round went well."""

    def alive(self) -> None:
        """The loop goes round."""


class Member:
    """A worker that has joined its group, and all that it stands on.

    ``history`` is appended to.
    """

    def __init__(self, place: Place, who: str, parts: Parts, history: Path) -> None:
        self.heard = Heard()
        self.moments = Moments()
        self.scoring = Scoring()
        self.history = HistoryReader(history)
        self._notes = HistoryFile(history, who)
        self.consumer = _consumer(place, who, parts)
        self.producer = parts.producer(
            _producer_properties(place, who, parts),
            place.transaction_seconds,
            make_client=self._client,
        )
        self.worker = parts.worker(
            InstrumentedConsumer(self.consumer, self.moments),
            InstrumentedScorer(self.scoring, self.moments),
            parts.output(_output(self.producer, place), place),
            QUICK,
            self.heard,
            stopping=lambda: False,
        )
        worker = self.worker
        worker._intake = parts.intake(worker._intake._consumer, worker._clock)
        worker._intake.subscribe(worker)

    def at(self, point: Point, act: Callable[[], None], *, always: bool = False) -> None:
        """Let something happen when the member gets to a point."""
        self.moments.at(point, act, always=always)

    def go_round(self) -> None:
        """Take one round of the loop."""
        self.worker._go_round()

    def stand_by(self) -> None:
        """Poll, and take nothing."""
        self.consumer.rewind(0.02)

    def keep_sets_open(self) -> None:
        """Gather from now on, and commit only when partitions leave."""
        self.worker._last_commit = self.worker._clock()
        self.worker._pace = replace(
            QUICK, commit_interval_seconds=NEVER_SECONDS, min_commit_interval_seconds=NEVER_SECONDS
        )

    def commit_sets(self) -> None:
        """Commit again whenever the input runs dry."""
        self.worker._pace = QUICK

    def leave(self) -> None:
        """Leave the group, without another word."""
        self.consumer.close()
        self.producer.abandon()
        self._notes.close()

    @property
    def open_rows(self) -> int:
        """How many events are gathered and not committed."""
        gathered = self.worker._intake.open
        return gathered.rows if gathered else 0

    @property
    def generation(self) -> bytes:
        """The group's generation as this member knows it (classic), or its epoch (KIP-848)."""
        return bytes(self.consumer._client.consumer_group_metadata()[7:11])

    def _client(self, properties: Mapping[str, Any], log: ClientLog) -> InstrumentedClient:
        return instrumented_client(properties, log, self._notes, self.moments)


def _consumer(place: Place, who: str, parts: Parts) -> EventConsumer:
    properties = consumer_properties(
        bootstrap_servers=place.bootstrap_servers,
        group_id=place.group,
        limits=LIMITS,
        common={"client.id": who},
        consumer=place.consumer,
    )
    reset = OffsetReset("earliest", "stop", lambda _: None)
    return parts.consumer({**properties, **parts.consumer_properties}, [place.input], reset)


def _producer_properties(place: Place, who: str, parts: Parts) -> dict[str, Property]:
    return producer_properties(
        bootstrap_servers=place.bootstrap_servers,
        transactional_id=parts.transactional_id(place.group, who),
        limits=LIMITS,
        compression="none",
        common={"client.id": f"{who}-producer", "log_level": 0},
        producer={"transaction.timeout.ms": int(place.transaction_seconds * 1000)},
    )


def _output(producer: TransactionalProducer, place: Place) -> TransactionalOutput:
    form = DeadLetterFormat(place.group, "0", "model", place.partitions)
    unlimited = BudgetLedger(Budget(1.0, 1.0, 0))
    dead_letters = DeadLetterOutput(place.dead_letters, form, unlimited)
    return TransactionalOutput(producer, place.output, dead_letters)
