"""Consumer lag by partition, counted as a ``read_committed`` reader sees it.

A transaction's end takes an offset of its own, so offsets are not events. Where the worker has
nothing to do it commits its position past those markers, and is behind by nothing. Where it has,
what lies ahead is not known yet: as many of its offsets are taken for events as of those that were
read last.

Behind the last stable offset there is nothing for such a reader, and so no lag: a transaction that
nobody ends holds back all that is written after its beginning, and the lag stays 0. So the distance
to the high watermark is told beside it, and for how long the last stable offset has stood still.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from stream_scorer.records import Batch, PartitionStatistics, TopicPartition

#: Of so many offsets the share of events is known well enough; older ones count half then.
ENOUGH_OFFSETS = 10_000


@dataclass(frozen=True, slots=True)
class Lag:
    """The lag of one partition.

    Attributes:
        source: the partition.
        committed: the offset after the last event that is done, ``None`` where none ever was.
        events: how many events wait, ``None`` as long as the brokers have not said.
        seconds: how old the last event is that was read, if more wait, ``None`` if none was read.
        unstable: how many offsets lie between the last stable one and the high watermark, ``None``
            as long as the brokers have not said.
        unstable_seconds: for how long the last stable offset has stood still below it.
    """

    source: TopicPartition
    committed: int | None
    events: int | None
    seconds: float | None
    unstable: int | None = None
    unstable_seconds: float | None = None


@dataclass(slots=True)
class _Place:
    committed: int | None = None
    #: Whether that is this worker's own doing.
    is_own: bool = False
    start: int | None = None
    end: int | None = None
    read_up_to: int | None = None
    events: float = 1.0
    offsets: float = 1.0
    last_seconds: float | None = None
    unstable: int | None = None
    unstable_seconds: float | None = None
    moved_at: float = 0.0

    def ends(self, end: int, high: int | None, now: float) -> None:
        if end != self.end or high == end:
            self.moved_at = now
        self.end = end
        if high is not None:
            self.unstable, self.unstable_seconds = high - end, now - self.moved_at

    def read(self, first: int, after: int, events: int, seconds: float | None) -> None:
        begins = self.read_up_to
        if begins is None or begins > first:  # the first events, or read once more
            begins = first
        self.read_up_to = after
        self.events += events
        self.offsets += after - begins
        if self.offsets > ENOUGH_OFFSETS:
            self.events, self.offsets = self.events / 2, self.offsets / 2
        self.last_seconds = self.last_seconds if seconds is None else seconds

    def waiting(self) -> int | None:
        if self.end is None:
            return None
        if self.committed is None:
            return 0 if self.start == self.end else None  # where it begins is not known yet
        ahead = max(0, self.end - self.committed)
        # Where something may wait, zero would be a claim.
        return max(1, round(ahead * min(1.0, self.events / self.offsets))) if ahead else 0

    def lag(self, source: TopicPartition, now_seconds: float) -> Lag:
        waiting, seconds = self.waiting(), None
        if waiting == 0:
            seconds = 0.0
        elif waiting is not None and self.last_seconds is not None:
            seconds = max(0.0, now_seconds - self.last_seconds)
        return Lag(source, self.committed, waiting, seconds, self.unstable, self.unstable_seconds)


class Lags:
    """Told by the loop, asked by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[TopicPartition, _Place] = {}

    def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Begin with what is not known."""
        with self._lock:
            self._places.update((each, _Place()) for each in partitions)

    def gone(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that are another worker's now."""
        with self._lock:
            for each in partitions:
                self._places.pop(each, None)

    def read(self, batch: Batch) -> None:
        """Note which events of which partition arrived."""
        rows = np.arange(len(batch))
        last, first = (np.full(len(batch.sources), -1) for _ in range(2))
        last[batch.source_index] = rows
        first[batch.source_index[::-1]] = rows[::-1]
        counts = np.bincount(batch.source_index, minlength=len(batch.sources))
        with self._lock:
            for number, source in enumerate(batch.sources):
                place = self._places.get(source)
                if place is None or counts[number] == 0:
                    continue
                begins = int(batch.offsets[first[number]])
                milliseconds = int(batch.timestamps[last[number]])
                if place.committed is None:
                    place.committed = begins
                place.is_own = True
                place.read(
                    begins,
                    int(batch.offsets[last[number]]) + 1,
                    int(counts[number]),
                    milliseconds / 1000 if milliseconds >= 0 else None,
                )

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note what is done."""
        with self._lock:
            for source, offset in offsets.items():
                if (place := self._places.get(source)) is not None:
                    place.committed, place.is_own = offset, True

    def known(
        self, partitions: Mapping[TopicPartition, PartitionStatistics], monotonic_seconds: float
    ) -> None:
        """Note where the partitions end, at this time, and where they began for this worker."""
        with self._lock:
            for source, found in partitions.items():
                place = self._places.get(source)
                if place is None:
                    continue
                place.start = found.start
                if found.end is not None:
                    place.ends(found.end, found.high, monotonic_seconds)
                # The first ones after an assignment may still tell of an earlier one.
                if not place.is_own and found.committed is not None:
                    place.committed = found.committed

    def all(self, now_seconds: float) -> list[Lag]:
        """Return the lag of each partition that is held, in order; by the wall clock."""
        with self._lock:
            return [place.lag(each, now_seconds) for each, place in sorted(self._places.items())]
