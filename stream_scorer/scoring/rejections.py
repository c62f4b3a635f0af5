"""Events whose records the brokers refused: their scored event, or their dead letter too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from stream_scorer.dead_letters import LAST_REFUSAL
from stream_scorer.errors import TooManyDeadLetters
from stream_scorer.records import (
    Batch,
    Problem,
    Problems,
    Reason,
    ScoredBatch,
    Stage,
    TopicPartition,
)


class Rejections:
    """Remembers what was refused until it is committed in another shape."""

    def __init__(self) -> None:
        #: Why the scores of these events are refused.
        self._scores: dict[TopicPartition, dict[int, str]] = {}
        #: How often the dead letters of these events were.
        self._letters: dict[TopicPartition, dict[int, int]] = {}

    def add(self, source: TopicPartition, offset: int, why: str, *, is_letter: bool) -> None:
        """Note that the score of this event is refused, or its dead letter.

        Raises:
            TooManyDeadLetters: there is no shape left in which the letter might be taken.
        """
        if not is_letter:
            self._scores.setdefault(source, {})[offset] = why
            return
        letters = self._letters.setdefault(source, {})
        letters[offset] = letters.get(offset, 0) + 1
        if letters[offset] > LAST_REFUSAL:
            raise TooManyDeadLetters(
                f"{source.topic} [{source.partition}] at offset {offset} can't be written: the "
                "brokers refuse its dead letter, even without time, value, headers and key "
                f"({why}). Nothing is lost; mend the dead-letter topic's settings and start again."
            )

    def problems(self, batch: Batch) -> Problems:
        """Return the rows of a batch whose scores are refused, and why."""
        problems: Problems = {}
        for number, source in enumerate(batch.sources):
            refused = self._scores.get(source)
            if refused:
                found = np.isin(batch.offsets, list(refused)) & (batch.source_index == number)
                for row in np.flatnonzero(found).tolist():
                    why = refused[int(batch.offsets[row])]
                    problems[row] = Problem(Reason.REJECTED_BY_BROKER, Stage.COMMIT, why)
        return problems

    def marked(self, scored: ScoredBatch, batch: Batch) -> ScoredBatch:
        """Return what a batch became, with its dead letters told how often they were refused."""
        if not self._letters:
            return scored
        rows = scored.rows[len(scored.scored) :].tolist()
        letters = tuple(
            replace(letter, refusals=self._refusals(batch, row))
            for letter, row in zip(scored.dead_letters, rows, strict=True)
        )
        return replace(scored, dead_letters=letters)

    def _refusals(self, batch: Batch, row: int) -> int:
        return self._letters.get(batch.source_of(row), {}).get(int(batch.offsets[row]), 0)

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget what is before these offsets: it is committed."""
        _forget(self._scores, offsets)
        _forget(self._letters, offsets)


def _forget(
    known: dict[TopicPartition, dict[int, Any]], offsets: Mapping[TopicPartition, int]
) -> None:
    for source in known.keys() & offsets.keys():
        left = {at: what for at, what in known[source].items() if at >= offsets[source]}
        known[source] = left
        if not left:
            del known[source]
