"""The output of ``dlq replay --to input``: the topics and partitions that events came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from stream_scorer.output import Producer
from stream_scorer.records import DeadLetter, Position, ScoredBatch, ScoredEvents, TopicPartition


class BackToInput:
    """Writes events to the topics and partitions that they came from."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether the next commit must have a new producer."""
        return self._producer.needs_rebuild

    def rebuild(self) -> None:
        """Start over with a new producer."""
        self._producer.rebuild()

    def commit(
        self,
        scored: Sequence[ScoredBatch],
        positions: Mapping[TopicPartition, Position],
        membership: bytes,
        within_seconds: float | None = None,
    ) -> None:
        """Write the letters as events, in order, and commit the offsets of the dead letters."""
        letters = [letter for batch in scored for letter in batch.dead_letters]
        with self._producer.transaction(within_seconds) as transaction:
            # In their order, by which a refusal numbers them.
            for topic, of_topic in groupby(letters, lambda letter: letter.source.topic):
                transaction.produce(topic, _as_events(list(of_topic)))
            transaction.send_offsets(positions, membership)


def _as_events(letters: Sequence[DeadLetter]) -> ScoredEvents:
    return ScoredEvents(
        values=[letter.value for letter in letters],
        keys=[letter.key for letter in letters],
        headers=[letter.headers for letter in letters],
        timestamps=np.array([letter.timestamp for letter in letters], np.int64),
        partitions=np.array([letter.source.partition for letter in letters], np.int64),
    )
