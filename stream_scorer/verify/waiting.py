"""How many events wait to be scored, as far as they are read: what a backlog goes by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from stream_scorer.records import TopicPartition
from stream_scorer.verify.values import InputEvent, Trace


class Waiting:
    """Counts events that were read and have no trace yet, by partition.

    One thread takes in, any may ask.
    """

    def __init__(self) -> None:
        self._waiting: Counter[TopicPartition] = Counter()
        self._read = 0
        self._all = 0
        self._least = 0

    def take_in(self, events: Sequence[InputEvent], traces: Sequence[Trace]) -> None:
        """Take in what was read."""
        self._waiting.update(event.source for event in events)
        self._waiting.subtract(trace.source for trace in traces)
        self._read += len(events)
        self._all = self._waiting.total()
        self._least = min(self._waiting.values(), default=0) * len(self._waiting)

    def behind(self, written: int, ahead: int) -> int:
        """Return how many events wait, if as many waited everywhere as where the fewest do.

        So nobody runs dry because another one's partitions stand still. More than twice ``ahead``
        never wait in all. What is scored and not read yet counts as waiting: so whoever reads is
        never far behind either.

        Args:
            written: how many events are in the input.
            ahead: how many shall wait.
        """
        unread = written - self._read
        return unread + max(self._least, self._all - ahead)
