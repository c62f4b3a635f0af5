"""Dead letters as a batch again: their own coordinates, headers without ours, tries counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Protocol

import numpy as np

from stream_scorer.dead_letters import counted
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
from stream_scorer.scoring.rejections import Rejections
from stream_scorer.scoring.told_letters import ToldLetter

Coordinates = tuple[TopicPartition, int]


class Scorer(Protocol):
    """The scorer of a replay; see :class:`stream_scorer.scoring.scorer.Scorer`."""

    def score(self, batch: Batch) -> ScoredBatch:
        """Give every event its trace."""


class Refusals:
    """Dead letters that are passed over; they stay where they are.

    Taken are those of ``group``, unless they were replayed ``max_replays`` times.
    """

    def __init__(self, max_replays: int, group: str) -> None:
        self._max_replays = max_replays
        self._group = group
        #: Counted once they are committed: until then they may be read again.
        self._passed_over: dict[Coordinates, str] = {}
        self._counts: Counter[str] = Counter()

    def sentences(self) -> list[str]:
        """Return what was passed over and why; nothing if nothing was."""
        return [f"{count} dead letters {why}; they stay." for why, count in self._counts.items()]

    def taken(self, batch: Batch) -> dict[int, ToldLetter]:
        """Return the rows that may be replayed, and what they were."""
        taken = {}
        for row, headers in enumerate(batch.headers):
            letter = ToldLetter.of(headers)
            place = batch.source_of(row), int(batch.offsets[row])
            if letter is None:
                self.pass_over(place, "have no headers that say where they came from")
            elif not letter.group:
                self.pass_over(place, "have no header that names their group")
            elif letter.group != self._group:
                self.pass_over(place, f"are of the group {letter.group} (--group)")
            elif letter.missing:
                self.pass_over(place, f"lack {' and '.join(letter.missing)} of their event")
            elif letter.replays >= self._max_replays:
                self.pass_over(
                    place, f"were replayed {self._max_replays} times already (--max-replays)"
                )
            elif place not in self._passed_over:
                taken[row] = letter
        return taken

    def pass_over(self, place: Coordinates, why: str) -> None:
        """Leave this dead letter where it is; ``why`` completes "3 dead letters …"."""
        self._passed_over[place] = why

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Count what is before these offsets, which are committed."""
        for source, offset in [*self._passed_over]:
            if offset < offsets.get(source, 0):
                self._counts[self._passed_over.pop((source, offset))] += 1


class ReplayScorer:
    """Scores dead letters as the events that they were; offsets stay the dead letters' own."""

    def __init__(self, scorer: Scorer, refusals: Refusals) -> None:
        self._scorer = scorer
        self._refusals = refusals
        #: By the places of the dead letters: an event can have several.
        self._rejections = Rejections()

    def score(self, batch: Batch) -> ScoredBatch:
        """Return the traces of the original events, and the offsets of the dead letters.

        An event that is held holds its dead letter, and those behind it in that partition.
        """
        letters = self._refusals.taken(batch)
        rows = list(letters)
        result = self._scorer.score(self._restored(batch, letters))
        if result.held:
            whys = {source: (each.why, each.seconds) for source, each in result.held.items()}
            left_out = np.delete(np.arange(len(rows)), result.rows).tolist()
            waiting = {rows[each]: whys[letters[rows[each]].source] for each in left_out}
            return score_before(held_at(batch, waiting), batch, self.score)
        of_batch = np.array(rows, np.intp)[result.rows]
        result = replace(result, next_offsets=batch.next_offsets(), rows=of_batch)
        return self._rejections.marked(result, batch)

    def _restored(self, batch: Batch, letters: Mapping[int, ToldLetter]) -> Batch:
        index: dict[TopicPartition, int] = {}
        source_index = [index.setdefault(each.source, len(index)) for each in letters.values()]
        rejected = self._rejections.problems(batch)
        return Batch(
            values=[batch.values[row] for row in letters],
            keys=[_key(batch, row, letter) for row, letter in letters.items()],
            headers=[_headers(letter) for letter in letters.values()],
            timestamps=np.array([_time(batch, *each) for each in letters.items()], np.int64),
            sources=tuple(index),
            source_index=np.array(source_index, np.int64),
            offsets=np.array([each.offset for each in letters.values()], np.int64),
            problems={new: rejected[row] for new, row in enumerate(letters) if row in rejected},
        )

    def reject(self, source: TopicPartition, offset: int, why: str, *, is_letter: bool) -> None:
        """Make a dead letter again of this dead letter's event, or one with less in it."""
        self._rejections.add(source, offset, why, is_letter=is_letter)

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Forget what was rejected before these offsets, which are committed."""
        self._rejections.forget(offsets)
        self._refusals.forget(offsets)


class ReturnToInput:
    """Gives dead letters back as events of their own topic, to be scored by whoever reads it.

    ``partitions_of`` says how many partitions a topic has, 0 if there is none; it is asked once.
    """

    def __init__(self, refusals: Refusals, partitions_of: Callable[[str], int]) -> None:
        self._refusals = refusals
        self._partitions_of = cache(partitions_of)

    def score(self, batch: Batch) -> ScoredBatch:
        """Return the events as letters to their sources; nothing is scored here."""
        taken = {
            row: letter
            for row, letter in self._refusals.taken(batch).items()
            if self._is_there(batch, row, letter.source)
        }
        letters = tuple(
            DeadLetter(
                batch.values[row],
                _key(batch, row, letter),
                _headers(letter),
                _time(batch, row, letter),
                letter.source,
                letter.offset,
                _RETURNED,
            )
            for row, letter in taken.items()
        )
        size = sum(len(letter.value or b"") for letter in letters)
        nothing = ScoredEvents((), (), (), np.zeros(0, np.int64), np.zeros(0, np.int64))
        rows = np.array(list(taken), np.intp)
        return ScoredBatch(nothing, letters, batch.next_offsets(), rows, size_bytes=size)

    def _is_there(self, batch: Batch, row: int, source: TopicPartition) -> bool:
        if source.partition < self._partitions_of(source.topic):
            return True
        place = batch.source_of(row), int(batch.offsets[row])
        self._refusals.pass_over(
            place, f"are of {source.topic} [{source.partition}], which is gone"
        )
        return False

    def reject(self, source: TopicPartition, offset: int, why: str, *, is_letter: bool) -> None:
        """Pass over this dead letter from now on: the input topic does not take its event."""
        del is_letter
        self._refusals.pass_over((source, offset), f"are refused by the brokers ({why})")

    def forget(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Count what was passed over before these offsets, which are committed."""
        self._refusals.forget(offsets)


_RETURNED = Problem(Reason.NO_SCHEMA, Stage.COMMIT, "returned to the input")


def _key(batch: Batch, row: int, letter: ToldLetter) -> bytes | None:
    return None if letter.key_was_null else batch.keys[row]


def _time(batch: Batch, row: int, letter: ToldLetter) -> int:
    return int(batch.timestamps[row]) if letter.timestamp is None else letter.timestamp


def _headers(letter: ToldLetter) -> list[tuple[str, bytes | None]]:
    return counted(letter.headers, letter.replays + 1, letter.group)
