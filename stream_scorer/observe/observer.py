"""Turns the loop's events into metrics, log lines and a heartbeat."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream_scorer.observe.board import Board
from stream_scorer.observe.dead_letter_log import DeadLetterLog
from stream_scorer.observe.heartbeat import Heartbeat
from stream_scorer.observe.lags import Lags
from stream_scorer.observe.metrics import STAGE_LABELS, Metrics
from stream_scorer.observe.readiness import Readiness, reason_of
from stream_scorer.profile import Profile
from stream_scorer.records import (
    Batch,
    ClientStatistics,
    Held,
    ScoredBatch,
    Stage,
    TopicPartition,
)
from stream_scorer.repeats import Repeats

#: While something outside is away it is said once in this time.
REMINDER_SECONDS = 60.0
#: More different causes of an abort, or of a wait, than this are not remembered.
REMEMBERED_CAUSES = 100


class Logger(Protocol):
    """The part of the log that the observer uses."""

    def debug(self, event: str, **values: object) -> object:
        """Log something that only helps to find a fault."""

    def info(self, event: str, **values: object) -> object:
        """Log an event in the life of the process."""

    def warning(self, event: str, **values: object) -> object:
        """Log something that went wrong, and what happens next."""


class LoopObserver:
    """Metrics once a batch, log lines once an event in the worker's life, a heartbeat each round.

    Args:
        metrics: where numbers go.
        logger: where lines go.
        heartbeat: what is told that the loop goes round.
        readiness: what is told whether the worker could take events.
        lags: what is told where the worker is in its partitions.
        board: where all of it is kept together.
        monotonic: the clock for durations.
        wall_clock: the clock that events' timestamps are compared with, seconds since the epoch.
    """

    def __init__(
        self,
        metrics: Metrics,
        logger: Logger,
        heartbeat: Heartbeat,
        *,
        readiness: Readiness,
        lags: Lags,
        board: Board,
        monotonic: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._metrics = metrics
        self._logger = logger
        self._heartbeat = heartbeat
        self._readiness = readiness
        self._lags = lags
        self._board = board
        self._monotonic = monotonic
        self._wall_clock = wall_clock
        self._assigned: set[TopicPartition] = set()
        self._said_at = float("-inf")
        self._dead_letters = DeadLetterLog(logger.warning, monotonic)
        self._aborts = Repeats(monotonic, REMEMBERED_CAUSES)
        self._holds = Repeats(monotonic, REMEMBERED_CAUSES)
        self._said_held = False

    def polled(self, batch: Batch, seconds: float) -> None:
        """Count the events of a batch."""
        rows = np.bincount(batch.source_index, minlength=len(batch.sources)).tolist()
        by_topic: Counter[str] = Counter()
        for source, count in zip(batch.sources, rows, strict=True):
            by_topic[source.topic] += count
        self._metrics.polled(by_topic)
        self._metrics.stage(Stage.POLL, seconds)
        self._board.polled(len(batch), seconds, self._wall_clock())
        self._lags.read(batch)

    def committed(self, scored: Sequence[ScoredBatch], seconds: float) -> None:
        """Count what one transaction made visible."""
        now = self._wall_clock()
        letters = [letter for one in scored for letter in one.dead_letters]
        dead = Counter(letter.problem.reason for letter in letters)
        events = sum(len(one.scored) for one in scored)
        ages, profile = _ages_seconds(scored, now), Profile.of_all(one.profile for one in scored)
        self._metrics.committed(events, dead, ages)
        self._metrics.profile(profile)
        self._board.committed(events, letters, ages, profile, now)
        self._spent(Stage.COMMIT, seconds, now)
        for one in scored:
            self._lags.committed(one.next_offsets)
            for stage, spent in one.seconds.items():
                self._spent(stage, spent, now)
        self._works(committed=True)
        self._dead_letters.committed(scored)
        self._logger.debug(
            "transaction committed", scored=events, dead_letters=dead.total(), seconds=seconds
        )

    def _spent(self, stage: Stage, seconds: float, now: float) -> None:
        self._metrics.stage(stage, seconds)
        self._board.spent(STAGE_LABELS[stage], seconds, now)

    def stepped_over(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note positions that were committed without an event before them."""
        self._lags.committed(offsets)

    def aborted(self, error: Exception, in_a_row: int) -> None:
        """Note a transaction that left no trace."""
        self._metrics.aborted(in_a_row)
        self._board.aborted(in_a_row)
        before = self._aborts.due(str(error))
        if before is not None:
            self._logger.warning(
                "transaction aborted; its events are read and scored again",
                reason=str(error),
                in_a_row=in_a_row,
                **({"and_before": before} if before else {}),
            )

    def rebalanced(self, kind: str, partitions: Sequence[TopicPartition]) -> None:
        """Note that partitions were assigned, revoked or lost."""
        self._metrics.rebalanced(kind)
        self._board.rebalanced(kind)
        if kind == "assigned":
            self._assigned.update(partitions)
            self._lags.assigned(partitions)
        else:
            self._assigned.difference_update(partitions)
            self._lags.gone(partitions)
        if kind == "lost":
            self._readiness.lost()
        self._metrics.holds(len(self._assigned))
        log = self._logger.warning if kind == "lost" else self._logger.info
        log(
            f"partitions {kind}",
            partitions=[f"{one.topic}[{one.partition}]" for one in partitions],
        )

    def heard(self, statistics: ClientStatistics) -> None:
        """Take what a Kafka client says of itself, in one of the loop's calls of it."""
        self._metrics.client(statistics)
        if statistics.client == "consumer":
            self._lags.known(statistics.partitions, self._monotonic())
            self._readiness.brokers(statistics.brokers_up)

    def waiting(self, error: Exception) -> None:
        """Note that something outside is away; it is said at once and then once a minute."""
        self._waits(str(error))

    def _waits(self, reason: str) -> None:
        self._readiness.waiting(reason)
        now = self._monotonic()
        if now - self._said_at >= REMINDER_SECONDS:
            self._said_at = now
            self._logger.warning(
                "waiting; the place is kept and nothing is lost",
                reason=reason,
                seconds=round(self._readiness.away_seconds(), 1),
            )

    def working(self, held: Mapping[TopicPartition, Held]) -> None:
        """Note that a round went well, but for the partitions that wait."""
        if held != self._readiness.held:
            self._metrics.waits(Counter(each.cause for each in held.values()))
        self._readiness.holds(held)
        if held and held.keys() >= self._assigned:
            self._waits(reason_of(held))
            return
        self._works(committed=False)
        if self._said_held and not held:
            self._said_held = False
            self._logger.info("no partition waits any more")
        for why in dict.fromkeys(each.why for each in held.values()):
            self._say_held({source: each for source, each in held.items() if each.why == why}, why)

    def _say_held(self, held: Mapping[TopicPartition, Held], why: str) -> None:
        before = self._holds.due(why)
        if before is not None:
            self._said_held = True
            self._logger.warning(
                "partitions wait, the others go on; the place is kept and nothing is lost",
                partitions=[f"{one.topic}[{one.partition}]" for one in sorted(held)],
                reason=why,
            )

    def _works(self, *, committed: bool) -> None:
        was_away, seconds = self._readiness.away, self._readiness.away_seconds()
        self._readiness.working(committed=committed)
        if was_away is not None and self._readiness.away is None:
            self._logger.info("working again", after_seconds=round(seconds, 1))
            self._said_at = float("-inf")

    def alive(self) -> None:
        """Note that the loop went round."""
        self._heartbeat.beat()


def _ages_seconds(scored: Sequence[ScoredBatch], now: float) -> NDArray[np.float64]:
    timestamps = [np.asarray(one.scored.timestamps, dtype=np.int64) for one in scored]
    timestamps += [
        np.array([letter.timestamp for letter in one.dead_letters], dtype=np.int64)
        for one in scored
        if one.dead_letters
    ]
    if not timestamps:
        return np.empty(0)
    milliseconds = np.concatenate(timestamps)
    # -1: the broker has no timestamp for the event.
    ages: NDArray[np.float64] = now - milliseconds[milliseconds >= 0] / 1000
    return ages
