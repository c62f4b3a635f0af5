"""Dead letters as the events that they were: what waits, waits in the dead-letter topic."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from stream_scorer.records import Batch, Headers, Held, ScoredBatch, ScoredEvents, TopicPartition
from stream_scorer.scoring.holding import held_at, score_before
from stream_scorer.scoring.replay import Refusals, ReplayScorer

DEAD = (TopicPartition("dead", 0), TopicPartition("dead", 1))
INPUT = TopicPartition("cards", 3)


@dataclass
class Original:
    """Scores the events that begin with anything but ``new``."""

    scored: list[bytes | None] = field(default_factory=list)

    def score(self, batch: Batch) -> ScoredBatch:
        """Score what is in front of the first event that can't be."""
        waiting = {
            row: ("the registry is away", 7.0)
            for row, value in enumerate(batch.values)
            if (value or b"").startswith(b"new")
        }
        if waiting:
            return score_before(held_at(batch, waiting), batch, self.score)
        self.scored = list(batch.values)
        rows = np.arange(len(batch))
        events = ScoredEvents(batch.values, batch.keys, batch.headers, batch.timestamps, rows)
        return ScoredBatch(events, (), batch.next_offsets(), rows)


def letters(values: list[bytes], places: list[tuple[int, int]]) -> Batch:
    """Dead letters of the input's events 0, 1, …, at these partitions and offsets."""
    headers: list[Headers | None] = [
        [
            ("__streams.errors.exception", b""),
            ("__streams.errors.topic", b"cards"),
            ("__streams.errors.partition", b"3"),
            ("__streams.errors.offset", b"%d" % number),
            ("stream_scorer.group", b"scorers"),
        ]
        for number in range(len(values))
    ]
    return Batch(
        values,
        [None] * len(values),
        headers,
        np.zeros(len(values), np.int64),
        DEAD,
        np.array([partition for partition, _ in places], np.int64),
        np.array([offset for _, offset in places], np.int64),
    )


def test_an_event_that_waits_holds_its_dead_letter_and_those_behind_it() -> None:
    """Each partition of the dead-letter topic where its first one is; no offset steps over it."""
    original = Original()
    batch = letters([b"a", b"b", b"new", b"c"], [(0, 10), (1, 20), (0, 11), (1, 21)])
    found = ReplayScorer(original, Refusals(3, "scorers")).score(batch)
    assert original.scored == [b"a", b"b"]
    assert found.rows.tolist() == [0, 1]
    assert found.next_offsets == {DEAD[0]: 11, DEAD[1]: 21}
    assert found.held == {
        DEAD[0]: Held(11, "the registry is away", 7.0),
        DEAD[1]: Held(21, "the registry is away", 7.0),
    }
