"""A scorer whose scored events a test can read, and how it reads them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from confluent_kafka import Message

from stream_scorer.records import (
    Batch,
    DeadLetter,
    Problem,
    Reason,
    ScoredBatch,
    ScoredEvents,
    Stage,
    TopicPartition,
)
from stream_scorer.scoring.holding import held_at, score_before
from stream_scorer.verify.values import TRANSACTION_HEADER, InputEvent, Trace

#: An event that waits is looked at again after so long.
HELD_SECONDS = 0.2


def score_of(value: bytes) -> float:
    """Return what the model gives for an event, which is a number; ``bad`` is none."""
    return float(value) / 4


class Scoring:
    """A scored event says which event it is of: ``partition:offset:score``."""

    def __init__(self) -> None:
        #: Values that can't be scored now.
        self.waiting: set[bytes | None] = set()

    def score(self, batch: Batch) -> ScoredBatch:
        """Score a batch; a value that begins with ``bad`` is a dead letter."""
        rows = [row for row, value in enumerate(batch.values) if value in self.waiting]
        if rows:
            held = held_at(batch, dict.fromkeys(rows, ("it waits", HELD_SECONDS)))
            return score_before(held, batch, self._score)
        return self._score(batch)

    def _score(self, batch: Batch) -> ScoredBatch:
        bad = np.array([(value or b"").startswith(b"bad") for value in batch.values], bool)
        good = batch.take(np.flatnonzero(~bad))
        return ScoredBatch(
            ScoredEvents(
                [self._scored(good, row) for row in range(len(good))],
                good.keys,
                good.headers,
                good.timestamps,
                np.array([good.source_of(row).partition for row in range(len(good))], np.int64),
            ),
            tuple(self._dead_letter(batch, row) for row in np.flatnonzero(bad).tolist()),
            batch.next_offsets(),
            np.concatenate([np.flatnonzero(~bad), np.flatnonzero(bad)]),
        )

    def reject(self, source: TopicPartition, offset: int, why: str, *, is_letter: bool) -> None:
        """No broker refuses these records."""
        raise AssertionError(f"{source} {offset}: {why} ({is_letter=})")

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """There is nothing to forget."""

    def _scored(self, batch: Batch, row: int) -> bytes:
        score = score_of(batch.values[row] or b"")
        return b"%d:%d:%f" % (batch.source_of(row).partition, batch.offsets[row], score)

    def _dead_letter(self, batch: Batch, row: int) -> DeadLetter:
        problem = Problem(Reason.UNDECODABLE, Stage.DECODE, "it is bad")
        source, offset = batch.source_of(row), int(batch.offsets[row])
        return DeadLetter(batch.values[row], batch.keys[row], None, -1, source, offset, problem)


def event_of(message: Message) -> InputEvent:
    """Return what must become of an event of the input."""
    value = message.value()
    bad = value.startswith(b"bad")
    return InputEvent(
        TopicPartition(message.topic(), message.partition()),
        message.offset(),
        message.key(),
        Reason.UNDECODABLE if bad else None,
        None if bad else score_of(value),
    )


def trace_of(message: Message) -> Trace:
    """Return which event a record is the trace of; a dead letter has its reason in a header."""
    assert message.error() is None, message.error()
    headers: dict[str, bytes] = dict(message.headers() or ())
    reason = headers.get("stream_scorer.reason")
    if reason is None:
        partition, offset, score = message.value().split(b":")
    else:
        partition = headers["__streams.errors.partition"]
        offset, score = headers["__streams.errors.offset"], b"nan"
    return Trace(
        TopicPartition(message.topic(), message.partition()),
        message.offset(),
        TopicPartition(_input_of(message.topic()), int(partition)),
        int(offset),
        message.key(),
        headers.get(TRANSACTION_HEADER, b"").decode(),
        None if reason is None else Reason(reason.decode()),
        None if reason is not None else float(score),
    )


def _input_of(topic: str) -> str:
    return topic.rpartition(".")[0]
