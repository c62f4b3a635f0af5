"""What the loop does, as metrics and as log lines: one line an event of the worker's life."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from stream_scorer.observe.metrics import Metrics
from stream_scorer.records import Batch, ScoredBatch, Stage, TopicPartition

#: Something that stays away is said again this often.
REMINDER_SECONDS = 60.0
#: The loop goes round several times a second; a minute without is no pause but a fault.
STALLED_SECONDS = 60.0


class Logger(Protocol):
    """The two levels that the worker's life needs; structlog's loggers are such."""

    def info(self, event: str, **values: object) -> None:
        """Say what happened."""

    def warning(self, event: str, **values: object) -> None:
        """Say what happened and what will happen next."""


class Reporter:
    """Hears from the worker once a batch or less often; see ``worker.Observer``.

    ``clock`` is monotonic seconds, ``wall_clock`` seconds since the epoch.
    """

    def __init__(
        self,
        metrics: Metrics,
        log: Logger,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._wall_clock = wall_clock
        self._last_round = clock()
        self._said: dict[str, float] = {}

    def alive(self) -> None:
        """Note that the loop went round."""
        self._last_round = self._clock()

    def stalled(self) -> str | None:
        """Return why the process is not healthy, ``None`` if it is; any thread may ask."""
        seconds = self._clock() - self._last_round
        if seconds < STALLED_SECONDS:
            return None
        return f"the loop has not gone round for {seconds:.0f} s"

    def polled(self, batch: Batch, seconds: float) -> None:
        """Count what arrived."""
        counts = np.bincount(batch.source_index, minlength=len(batch.sources)).tolist()
        by_topic: Counter[str] = Counter()
        for source, count in zip(batch.sources, counts, strict=True):
            by_topic[source.topic] += count
        self._metrics.polled(by_topic)
        self._metrics.stage(Stage.POLL, seconds)

    def committed(self, scored: Sequence[ScoredBatch], seconds: float) -> None:
        """Count what became visible, and how old it was."""
        self._said.clear()
        letters = [letter for batch in scored for letter in batch.dead_letters]
        for batch in scored:
            for stage, spent in batch.seconds.items():
                self._metrics.stage(stage, spent)
        stamps = np.concatenate([np.asarray(b.scored.timestamps, np.float64) for b in scored])
        self._metrics.stage(Stage.COMMIT, seconds)
        self._metrics.committed(
            sum(len(batch.scored) for batch in scored),
            Counter(letter.problem.reason for letter in letters),
            self._wall_clock() - stamps[stamps >= 0] / 1000,
        )
        if letters and self._may_say("dead letters"):
            first = letters[0]
            self._log.warning(
                "dead letters",
                count=len(letters),
                reason=str(first.problem.reason),
                message=first.problem.message,
                topic=first.source.topic,
                partition=first.source.partition,
                offset=first.offset,
            )

    def aborted(self, error: Exception, in_a_row: int) -> None:
        """Say that a transaction left no trace."""
        self._metrics.aborted(in_a_row)
        if self._may_say("aborted"):
            self._log.warning(
                "transaction aborted; its events are read and scored again",
                cause=str(error),
                in_a_row=in_a_row,
            )

    def waiting(self, error: Exception) -> None:
        """Say, once a minute, what the worker waits for."""
        if self._may_say(type(error).__name__):
            self._log.warning("waiting; the place is kept", cause=str(error))

    def rebalanced(self, kind: str, partitions: Sequence[TopicPartition]) -> None:
        """Say which partitions came or went."""
        self._metrics.rebalanced(kind)
        if kind != "assigned":
            self._metrics.forget(partitions)
        named = [f"{topic} [{partition}]" for topic, partition in partitions]
        self._log.info(f"partitions {kind}", partitions=named)

    def _may_say(self, what: str) -> bool:
        now = self._clock()
        if now - self._said.get(what, float("-inf")) < REMINDER_SECONDS:
            return False
        self._said[what] = now
        return True
