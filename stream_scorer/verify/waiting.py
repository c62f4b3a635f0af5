"""Counts the events that wait to be scored, among those read so far, to pace a backlog."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from stream_scorer.records import TopicPartition
from stream_scorer.verify.values import InputEvent, Trace


class Waiting:
    """Counts the events that were read and have no result yet, by partition.

    One thread updates it, any thread may query it.
    """

    def __init__(self) -> None:
        self._waiting: Counter[TopicPartition] = Counter()
        self._read = 0
        self._all = 0
        self._least = 0

    def take_in(self, events: Sequence[InputEvent], traces: Sequence[Trace]) -> None:
        """Record events and results that were read."""
        self._waiting.update(event.source for event in events)
        self._waiting.subtract(trace.source for trace in traces)
        self._read += len(events)
        self._all = self._waiting.total()
        self._least = min(self._waiting.values(), default=0) * len(self._waiting)

    def behind(self, written: int, ahead: int) -> int:
        """Return how many events wait, as if each partition had only as many as the shortest queue.

        This keeps every partition supplied even if another one stalls. Never more than twice
        ``ahead`` events wait in total. Events that are scored but not read yet count as waiting, so
        the reader never falls far behind.

        Args:
            written: how many events are in the input.
            ahead: how many events should wait.
        """
        unread = written - self._read
        return unread + max(self._least, self._all - ahead)
