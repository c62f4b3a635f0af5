"""Dead letters as a batch again: their own coordinates, headers without ours, tries counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from stream_scorer.dead_letters import OWN_PREFIX, STREAMS_PREFIX
from stream_scorer.records import (
    Batch,
    DeadLetter,
    Headers,
    Problem,
    Reason,
    ScoredBatch,
    ScoredEvents,
    Stage,
    TopicPartition,
)
from stream_scorer.scoring.holding import held_at, score_before

REPLAYS_HEADER = OWN_PREFIX + "replays"
VALUE_BYTES_HEADER = OWN_PREFIX + "value_bytes"

Coordinates = tuple[TopicPartition, int]


class Scorer(Protocol):
    """What replays the events; see :class:`stream_scorer.scoring.scorer.Scorer`."""

    def score(self, batch: Batch) -> ScoredBatch:
        """Give every event its trace."""

    def reject(self, source: TopicPartition, offset: int, why: str) -> None:
        """Make a dead letter of this event from now on."""


@dataclass(frozen=True, slots=True)
class Original:
    """What a dead letter says of the event that it was."""

    source: TopicPartition
    offset: int
    headers: Headers
    replays: int
    is_whole: bool

    @classmethod
    def of(cls, headers: Headers | None) -> Original | None:
        """Read a dead letter's headers; ``None`` if they are not those of a dead letter.

        Where a name repeats the last one counts: an event can have died twice.
        """
        texts = {
            name: (content or b"").decode("utf-8", "replace") for name, content in headers or ()
        }
        try:
            source = TopicPartition(
                texts[STREAMS_PREFIX + "topic"], int(texts[STREAMS_PREFIX + "partition"])
            )
            offset = int(texts[STREAMS_PREFIX + "offset"])
            replays = int(texts.get(REPLAYS_HEADER, "0"))
        except (KeyError, ValueError):
            return None
        kept = [
            (name, content)
            for name, content in headers or ()
            if not name.startswith((STREAMS_PREFIX, OWN_PREFIX))
        ]
        return cls(source, offset, kept, replays, VALUE_BYTES_HEADER not in texts)

    def next_headers(self) -> Headers:
        """Return the event's own headers, and that it is replayed once more."""
        return [*self.headers, (REPLAYS_HEADER, str(self.replays + 1).encode())]


@dataclass(slots=True)
class Refusals:
    """Dead letters that are passed over; they stay where they are."""

    max_replays: int
    too_often: int = 0
    not_whole: int = 0
    not_ours: int = 0
    not_taken: int = 0

    def sentences(self) -> list[str]:
        """Return what was passed over and why; nothing if nothing was."""
        told = (
            (self.too_often, f"were replayed {self.max_replays} times already (--max-replays)"),
            (self.not_whole, "hold no value, only its size: the event was too large"),
            (self.not_ours, "have no headers that say where they came from"),
            (self.not_taken, "are refused by the brokers"),
        )
        return [f"{count} dead letters {why}; they stay." for count, why in told if count]

    def refuses(self, original: Original) -> bool:
        """Tell whether the dead letter is passed over, and count it."""
        if not original.is_whole:
            self.not_whole += 1
        elif original.replays >= self.max_replays:
            self.too_often += 1
        else:
            return False
        return True


class ReplayScorer:
    """Scores dead letters as the events that they were; offsets stay the dead letters' own."""

    def __init__(self, scorer: Scorer, refusals: Refusals) -> None:
        self._scorer = scorer
        self._refusals = refusals
        self._origins: dict[Coordinates, Coordinates] = {}

    def score(self, batch: Batch) -> ScoredBatch:
        """Return the traces of the original events, and the offsets of the dead letters.

        An event that is held holds its dead letter, and those behind it in that partition.
        """
        rows, originals = originals_in(batch, self._refusals)
        self._origins |= {
            (batch.source_of(row), int(batch.offsets[row])): (original.source, original.offset)
            for row, original in zip(rows, originals, strict=True)
        }
        result = self._scorer.score(_restored(batch, rows, originals))
        if result.held:
            whys = {source: (each.why, each.seconds) for source, each in result.held.items()}
            left_out = np.delete(np.arange(len(rows)), result.rows).tolist()
            waiting = {rows[each]: whys[originals[each].source] for each in left_out}
            return score_before(held_at(batch, waiting), batch, self.score)
        of_batch = np.array(rows, np.intp)[result.rows]
        return replace(result, next_offsets=batch.next_offsets(), rows=of_batch)

    def reject(self, source: TopicPartition, offset: int, why: str) -> None:
        """Make a dead letter of the original event again."""
        self._scorer.reject(*self._origins[source, offset], why)

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget what the dead letters before these offsets were.

        Their events may be in any order, so what was rejected is remembered until the end.
        """
        self._origins = {
            place: origin
            for place, origin in self._origins.items()
            if not _is_before(offsets, place)
        }


class ReturnToInput:
    """Gives dead letters back as events of their own topic, to be scored by whoever reads it."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._not_taken: set[Coordinates] = set()

    def score(self, batch: Batch) -> ScoredBatch:
        """Return the events as letters to their sources; nothing is scored here."""
        taken = {
            row: original
            for row, original in zip(*originals_in(batch, self._refusals), strict=True)
            if (batch.source_of(row), int(batch.offsets[row])) not in self._not_taken
        }
        letters = tuple(
            DeadLetter(
                batch.values[row],
                batch.keys[row],
                original.next_headers(),
                int(batch.timestamps[row]),
                original.source,
                original.offset,
                _RETURNED,
            )
            for row, original in taken.items()
        )
        size = sum(len(letter.value or b"") for letter in letters)
        nothing = ScoredEvents((), (), (), np.zeros(0, np.int64), np.zeros(0, np.int64))
        rows = np.array(list(taken), np.intp)
        return ScoredBatch(nothing, letters, batch.next_offsets(), rows, size_bytes=size)

    def reject(self, source: TopicPartition, offset: int, why: str) -> None:
        """Pass over this dead letter from now on: the input topic does not take its event."""
        del why  # it is logged with the abort
        self._not_taken.add((source, offset))
        self._refusals.not_taken += 1

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget what was passed over before these offsets."""
        self._not_taken = {each for each in self._not_taken if not _is_before(offsets, each)}


_RETURNED = Problem(Reason.NO_SCHEMA, Stage.COMMIT, "returned to the input")


def _is_before(offsets: Mapping[TopicPartition, int], place: Coordinates) -> bool:
    source, offset = place
    return offset < offsets.get(source, 0)


def originals_in(batch: Batch, refusals: Refusals) -> tuple[list[int], list[Original]]:
    """Return the rows that may be replayed, and what they were."""
    rows, originals = [], []
    for row, headers in enumerate(batch.headers):
        original = Original.of(headers)
        if original is None:
            refusals.not_ours += 1
        elif not refusals.refuses(original):
            rows.append(row)
            originals.append(original)
    return rows, originals


def _restored(batch: Batch, rows: list[int], originals: list[Original]) -> Batch:
    index: dict[TopicPartition, int] = {}
    source_index = [index.setdefault(each.source, len(index)) for each in originals]
    return Batch(
        values=[batch.values[row] for row in rows],
        keys=[batch.keys[row] for row in rows],
        headers=[each.next_headers() for each in originals],
        timestamps=batch.timestamps[rows],
        sources=tuple(index),
        source_index=np.array(source_index, np.int64),
        offsets=np.array([each.offset for each in originals], np.int64),
    )
