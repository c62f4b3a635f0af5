"""Known wrong implementations: each breaks one rule of the loop, and is otherwise right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaException, Producer

from stream_scorer.errors import TransactionAborted, Unanswered
from stream_scorer.intake import Intake, Write
from stream_scorer.kafka.consumer import EventConsumer
from stream_scorer.kafka.producer import TransactionalProducer, queue
from stream_scorer.kafka.reports import Reports
from stream_scorer.kafka.translation import describe, error_of
from stream_scorer.open_set import OpenSet
from stream_scorer.output import TransactionalOutput
from stream_scorer.records import Held, Position, ScoredBatch, TopicPartition
from stream_scorer.worker import AWAY_BACKOFF_SECONDS, Worker
from tests.topics import PATIENCE_SECONDS
from tests.verify.members import Place

#: What an impatient producer waits for the answer to a commit.
PATIENCE_WITH_A_COMMIT_SECONDS = 0.5


class HandsOver(Intake):
    """Polls on while a set waits for its commit, as a loop with a second thread does.

    That is right as long as the set goes with the membership of its own time.
    """

    meanwhile: Callable[[], None] | None = None

    def _write(self, gathered: OpenSet, write: Write) -> None:
        self._open = None
        write(gathered, self._consumer.progress(gathered.offsets), self._membership())
        self._committed.update(gathered.offsets)

    def _membership(self) -> bytes:
        membership = self._consumer.group_metadata()
        self._poll_on()
        return membership

    def _poll_on(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()


class ReadsMembershipLate(HandsOver):
    """Asks for the group metadata when it commits, after it has polled on."""

    def _membership(self) -> bytes:
        self._poll_on()
        return self._consumer.group_metadata()


class NeverRewinds(EventConsumer):
    """Goes on after an abort as if the aborted events had been done."""

    def rewind(self, *_: Any) -> None:
        """Leave the position where it is."""


class TellsHowFarItRead(EventConsumer):
    """Says of a partition that is held how far it was read, not where it is held."""

    _read: Mapping[TopicPartition, int] = {}

    def hold(self, places: Mapping[TopicPartition, Held]) -> None:
        """Hold, and remember the position."""
        self._read = self.positions()
        super().hold(places)

    def positions(self) -> dict[TopicPartition, int]:
        """Return how far it has read."""
        return {**super().positions(), **self._read}


class CommitsItsPosition(Intake):
    """Commits how far the client has read, also past events that are not scored."""

    def _write(self, gathered: OpenSet, write: Write) -> None:
        gathered.offsets.update(self._consumer.positions())
        super()._write(gathered, write)


class KeepsItsSet(Intake):
    """Holds on to what is gathered while partitions leave."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Go on as if nothing had happened."""


class WaitsWithItsSet(Worker):
    """Waits for a coordinator with a set in hand; what it reads again joins what it has kept."""

    def _renew(self) -> None:
        while not self._stopping():
            try:
                self._output.rebuild()
            except Unanswered as error:
                self._observer.waiting(error)
                self._intake._consumer.rewind(AWAY_BACKOFF_SECONDS, self._may_wait)
            else:
                return


class TriesAgain(Worker):
    """Commits a set once more if its transaction was aborted, instead of reading it again.

    That is right as long as it was: no poll came between, so the set is still its own.
    """

    def _write(
        self,
        gathered: OpenSet,
        positions: Mapping[TopicPartition, Position],
        membership: bytes,
        within_seconds: float | None,
    ) -> None:
        try:
            super()._write(gathered, positions, membership, within_seconds)
        except TransactionAborted:
            if self._output.needs_rebuild:
                self._output.rebuild()
            super()._write(gathered, positions, membership, within_seconds)


class TakesSilenceForAnAbort(TransactionalProducer):
    """Gives a commit up that is not answered in time, and aborts."""

    def _repeat(self, call: Callable[[float], None], *, doing: str, **bounds: Any) -> None:
        if doing != "committing":
            super()._repeat(call, doing=doing, **bounds)
            return
        try:
            call(PATIENCE_WITH_A_COMMIT_SECONDS)
        except KafkaException as exception:
            raise TransactionAborted(describe(error_of(exception))) from exception


class WritesDeadLettersApart:
    """Writes dead letters with a producer of its own, before the transaction."""

    def __init__(self, output: TransactionalOutput, place: Place) -> None:
        dead_letters = output._dead_letters
        assert dead_letters is not None
        self._output = output
        self._topic = dead_letters.topic
        self._form = dead_letters.record_format
        self._client = Producer({"bootstrap.servers": place.bootstrap_servers, "log_level": 0})

    @property
    def needs_rebuild(self) -> bool:
        """Ask the real one."""
        return self._output.needs_rebuild

    def rebuild(self) -> None:
        """Rebuild the real one."""
        self._output.rebuild()

    def commit(
        self,
        scored: Sequence[ScoredBatch],
        positions: Mapping[TopicPartition, Position],
        membership: bytes,
        within_seconds: float | None = None,
    ) -> None:
        """Write the dead letters, then commit the rest."""
        for batch in scored:
            queue(self._client, self._topic, self._form.records(batch.dead_letters, 0), Reports())
        assert self._client.flush(PATIENCE_SECONDS) == 0
        rest = [replace(batch, dead_letters=()) for batch in scored]
        self._output.commit(rest, positions, membership, within_seconds)


def everybodys_id(group: str, _: str) -> str:
    """Return the same transactional id for every member."""
    return group
